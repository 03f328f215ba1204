import assert from "node:assert/strict";
import { test } from "node:test";
import { leastLoaded } from "../../../src/balance/least-loaded.ts";
import { parity } from "../../../src/balance/parity.ts";
import type { BalancePolicy, Loads, ServerLoad } from "../../../src/balance/policy.ts";
import { arrivalsOf, clientsOf, LINK, simulate } from "./fleet.ts";
import { countFirst, ordersOf, weighted } from "./orders.ts";

const HOSTS = clientsOf(1000);

function loadsOf(loads: Record<string, Partial<ServerLoad>>): Loads {
  const idle = { rate: 0, installs: 0 };
  return new Map(Object.entries(loads).map(([name, load]) => [name, { ...idle, ...load }]));
}

function firstsOf(loads: Record<string, Partial<ServerLoad>>, ...weights: number[]): Record<string, number> {
  return countFirst(ordersOf(leastLoaded, HOSTS, weighted(...weights), loadsOf(loads)));
}

test("most clients go where fewer installs run", () => {
  const { server1 = 0, server2 = 0 } = firstsOf({ server1: { installs: 34 }, server2: { installs: 30 } }, 1, 1);
  assert.ok(server1 > 150 && server1 < 270, `${server1} and ${server2}`);
});

test("a server with twice the installs has hardly a client more", () => {
  const { server1 = 0 } = firstsOf({ server1: { installs: 40 }, server2: { installs: 20 } }, 1, 1);
  assert.ok(server1 < 10, `${server1}`);
});

test("installs count for the weight: 30 of a server of weight 3 are as many as 10 of one of weight 1", () => {
  const { server1 = 0 } = firstsOf({ server1: { installs: 10 }, server2: { installs: 30 } }, 1, 3);
  assert.ok(Math.abs(server1 - 250) < 50, `${server1}`);
});

test("with installs equal, the server that sends less has the better chances", () => {
  const sending = { server1: { installs: 9, rate: 90e6 }, server2: { installs: 9, rate: 10e6 } };
  const { server1 = 0, server2 = 0 } = firstsOf(sending, 1, 1);
  assert.ok(server1 > 250 && server2 > 1.3 * server1, `${server1} and ${server2}`);
});

test("no stampede: clients of one moment and the same figures are spread", () => {
  const counts = firstsOf({ server1: { installs: 20 }, server2: { installs: 20 }, server3: { installs: 19 } }, 1, 1, 1);
  for (const count of Object.values(counts)) assert.ok(count > 250, JSON.stringify(counts));
});

test("a server that tells nothing comes last, and with no figures at all weights decide", () => {
  const orders = ordersOf(leastLoaded, HOSTS, weighted(1, 1, 1), loadsOf({ server1: { installs: 90 }, server3: {} }));
  assert.deepEqual(new Set([...orders.values()].map((order) => order[2])), new Set(["server2"]));
  const { server1 = 0 } = firstsOf({}, 1, 3);
  assert.ok(Math.abs(server1 - 250) < 50, `${server1}`);
});

/** Largest queue for the smallest, in the mean over the time and at its peak. */
function unevenness(policy: BalancePolicy, count: number, period: number, spread: number) {
  const servers = weighted(...Array.from({ length: count }, () => 1)).map((server, index) => ({
    ...server,
    serves: index % 2 === 0 ? ("odd" as const) : ("even" as const),
  }));
  const arrivals = arrivalsOf(count, spread);
  const samples = simulate({ policy, servers, arrivals, link: LINK, limit: 16, period });
  const queues = servers.map(({ name }) => samples.map((sample) => sample.get(name) ?? 0));
  const worstToBest = (values: number[]) => Math.max(...values) / Math.min(...values);
  return {
    mean: worstToBest(queues.map((queue) => queue.reduce((sum, length) => sum + length, 0))),
    peak: worstToBest(queues.map((queue) => Math.max(...queue))),
  };
}

test("clients of different speed: the worst server's queue is at most 1.2 times the best one's", () => {
  for (const servers of [2, 3]) {
    for (const period of [1, 5]) {
      for (const spread of [0.1, 0.4, 0.7]) {
        const { mean, peak } = unevenness(leastLoaded, servers, period, spread);
        const seen = `${servers} servers, figures of ${period} s, ${spread}: mean ${mean}, peak ${peak}`;
        assert.ok(mean <= 1.2 && peak <= 1.2, seen);
      }
    }
  }
});

test("the same clients shared by parity queue at one server", () => {
  assert.ok(unevenness(parity, 2, 1, 0.1).mean > 2);
});
