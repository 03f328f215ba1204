/** The demo, with its simulated machine: the one with a real machine is the lab's quick test. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { runDemo } from "../../lab/demo.ts";
import { namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";

const skip = namespaceObstacle() ?? packageObstacle("loaders") ?? false;
const OPTIONS = { firmware: "bios", full: false, simulate: true } as const;
const demoFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("everboot-demo-"));

test("demo --simulate ends well, shows every stage and leaves nothing behind", { skip }, async () => {
  const before = demoFolders();
  const lines: string[] = [];
  const code = await runDemo({ ...OPTIONS, out: (line) => lines.push(line), signal: new AbortController().signal });
  const text = lines.join("\n");
  assert.equal(code, 0, text);
  assert.match(text, /vm1 {2}installed/);
  for (const stage of ["dhcp", "loader", "script", "kernel", "answer", "packages", "post", "reboot"]) {
    assert.match(text, new RegExp(`^ +${stage} `, "m"), stage);
  }
  assert.match(text, /disk +boots from its disk/);
  assert.deepEqual(demoFolders(), before);
});

test("a demo that is stopped says so and leaves nothing behind", { skip }, async () => {
  const before = demoFolders();
  const stop = new AbortController();
  const lines: string[] = [];
  const out = (line: string) => {
    lines.push(line);
    if (line.includes("packages: 200")) stop.abort(new Error("SIGINT"));
  };
  assert.equal(await runDemo({ ...OPTIONS, out, signal: stop.signal }), 1);
  assert.equal(lines.at(-1), "Stopped. Nothing is left behind.");
  assert.deepEqual(demoFolders(), before);
});
