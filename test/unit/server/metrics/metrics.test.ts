/** A whole scrape, of listeners that have really served: sound by Prometheus' own judge, and all that the documents name is in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewEvent } from "../../../../src/cluster/events.ts";
import { openJournal } from "../../../../src/cluster/journal.ts";
import { openPermits } from "../../../../src/cluster/permits.ts";
import { bytesFile } from "../../../../src/content/segments.ts";
import { Histogram } from "../../../../src/server/histogram.ts";
import type { Route } from "../../../../src/server/http/route.ts";
import { METRICS } from "../../../../src/server/metrics/definitions.ts";
import { createMetrics, createStoreTimes, type MetricsOptions } from "../../../../src/server/metrics/metrics.ts";
import { timedStore } from "../../../../src/server/metrics/timed-store.ts";
import type { Server } from "../../../../src/server/server.ts";
import { createMemoryStore } from "../../../../src/store/memory.ts";
import { NO_FAULTS, SimulatedClient, Simulation } from "../../../property/tftp-simulation.ts";
import { ip } from "../../../support/dhcp-site.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { startHttp } from "../../../support/http-folder.ts";
import { judgeMetrics, PROMTOOL } from "../../../support/prometheus.ts";
import { exampleSite } from "../../../support/sites.ts";

const FILE = { kind: "file", file: bytesFile(Buffer.from("kernel"), "application/octet-stream", 0) } as const;
const REPORT: Route = {
  methods: ["POST"],
  pattern: "/report/<token>/<event>",
  handle: async () => ({ kind: "text", status: 200, contentType: "text/plain", body: "well" }),
};
const HEALTHY: Pick<MetricsOptions, "health" | "local"> = {
  health: { isDeaf: () => false },
  local: { failure: () => undefined },
};

/** A server of a cluster, with a host that has a permit. */
async function world(servers: readonly Server[], about: Partial<MetricsOptions> = {}) {
  const clock = createFakeClock();
  const storeTimes = createStoreTimes();
  const store = timedStore(createMemoryStore(), storeTimes.state);
  const journal = await openJournal({ store, clock });
  const permits = await openPermits({ store, clock, journal, random: (bytes) => Buffer.alloc(bytes, 7) });
  const site = exampleSite("single");
  await permits.issue("vm1");
  const metrics = createMetrics({
    ...{
      version: "1.2.3",
      server: "one",
      site: () => site,
      servers: () => servers,
      journal,
      permits,
      storeTimes,
      clock,
    },
    statusOf: ({ name }) => ({ state: name === "vm1" ? "permitted" : "idle" }),
    ...HEALTHY,
    ...about,
  });
  const tell = (event: Pick<NewEvent, "stage" | "what" | "facts">, at: number) =>
    journal.record({ host: "vm1", at: clock.now() + at, ...event });
  return { metrics, clock, tell, storeTimes };
}

const DURATIONS = [
  ["dhcp", "answer"],
  ["dns 127.0.0.1", "dns-answer.own"],
] as const;

/** Names and counters of servers that these tests do not start. */
const OTHERS: readonly Server[] = Object.entries({
  dhcp: { "reply.ack": 2 },
  "syslog 127.0.0.1": { "message.tcp": 1 },
  "dns 127.0.0.1": { "answer.noerror": 2, "forward.cache": 1 },
  admission: { waiting: 0, "let-in": 1 },
  "peers one": { sent: 3 },
}).map(([name, counts]) => ({
  ...{ name, start: async () => {}, stop: async () => {}, counters: () => counts },
  durations: () =>
    DURATIONS.filter(([server]) => server === name).map(([, what]) => [what, new Histogram([1]).snapshot()]),
}));

