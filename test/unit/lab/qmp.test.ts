import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { openQmp } from "../../../lab/qmp.ts";

/** A machine that answers each command with what `answer` makes of it. */
function machine(answer: (command: string) => object) {
  const [ours, theirs] = duplexPair();
  const asked: string[] = [];
  let rest = "";
  theirs.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const command = JSON.parse(line) as { execute: string; arguments: { "command-line"?: string } };
      asked.push(command.arguments["command-line"] ?? command.execute);
      theirs.write(`${JSON.stringify(answer(asked.at(-1) ?? ""))}\n`);
    }
  });
  return { ours, theirs, asked };
}

test("commands are answered in order, after the handshake", async () => {
  const { ours, asked } = machine((command) => ({ return: `did ${command}` }));
  const qmp = openQmp(ours, () => undefined);
  const answers = await Promise.all([qmp.human("info network"), qmp.human("set_link nic0 off")]);
  assert.deepEqual(answers, ["did info network", "did set_link nic0 off"]);
  assert.deepEqual(asked, ["qmp_capabilities", "info network", "set_link nic0 off"]);
});

test("a refused command rejects with the machine's words", async () => {
  const { ours } = machine((command) =>
    command === "qmp_capabilities" ? { return: {} } : { error: { class: "GenericError", desc: "no such device" } },
  );
  await assert.rejects(openQmp(ours, () => undefined).human("set_link nic9 off"), /no such device/);
});

test("events and the greeting are no answers", async () => {
  const events: string[] = [];
  const { ours, theirs } = machine(() => ({ return: "well" }));
  theirs.write('{"QMP": {"version": {}}}\n{"event": "RESET", "data": {"guest": true}}\n');
  const qmp = openQmp(ours, (event) => events.push(event));
  assert.equal(await qmp.human("info status"), "well");
  assert.deepEqual(events, ["RESET"]);
});

test("what is asked of a machine that ends is rejected", async () => {
  const [ours] = duplexPair();
  const qmp = openQmp(ours, () => undefined);
  const asked = qmp.human("info status");
  ours.destroy();
  await assert.rejects(asked, /has ended/);
  await assert.rejects(qmp.human("info status"), /has ended/);
});
