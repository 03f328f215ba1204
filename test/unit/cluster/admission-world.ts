/** Servers that let machines in, with permits in memory; what one server hands out the others see after a while. */
import assert from "node:assert/strict";
import { holdingServers } from "../../../src/balance/holding-orders.ts";
import { agreedOrders, type OrderServers, ordersByLoad, siteOrders } from "../../../src/balance/site-orders.ts";
import { type Admission, AdmissionControl } from "../../../src/cluster/admission.ts";
import type { Member } from "../../../src/cluster/members.ts";
import { isActive, type Permit } from "../../../src/cluster/permit-rules.ts";
import { POLICIES } from "../../../src/registry.ts";
import type { Host, Site } from "../../../src/site/model.ts";
import { createFakeClock, type FakeClock } from "../../support/fake-clock.ts";
import { siteOf } from "../../support/sites.ts";

export interface WorldShape {
  readonly balance?: string;
  /** Installs at a time of `server1`, `server2`, ...; 0 = no limit. */
  readonly servers?: readonly number[];
  /** Installs at a time of each network; 0 = no limit. */
  readonly networks?: readonly number[];
  /** `h0`, `h1`, ..., in the networks in turn. */
  readonly hosts?: number;
  /** Milliseconds until the other servers see what one has handed out. */
  readonly lag?: number;
}

const TOKEN = "0".repeat(32);

export class AdmissionWorld {
  readonly clock: FakeClock = createFakeClock();
  readonly site: Site;
  readonly order: OrderServers;
  readonly dead = new Set<string>();
  readonly draining = new Set<string>();
  readonly rates = new Map<string, number>();
  readonly signs = new Map<string, number>();
  /** Servers that lack what hosts install. */
  readonly lacking = new Set<string>();
  private readonly lag: number;
  /** What each server knows. */
  private readonly copies: ReadonlyMap<string, Map<string, Permit>>;
  private readonly controls = new Map<string, AdmissionControl>();

  constructor(shape: WorldShape = {}) {
    this.site = siteOf(siteText(shape));
    this.lag = shape.lag ?? 0;
    this.order = agreedOrders(this.site, POLICIES);
    this.copies = new Map([...this.site.servers.keys()].map((name) => [name, new Map<string, Permit>()]));
    const issued = this.clock.now();
    for (const host of this.site.hosts.keys()) this.issue(host, issued);
    for (const name of this.site.servers.keys()) this.restart(name);
  }

  host(name: string): Host {
    return this.site.hosts.get(name) ?? assert.fail(name);
  }

  /** The first server, or the one named. */
  control(name = "server1"): AdmissionControl {
    return this.controls.get(name) ?? assert.fail(name);
  }

  /** It comes back with nothing but its copy of the permits. */
  restart(name: string): void {
    const byLoad = ordersByLoad(this.site, POLICIES);
    const control = new AdmissionControl({
      site: this.site,
      self: name,
      permits: {
        all: () => [...this.copyOf(name).values()],
        activeFor: (host) => {
          const permit = this.copyOf(name).get(host);
          return permit && isActive(permit, this.clock.now()) ? permit : undefined;
        },
      },
      order: this.order,
      ...(byLoad && { orderByLoad: byLoad }),
      holding: (_host, servers) => holdingServers(servers, { tree: "debian-12" }, (name) => !this.lacking.has(name)),
      isAlive: (server) => !this.dead.has(server),
      members: () => new Map([...this.site.servers.keys()].map((server) => [server, this.member(server)])),
      lastSign: (host) => this.signs.get(host),
      clock: this.clock,
      random: () => 0.5,
    });
    this.controls.set(name, control);
  }

  /** Asks and, if it is let in, hands its permit out. */
  ask(host: string, options: { readonly since?: number; readonly by?: string } = {}): Admission {
    const { by = "server1", ...asking } = options;
    const admission = this.control(by).ask(this.host(host), asking);
    if (admission.kind === "go") {
      this.handOut(host, admission.server, by);
      admission.settle(true);
    }
    return admission;
  }

