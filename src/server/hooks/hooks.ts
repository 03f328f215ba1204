/**
 * Web hooks: each server watches all hosts, and of each host the first live server of its order tells. So a change is
 * told once, unless two servers do not agree for a moment on who lives: then twice, with the same `id`. What a server has
 * not delivered when it dies is not told by another one.
 */
import { createHash, createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Hook, Site } from "../../site/model.ts";
import type { FleetChange, HostChange } from "../api/feed.ts";
import { redact } from "../api/redact.ts";
import type { HostSummary } from "../api/shapes.ts";
import type { Server } from "../server.ts";
import { Deliveries } from "./deliveries.ts";

export interface HooksOptions {
  /** Asked at each change. */
  readonly site: () => Pick<Site, "name" | "hooks">;
  /** Name of this server. */
  readonly server: string;
  /** Is this server the first live one in the host's order? */
  readonly isFirst: (host: string) => boolean;
  readonly feed: {
    hosts(): unknown;
    follow(listener: (change: FleetChange) => void): () => void;
  };
  readonly clock: Clock;
  readonly log: Log;
  /** Default: `fetch` of Node, ten seconds long. Resolves with the HTTP status. */
  readonly post?: (url: string, message: HookMessage) => Promise<number>;
}

/** One request. */
export interface HookMessage {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The body, as JSON. Times in milliseconds since 1970. */
export interface HookBody {
  /** The same for the same change, whoever tells of it. */
  readonly id: string;
  readonly at: number;
  readonly site: string;
  readonly server: string;
  readonly host: string;
  readonly state: HostSummary["state"];
  readonly before: HostSummary["state"];
  readonly status: HostSummary;
}

const POST_MS = 10_000;

export interface Hooks extends Server {
  /** Another site file is served: it may have other hooks than the last one, or none. */
  siteChanged(): void;
}

export function createHooks(options: HooksOptions): Hooks {
  return new WebHooks(options);
}

class WebHooks implements Hooks {
  readonly name = "hooks";
  private readonly options: HooksOptions;
  private readonly byUrl = new Map<string, Deliveries>();
  private readonly stopping = new AbortController();
  private leave: (() => void) | undefined;

  constructor(options: HooksOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    this.siteChanged();
  }

  /** Following costs a look at all hosts four times a second: it is done for hooks alone. */
  siteChanged(): void {
    const hasHooks = (this.options.site().hooks ?? []).length > 0;
    if (!hasHooks) this.unfollow();
    else if (!this.leave && !this.stopping.signal.aborted) this.follow();
  }

  async stop(): Promise<void> {
    this.unfollow();
    this.stopping.abort();
  }

  private follow(): void {
    // What is known now is no news.
    this.options.feed.hosts();
    this.leave = this.options.feed.follow(({ changed }) => {
      for (const change of changed) this.take(change);
    });
  }

  private unfollow(): void {
    this.leave?.();
    this.leave = undefined;
  }

  counters(): Readonly<Record<string, number>> {
    const sums = { sent: 0, failures: 0, lost: 0, waiting: 0 };
    for (const deliveries of this.byUrl.values()) {
      const counters = deliveries.counters();
      for (const name of ["sent", "failures", "lost", "waiting"] as const) sums[name] += counters[name];
    }
    return sums;
  }

  private take({ summary, before }: HostChange): void {
    const { site, isFirst } = this.options;
    if (!before || before.state === summary.state) return;
    const hooks = (site().hooks ?? []).filter(({ events }) => events.some((state) => state === summary.state));
    if (hooks.length === 0 || !isFirst(summary.host)) return;
    const body = redact(JSON.stringify(this.bodyOf(summary, before.state)));
    for (const hook of hooks) this.deliveriesTo(hook).add({ host: summary.host, send: () => this.send(hook, body) });
  }

  private bodyOf(status: HostSummary, before: HostSummary["state"]): HookBody {
    const { host, state } = status;
    const { site, server, clock } = this.options;
    return { id: idOf(status), at: clock.now(), site: site().name, server, host, state, before, status };
  }

  private deliveriesTo({ url }: Hook): Deliveries {
    const known = this.byUrl.get(url);
    if (known) return known;
    const { clock, log } = this.options;
    // The path of a URL is often the secret.
    const made = new Deliveries({ clock, log, name: new URL(url).host, signal: this.stopping.signal });
    this.byUrl.set(url, made);
    return made;
  }

  private async send({ url, secretFile }: Hook, body: string): Promise<number> {
    const { post = postByFetch, clock } = this.options;
    const secret = secretFile === undefined ? undefined : (await readFile(secretFile, "utf8")).trim();
    const headers = {
      "content-type": "application/json",
      "user-agent": "everboot",
      ...(secret !== undefined && { "everboot-signature": signature(secret, clock.now(), body) }),
    };
    return post(url, { headers, body });
  }
}

/** `t=<seconds since 1970>,v1=<HMAC-SHA-256 in hex of "<t>.<body>">`; the time keeps an old message from being sent again. */
export function signature(secret: string, now: number, body: string): string {
  const time = Math.floor(now / 1000);
  return `t=${time},v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`;
}

/** Of what all servers know alike. */
function idOf({ host, state, started, since, deadline }: HostSummary): string {
  const known = JSON.stringify([host, state, started, since, deadline]);
  return createHash("sha256").update(known).digest("hex").slice(0, 16);
}

async function postByFetch(url: string, { headers, body }: HookMessage): Promise<number> {
  const signal = AbortSignal.timeout(POST_MS);
  const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" });
  await response.body?.cancel();
  return response.status;
}
