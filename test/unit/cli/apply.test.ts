/** `everboot apply` against a daemon that is played: what it asks, prints and returns. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { type ApplyWorld, createApplyCommand } from "../../../src/cli/apply.ts";
import type { SiteReport } from "../../../src/server/boot/operations.ts";
import { exampleSite, exampleText, siteOf } from "../../support/sites.ts";

const BEFORE = exampleText("pair");
const AFTER = BEFORE.replace("lease: 4h", "lease: 1h");
const OLD = { revision: exampleSite("pair").revision, number: 3 };
const NEW = { revision: siteOf(AFTER).revision, number: 4 };

const REPORT: SiteReport = {
  ...{ site: "rh9", server: "server1", ...OLD, text: BEFORE },
  servers: [
    { name: "server1", alive: true, serves: OLD },
    { name: "server2", alive: true, serves: OLD },
  ],
};

function applied(servers: SiteReport["servers"], more: Partial<SiteReport> = {}): SiteReport {
  return { ...REPORT, ...NEW, text: AFTER, servers, ...more };
}

const ALL_SERVE = applied([
  { name: "server1", alive: true, serves: NEW },
  { name: "server2", alive: true, serves: NEW },
]);

/** Thirty seconds are over after as many looks. */
function hurriedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    after: (ms, task) => {
      now += ms * 4;
      return systemClock.after(0, task);
    },
  };
}

interface Played {
  readonly code: number;
  readonly out: readonly string[];
  /** Bodies of what was sent to be applied. */
  readonly sent: readonly unknown[];
  readonly questions: readonly string[];
}

interface Play {
  readonly text?: string;
  readonly options?: readonly string[];
  /** What the person says; left out: nobody is there. */
  readonly answer?: boolean;
  /** The first one before, the others after it was applied; the last one stays. `undefined` = no answer. */
  readonly reports: ReadonlyArray<SiteReport | undefined>;
  readonly refusal?: { readonly status: number; readonly code: string; readonly text: string };
}

async function play(context: TestContext, play: Play): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), "everboot-apply-"));
  mkdirSync(join(folder, "state"));
  writeFileSync(join(folder, "site.yaml"), play.text ?? AFTER);
  const [sent, questions, out]: [unknown[], string[], string[]] = [[], [], []];
  const reports = [...play.reports];
  const daemon = createServer(async (request, response) => {
    if (request.method === "PUT") {
      const chunks = await request.toArray();
      sent.push(JSON.parse(Buffer.concat(chunks).toString()));
      reports.shift();
      const { status, ...told } = play.refusal ?? { status: 200, ...NEW };
      response.writeHead(status).end(JSON.stringify(told));
      return;
    }
    const report = sent.length > 0 && reports.length > 1 ? reports.shift() : reports[0];
    if (report) response.end(JSON.stringify(report));
    else request.socket.destroy();
  }).listen(join(folder, "state/control.sock"));
  await once(daemon, "listening");
  context.after(() => {
    daemon.close();
    rmSync(folder, { recursive: true });
  });
  const world: ApplyWorld = {
    clock: hurriedClock(),
    confirm: async (question) => {
      questions.push(question);
      return play.answer;
    },
  };
  const line = (text: string) => void out.push(text);
  const io = { out: line, err: line, write: line, cwd: folder, env: {}, signal: new AbortController().signal };
  const args = ["--state", "state", ...(play.options ?? ["--yes"])];
  const code = await createApplyCommand(world).run(args, { ...io, terminal: true, columns: 80 });
  return { code, out: out.filter((text) => !text.includes(": warning: ")), sent, questions };
}

test("what changes is shown, then published over what it was compared with, and awaited at every server", async (t) => {
  const halfway = applied([
    { name: "server1", alive: true, serves: NEW },
    { name: "server2", alive: true, serves: OLD },
  ]);
  const { code, out, sent, questions } = await play(t, { reports: [REPORT, REPORT, undefined, halfway, ALL_SERVE] });
  assert.deepEqual(sent, [{ text: AFTER, expected: 3 }]);
  assert.deepEqual(questions, []);
  assert.deepEqual(out, [
    "subnets: 1 changed (192.168.0.0/24)",
    "        domain: youyuanyin.org",
    "        pool: 192.168.0.200-192.168.0.250     # for machines not listed below; used only if `unknown` allows any",
    "  -     lease: 4h",
    "  +     lease: 1h",
    "        dhcp: authoritative                   # authoritative | proxy | off",
    "    unknown: ignore                           # ignore | discover | the name of a profile",
    "  ...",
    "applied as revision 4",
    "server1 serves revision 4",
    "server2 serves revision 4",
  ]);
  assert.equal(code, 0);
});

