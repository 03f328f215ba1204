/** What every protocol server is to the daemon, and what it tells of its transfers. */
import type { HistogramSnapshot } from "./histogram.ts";

export interface Server {
  readonly name: string;
  /** Resolves when it listens; rejects with EverbootError `port-in-use` or `port-denied` when it cannot. */
  start(): Promise<void>;
  /** Ends what is under way, closes the sockets. Safe to call twice. */
  stop(): Promise<void>;
  /** Counters by name, e.g. `drop.unknown-host`, for status and metrics. */
  counters(): Readonly<Record<string, number>>;
  /** How long things take here, by name; a name may say more after a dot, as those of counters do. */
  durations?(): NamedDurations;
}

export type NamedDurations = ReadonlyArray<readonly [name: string, histogram: HistogramSnapshot]>;

/** One finished (or broken off) download. */
export interface Transfer {
  readonly protocol: "http" | "tftp" | "ftp";
  readonly client: string;
  /** Percent-decoded path. */
  readonly path: string;
  /** Bytes of the body that were sent. */
  readonly bytes: number;
  /** Size of the whole file. */
  readonly size: number;
  readonly started: number;
  readonly ended: number;
  /** `true` when all that was asked for has been sent (TFTP: acknowledged). */
  readonly complete: boolean;
  /** HTTP status (of FTP, that which HTTP would have given), or TFTP error code when not complete. */
  readonly status: number;
}

export interface TransferObserver {
  started(transfer: Pick<Transfer, "protocol" | "client" | "path" | "size" | "started">): void;
  ended(transfer: Transfer): void;
  /** Of TFTP: a request that came to no transfer. */
  request(request: FileRequest): void;
}

/** A file that was asked for by TFTP and not taken: its size alone was wanted, or it is not there. */
export interface FileRequest extends Pick<Transfer, "protocol" | "client" | "path"> {
  readonly at: number;
  readonly outcome: "size-only" | "absent";
}
