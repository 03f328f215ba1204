/** The folder of `--state`: where it is, what lies in it, and the lock that keeps a second daemon out of it. */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { EverbootError, errnoOf } from "../base/errors.ts";

export interface StatePaths {
  readonly folder: string;
  /** The store's SQLite file. */
  readonly store: string;
  /** Unix socket by which commands find the daemon. */
  readonly socket: string;
  /** Folder of the hosts' logs. */
  readonly logs: string;
  readonly lock: string;
  /** Process id of the daemon, as text. */
  readonly pid: string;
}

export interface StateLock {
  readonly paths: StatePaths;
  /** Lets the next daemon in. Safe to call twice. */
  release(): void;
}

/** Bytes of a socket's path that Linux takes (`sun_path` in unix(7), less its closing NUL). */
const LONGEST_SOCKET_PATH = 107;
/** SQLite's result code for: someone else holds it. */
const BUSY = 5;

/** Who asks: passed in, so that this room reads no environment. `uid` is absent where there are none. */
export interface User {
  readonly uid: number | undefined;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** `/var/lib/everboot` for root, else a folder as in the XDG Base Directory Specification 0.8. */
export function defaultStateFolder(user: User): string {
  if (user.uid === 0) return "/var/lib/everboot";
  const given = user.env.XDG_STATE_HOME;
  // "All paths set in these environment variables must be absolute [else] consider the path invalid and ignore it."
  const base = given?.startsWith("/") ? given : join(user.home, ".local/state");
  return join(base, "everboot");
}

export function statePaths(folder: string): StatePaths {
  return {
    folder,
    store: join(folder, "state.db"),
    socket: join(folder, "control.sock"),
    logs: join(folder, "logs"),
    lock: join(folder, "daemon.lock"),
    pid: join(folder, "daemon.pid"),
  };
}

/**
 * Makes the folder (0700) and takes it for this process. The lock is one of the kernel's (fcntl, held through SQLite,
 * as Node has no call for it): it ends with its process, however that ends, so there is no stale one, and a process id
 * that was given to another program fools nobody. What a killed daemon left behind is removed.
 * @throws EverbootError `daemon-running` or `state-unwritable`
 */
export function lockState(folder: string, pid: number): StateLock {
  const paths = statePaths(folder);
  if (Buffer.byteLength(paths.socket) > LONGEST_SOCKET_PATH) throw unwritable(folder, "too long for a socket's path");
  let lock: DatabaseSync | undefined;
  try {
    mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
    lock = new DatabaseSync(paths.lock, { timeout: 0 });
    lock.exec("BEGIN EXCLUSIVE");
    rmSync(paths.socket, { force: true });
    writeFileSync(paths.pid, `${pid}\n`, { mode: 0o600 });
  } catch (error) {
    lock?.close();
    throw lockError(paths, error);
  }
  return { paths, release: () => releaseLock(paths, lock) };
}

function releaseLock(paths: StatePaths, lock: DatabaseSync): void {
  if (!lock.isOpen) return;
  rmSync(paths.pid, { force: true });
  lock.close();
}

function lockError(paths: StatePaths, error: unknown): EverbootError {
  const isBusy = error instanceof Error && "errcode" in error && error.errcode === BUSY;
  if (isBusy) return new EverbootError("daemon-running", { pid: readPid(paths), state: paths.folder }, error);
  return unwritable(paths.folder, errnoOf(error) ?? String(error), error);
}

function readPid(paths: StatePaths): string {
  try {
    return readFileSync(paths.pid, "utf8").trim();
  } catch {
    // The other daemon has locked the folder this moment and not yet written its id.
    return "unknown";
  }
}

function unwritable(path: string, reason: string, cause?: unknown): EverbootError {
  return new EverbootError("state-unwritable", { path, reason }, cause);
}
