/** What an export is: the site as the files of another engine. */
import type { LoaderSource } from "../content/loaders.ts";
import type { Site } from "../site/model.ts";
import type { ServerView } from "../site/server-view.ts";

export interface Export {
  /** The FORMAT of `everboot export`, and the name of its file here. */
  readonly name: string;
  /** One line for the usage text. */
  readonly summary: string;
  /** Is for a DHCP server: one that must not stand beside ours. */
  readonly givesAddresses: boolean;
  /** `server` is the install server that clients are sent to. Pure: same site and server, same files. */
  render(site: Site, server: ServerView): readonly ExportedFile[];
}

export type ExportedFile =
  | { readonly kind: "text"; readonly path: string; readonly text: string }
  /** A copy of the distribution's own boot loader, as it is. */
  | { readonly kind: "loader"; readonly path: string; readonly source: LoaderSource };

/** `HEAD {`, the lines indented, `}`. */
export function braces(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...lines.map((line) => `  ${line}`), "}"];
}

/** What stands at the top of every exported text, after the engine's comment sign. */
export function origin(site: Site, server: ServerView, name: string): string {
  const who = server.name === undefined ? "" : `${server.name}, `;
  return `Site ${site.name} with install server ${who}${server.address}. Made by: everboot export ${name}`;
}
