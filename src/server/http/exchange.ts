/** One request and its answer: decide, send, count, tell the observer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../base/clock.ts";
import type { Counters } from "../counters.ts";
import type { Histogram } from "../histogram.ts";
import type { TransferObserver } from "../server.ts";
import { type Answer, answerError, answerVerdict } from "./answer.ts";
import { clientOf, type Deciders, decide } from "./decide.ts";
import { chunkSize, sendAnswer } from "./files.ts";

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

export class Exchanges {
  private readonly parts: ExchangeParts;
  /** Requests that are being answered. */
  underWay = 0;

  constructor(parts: ExchangeParts) {
    this.parts = parts;
  }

  /** Never rejects: what goes wrong becomes an answer or a cut connection. `last`: the connection closes after it. */
  async answer(message: IncomingMessage, response: ServerResponse, last: boolean): Promise<void> {
    const { counters, requestTimes } = this.parts;
    counters.add("requests");
    const started = requestTimes.start();
    this.underWay += 1;
    try {
      await this.decideAndSend(message, response, last);
    } catch (cause) {
      this.parts.log.error({ cause, url: message.url }, "an HTTP answer failed");
      response.destroy();
    } finally {
      this.underWay -= 1;
      requestTimes.end(started);
    }
  }

  private async decideAndSend(message: IncomingMessage, response: ServerResponse, last: boolean): Promise<void> {
    const { verdict, file } = await decide(this.parts, message);
    const { method = "", headers } = message;
    const answer = answerVerdict(verdict, { method, headers }, this.parts.clock.now());
    // The rest of a body that nobody wants would have to be read before the next request.
    if (last || !message.complete) response.setHeader("Connection", "close");
    const send = () => this.send(response, answer);
    if (file === undefined || method !== "GET") await send();
    else await this.observe(clientOf(message), file, verdict.kind === "file" ? verdict.file.size : 0, send);
  }

  private async observe(client: string, path: string, size: number, send: () => Promise<Outcome>): Promise<void> {
    const { clock, observer } = this.parts;
    const about = { protocol: "http", client, path, size, started: clock.now() } as const;
    observer.started(about);
    const { bytes, complete, status } = await send();
    observer.ended({ ...about, bytes, ended: clock.now(), complete, status });
  }

  private async send(response: ServerResponse, answer: Answer): Promise<Outcome> {
    const { counters, log } = this.parts;
    const sent = await sendAnswer(response, answer, chunkSize(this.underWay));
    if (sent.kind !== "complete") counters.add(`drop.${sent.kind}`);
    if (sent.cause !== undefined) log.error({ cause: sent.cause }, "a file could not be read to its end");
    // The resolver has just found the file: that it cannot be read now is an outage, not an absent file (law 3).
    if (sent.kind === "unreadable") return this.send(response, answerError("store-unavailable"));
    counters.add(`status.${answer.status}`);
    counters.add("bytes", sent.bytes);
    return { status: answer.status, bytes: sent.bytes, complete: sent.kind === "complete" && answer.status < 400 };
  }
}
