/** What the servers of a site tell each other of themselves, once a second, through their common state. */

/** As a server measures itself. */
export interface MemberRecord {
  /** Of the site file that it serves by: `Site.revision`. */
  readonly revision: string;
  /** Bytes a second sent to clients, mean over the last seconds. */
  readonly rate: number;
  /** Machines that wait there to be let in. */
  readonly queue: number;
  /** It is being taken out of service: no new clients for it. */
  readonly draining: boolean;
}

export interface Member extends MemberRecord {
  readonly name: string;
  /** It has told this within the last three and a half seconds. */
  readonly fresh: boolean;
  /** Facts that wait there to be told to the cluster. */
  readonly outbox: number;
}

/** By name; a server that has never told anything is missing. */
export type Members = ReadonlyMap<string, Member>;
