/** From bytes of a control connection to commands. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { LineReader, LONGEST_LINE } from "../../../../src/server/ftp/control-line.ts";

const command = (verb: string, argument = "") => ({ kind: "command", verb, argument });

test("verbs are in capitals, arguments as they are", () => {
  const lines = new LineReader().push(Buffer.from("user  Anonymous \r\nNOOP\nRETR a b~+ü.rpm\r\n\r\n"));
  assert.deepEqual(lines, [
    command("USER", " Anonymous "),
    command("NOOP"),
    command("RETR", "a b~+ü.rpm"),
    command(""),
  ]);
});

test("a line may come byte by byte", () => {
  const reader = new LineReader();
  const lines = Array.from(Buffer.from("RETR ü\r\nABOR\r\n"), (byte) => reader.push(Uint8Array.of(byte))).flat();
  assert.deepEqual(lines, [command("RETR", "ü"), command("ABOR")]);
});

test("Telnet's interrupt before ABOR is passed over, whichever of its bytes TCP has taken out as urgent", () => {
  for (const telnet of [
    [0xff, 0xf4, 0xff, 0xf2],
    [0xff, 0xf4, 0xf2],
    [0xff, 0xf4, 0xff],
  ]) {
    assert.deepEqual(new LineReader().push(Buffer.concat([Buffer.from(telnet), Buffer.from("ABOR\r\n")])), [
      command("ABOR"),
    ]);
  }
});

test("what is no UTF-8 is malformed, and does not spoil the next line", () => {
  const bytes = Buffer.from("RETR \xe4\r\nNOOP\r\n", "latin1");
  assert.deepEqual(new LineReader().push(bytes), [{ kind: "malformed" }, command("NOOP")]);
});

test("no more than one line is kept, ended or not", () => {
  const longest = `RETR ${"x".repeat(LONGEST_LINE - 5)}`;
  assert.equal(new LineReader().push(Buffer.from(`${longest}\r\n`))[0]?.kind, "command");
  assert.equal(new LineReader().push(Buffer.from(`${longest}x\r\n`))[0]?.kind, "too-long");
  const reader = new LineReader();
  assert.deepEqual(reader.push(Buffer.from(longest)), []);
  assert.deepEqual(reader.push(Buffer.from("xx")), [{ kind: "too-long" }]);
});
