/** The data connections of one control connection: which one comes next, what is being sent, and what came of it. */
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Counters } from "../counters.ts";
import { chunkSize } from "../http/chunk-size.ts";
import type { Transfer, TransferObserver } from "../server.ts";
import { activeLink, type DataLink, openPassive, type PassivePorts } from "./data-link.ts";
import { type DataEndpoint, epsvText, pasvText } from "./endpoint.ts";
import { errorReply, type Reply, reply } from "./reply.ts";
import { type Outcome, Sending } from "./sending.ts";
import type { Verdict } from "./standing.ts";

export interface DataParts {
  readonly observer: TransferObserver;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly ports: PassivePorts;
  /** Where active data connections come from; 0 = any port. */
  readonly activePort: number;
  /** Milliseconds for the data connection to come about. */
  readonly patience: number;
  /** Transfers of all control connections. */
  underWay: number;
}

export interface ControlSide {
  /** Address of the client. */
  readonly client: string;
  /** The address that it has reached, which may be a floating one. */
  readonly address: string;
  say(answer: Reply): Promise<void>;
  /** The client has taken bytes. */
  touch(): void;
}

type Send = Extract<Verdict, { kind: "send" }>;
type NoFile = Extract<Verdict, { kind: "no-file" }>;
type About = Pick<Transfer, "protocol" | "client" | "path" | "size" | "started">;

interface Running {
  readonly sending: Sending;
  /** Settles after the last reply about it. Never rejects. */
  readonly done: Promise<void>;
}

/** RFC 2577 section 3: the ports below are those of services. */
const FIRST_CLIENT_PORT = 1024;

const NO_LINK = reply(425, "PASV, EPSV, PORT or EPRT first.");
const NO_PORT = reply(425, "No port is free for a data connection; try again.");

const ENDS: Readonly<Record<Outcome, Reply>> = {
  complete: reply(226, "All is sent."),
  unreadable: errorReply("store-unavailable"),
  "no-connection": reply(425, "The data connection did not come about."),
  cut: reply(451, "The file cannot be read on; try again from where it ended."),
  "client-gone": reply(426, "The data connection was closed."),
  aborted: reply(426, "The transfer is broken off."),
};

export class DataSide {
  private readonly parts: DataParts;
  private readonly control: ControlSide;
  private link: DataLink | undefined;
  private running: Running | undefined;

  constructor(parts: DataParts, control: ControlSide) {
    this.parts = parts;
    this.control = control;
  }

  /** Bytes that are sent of what is under way; undefined when nothing is. */
  get sent(): number | undefined {
    return this.running?.sending.bytes;
  }

  /** When nothing is under way any more. */
  async idle(): Promise<void> {
    await this.running?.done;
  }

  /** Waits for the client's data connection. */
  async offer(as: "PASV" | "EPSV"): Promise<Reply> {
    this.close();
    const { counters, log, ports } = this.parts;
    const { address, client } = this.control;
    try {
      const onStranger = () => counters.add("drop.stranger");
      const link = await openPassive({ address, client, ports, onStranger });
      this.link = link;
      return as === "EPSV" ? reply(229, epsvText(link.port)) : reply(227, pasvText({ address, port: link.port }));
    } catch (cause) {
      counters.add("drop.no-port");
      log.warn({ cause, client }, "no port for an FTP data connection");
      return NO_PORT;
    }
  }

  /** To nobody but the client itself: others would be attacked in this server's name (RFC 2577 section 3). */
  aim(to: DataEndpoint): Reply {
    this.close();
    if (to.address !== this.control.client || to.port < FIRST_CLIENT_PORT) {
      this.parts.counters.add("drop.bounce");
      return reply(501, "Only your own address, and a port from 1024 on.");
    }
    this.link = activeLink({ address: this.control.address, port: this.parts.activePort }, to);
    return reply(200, "That is where it will be sent.");
  }

  /** Begins; all about it is said later. Undefined when nothing is to be said now. */
  send(verdict: Send): Reply | undefined {
    const { link } = this;
    this.link = undefined;
    if (!link) return NO_LINK;
    const { clock, patience } = this.parts;
    const sending = new Sending({
      ...{ file: verdict.file, offset: verdict.offset, link, clock, patience },
      chunk: chunkSize(this.parts.underWay + 1),
      begin: () => this.control.say(reply(150, `${verdict.file.size - verdict.offset} bytes are coming.`)),
      progress: () => this.control.touch(),
    });
    const done = this.run(sending, verdict).finally(() => {
      this.running = undefined;
    });
    this.running = { sending, done };
    return undefined;
  }

  /** The client shall hear that at once, not after a data connection. */
  refuse({ path, status, reply: answer }: NoFile): Reply {
    this.close();
    const { clock, observer } = this.parts;
    const about = this.begun(path, 0);
    observer.ended({ ...about, bytes: 0, ended: clock.now(), complete: false, status });
    return answer;
  }

  /** Ends all that is under way; its reply comes before this resolves. */
  async abort(outcome: "aborted" | "client-gone"): Promise<void> {
    const { running } = this;
    this.close();
    running?.sending.abort(outcome);
    await running?.done;
  }

  private close(): void {
    this.link?.close();
    this.link = undefined;
  }

  /** Never rejects. */
  private async run(sending: Sending, verdict: Send): Promise<void> {
    const { counters, log, observer, clock } = this.parts;
    const about = verdict.path === undefined ? undefined : this.begun(verdict.path, verdict.file.size);
    this.parts.underWay += 1;
    const outcome = await sending.run();
    this.parts.underWay -= 1;
    const { bytes, cause } = sending;
    counters.add("bytes", bytes);
    if (outcome !== "complete") counters.add(`drop.${outcome}`);
    if (cause !== undefined) log.error({ cause }, "a file could not be read to its end");
    const status = statusOf(verdict, outcome);
    if (about) observer.ended({ ...about, bytes, ended: clock.now(), complete: outcome === "complete", status });
    await this.control.say(ENDS[outcome]);
  }

  private begun(path: string, size: number): About {
    const { clock, counters, observer } = this.parts;
    counters.add("requests");
    const about = { protocol: "ftp", client: this.control.client, path, size, started: clock.now() } as const;
    observer.started(about);
    return about;
  }
}

/** As HTTP would say it. */
function statusOf({ offset }: Send, outcome: Outcome): number {
  if (outcome === "unreadable") return 503;
  return offset > 0 ? 206 : 200;
}