  /** `go SERVER`, `wait PLACE of COUNT`, `none` */
  says(host: string, options: { readonly since?: number; readonly by?: string } = {}): string {
    const admission = this.ask(host, options);
    if (admission.kind === "wait") return `wait ${admission.place} of ${admission.of}`;
    return admission.kind === "go" ? `go ${admission.server}` : "none";
  }

  handOut(host: string, server: string, by = "server1"): void {
    const permit = this.copyOf(by).get(host) ?? assert.fail(host);
    this.write({ ...permit, state: "started", changed: this.clock.now(), handOuts: permit.handOuts + 1, server }, by);
  }

  move(host: string, state: Permit["state"]): void {
    const permit = this.copyOf("server1").get(host) ?? assert.fail(host);
    for (const copy of this.copies.values()) copy.set(host, { ...permit, state, changed: this.clock.now() });
  }

  issue(host: string, issued = this.clock.now()): void {
    const permit: Permit = {
      ...{ id: host, token: TOKEN, host, issued, expires: issued + 100 * 3_600_000, state: "issued", changed: issued },
      handOuts: 0,
    };
    for (const copy of this.copies.values()) copy.set(host, permit);
  }

  /** Permits that are handed out and not used up, as all would see them without delay. */
  running(which: (permit: Permit, host: Host) => boolean = () => true): number {
    const truth = new Map<string, Permit>();
    for (const copy of this.copies.values()) {
      for (const permit of copy.values()) {
        if (permit.handOuts >= (truth.get(permit.host)?.handOuts ?? 0)) truth.set(permit.host, permit);
      }
    }
    return [...truth.values()].filter(
      (permit) => (permit.state === "started" || permit.state === "writing") && which(permit, this.host(permit.host)),
    ).length;
  }

  private write(permit: Permit, by: string): void {
    this.copyOf(by).set(permit.host, permit);
    for (const [name, copy] of this.copies) {
      if (name === by) continue;
      if (this.lag === 0) copy.set(permit.host, permit);
      else this.clock.after(this.lag, () => void copy.set(permit.host, permit));
    }
  }

  private copyOf(name: string): Map<string, Permit> {
    return this.copies.get(name) ?? assert.fail(name);
  }

  private member(name: string): Member {
    const draining = this.draining.has(name);
    return { name, revision: "r", rate: this.rates.get(name) ?? 0, queue: 0, draining, fresh: true, outbox: 0 };
  }
}

/** Orders of the site as it is, for those who want to know where a host belongs. */
export function firstServer(world: AdmissionWorld, host: string): string {
  return siteOrders(world.site, POLICIES)(world.host(host))[0]?.name ?? assert.fail(host);
}

function siteText({ balance = "rendezvous", servers = [0], networks = [0], hosts = 10 }: WorldShape): string {
  const limit = (installs: number) => (installs > 0 ? `, installs: ${installs}` : "");
  const mac = (index: number) => `52:54:00:00:${hex(index >> 8)}:${hex(index & 255)}`;
  const hex = (byte: number) => byte.toString(16).padStart(2, "0");
  const network = (index: number) => index % networks.length;
  return [
    `site: admission`,
    `balance: ${balance}`,
    `subnets:`,
    ...networks.map((installs, index) => `  - {cidr: 10.${index}.0.0/16, dhcp: off${limit(installs)}}`),
    `servers:`,
    ...servers.map((installs, index) => `  server${index + 1}: {address: 10.0.255.${index + 1}${limit(installs)}}`),
    `trees:`,
    `  debian-12: {family: debian, release: bookworm, path: /srv/debian-12}`,
    `profiles:`,
    `  plain: {tree: debian-12}`,
    `hosts:`,
    ...Array.from({ length: hosts }, (_, index) => {
      const address = `10.${network(index)}.${Math.floor(index / 200)}.${1 + (index % 200)}`;
      return `  h${index}: {nics: ["${mac(index)}"], address: ${address}, profile: plain}`;
    }),
  ].join("\n");
}
