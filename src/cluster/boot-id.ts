/** The id of a machine's boot, and how the machine carries it from server to server. Pure. */
import { createHash } from "node:crypto";

/** 8 hex digits. */
const ID = /^[0-9a-f]{8}$/;

export interface BootStart {
  readonly host: string;
  /** Of the boot (boots.ts). */
  readonly number: number;
  /** Of the event that began it: the xid of its DHCP message if it has one, else its time. */
  readonly mark: string | number;
}

/** Two servers that hear the same DISCOVER, and know of the same boots before it, come to the same id. */
export function bootIdOf({ host, number, mark }: BootStart): string {
  return createHash("sha256")
    .update(JSON.stringify([host, number, mark]))
    .digest("hex")
    .slice(0, 8);
}

/** What stands in the URLs of one boot: its permit's token with its own id behind it. */
export function carryBoot(token: string, id: string | undefined): string {
  return id === undefined ? token : `${token}-${id}`;
}

export interface Carried {
  /** Of the permit. */
  readonly token: string;
  /** Of the boot; absent in URLs without one. */
  readonly trace?: string;
}

/** Reads what `carryBoot` wrote. Anything else is a token, known or not. */
export function carriedBoot(text: string): Carried {
  const at = text.lastIndexOf("-");
  const trace = text.slice(at + 1);
  return at > 0 && ID.test(trace) ? { token: text.slice(0, at), trace } : { token: text };
}