test("a person is asked: yes applies, no leaves all as it is, nobody there is a misuse", async (t) => {
  const yes = await play(t, { options: [], answer: true, reports: [REPORT, ALL_SERVE] });
  assert.deepEqual([yes.code, yes.questions], [0, ["apply site.yaml as revision 4? [y/N] "]]);
  const no = await play(t, { options: [], answer: false, reports: [REPORT] });
  assert.deepEqual([no.code, no.sent, no.out.at(-1)], [1, [], "not applied"]);
  await assert.rejects(play(t, { options: [], reports: [REPORT] }), {
    code: "usage",
    message: "nobody is here to be asked: look with --dry-run, then add --yes",
  });
});

test("a dry run shows and sends nothing; the same file again is nothing to apply", async (t) => {
  const dry = await play(t, { options: ["--dry-run"], reports: [REPORT] });
  assert.deepEqual([dry.code, dry.sent, dry.out[0]], [0, [], "subnets: 1 changed (192.168.0.0/24)"]);
  const same = await play(t, { text: BEFORE, reports: [REPORT] });
  assert.deepEqual([same.code, same.sent, same.out], [0, [], ["nothing to apply: site.yaml is revision 3"]]);
});

test("the first one is applied though the daemon serves the same file already", async (t) => {
  const { sent } = await play(t, { text: BEFORE, reports: [{ ...REPORT, number: 0 }, ALL_SERVE] });
  assert.deepEqual(sent, [{ text: BEFORE, expected: 0 }]);
});

test("a server that is away is told of, and does not spoil it; one that lives and does not serve it does", async (t) => {
  const dead = { name: "server2", alive: false };
  const away = await play(t, {
    reports: [
      { ...REPORT, servers: [{ name: "server1", alive: true, serves: OLD }, dead] },
      applied([{ name: "server1", alive: true, serves: NEW }, dead]),
    ],
  });
  assert.deepEqual([away.code, away.out.at(-1)], [0, "server2 is away: it takes revision 4 when it is back"]);
  const behind = applied([
    { name: "server1", alive: true, serves: NEW },
    { name: "server2", alive: true, serves: OLD },
  ]);
  const late = await play(t, { reports: [REPORT, behind] });
  assert.deepEqual(
    [late.code, late.out.at(-1)],
    [1, "server2 still serves revision 3: see `everboot cluster status`, and its log"],
  );
});

test("the daemon that was asked tells why it cannot serve it", async (t) => {
  const { code, out } = await play(t, {
    reports: [REPORT, applied(REPORT.servers, { trouble: "address 10.0.0.1 is on no interface" })],
  });
  assert.equal(code, 1);
  assert.equal(out.at(-2), "server1 does not serve revision 4: address 10.0.0.1 is on no interface");
});

test("a daemon that does not come back in time is told of", async (t) => {
  const { code, out } = await play(t, { reports: [REPORT, undefined] });
  assert.deepEqual([code, out.at(-1)], [1, "the daemon here does not answer yet: see `everboot status`"]);
});

test("the daemon's refusal is passed on as it is", async (t) => {
  const text = "revision 4 was applied meanwhile, at server2: look at what it changed and run `everboot apply` again";
  await assert.rejects(play(t, { reports: [REPORT], refusal: { status: 409, code: "site-conflict", text } }), {
    code: "site-conflict",
    message: text,
  });
});

test("a file with problems is told with all of them, and the daemon is not asked", async (t) => {
  await assert.rejects(play(t, { text: "site: x\nhosts: 3\n", reports: [] }), { code: "site-invalid" });
});

test("--json prints one object: what changed, and who serves it", async (t) => {
  const { code, out } = await play(t, { options: ["--yes", "--json"], reports: [REPORT, ALL_SERVE] });
  assert.deepEqual([code, out.length], [0, 1]);
  const { diff: _diff, changes, ...rest } = JSON.parse(out[0] ?? "");
  assert.deepEqual(changes, [{ part: "subnets", added: [], changed: ["192.168.0.0/24"], removed: [] }]);
  const { text: _text, ...report } = ALL_SERVE;
  assert.deepEqual(rest, { applied: true, ...report, change: "swap" });
});
