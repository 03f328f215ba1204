/** Three servers hear the same messages: what one client hears, in every order of losses and deaths. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { siteOrders } from "../../../../src/balance/site-orders.ts";
import type { Ipv4 } from "../../../../src/base/address.ts";
import { POLICIES } from "../../../../src/registry.ts";
import { createAgreement } from "../../../../src/server/dhcp/agreement.ts";
import { type DhcpAgreement, type DhcpContext, reservedAddresses } from "../../../../src/server/dhcp/exchange.ts";
import { handleDhcp } from "../../../../src/server/dhcp/handler.ts";
import { ipv4Option, messageType } from "../../../../src/wire/dhcp-options.ts";
import type { DhcpPacket } from "../../../../src/wire/dhcp-packet.ts";
import { contextOf, HOST_NIC_1, HOST_NIC_2 } from "../../../support/dhcp-context.ts";
import { clientMessage, FIRMWARE } from "../../../support/dhcp-messages.ts";
import { ip } from "../../../support/dhcp-site.ts";
import { siteOf } from "../../../support/sites.ts";

const NAMES = ["a", "b", "c"] as const;
const SITE = siteOf(`site: three
subnets: [{cidr: 192.168.77.0/24, router: 192.168.77.254}]
servers:
  a: {address: 192.168.77.1, floating: 192.168.77.11}
  b: {address: 192.168.77.2, floating: 192.168.77.12}
  c: {address: 192.168.77.3, floating: 192.168.77.13}
trees: {t: {family: debian, release: bookworm, path: /t}}
profiles: {p: {tree: t, root: {password: "!"}}}
hosts:
  vm1: {nics: ["${HOST_NIC_1}", "${HOST_NIC_2}"], address: 192.168.77.101, profile: p}
`);

/** The servers and the network between them: who is dead, and who holds each floating address. */
class Rack {
  now = 0;
  readonly dead = new Set<string>();
  private readonly contexts = new Map<string, DhcpContext>();
  private readonly bootServer: DhcpAgreement["bootServer"];

  constructor(bootServer?: DhcpAgreement["bootServer"]) {
    this.bootServer = bootServer;
    for (const self of NAMES) this.contexts.set(self, this.contextFor(self));
  }

  /** The heir of a dead owner is the next by name. */
  holderOf(address: Ipv4): string | undefined {
    const owner = [...SITE.servers.values()].findIndex(({ floating }) => floating === address);
    const heirs = [...NAMES.slice(owner), ...NAMES.slice(0, owner)];
    return heirs.find((name) => !this.dead.has(name));
  }

  /** One of the three always lives. */
  befall(dies: string | undefined, returns: string | undefined): void {
    if (returns !== undefined) this.dead.delete(returns);
    if (dies !== undefined && this.dead.size < 2) this.dead.add(dies);
  }

  /** What the servers that hear it answer. */
  hear(packet: DhcpPacket, hearing: readonly string[]): DhcpPacket[] {
    return hearing.flatMap((name) => {
      const context = this.contexts.get(name);
      if (!context || this.dead.has(name)) return [];
      const verdict = handleDhcp(packet, { ...context, now: this.now });
      return verdict.kind === "reply" ? [verdict.packet] : [];
    });
  }

  private contextFor(self: (typeof NAMES)[number]): DhcpContext {
    const server = SITE.servers.get(self);
    assert.ok(server);
    const link = { device: "e0", addresses: [server.address] } as const;
    const agreement = createAgreement({
      site: SITE,
      self,
      order: siteOrders(SITE, POLICIES),
      isAlive: (name) => !this.dead.has(name),
      holderOf: (address) => this.holderOf(address),
      clock: { now: () => this.now },
      standing: () => ({ awayMs: 0, isFresh: () => true }),
    });
    const agreed = { ...agreement, ...(this.bootServer && { bootServer: this.bootServer }) };
    return contextOf(SITE, { server, link, agreement: agreed, reserved: reservedAddresses(SITE, [link]) });
  }
}

const asWords = (packet: DhcpPacket) =>
  [messageType(packet.options), packet.yiaddr, ipv4Option(packet.options, "server-id"), packet.siaddr].join(" ");

const DISCOVER = clientMessage("discover", HOST_NIC_1);
const requestOf = (offer: DhcpPacket) =>
  clientMessage("request", HOST_NIC_1, {
    "server-id": ipv4Option(offer.options, "server-id") ?? "",
    "requested-address": offer.yiaddr,
  });

