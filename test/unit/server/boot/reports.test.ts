import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../../src/base/log.ts";
import type { NewEvent } from "../../../../src/cluster/events.ts";
import { reportRoute } from "../../../../src/server/boot/reports.ts";

function open(outcome: "accepted" | "refused" = "accepted") {
  const events: NewEvent[] = [];
  const order: string[] = [];
  const route = reportRoute({
    permits: {
      reporting: (token) =>
        token.startsWith("good") ? { host: "vm1", id: "p1", ...(token !== "good" && { trace: token }) } : undefined,
      report: async (_token, event) => {
        order.push(`permit ${event}`);
        return outcome;
      },
    },
    judge: (_host, report) => ({
      verdict: report.includes("bond0") ? "verified" : "differs",
      text: `judged ${report}`,
    }),
    append: async (event) => {
      order.push(`journal ${event.what}`);
      events.push(event);
    },
    log: silentLog,
  });
  const send = (token: string, event: string, body = "") =>
    route.handle({
      method: "POST",
      path: `/report/${token}/${event}`,
      params: { token, event },
      query: "",
      headers: {},
      client: "192.168.77.101",
      body: Buffer.from(body),
    });
  return { send, events, order };
}

test("a report changes the permit first, then the journal, then is acknowledged", async () => {
  const { send, events, order } = open();
  const verdict = await send("good", "partition");
  assert.equal(verdict.kind === "text" && verdict.status, 200);
  assert.deepEqual(order, ["permit partition", "journal report"]);
  assert.deepEqual(events[0], {
    host: "vm1",
    permit: "p1",
    stage: "answer",
    what: "report",
    facts: { event: "partition", text: undefined },
  });
});

test("a report counts to the boot that it comes with", async () => {
  const { send, events } = open();
  await send("good-0123abcd", "packages");
  assert.equal(events[0]?.trace, "good-0123abcd");
});

test("a report that comes too late is refused, and the operator can see it", async () => {
  const { send, events } = open("refused");
  const verdict = await send("good", "partition");
  assert.equal(verdict.kind === "error" && verdict.code, "permit-unknown");
  assert.equal(events[0]?.what, "refused");
});

test("the installed system's own report is judged, and the verdict is what is kept", async () => {
  const { send, events, order } = open();
  const verdict = await send("good", "first-boot", "== bond bond0\nall well\n");
  assert.equal(verdict.kind === "text" && verdict.status, 200);
  assert.deepEqual(order, ["permit first-boot", "journal report"]);
  assert.deepEqual(
    [events[0]?.stage, events[0]?.facts],
    ["verified", { verdict: "verified", event: "first-boot", text: "judged == bond bond0 all well" }],
  );
  await send("good", "first-boot", "nothing");
  assert.equal(events[1]?.facts.verdict, "differs");
});

test("unknown tokens are 403 and unknown events 404, and neither leaves a trace", async () => {
  const { send, events } = open();
  const stranger = await send("bad", "done");
  assert.equal(stranger.kind === "error" && stranger.code, "permit-unknown");
  const nonsense = await send("good", "explode");
  assert.equal(nonsense.kind === "error" && nonsense.code, "file-absent");
  assert.deepEqual(events, []);
});

test("the installer's words are kept, bounded and without control characters", async () => {
  const { send, events } = open();
  await send("good", "failed", `no\u0007 disk\n${"x".repeat(5000)}`);
  const text = String(events[0]?.facts.text);
  assert.match(text, /^no disk x+$/);
  assert.ok(text.length <= 2000);
});
