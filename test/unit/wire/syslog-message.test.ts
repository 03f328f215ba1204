import assert from "node:assert/strict";
import { test } from "node:test";
import { clockAhead, parseSyslog, type SyslogMessage } from "../../../src/wire/syslog-message.ts";

const cases: ReadonlyArray<{ name: string; line: string; message: SyslogMessage }> = [
  {
    name: "busybox syslogd -R: no host",
    line: "<13>Nov 20 10:00:00 main-menu[123]: INFO: Menu item 'partman-base' selected",
    message: { severity: 5, program: "main-menu", text: "INFO: Menu item 'partman-base' selected" },
  },
  {
    name: "busybox, a day of one digit",
    line: "<30>Nov  2 10:00:00 anna[9]: x",
    message: { severity: 6, program: "anna", text: "x" },
  },
  {
    name: "the kernel",
    line: "<6>Nov 20 10:00:00 kernel: [    1.5] eth0: link up",
    message: { severity: 6, program: "kernel", text: "[    1.5] eth0: link up" },
  },
  {
    name: "RFC 3164 with a host",
    line: "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
    message: { severity: 2, program: "su", text: "'su root' failed" },
  },
  {
    name: "rsyslog's own format",
    line: "<30>2026-11-20T10:00:00.123456+00:00 node7 NetworkManager[812]: <info> up",
    message: { severity: 6, program: "NetworkManager", text: "<info> up" },
  },
  {
    name: "no program",
    line: "<13>Nov 20 10:00:00 just some words",
    message: { severity: 5, text: "just some words" },
  },
  { name: "a priority and a text", line: "<11>oops", message: { severity: 3, text: "oops" } },
  {
    name: "RFC 5424",
    line: '<165>1 2003-10-11T22:14:15.003Z host evntslog 77 ID47 [a@1 k="v \\" ]"][b@2] \uFEFFAn event: yes',
    message: { severity: 5, program: "evntslog", text: "An event: yes" },
  },
  { name: "RFC 5424 with nothing in it", line: "<0>1 - - - - - -", message: { severity: 0, text: "" } },
  {
    name: "no priority: all of it is text",
    line: "Error: no space",
    message: { severity: 5, text: "Error: no space" },
  },
  { name: "an empty line", line: "", message: { severity: 5, text: "" } },
  {
    name: "control characters do not reach a terminal",
    line: "<13>Nov 20 10:00:00 sh[1]: a\u001b[2Jb\tc\u0000\n",
    message: { severity: 5, program: "sh", text: "a [2Jb c" },
  },
];

for (const { name, line, message } of cases) {
  test(name, () => {
    const { stamp, ...rest } = parseSyslog(line);
    assert.deepEqual(rest, message);
    assert.ok(stamp === undefined || line.includes(` ${stamp} `) || line.includes(`>${stamp} `), stamp);
  });
}

test("a long line is parsed in a time that grows with its length only", { timeout: 5000 }, () => {
  for (const part of ['[a k="', "a ", "a:", "[[", '\\"', "1 "]) {
    parseSyslog(`<13>1 - - - - - ${part.repeat(30_000)}`);
    parseSyslog(`<13>Nov 20 10:00:00 ${part.repeat(30_000)}`);
  }
});

const NOW = Date.UTC(2026, 10, 20, 10, 0, 0);
const MINUTE = 60_000;
const stamps: ReadonlyArray<readonly [line: string, ahead: number | undefined]> = [
  ["<13>Nov 20 10:00:00 anna[9]: x", 0],
  ["<13>Nov 19 09:00:00 anna[9]: x", -25 * 60 * MINUTE],
  ["<13>Nov  2 10:00:00 anna[9]: x", -18 * 24 * 60 * MINUTE],
  // The year that brings it nearest.
  ["<13>Jan  1 10:00:00 anna[9]: x", 42 * 24 * 60 * MINUTE],
  ["<30>2026-11-20T11:30:00.000000+01:00 node7 NetworkManager[812]: x", 30 * MINUTE],
  ["<13>1 2026-11-20T09:00:00Z host program 1 - - x", -60 * MINUTE],
  ["<13>1 - - - - - x", undefined],
  ["<13>1 never host program 1 - - x", undefined],
  ["<13>anna: x", undefined],
  ["no priority", undefined],
];
for (const [line, ahead] of stamps) {
  test(`the clock of ${line}`, () => {
    const { stamp } = parseSyslog(line);
    assert.equal(stamp === undefined ? undefined : clockAhead(stamp, NOW), ahead);
  });
}