test("one offer, one acknowledgement, by a floating address", () => {
  const rack = new Rack();
  const [offer, ...more] = rack.hear(DISCOVER, NAMES);
  assert.ok(offer);
  assert.equal(more.length, 0);
  assert.equal(offer.yiaddr, "192.168.77.101");
  assert.match(ipv4Option(offer.options, "server-id") ?? "", /^192\.168\.77\.1[123]$/);
  const acks = rack.hear(requestOf(offer), NAMES);
  assert.deepEqual(
    acks.map((ack) => messageType(ack.options)),
    ["ack"],
  );
});

test("the server that offered is dead when the client requests: the heir acknowledges, under the same identity", () => {
  const rack = new Rack();
  const [offer] = rack.hear(DISCOVER, NAMES);
  assert.ok(offer);
  const identity = ipv4Option(offer.options, "server-id") ?? ip("0.0.0.0");
  const owner = rack.holderOf(identity);
  assert.ok(owner);
  rack.dead.add(owner);
  const acks = rack.hear(requestOf(offer), NAMES);
  assert.deepEqual(acks.map(asWords), [asWords(offer).replace("offer", "ack")]);
});

/** A client that discovers, then requests what it was offered first, until it is acknowledged. */
class Client {
  /** All that was ever said to it, but for the kind of message. */
  readonly told = new Set<string>();
  bound = false;
  private readonly rack: Rack;
  private packet = DISCOVER;

  constructor(rack: Rack) {
    this.rack = rack;
  }

  /** Until it is acknowledged, but no more often. */
  askOften(times: number, hearing: readonly string[], answerLost: boolean): void {
    for (let time = 0; time < times && !this.bound; time += 1) this.ask(hearing, answerLost);
  }

  private ask(hearing: readonly string[], answerLost: boolean): void {
    this.rack.now += 4000;
    const answers = this.rack.hear(this.packet, hearing);
    for (const answer of answers) this.told.add(asWords(answer).replace("ack", "offer"));
    const [answer] = answers;
    if (!answer || answerLost) return;
    if (messageType(answer.options) === "ack") this.bound = true;
    else this.packet = requestOf(answer);
  }
}

const step = fc.record({
  hearing: fc.subarray([...NAMES]),
  answerLost: fc.boolean(),
  dies: fc.constantFrom(...NAMES, undefined),
  returns: fc.constantFrom(...NAMES, undefined),
  times: fc.constantFrom(1, 2),
});

test("in any order of deaths and lost messages, what is said to one client never differs, and it ends with an address", () => {
  const live = fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
    const rack = new Rack();
    const client = new Client(rack);
    for (const { hearing, answerLost, dies, returns, times } of steps) {
      rack.befall(dies, returns);
      client.askOften(times, hearing, answerLost);
    }
    client.askOften(8, NAMES, false);
    assert.equal(client.bound, true, "the client has no address");
    assert.equal(client.told.size, 1, [...client.told].join(" / "));
  });
  fc.assert(live, { numRuns: 500 });
});

test("a host is told to boot from a server that has its files, by all servers alike and under the one identity", () => {
  const host = SITE.hosts.get("vm1") ?? assert.fail();
  const first = siteOrders(SITE, POLICIES)(host)[0]?.name ?? assert.fail();
  const fit = [...SITE.servers.values()].filter(({ name }) => name !== first);
  const told = (bootServer: DhcpAgreement["bootServer"]) =>
    NAMES.flatMap((name) => {
      const rack = new Rack(bootServer);
      for (const other of NAMES) if (other !== name) rack.befall(other, undefined);
      const offers = rack.hear(clientMessage("discover", HOST_NIC_1, FIRMWARE.ipxe), NAMES);
      return offers.map(({ options, siaddr, file }) => [ipv4Option(options, "server-id"), siaddr, new URL(file).host]);
    });
  const identity = SITE.servers.get(first)?.floating;
  const [next = assert.fail()] = fit;
  const elsewhere = told(() => ({ address: next.floating ?? next.address, httpPort: 80 }));
  assert.deepEqual(elsewhere, Array(NAMES.length).fill([identity, next.floating, next.floating]));
  assert.deepEqual(told(undefined), Array(NAMES.length).fill([identity, identity, identity]));
  const far = told(() => ({ address: ip("10.9.9.9"), httpPort: 80 }));
  assert.deepEqual(
    far,
    Array(NAMES.length).fill([identity, identity, identity]),
    "firmware reaches its own network alone",
  );
});
