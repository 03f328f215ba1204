/** `--state DIR`, and what a daemon that has its state there answers. */
import { homedir } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { defaultStateFolder, statePaths } from "../cluster/state-folder.ts";
import type { Io } from "./command.ts";
import { askDaemon, daemonDoor } from "./daemon-client.ts";

export const STATE_OPTION = { state: { type: "string" }, json: { type: "boolean" } } as const;
export const STATE_USAGE = `  --state DIR   the daemon's state folder (default /var/lib/everboot as root, else below ~/.local/state)
  --url URL     a daemon elsewhere, as http://192.168.77.1:8080, with --token TOKEN (or EVERBOOT_URL, EVERBOOT_TOKEN)
  --json        print the answer as JSON`;

export function stateFolder(given: string | undefined, io: Io): string {
  if (given !== undefined) return resolve(io.cwd, given);
  return defaultStateFolder({ uid: process.getuid?.(), home: homedir(), env: io.env });
}

/** One question to the daemon whose state folder the options name. */
export function ask(io: Io, state: string | undefined, method: string, path: string, body?: unknown): Promise<unknown> {
  return askDaemon(daemonDoor(io.env, statePaths(stateFolder(state, io)).socket), method, path, body);
}

export function hostPath(host: string, rest = ""): string {
  return `/api/v1/hosts/${encodeURIComponent(host)}${rest}`;
}
