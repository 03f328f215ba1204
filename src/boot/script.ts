/** What every loader's configuration is rendered from. */
import { type Mac, macWithDashes } from "../base/address.ts";
import type { ServerView } from "../site/server-view.ts";

export type BootScript = InstallScript | LocalScript | WaitScript;

export interface InstallScript {
  readonly kind: "install";
  /** Shown on the machine's screen. */
  readonly title: string;
  readonly server: ServerView;
  /** Paths below the server's root, without a leading slash. */
  readonly kernel: string;
  readonly initrd: string;
  readonly arguments: readonly string[];
}

export interface LocalScript {
  readonly kind: "local";
  readonly title: string;
}

/** The machine is to ask again: its install cannot begin yet. */
export interface WaitScript {
  readonly kind: "wait";
  readonly title: string;
  /** To ask; loaders that know no other server than their own ask that. */
  readonly server: ServerView;
  /** The NIC that booted. */
  readonly mac: Mac;
  /** When it began to wait, milliseconds since 1970: part of the path that it asks for. */
  readonly since: number;
  /** Until it asks again. */
  readonly seconds: number;
}

/**
 * Paths below the server's root of what `server/boot/boot-files.ts` serves for one install. The version stands in them, as
 * a server that has not heard of the hand-out yet must give its files too.
 */
export function installScript(
  install: Pick<InstallScript, "title" | "server" | "arguments">,
  token: string,
  mac: Mac,
  version?: string,
): InstallScript {
  const folder = `boot/${token}${version === undefined ? "" : `@${version}`}/${macWithDashes(mac)}`;
  return { kind: "install", ...install, kernel: `${folder}/linux`, initrd: `${folder}/initrd` };
}

/** Loaders print it as it is: no quotes, no variables, no control characters. */
export function screenText(text: string): string {
  return text.replace(/[^\w .,:;()/+@=-]/g, " ");
}
