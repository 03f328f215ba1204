import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { EverbootError, errorKind } from "../../../src/base/errors.ts";
import { bondStatus, type Pace } from "../../../src/cli/bond-status.ts";
import type { Io } from "../../../src/cli/command.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/proc-bonding");

interface Machine {
  readonly root: string;
  setBond(name: string, fixture: string): void;
  setPackets(member: string, received: number, sent: number): void;
}

function machine(t: TestContext): Machine {
  const root = mkdtempSync(join(tmpdir(), "everboot-status-"));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "proc/net/bonding"), { recursive: true });
  return {
    root,
    setBond: (name, fixture) => cpSync(join(FIXTURES, `${fixture}.txt`), join(root, "proc/net/bonding", name)),
    setPackets(member, received, sent) {
      const folder = join(root, "sys/class/net", member, "statistics");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "rx_packets"), `${received}\n`);
      writeFileSync(join(folder, "tx_packets"), `${sent}\n`);
    },
  };
}

/** Gathers what is written; `stop` is Ctrl-C. */
function gathering(options: { readonly terminal?: boolean } = {}) {
  const stopping = new AbortController();
  const lines: string[] = [];
  const screens: string[] = [];
  const io: Io = {
    out: (line) => lines.push(line),
    err: (line) => lines.push(line),
    write: (text) => screens.push(text),
    cwd: "/",
    env: {},
    signal: stopping.signal,
    terminal: options.terminal ?? false,
    columns: 80,
  };
  return { io, lines, screens, stop: () => stopping.abort() };
}

test("a healthy bond: who does what, and how it is watched", async (t) => {
  const { root, setBond, setPackets } = machine(t);
  setBond("bond0", "ab-5.10-debian");
  setPackets("enp0s3", 1406, 1411);
  setPackets("enp0s8", 12, 0);
  const { io, lines } = gathering();
  assert.equal(await bondStatus(["--root", root], io), 0);
  assert.deepEqual(lines, [
    "bond0  healthy  active-backup, MII every 100 ms, driver 5.10.0-11-amd64",
    "  MEMBER  LINK  ROLE    SPEED      LOST  OWN ADDRESS        RECEIVED  SENT",
    "  enp0s3  up    active  1000 Mb/s  0     08:00:27:e1:5f:56  1406      1411",
    "  enp0s8  up    backup  1000 Mb/s  0     08:00:27:00:96:03  12        0",
  ]);
});

test("a degraded bond: exit 1, and each reason with its remedy", async (t) => {
  const { root, setBond } = machine(t);
  setBond("bond0", "ab-5.10-debian");
  setBond("bond1", "lacp-6.1-half");
  setBond("bond2", "bad-empty");
  const { io, lines } = gathering();
  assert.equal(await bondStatus(["--root", root], io), 1);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("bond")),
    [
      "bond0  healthy  active-backup, MII every 100 ms, driver 5.10.0-11-amd64",
      "bond1  degraded  802.3ad, MII every 100 ms, driver 6.1.0-44-amd64",
      "bond2  degraded",
    ],
  );
  const reasons = lines.filter((line) => line.startsWith("  !"));
  assert.match(reasons[0] ?? "", /^ {2}! no LACP partner answers on eth1 .*: switch on LACP at the switch's ports$/);
  assert.match(reasons[2] ?? "", /it has no line `Bonding Mode`/);
  assert.ok(lines.some((line) => /^ {2}eth1 +up +aggregator 2 /.test(line)));
});

test("one bond is asked for by its name; another name is exit 1 with those that there are", async (t) => {
  const { root, setBond } = machine(t);
  setBond("bond0", "ab-5.10-debian");
  setBond("bond1", "ab-3.7.1-both-down");
  const { io, lines } = gathering();
  assert.equal(await bondStatus(["bond0", "--root", root], io), 0);
  assert.ok(lines.every((line) => !line.startsWith("bond1")));
  await assert.rejects(bondStatus(["bond7", "--root", root], io), (error) => {
    assert.ok(error instanceof EverbootError);
    assert.equal(errorKind(error.code).exit, 1);
    assert.equal(error.message, "no bond bond7 on this machine: it has bond0, bond1");
    return true;
  });
});

test("no bonds are no trouble", async (t) => {
  const { io, lines } = gathering();
  assert.equal(await bondStatus(["--root", machine(t).root], io), 0);
  assert.deepEqual(lines, ["no bonds on this machine"]);
});

test("as JSON: the judgement, the settings, and each member with its counters", async (t) => {
  const { root, setBond, setPackets } = machine(t);
  setBond("bond0", "ab-5.15-failed-over");
  setPackets("enp0s9", 5, 6);
  const { io, lines } = gathering();
  assert.equal(await bondStatus(["--json", "--root", root], io), 1);
  assert.equal(lines.length, 1);
  const { bonds } = JSON.parse(lines[0] ?? "");
  assert.equal(bonds[0].healthy, false);
  assert.equal(bonds[0].reasons[0].what, "enp0s8 is down");
  assert.equal(bonds[0].settings.mode, "active-backup");
  assert.deepEqual(bonds[0].members[0], {
    ...{ name: "enp0s9", status: "up", speed: 1000, duplex: "full", failures: 0, mac: "08:00:27:bf:95:2a", queue: 0 },
    counters: { rxPackets: 5, txPackets: 6, rxErrors: 0, txErrors: 0 },
  });
});

/** Each wait of a second does the next of these steps; after the last one the command is stopped. */
function paced(steps: readonly (() => void)[], stop: () => void): Pace {
  let seconds = 0;
  return {
    now: () => seconds * 1000,
    wait: async (ms, signal) => {
      assert.equal(ms, 1000);
      const step = steps[seconds] ?? stop;
      seconds += 1;
      step();
      signal.throwIfAborted();
    },
  };
}

test("--watch draws it again each second, with packets per second, until it is stopped", async (t) => {
  const { root, setBond, setPackets } = machine(t);
  setBond("bond0", "ab-5.10-debian");
  setPackets("enp0s3", 1000, 2000);
  const { io, screens, stop } = gathering({ terminal: true });
  const steps = [
    () => setPackets("enp0s3", 1250, 2010),
    () => {
      setBond("bond0", "ab-3.7.1-both-down");
      setPackets("eth0", 5, 5);
    },
  ];
  assert.equal(await bondStatus(["--watch", "--root", root], io, paced(steps, stop)), 1);
  const shown = screens.map((screen) => stripVTControlCharacters(screen).split("\n"));
  assert.equal(shown.length, 3);
  assert.match(shown[0]?.[2] ?? "", /1000 +2000$/);
  assert.match(shown[1]?.[2] ?? "", /250\/s +10\/s$/);
  assert.match(shown[2]?.[0] ?? "", /^bond0 {2}degraded/);
  for (const screen of screens) assert.ok(screen.startsWith("\u001b[H") && screen.endsWith("\u001b[J"));
});

test("--watch --json writes one line each second", async (t) => {
  const { root, setBond } = machine(t);
  setBond("bond0", "ab-5.10-debian");
  const { io, lines, screens, stop } = gathering();
  assert.equal(await bondStatus(["--watch", "--json", "--root", root], io, paced([() => {}], stop)), 0);
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).bonds.length),
    [1, 1],
  );
  assert.deepEqual(screens, []);
});

test("misuse is told", async (t) => {
  const { io } = gathering();
  const { root } = machine(t);
  await assert.rejects(bondStatus(["bond0", "bond1", "--root", root], io), { code: "usage" });
  await assert.rejects(bondStatus(["--colour"], io), { code: "usage" });
});
