/** The demo, with its simulated machine: the one with a real machine is the lab's quick test. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { clusterObstacle } from "../../lab/cluster.ts";
import { runDemo } from "../../lab/demo.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";

const skip = clusterObstacle() ?? packageObstacle("loaders") ?? false;
const OPTIONS = { firmware: "bios", full: false, simulate: true, servers: 2, kill: "initrd" } as const;
const demoFolders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("everboot-demo-"));

test("demo --simulate kills the server that serves, ends well, shows every stage and leaves nothing behind", {
  skip,
}, async () => {
  const before = demoFolders();
  const lines: string[] = [];
  const code = await runDemo({ ...OPTIONS, out: (line) => lines.push(line), signal: new AbortController().signal });
  const text = lines.join("\n");
  assert.equal(code, 0, text);
  assert.match(text, /vm1 {2}installed/);
  for (const stage of ["dhcp", "loader", "script", "kernel", "answer", "packages", "post", "reboot"]) {
    assert.match(text, new RegExp(`^ +${stage} `, "m"), stage);
  }
  const killed = /KILL (server\d)/.exec(text)?.[1];
  assert.notEqual(killed, undefined, text);
  assert.match(text, new RegExp(`10\\.77\\.0\\.\\d is at (?!${killed})server\\d after \\d+ ms`));
  assert.match(text, new RegExp(`${killed} is switched on again`));
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
