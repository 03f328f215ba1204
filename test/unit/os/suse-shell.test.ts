import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { FIXED_DISKS, fetchFunction, putFile, reportFunction } from "../../../src/os/suse-shell.ts";
import { servedBy, smallInput } from "./suse-cases.ts";
import { closedPort, listen, Stage } from "./suse-stage.ts";

const input = smallInput({ family: "suse", release: "15.6" });

function reporting(ports: readonly number[], call: string): string {
  return `${reportFunction(servedBy(input, ports).servers)}report ${call}\n`;
}

function runHere(t: TestContext, script: string) {
  const stage = new Stage(t);
  return stage.run(stage.moved(script));
}

test("a server that refuses connections is left for the next, which gets the text whole", async (t) => {
  const server = await listen(t, () => [200]);
  const { code } = await runHere(t, reporting([await closedPort(), server.port], "failed 60 'größer\n50 % \\n'"));
  assert.equal(code, 0);
  assert.deepEqual(server.asked, [{ path: "/report/t0ken/failed", body: "größer\n50 % \\n" }]);
});

test("a server that says nothing is left for the next", async (t) => {
  const silent = await listen(t, () => undefined);
  const server = await listen(t, () => [200]);
  const { code } = await runHere(t, reporting([silent.port, server.port], "answer 60"));
  assert.equal(code, 0);
  assert.deepEqual(silent.asked, [{ path: "/report/t0ken/answer", body: "" }]);
  assert.equal(server.asked.length, 1);
});

test("a refusal is final at the first server; an outage is not", async (t) => {
  const refusing = await listen(t, () => [403]);
  const busy = await listen(t, () => [503]);
  const { code } = await runHere(t, reporting([busy.port, refusing.port], "partition 0"));
  assert.equal(code, 8);
  assert.deepEqual([busy.asked.length, refusing.asked.length], [1, 1]);
});

test("the time that is given comes to an end, and servers are asked again before", async (t) => {
  const busy = await listen(t, () => [503]);
  const { code } = await runHere(t, reporting([busy.port], "post 1"));
  assert.equal(code, 1);
  assert.ok(busy.asked.length > 1);
});

test("a file of the tree is fetched from the first server that has an answer; absent is an answer", async (t) => {
  const busy = await listen(t, () => [503]);
  const server = await listen(t, (path) => (path.endsWith("products") ? [200, "/ one 1\n/two 2\n"] : [404]));
  const { servers } = servedBy(input, [busy.port, server.port]);
  const script = (path: string) => `${reportFunction(servers)}${fetchFunction(servers)}fetch ${path}\n`;
  assert.deepEqual(await runHere(t, script("media.1/products")), { code: 0, output: "/ one 1\n/two 2\n" });
  assert.deepEqual(await runHere(t, script("media.1/absent")), { code: 1, output: "" });
  assert.equal(server.asked[0]?.path, "/trees/tree/media.1/products");
});

test("fixed disks are those that cannot be taken out, with a medium, in the order of their names", async (t) => {
  const stage = new Stage(t);
  stage.disk("vda");
  stage.disk("sdb");
  stage.disk("sda", { bus: "pci/usb1" });
  stage.disk("sr0", { removable: 1 });
  stage.disk("nvme0n1");
  stage.disk("mmcblk0boot0");
  stage.disk("cciss!c0d0");
  stage.disk("sdz");
  stage.write("sys/block/sdz/size", "0\n");
  stage.write("sys/block/loop0/size", "1000\n");
  const { output } = await stage.run(stage.moved(`${FIXED_DISKS}fixed_disks\n`));
  assert.deepEqual(output.trim().split("\n"), ["/dev/cciss/c0d0", "/dev/nvme0n1", "/dev/sdb", "/dev/vda"]);
});

test("a file is put in its place whatever it holds, with its mode", async (t) => {
  const stage = new Stage(t);
  const content = "it's $HOME `id` %s \\n\n\nEOF\n";
  const { code } = await stage.run(putFile({ path: "etc/a/b", mode: 0o750, content }, stage.root).join("\n"));
  assert.equal(code, 0);
  assert.equal(stage.read("etc/a/b"), content);
});