test("a scrape tells all that is documented, soundly, of what has really been served", async () => {
  await using http = await startHttp({ resolve: async () => FILE, routes: [REPORT] });
  await (await fetch(`${http.url}/linux`)).arrayBuffer();
  await (await fetch(`${http.url}/report/t/done`, { method: "POST" })).text();
  const tftp = new Simulation(async () => FILE, NO_FAULTS, 1, 16);
  await tftp.server.start();
  tftp.toServer(2070, { kind: "read", path: "absent", mode: "mail", options: [] });
  new SimulatedClient(tftp, { port: 2071, path: "kernel", options: [] });
  await tftp.run(() => tftp.transfers.length > 0);
  const { metrics, clock, tell } = await world([http.server, tftp.server, ...OTHERS], {
    cluster: {
      servers: () => [
        { name: "one", alive: true, floating: ip("192.168.0.253"), heldBy: "one" },
        { name: "two", alive: true },
      ],
      isDraining: () => false,
      awayMs: () => 0,
      state: () => ({ state: "current", position: 9, outbox: 0, pair: "paired" }),
    },
  });
  tell({ stage: "dhcp", what: "offer", facts: { asking: "firmware" } }, 0);
  tell({ stage: "packages", what: "served", facts: { path: "/a.deb", bytes: 1 } }, 0);
  tell({ stage: "post", what: "served", facts: { path: "/late", bytes: 1 } }, 90_000);
  tell({ stage: "post", what: "permit-failed", facts: {} }, 95_000);
  clock.advance(1000);
  const { contentType, body } = await metrics.scrape();
  metrics.stop();
  assert.equal(contentType, "text/plain; version=0.0.4; charset=utf-8");
  const told = new Set(Array.from(body.matchAll(/^# TYPE (\w+) /gm), ([, name]) => name));
  const untold = Object.keys(METRICS).filter((name) => !told.has(name));
  assert.deepEqual(untold, []);
  assert.match(body, /^everboot_http_answer_duration_seconds_count\{listener="127\.0\.0\.1",route="files"\} 1$/m);
  assert.match(body, /^everboot_http_answer_duration_seconds_count\{.*route="\/report\/<token>\/<event>"\} 1$/m);
  assert.match(body, /^everboot_http_request_duration_seconds_count\{listener="127\.0\.0\.1"\} 2$/m);
  assert.match(body, /^everboot_stage_duration_seconds_sum\{family="debian",stage="packages"\} 90$/m);
  assert.match(body, /^everboot_tftp_transfer_duration_seconds_count\{.*\} 1$/m);
  assert.match(body, /^everboot_permits\{state="issued"\} 1$/m);
  assert.match(body, /^everboot_hosts\{state="permitted"\} 1$/m);
  assert.match(body, /^everboot_hosts\{state="stalled"\} 0$/m);
  assert.match(body, /^everboot_store_commit_duration_seconds_count [1-9]/m);
  assert.match(body, /^everboot_event_loop_lag_seconds_count 4$/m);
  if (PROMTOOL.obstacle === undefined) assert.deepEqual(judgeMetrics(body), { code: 0, output: "" });
});

test("each figure has the labels of its definition, and no host's name", async () => {
  const { metrics } = await world(OTHERS);
  const { body } = await metrics.scrape();
  metrics.stop();
  assert.doesNotMatch(body, /vm1/);
  for (const [, name = "", labels = ""] of body.matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
    const base = Object.entries(METRICS).find(
      ([known]) => name === known || name.replace(/_(bucket|sum|count)$/, "") === known,
    );
    assert.ok(base, name);
    const found = Array.from(labels.matchAll(/(\w+)="/g), ([, label = ""]) => label).filter((label) => label !== "le");
    assert.deepEqual(
      found.filter((label) => !base[1].labels.some((known: string) => known === label)),
      [],
      name,
    );
  }
});

test("a server that is alone tells nothing of a cluster", async () => {
  const { metrics } = await world([]);
  const { body } = await metrics.scrape();
  metrics.stop();
  assert.doesNotMatch(body, /^everboot_(peer|floating|pair|draining|store_state)/m);
});

test("a disk that cannot be written and a listener that does not answer are told", async () => {
  const { metrics } = await world([], {
    health: { isDeaf: () => true },
    local: { failure: () => new Error("ENOSPC") },
  });
  const { body } = await metrics.scrape();
  metrics.stop();
  assert.match(body, /^everboot_state_writable 0$/m);
  assert.match(body, /^everboot_listeners_answering 0$/m);
});

test("a permit that has run out counts as expired", async () => {
  const { metrics, clock } = await world([]);
  clock.advance(5 * 3_600_000);
  const { body } = await metrics.scrape();
  metrics.stop();
  assert.match(body, /^everboot_permits\{state="issued"\} 0$/m);
  assert.match(body, /^everboot_permits\{state="expired"\} 1$/m);
});

test("once stopped it counts no more", async () => {
  const { metrics, clock, tell } = await world([]);
  metrics.stop();
  tell({ stage: "post", what: "permit-failed", facts: {} }, 0);
  clock.advance(1000);
  const { body } = await metrics.scrape();
  assert.doesNotMatch(body, /^everboot_install_results_total\{/m);
  assert.match(body, /^everboot_event_loop_lag_seconds_count 0$/m);
});
