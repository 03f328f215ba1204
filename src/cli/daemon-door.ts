/** Which daemon a command asks. */
import { statePaths } from "../cluster/state-folder.ts";
import type { Io } from "./command.ts";
import { askDaemon, type DaemonDoor, daemonDoor } from "./daemon-client.ts";
import { stateFolder } from "./state-option.ts";

/** Answers a GET of this path; rejects as `askDaemon` does. */
export type Get = (path: string) => Promise<unknown>;

/** `state` as in `--state`. Throws EverbootError `usage` for a URL in the environment that is none. */
export function doorOf(io: Io, state: string | undefined): DaemonDoor {
  return daemonDoor(io.env, statePaths(stateFolder(state, io)).socket);
}

export function getFrom(door: DaemonDoor): Get {
  return (path) => askDaemon(door, "GET", path);
}
