/** One request and its answer: decide, send, count, tell the observer. */
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../counters.ts";
import type { Histogram } from "../histogram.ts";
import type { TransferObserver } from "../server.ts";
import { type Answer, answerError, answerVerdict } from "./answer.ts";
import type { BulkSender } from "./bulk.ts";
import { chunkSize } from "./chunk-size.ts";
import { type Deciders, decide, type Incoming } from "./decide.ts";
import { type Outlet, sendAnswer } from "./files.ts";
import { HotFiles } from "./hot-files.ts";
import { Turns } from "./turns.ts";

export interface ExchangeParts extends Deciders {
  readonly observer: TransferObserver;
  readonly clock: Clock;
  readonly counters: Counters;
  /** From the request's head to the last byte that the socket took. */
  readonly requestTimes: Histogram;
}

interface Outcome {
  readonly status: number;
  readonly bytes: number;
  readonly complete: boolean;
}

/** An outlet of one request. */
export interface Reply extends Outlet {
  /** The connection closes after the answer. */
  closeAfter(): void;
}

export class Exchanges {
  private readonly parts: ExchangeParts;
  private readonly hot = new HotFiles();
  private readonly turns = new Turns();
  /** Sends files past Node, where the system can. */
  bulk: BulkSender | undefined;
  /** Requests that are being answered. */
  underWay = 0;

  constructor(parts: ExchangeParts) {
    this.parts = parts;
  }

  /** Never rejects: what goes wrong becomes an answer or a cut connection. `last`: the connection closes after it. */
  async answer(request: Incoming, reply: Reply, last: boolean): Promise<void> {
    const { counters, requestTimes } = this.parts;
    counters.add("requests");
    const started = requestTimes.start();
    this.underWay += 1;
    try {
      if (!this.turns.take()) await this.turns.later();
      await this.decideAndSend(request, reply, last);
    } catch (cause) {
      this.parts.log.error({ cause, url: request.url }, "an HTTP answer failed");
      reply.cut();
    } finally {
      this.underWay -= 1;
      requestTimes.end(started);
    }
  }

  private async decideAndSend(request: Incoming, reply: Reply, last: boolean): Promise<void> {
    const { verdict, file } = await decide(this.parts, request);
    const { method, client } = request;
    const answer = answerVerdict(verdict, request, this.parts.clock.now());
    // The rest of a body that nobody wants would have to be read before the next request.
    if (last || !request.isComplete()) reply.closeAfter();
    const send = () => this.send(reply, answer);
    if (file === undefined || method !== "GET") await send();
    else await this.observe(client, file, verdict.kind === "file" ? verdict.file.size : 0, send);
  }

  private async observe(client: string, path: string, size: number, send: () => Promise<Outcome>): Promise<void> {
    const { clock, observer } = this.parts;
    const about = { protocol: "http", client, path, size, started: clock.now() } as const;
    observer.started(about);
    const { bytes, complete, status } = await send();
    observer.ended({ ...about, bytes, ended: clock.now(), complete, status });
  }

  private async send(reply: Reply, answer: Answer): Promise<Outcome> {
    const { counters, log } = this.parts;
    const { hot, bulk } = this;
    const sent = await sendAnswer(reply, answer, { chunk: chunkSize(this.underWay), hot, bulk });
    if (sent.kind !== "complete") counters.add(`drop.${sent.kind}`);
    if (sent.cause !== undefined) log.error({ cause: sent.cause }, "a file could not be read to its end");
    // The resolver has just found the file: that it cannot be read now is an outage, not an absent file (law 3).
    if (sent.kind === "unreadable") return this.send(reply, answerError("store-unavailable"));
    counters.add(`status.${answer.status}`);
    counters.add("bytes", sent.bytes);
    return { status: answer.status, bytes: sent.bytes, complete: sent.kind === "complete" && answer.status < 400 };
  }
}
