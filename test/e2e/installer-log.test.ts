/** From the wire to the journal: an installer's lines by real syslog, the log of its boot, and its trace. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createHostLogs, logPath } from "../../src/cluster/host-log.ts";
import { openJournal } from "../../src/cluster/journal.ts";
import { readDebianLog } from "../../src/os/log-lines-debian.ts";
import { createLogEvents } from "../../src/server/boot/log-events.ts";
import { createMemoryStore } from "../../src/store/memory.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { startSyslog } from "../support/syslog.ts";

const LOOPBACK = "127.0.0.1";
const HOST = "vm1";
const folder = await mkdtemp(join(tmpdir(), "everboot-installer-log-"));
after(() => rm(folder, { recursive: true }));

/** The lines of the family's fixture, and how many packages they say were installed. */
async function installerLog(): Promise<{ readonly lines: readonly string[]; readonly installed: number }> {
  const text = await readFile(new URL("../fixtures/logs/debian.txt", import.meta.url), "utf8");
  const all = text.split("\n");
  return {
    lines: all.filter((line) => line.startsWith("<")),
    installed: all.filter((line) => line.startsWith("=> progress +1")).length,
  };
}

test("an installer's log is kept by boot, and its known lines are in the trace", { timeout: 30_000 }, async () => {
  const clock = createFakeClock();
  const journal = await openJournal({ store: createMemoryStore(), clock });
  const logs = createHostLogs(folder);
  const boot = (xid: string) => {
    for (const [stage, asking] of [
      ["dhcp", "firmware"],
      ["script", ""],
      ["kernel", ""],
    ] as const) {
      journal.record({ host: HOST, stage, what: stage === "dhcp" ? "ack" : "served", facts: { asking, xid } });
    }
  };
  const logEvents = createLogEvents({
    ...{ clock, logs, record: journal.record, eventsOf: journal.events, traceOf: journal.bootId },
    permitOf: () => undefined,
  });
  const ended = new EventTarget();
  const server = await startSyslog({
    clock,
    onMessage: ({ program, text }) => {
      if (text === "the end") ended.dispatchEvent(new Event("end"));
      else logEvents.line(HOST, { text, ...(program !== undefined && { program }) }, readDebianLog);
    },
  });
  const send = async (lines: readonly string[]) => {
    const end = once(ended, "end");
    connect(server.port, LOOPBACK).end([...lines, "<13>the end", ""].join("\n"));
    await end;
  };

  boot("1");
  const first = journal.bootId(HOST);
  const { lines, installed } = await installerLog();
  await send(lines);
  clock.advance(200_000);
  boot("2");
  const second = journal.bootId(HOST);
  await send(["<14>Nov 20 10:10:00 main-menu[250]: INFO: Menu item 'netcfg' selected"]);
  await server.stop();
  await logs.flush();

  assert.notEqual(first, second);
  assert.equal((await readFile(logPath(folder, HOST, first), "utf8")).split("\n").length - 1, lines.length);
  assert.deepEqual(await logs.tail(HOST, 9, second), ["main-menu: INFO: Menu item 'netcfg' selected"]);
  const logged = journal.events(HOST).filter(({ what }) => what === "log");
  assert.deepEqual(
    logged.filter(({ boot }) => boot === 2).map(({ facts, trace }) => [facts.text, trace]),
    [["configuring the network", second]],
  );
  const kinds = new Set(logged.map(({ facts }) => facts.kind));
  assert.deepEqual([...kinds].sort(), ["error", "progress", "question", "step"]);
  assert.equal(logged.findLast(({ facts }) => facts.kind === "progress")?.facts.done, installed);
});
