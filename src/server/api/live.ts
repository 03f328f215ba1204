/** The live views: what the streams of the API send. */
import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "../../base/clock.ts";
import type { JournalEvent } from "../../cluster/events.ts";
import { EventTail, type IdentifiedEvent } from "./event-log.ts";
import type { FleetChange, FleetFeed } from "./feed.ts";
import type { Operations } from "./operations.ts";
import { redact } from "./redact.ts";
import { type StreamEvent, Streams } from "./streams.ts";

export interface LiveOptions {
  readonly operations: () => Operations;
  readonly feed: FleetFeed;
  readonly clock: Clock;
  /** Calls back with each new event of the journal, own or another server's; absent = there is no stream of events. */
  readonly subscribe?: (listener: (event: JournalEvent) => void) => () => void;
}

/** Events that are written at once. */
const BATCH = 500;
const SERVERS_MS = 1000;

export class Live {
  readonly streams: Streams;
  private readonly options: LiveOptions;
  private readonly tail: EventTail;
  private readonly leave: (() => void) | undefined;
  private timer: Timer | undefined;
  /** Counts the times at which the servers are told. */
  private second = 0;

  constructor(options: LiveOptions) {
    this.options = options;
    this.streams = new Streams(options.clock);
    const { operations } = options;
    this.tail = new EventTail({ hosts: () => operations().names().hosts, events: (host) => operations().events(host) });
    this.leave = options.subscribe?.((event) => {
      this.tail.add(event);
      this.streams.wake();
    });
  }

  /** Each event of the journal, from the one after `after` on; absent = from now on. */
  followEvents(response: ServerResponse, after: string | undefined, host: string | undefined): void {
    const { place, missed } = after === undefined ? { place: this.tail.end, missed: [] } : this.tail.resume(after);
    const waiting = [...missed];
    let reached = place;
    const next = (): readonly IdentifiedEvent[] | undefined => {
      if (waiting.length > 0) return waiting.splice(0, BATCH);
      const events = this.tail.read(reached, BATCH);
      reached += events?.length ?? 0;
      return events;
    };
    this.streams.start(response, () => {
      for (;;) {
        const events = next();
        const wanted = host === undefined ? events : events?.filter((event) => event.host === host);
        // None of a batch for this host does not mean that there are no more.
        if (!events || events.length === 0 || !wanted || wanted.length > 0) return wanted?.map(eventText);
      }
    });
  }

  /** The whole fleet, then what changes; the servers each second. */
  followFleet(response: ServerResponse): void {
    const view = new FleetView(this.options);
    let leave = () => {};
    this.streams.start(
      response,
      () => view.next(this.second),
      () => leave(),
    );
    // What is sent first was read just before.
    leave = this.options.feed.follow((change) => {
      view.add(change);
      this.streams.wake();
    });
    this.timer ??= this.options.clock.after(SERVERS_MS, () => this.tick());
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.leave?.();
    this.streams.stop();
  }

  private tick(): void {
    this.timer = this.streams.count > 0 ? this.options.clock.after(SERVERS_MS, () => this.tick()) : undefined;
    this.second += 1;
    this.streams.wake();
  }
}

function eventText(event: IdentifiedEvent): StreamEvent {
  return { event: "event", id: event.id, data: redact(JSON.stringify(event)) };
}

/** What one reader has not been told yet. */
class FleetView {
  private readonly options: LiveOptions;
  /** JSON of the hosts that have changed, by name. */
  private readonly changed = new Map<string, string>();
  private readonly gone = new Set<string>();
  private isNew: boolean = true;
  private toldSecond = -1;

  constructor(options: LiveOptions) {
    this.options = options;
  }

  add({ changed, gone }: FleetChange): void {
    for (const { summary, text } of changed) {
      this.changed.set(summary.host, text);
      this.gone.delete(summary.host);
    }
    for (const host of gone) {
      this.changed.delete(host);
      this.gone.add(host);
    }
  }

  next(second: number): readonly StreamEvent[] {
    const events = [...this.hosts(), ...(second > this.toldSecond ? [this.servers()] : [])];
    this.toldSecond = second;
    return events;
  }

  private hosts(): StreamEvent[] {
    const { operations, feed, clock } = this.options;
    const now = clock.now();
    if (this.isNew) {
      this.isNew = false;
      const all = feed.hosts().map(({ text }) => text);
      this.changed.clear();
      const { server, site } = operations().names();
      return [{ event: "fleet", data: redact(withHosts({ now, server, site }, all)) }];
    }
    if (this.changed.size === 0 && this.gone.size === 0) return [];
    const data = redact(withHosts({ now, gone: [...this.gone] }, [...this.changed.values()]));
    this.changed.clear();
    this.gone.clear();
    return [{ event: "hosts", data }];
  }

  private servers(): StreamEvent {
    return { event: "servers", data: redact(JSON.stringify(this.options.operations().servers())) };
  }
}

/** The object, with a member `hosts` of what is JSON already. */
function withHosts(object: object, hosts: readonly string[]): string {
  return `${JSON.stringify(object).slice(0, -1)},"hosts":[${hosts.join(",")}]}`;
}
