/** Finds names of others: asks the configured name servers, remembers their answers, asks the same thing once at a time. */
import { randomInt } from "node:crypto";
import { type Clock, steadyClock } from "../../base/clock.ts";
import { SingleFlight } from "../../content/single-flight.ts";
import type { Peer } from "../../net/datagram.ts";
import {
  decodeRelayed,
  encodeRelayed,
  isUsable,
  type RelayedAnswer,
  type RelayedQuestion,
} from "../../wire/dns-relay.ts";
import { AnswerCache, type KeptAnswer } from "./answer-cache.ts";
import { askByTcp, askByUdp } from "./upstream.ts";

export interface ForwarderOptions {
  /** One that is never set back; the steady one unless set. */
  readonly clock?: Clock;
  /** A whole number from 0 up to, not including, `below`; that of node:crypto unless set. */
  readonly random?: (below: number) => number;
}

export type Forwarded =
  | ({ readonly kind: "answer"; readonly from: "cache" | "server" } & KeptAnswer)
  /** `silent`: no server gave an answer that can be given on. `busy`: too many questions are under way. */
  | { readonly kind: "failed"; readonly reason: "silent" | "busy" };

/** Questions, with a socket each; those who ask the same one share it. */
const MOST_UNDER_WAY = 256;
/** Each server twice, as far as that goes: clients ask again after five seconds (resolv.conf(5)), and by then there is an answer. */
const MOST_ATTEMPTS = 4;
const UDP_PATIENCE_MS = 1000;
const TCP_PATIENCE_MS = 2000;

export class Forwarder {
  private readonly clock: Clock;
  private readonly random: (below: number) => number;
  private readonly cache: AnswerCache;
  private readonly flights = new SingleFlight<Forwarded>();
  private underWay = 0;
  /** The one that answered last is asked first. */
  private favourite: Peer | undefined;

  constructor({ clock = steadyClock, random = randomInt }: ForwarderOptions = {}) {
    this.clock = clock;
    this.random = random;
    this.cache = new AnswerCache(clock);
  }

  /** Never rejects, and takes seconds at most. @param servers best first */
  async ask(asked: RelayedQuestion, servers: readonly Peer[]): Promise<Forwarded> {
    const key = keyOf(asked);
    const kept = this.cache.get(key);
    if (kept) return { kind: "answer", from: "cache", ...kept };
    return this.flights.run(key, () => this.find(key, asked, servers));
  }

  private async find(key: string, asked: RelayedQuestion, servers: readonly Peer[]): Promise<Forwarded> {
    if (this.underWay >= MOST_UNDER_WAY) return { kind: "failed", reason: "busy" };
    this.underWay += 1;
    const answer = await this.askInTurn(asked, servers).finally(() => {
      this.underWay -= 1;
    });
    if (answer === undefined) return { kind: "failed", reason: "silent" };
    this.cache.put(key, answer);
    return { kind: "answer", from: "server", answer, age: 0 };
  }

  private async askInTurn(asked: RelayedQuestion, servers: readonly Peer[]): Promise<RelayedAnswer | undefined> {
    const { favourite } = this;
    const sorted = servers.toSorted((a, b) => Number(isSame(b, favourite)) - Number(isSame(a, favourite)));
    for (const server of [...sorted, ...sorted].slice(0, MOST_ATTEMPTS)) {
      const answer = await this.askOne(asked, server);
      if (answer === undefined || !isUsable(answer)) continue;
      this.favourite = server;
      return answer;
    }
    return undefined;
  }

  private async askOne(asked: RelayedQuestion, peer: Peer): Promise<RelayedAnswer | undefined> {
    const id = this.random(0x1_0000);
    const exchange = {
      ...{ peer, clock: this.clock, message: encodeRelayed(asked, id) },
      accept: (message: Uint8Array) => decodeRelayed(message, asked, id),
    };
    const answer = await askByUdp({ ...exchange, patience: UDP_PATIENCE_MS });
    return answer?.truncated ? askByTcp({ ...exchange, patience: TCP_PATIENCE_MS }) : answer;
  }
}

function keyOf({ question, dnssecOk, checkingDisabled }: RelayedQuestion): string {
  return `${question.type} ${dnssecOk ? "d" : ""}${checkingDisabled ? "c" : ""} ${question.key}`;
}

function isSame(server: Peer, other: Peer | undefined): boolean {
  return server.address === other?.address && server.port === other.port;
}
