import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { JournalEvent, NewEvent } from "../../../../src/cluster/events.ts";
import { readDebianLog } from "../../../../src/os/log-lines-debian.ts";
import { readRedhatLog } from "../../../../src/os/log-lines-redhat.ts";
import { createLogEvents, type LogEvents } from "../../../../src/server/boot/log-events.ts";
import { createFakeClock, type FakeClock } from "../../../support/fake-clock.ts";

let clock: FakeClock;
let trace: string | undefined;
let journal: JournalEvent[];
let kept: string[];
let events: LogEvents;

function open(): LogEvents {
  return createLogEvents({
    clock,
    logs: {
      append: (host, line, boot) => kept.push(`${host}/${boot}: ${line}`),
      tail: async () => [],
      boots: async () => [],
      flush: async () => {},
      lost: () => 0,
    },
    traceOf: () => trace,
    permitOf: () => "p1",
    eventsOf: () => journal,
    record: (event) => put(event),
  });
}

function put(event: Omit<NewEvent, "host"> & { readonly host?: string }): void {
  journal.push({ at: clock.now(), host: "vm1", boot: 1, ...(trace !== undefined && { trace }), ...event });
}

/** What was told of the log, in short. */
function told(): string[] {
  return journal
    .filter(({ what }) => what === "log")
    .map(({ facts: { kind, text, done, of } }) => {
      const count = done === undefined && of === undefined ? "" : ` ${done}${of === undefined ? "" : `/${of}`}`;
      return `${kind}${count}: ${text}`;
    });
}

function debian(program: string, text: string): void {
  events.line("vm1", { program, text }, readDebianLog);
}

beforeEach(() => {
  clock = createFakeClock();
  trace = "00000001";
  journal = [];
  kept = [];
  events = open();
});

test("every line is kept in the log of its boot, known or not", () => {
  debian("kernel", "[    0.0] Linux version 6.1");
  events.line("vm1", { text: "no program" });
  trace = undefined;
  debian("main-menu", "INFO: Menu item 'pkgsel' selected");
  assert.deepEqual(kept, [
    "vm1/00000001: kernel: [    0.0] Linux version 6.1",
    "vm1/00000001: no program",
    "vm1/undefined: main-menu: INFO: Menu item 'pkgsel' selected",
  ]);
  assert.deepEqual(told(), ["step: installing packages"]);
});

test("a thousand packages are one event a second, and the last is told", () => {
  for (let n = 1; n <= 1000; n++) {
    debian("debootstrap", `Setting up package${n} (1.0) ...`);
    clock.advance(10);
  }
  clock.advance(2000);
  const counts = journal.map(({ facts }) => Number(facts.done));
  assert.ok(counts.length >= 10 && counts.length <= 12, `${counts.length} events`);
  assert.equal(counts.at(-1), 1000);
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
});

test("a step is told at once, after the progress before it", () => {
  debian("debootstrap", "Setting up a (1) ...");
  debian("debootstrap", "Setting up b (1) ...");
  debian("main-menu", "INFO: Menu item 'pkgsel' selected");
  debian("main-menu", "INFO: Menu item 'pkgsel' selected");
  clock.advance(5000);
  assert.deepEqual(told(), ["progress 1: installed a", "progress 2: installed b", "step: installing packages"]);
});

test("what the lines say of their count goes before our own", () => {
  for (const text of ["anaconda: packaging: Installing a (5/9)", "anaconda: packaging: Installed: a-1 170 ff"]) {
    events.line("vm1", { program: "anaconda", text }, readRedhatLog);
  }
  clock.advance(5000);
  assert.deepEqual(told(), ["progress 5/9: installing a", "progress 5/9: installed a-1"]);
});

test("an error is told once, a question once as long as it stands", () => {
  for (let n = 0; n < 3; n++) {
    debian("everboot", "question: partman/confirm");
    debian("in-target", "E: Unable to locate package x");
  }
  debian("everboot", "the question was answered");
  debian("everboot", "question: partman/confirm");
  assert.deepEqual(told(), [
    "question: the installer asks: partman/confirm",
    "error: apt: Unable to locate package x",
    "step: the question was answered",
    "question: the installer asks: partman/confirm",
  ]);
});

test("a clock that is off by more than any time zone is told once, and once that it is right again", () => {
  // In the words of RFC 3164.
  const at = (hours: number) =>
    new Date(clock.now() + hours * 3_600_000).toUTCString().replace(/^.{5}(\d\d) (...) .{5}(.{8}).*/, "$2 $1 $3");
  const says = (hours: number) => events.line("vm1", { program: "anna", text: "x", stamp: at(hours) }, readDebianLog);
  for (const hours of [0, 14, -12, -26, -26, -25, 0, 1, 30, 30]) says(hours);
  events.line("vm1", { program: "anna", text: "x", stamp: "never" }, readDebianLog);
  assert.deepEqual(told(), [
    "clock: its clock is 26 hours behind",
    "clock: its clock is right again",
    "clock: its clock is 30 hours ahead",
  ]);
  events = open();
  says(30);
  assert.equal(told().length, 3, "another server knows it from the journal");
});

test("a flood of errors is cut off", () => {
  for (let n = 0; n < 500; n++) debian("in-target", `E: complaint ${n}`);
  assert.equal(told().length, 50);
});

test("an event is of the furthest stage of the installer that the boot came to, and of its permit", () => {
  debian("main-menu", "INFO: Menu item 'netcfg' selected");
  put({ stage: "packages", what: "served", facts: {} });
  put({ stage: "dhcp", what: "ack", facts: { asking: "installer" } });
  debian("main-menu", "INFO: Menu item 'pkgsel' selected");
  const logged = journal.filter(({ what }) => what === "log");
  assert.deepEqual(
    logged.map(({ stage, permit }) => ({ stage, permit })),
    [
      { stage: "kernel", permit: "p1" },
      { stage: "packages", permit: "p1" },
    ],
  );
});

test("the next boot counts from the beginning", () => {
  debian("debootstrap", "Setting up a (1) ...");
  debian("debootstrap", "Setting up b (1) ...");
  trace = "00000002";
  debian("debootstrap", "Setting up a (1) ...");
  clock.advance(5000);
  assert.deepEqual(told(), ["progress 1: installed a", "progress 1: installed a"]);
  assert.deepEqual(
    journal.map((event) => event.trace),
    ["00000001", "00000002"],
  );
});

test("what was held back of a boot is not told of the next one, though no line comes", () => {
  debian("debootstrap", "Setting up a (1) ...");
  debian("debootstrap", "Setting up b (1) ...");
  trace = "00000002";
  clock.advance(5000);
  assert.deepEqual(told(), ["progress 1: installed a"]);
});

test("a server that takes over goes on with the count, and does not tell an error again", () => {
  debian("debootstrap", "Setting up a (1) ...");
  debian("in-target", "E: complaint");
  events = open();
  debian("debootstrap", "Setting up b (1) ...");
  debian("in-target", "E: complaint");
  assert.deepEqual(told(), ["progress 1: installed a", "error: apt: complaint", "progress 2: installed b"]);
});
