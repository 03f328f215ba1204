/** The parts of the metrics, each by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalEvent, Stage } from "../../../../src/cluster/events.ts";
import type { BootTrace } from "../../../../src/cluster/status.ts";
import { Histogram } from "../../../../src/server/histogram.ts";
import { putClusterFigures } from "../../../../src/server/metrics/cluster-figures.ts";
import { InstallFigures } from "../../../../src/server/metrics/install-figures.ts";
import { LoopLag } from "../../../../src/server/metrics/loop-lag.ts";
import { putProtocolFigures } from "../../../../src/server/metrics/protocol-figures.ts";
import { Sheet } from "../../../../src/server/metrics/sheet.ts";
import { timedStore } from "../../../../src/server/metrics/timed-store.ts";
import { createMemoryStore } from "../../../../src/store/memory.ts";
import { ip } from "../../../support/dhcp-site.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";
import { createFlakyStore } from "../../../support/flaky-store.ts";

/** Its lines, without those of help and type. */
async function linesOf(put: (sheet: Sheet) => void): Promise<string[]> {
  const sheet = new Sheet();
  put(sheet);
  return (await sheet.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

function counting(name: string, counts: Readonly<Record<string, number>>) {
  return { name, counters: () => counts };
}

test("a histogram is told by its buckets, its sum and its count", async () => {
  const times = new Histogram([0.1, 1]);
  for (const seconds of [0.05, 0.5, 7.5]) times.add(seconds);
  const sheet = new Sheet();
  sheet.putHistogram(
    "everboot_http_answer_duration_seconds",
    { listener: "192.168.0.11", route: "files" },
    times.snapshot(),
  );
  const labels = 'listener="192.168.0.11",route="files"';
  assert.equal(
    await sheet.text(),
    [
      "# HELP everboot_http_answer_duration_seconds Until it is known what to answer by HTTP; route `files`, or the pattern of a route, as that of reports",
      "# TYPE everboot_http_answer_duration_seconds histogram",
      `everboot_http_answer_duration_seconds_bucket{${labels},le="0.1"} 1`,
      `everboot_http_answer_duration_seconds_bucket{${labels},le="1"} 2`,
      `everboot_http_answer_duration_seconds_bucket{${labels},le="+Inf"} 3`,
      `everboot_http_answer_duration_seconds_sum{${labels}} 8.05`,
      `everboot_http_answer_duration_seconds_count{${labels}} 3`,
      "",
    ].join("\n"),
  );
});

test("what a label says is quoted, and a label that says nothing is left out", async () => {
  const lines = await linesOf((sheet) => {
    sheet.put("everboot_site_info", { site: 'the "lab"\\rack\n1', server: "one", revision: "" }, 1);
  });
  assert.deepEqual(lines, ['everboot_site_info{site="the \\"lab\\"\\\\rack\\n1",server="one"} 1']);
});

test("a label that the metric does not have is a mistake", async () => {
  const sheet = new Sheet();
  sheet.put("everboot_draining", { server: "one" }, 1);
  await assert.rejects(async () => sheet.text(), /server/);
});

test("what servers count by name comes out under labels, and nothing of it is left out", async () => {
  const lines = await linesOf((sheet) =>
    putProtocolFigures(sheet, [
      counting("http 192.168.0.11", { requests: 7, bytes: 900, "status.200": 6, "drop.cut": 1, "under-way": 2 }),
      counting("tftp 192.168.0.11", {
        request: 3,
        "packet-bytes": 50,
        "transfer.complete": 2,
        sessions: 1,
        adopted: 4,
      }),
      counting("tftp 192.168.0.253", { "error.absent": 1 }),
      counting("dhcp", { "reply.offer": 5, "note.release": 1, "drop.unknown-host": 8 }),
      counting("syslog 192.168.0.11", { "message.udp": 4 }),
      counting("admission", { waiting: 3, "let-in": 2, "told-to-wait": 9, "lost-place": 1 }),
      counting("peers one", { message: 6, "drop.replay": 2 }),
    ]),
  );
  const told = lines.filter((line) => !line.endsWith(" 0"));
  assert.deepEqual(told, [
    'everboot_requests_total{protocol="http",listener="192.168.0.11"} 7',
    'everboot_requests_total{protocol="tftp",listener="192.168.0.11"} 3',
    'everboot_sent_bytes_total{protocol="http",listener="192.168.0.11"} 900',
    'everboot_sent_bytes_total{protocol="tftp",listener="192.168.0.11"} 50',
    'everboot_transfers_under_way{protocol="http",listener="192.168.0.11"} 2',
    'everboot_transfers_under_way{protocol="tftp",listener="192.168.0.11"} 1',
    'everboot_drops_total{protocol="http",listener="192.168.0.11",reason="cut"} 1',
    'everboot_drops_total{protocol="dhcp",reason="unknown-host"} 8',
    'everboot_drops_total{protocol="peers",listener="one",reason="replay"} 2',
    'everboot_dhcp_replies_total{type="offer"} 5',
    'everboot_dhcp_notes_total{type="release"} 1',
    'everboot_http_responses_total{listener="192.168.0.11",code="200"} 6',
    'everboot_tftp_transfers_total{listener="192.168.0.11",outcome="complete"} 2',
    'everboot_tftp_errors_total{listener="192.168.0.253",reason="absent"} 1',
    'everboot_syslog_messages_total{listener="192.168.0.11",transport="udp"} 4',
    'everboot_events_total{protocol="tftp",listener="192.168.0.11",event="adopted"} 4',
    'everboot_events_total{protocol="peers",listener="one",event="message"} 6',
    "everboot_admission_waiting 3",
    'everboot_admission_decisions_total{decision="let-in"} 2',
    'everboot_admission_decisions_total{decision="told-to-wait"} 9',
    'everboot_admission_decisions_total{decision="lost-place"} 1',
  ]);
});

test("what the alert rules watch is told before it has happened", async () => {
  const lines = await linesOf((sheet) => putProtocolFigures(sheet, [counting("dhcp", {}), counting("peers one", {})]));
  assert.ok(lines.includes('everboot_drops_total{protocol="dhcp",reason="other-server"} 0'));
  assert.ok(lines.includes('everboot_dhcp_notes_total{type="decline"} 0'));
  assert.ok(lines.includes('everboot_drops_total{protocol="peers",listener="one",reason="forged"} 0'));
});

/** A boot that was in `packages` for ten minutes, and then in `post`. */
const BOOT: BootTrace = {
  ...{ number: 3, id: "0badcafe", started: 0 },
  stages: [stage("packages", 0, 600_000), stage("post", 600_000, 700_000), stage("verified", 700_000)],
};

function stage(name: Stage, first: number, ended?: number) {
  const counts = { events: 1, files: 0, bytes: 0 };
  return { stage: name, first, last: first, ...counts, ...(ended !== undefined && { ended }) };
}

function event(host: string, what: JournalEvent["what"], facts: JournalEvent["facts"] = {}): JournalEvent {
  return { at: 0, host, boot: 3, stage: what === "report" ? "verified" : "post", what, facts };
}

async function installLines(...events: readonly JournalEvent[]): Promise<string[]> {
  const figures = new InstallFigures({
    familyOf: (host) => (host === "gone" ? undefined : "debian"),
    bootOf: () => BOOT,
  });
  for (const each of events) figures.note(each);
  const lines = await linesOf((sheet) => figures.put(sheet));
  return lines.filter((line) => !line.includes("_bucket"));
}

test("an install counts once when it is over, and so do its stages, however often its system reports", async () => {
  const verified = event("vm1", "report", { event: "first-boot", verdict: "verified" });
  assert.deepEqual(await installLines(event("vm1", "permit-used"), verified, verified), [
    'everboot_install_results_total{family="debian",result="installed"} 1',
    'everboot_install_results_total{family="debian",result="verified"} 1',
    'everboot_stage_duration_seconds_sum{family="debian",stage="packages"} 600',
    'everboot_stage_duration_seconds_count{family="debian",stage="packages"} 1',
    'everboot_stage_duration_seconds_sum{family="debian",stage="post"} 100',
    'everboot_stage_duration_seconds_count{family="debian",stage="post"} 1',
  ]);
});

test("a system that comes up otherwise after a repair counts again, its stages do not", async () => {
  const differs = event("vm1", "report", { event: "first-boot", verdict: "differs" });
  const verified = event("vm1", "report", { event: "first-boot", verdict: "verified" });
  const lines = await installLines(differs, verified);
  assert.deepEqual(lines.slice(0, 2), [
    'everboot_install_results_total{family="debian",result="differs"} 1',
    'everboot_install_results_total{family="debian",result="verified"} 1',
  ]);
  assert.equal(lines.filter((line) => line.includes("_count") && line.endsWith(" 1")).length, 2);
});

test("a failed install counts as that, with the stages that it had", async () => {
  const [result, ...stages] = await installLines(event("vm1", "permit-failed"));
  assert.equal(result, 'everboot_install_results_total{family="debian",result="failed"} 1');
  assert.equal(stages.length, 4);
});

test("events that end nothing, and hosts that are not in the site file, count nothing", async () => {
  const verified = event("gone", "report", { verdict: "verified" });
  assert.deepEqual(await installLines(event("vm1", "served"), event("vm1", "permit-issued"), verified), []);
});

test("each floating address is told with all that could hold it", async () => {
  const [one, two] = [ip("192.168.0.253"), ip("192.168.0.254")];
  const lines = await linesOf((sheet) =>
    putClusterFigures(sheet, "one", {
      servers: () => [
        { name: "one", alive: true, floating: one, heldBy: "one" },
        { name: "two", alive: false, floating: two },
      ],
      isDraining: () => true,
      awayMs: () => 1500,
      state: () => ({ state: "catching-up", position: 12, outbox: 3, pair: "sole" }),
    }),
  );
  assert.deepEqual(lines, [
    'everboot_peer_alive{peer="two"} 0',
    'everboot_floating_address_holder{address="192.168.0.253",holder="one"} 1',
    'everboot_floating_address_holder{address="192.168.0.253",holder="two"} 0',
    'everboot_floating_address_holder{address="192.168.0.254",holder="one"} 0',
    'everboot_floating_address_holder{address="192.168.0.254",holder="two"} 0',
    "everboot_draining 1",
    'everboot_store_state{state="away"} 0',
    'everboot_store_state{state="catching-up"} 1',
    'everboot_store_state{state="current"} 0',
    "everboot_store_lag_seconds 1.5",
    "everboot_store_position 12",
    "everboot_store_outbox_facts 3",
    'everboot_pair_state{state="paired"} 0',
    'everboot_pair_state{state="sole"} 1',
    'everboot_pair_state{state="waiting"} 0',
  ]);
});

test("lag is how late the timer comes", () => {
  const clock = createFakeClock();
  let busy = 0;
  const lag = new LoopLag(clock, () => clock.now() + busy);
  lag.start();
  clock.advance(250);
  busy = 100;
  clock.advance(250);
  lag.stop();
  clock.advance(1000);
  const { count, sum } = lag.snapshot();
  assert.deepEqual([count, sum], [2, 0.1]);
});

test("commits are timed, those that fail are not", async () => {
  const commits = new Histogram([1]);
  const flaky = createFlakyStore(createMemoryStore());
  const store = timedStore(flaky, commits);
  await store.commit({ put: [{ key: "a", value: "1" }] });
  assert.equal((await store.get("a"))?.value, "1");
  flaky.mood = "down";
  await assert.rejects(store.commit({ remove: ["a"] }), { code: "store-unavailable" });
  assert.equal(commits.snapshot().count, 1);
  await store.close();
});
