/** What every loader's configuration is rendered from. */
import type { ServerView } from "../site/server-view.ts";

export type BootScript = InstallScript | LocalScript;

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

/** Loaders print it as it is: no quotes, no variables, no control characters. */
export function screenText(text: string): string {
  return text.replace(/[^\w .,:;()/+@=-]/g, " ");
}
