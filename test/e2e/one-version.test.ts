/** One boot, one version: an import in the middle of an install, and a server that lacks what it is asked for. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { CLIENT_ADDRESS, clusterObstacle, LAB_TREE, LabCluster } from "../../lab/cluster.ts";
import { EVERBOOT } from "../../lab/daemon-process.ts";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import type { TreesAnswer } from "../../src/server/api/operations.ts";
import { addVersion } from "../support/tree-peers.ts";
import { layOut, MEDIA } from "./media-lab.ts";

const SITE = `site: home
subnets: [{cidr: 192.168.77.0/24, router: 192.168.77.1, domain: lab.example}]
servers: {one: {address: 192.168.77.1, interface: br0}}
trees: {rocky-9: {family: redhat, release: "9", path: ./rocky-9}}
profiles: {plain: {tree: rocky-9, root: {password: "!"}}}
hosts:
  vm1: {nics: ["52:54:00:00:00:01"], address: 192.168.77.101, profile: plain}
  vm2: {nics: ["52:54:00:00:00:02"], address: 192.168.77.102, profile: plain}
`;
const READY_MS = 90_000;
const URL_BASE = "http://192.168.77.1";
const run = promisify(execFile);

async function up(context: TestContext, space: Namespace, folder: string): Promise<ChildProcess> {
  const args = [EVERBOOT, "up", "-c", join(folder, "site.yaml"), "--state", join(folder, "state")];
  const child = space.spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  context.after(() => end(child));
  assert.ok(child.stdout);
  await once(createInterface({ input: child.stdout }), "line", { signal: AbortSignal.timeout(READY_MS) });
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** What a boot is told: its kernel's URL, its initrd's, and the tree's. */
async function bootOf(get: (...urls: readonly string[]) => Promise<string>, number: number) {
  const script = await get(`${URL_BASE}/boot/ipxe/52-54-00-00-00-0${number}`);
  const found = (pattern: RegExp) => pattern.exec(script)?.[1] ?? assert.fail(script);
  return {
    kernel: found(/^kernel .*?(http\S+\/linux)/m),
    initrd: found(/^initrd .*?(http\S+\/initrd)/m),
    tree: found(/inst\.stage2=(\S+)/),
  };
}

test("an import in the middle: the install that runs goes on with its version, also after kill -9; a new boot has the next", {
  skip: namespaceObstacle() ?? false,
  timeout: 180_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-version-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const server = await Namespace.create("evvs");
  const client = await Namespace.create("evvc");
  context.after(() => Promise.all([server.remove(), client.remove()]));
  await server.bridge("br0", "192.168.77.1/24");
  await connect(server, "p0", client, "eth0");
  await server.ip("link set p0 master br0");
  for (const number of [101, 102]) await client.ip(`addr add 192.168.77.${number}/24 dev eth0`);
  writeFileSync(join(folder, "site.yaml"), SITE);
  mkdirSync(join(folder, "state"));
  const everboot = (...args: readonly string[]) =>
    run("ip", ["netns", "exec", server.name, process.execPath, EVERBOOT, ...args], { cwd: folder });
  const take = async (build: string) => {
    await layOut(MEDIA[0]?.make(build) ?? assert.fail(), join(folder, build));
    await everboot("import", build, "--as", "rocky-9", "-c", "site.yaml");
  };
  const getAs = (number: number, url: string) =>
    client.exec("curl", ["-sSf", "--interface", `192.168.77.10${number}`, url]);

  await take("one");
  const daemon = await up(context, server, folder);
  await everboot("install", "vm1", "vm2", "--state", "state");
  const handedOut = performance.now();
  const first = await bootOf((url = "") => getAs(1, url), 1);
  assert.match(first.tree, /\/trees\/rocky-9@[0-9a-f]{12}$/);
  await take("two");
  const goesOn = async () => {
    assert.equal(await getAs(1, first.kernel), "kernel one");
    assert.match(await getAs(1, first.initrd), /^initrd one/);
    assert.equal(await getAs(1, `${first.tree}/BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm`), "bash one");
  };
  await goesOn();
  // The same within 60 s of the hand-out; on a slow computer the import took longer.
  const again = await bootOf((url = "") => getAs(1, url), 1);
  if (performance.now() - handedOut < 55_000) assert.equal(again.tree, first.tree, "it asks again: a lost answer");
  const second = await bootOf((url = "") => getAs(2, url), 2);
  assert.notEqual(second.tree, first.tree);
  assert.equal(await getAs(2, second.kernel), "kernel two");
  assert.equal(await getAs(2, `${second.tree}/BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm`), "bash two");
  await end(daemon);
  await up(context, server, folder);
  await goesOn();
  assert.equal(await getAs(1, `${URL_BASE}/trees/rocky-9/images/pxeboot/vmlinuz`), "kernel two");
  const none = getAs(1, `${URL_BASE}/trees/rocky-9@0123456789ab/images/pxeboot/vmlinuz`);
  await assert.rejects(none, /404/, "of no version that anybody reads");
});

/** What takes minutes at the least rate that can be set. */
const LARGE = Buffer.alloc(24 << 20, "large ");
const filesOf = (build: string) => ({ linux: `kernel ${build}`, "initrd.gz": `initrd ${build}` });

test("a server that lacks a version sends its clients on; when nobody that lives has it, that is an outage", {
  skip: clusterObstacle() ?? false,
  timeout: 180_000,
}, async (context) => {
  const lab = await LabCluster.open({
    ...{ name: "ov", servers: 2, ownTrees: true, site: { replication: { rate: "64KiB" } } },
    hosts: { vm1: { nics: ["52:54:00:77:00:01"], address: CLIENT_ADDRESS } },
    fill: async (folder) => void (await addVersion(folder, filesOf("one"))),
  });
  context.after(() => lab.close());
  const [one = assert.fail(), two = assert.fail()] = lab.servers;
  const ask = (url: string, ...more: readonly string[]) =>
    lab.net.client.exec("curl", ["-sS", "-m", "20", "-w", "\n%{http_code} %{redirect_url}", ...more, url]);
  const version = await addVersion(lab.treeOf(one), { ...filesOf("two"), "pool/large.deb": LARGE });
  await lab.permit("vm1");
  await lab.until("the new version is current, and it is known who has it", async () => {
    const { items } = (await lab.ask(two, "GET", "/api/v1/trees")) as TreesAnswer;
    const holders = items[0]?.versions.find(({ id }) => id === version)?.holders;
    return items[0]?.current === version && holders?.join() === one.name;
  });
  const script = await ask(`http://${two.address}/boot/ipxe/52-54-00-77-00-01`);
  const kernel = /(http:\/\/\S+\/linux)/.exec(script)?.[1] ?? assert.fail(script);
  assert.ok(kernel.startsWith(`http://${one.floating}/`), `${kernel}: ${two.name} lacks it`);
  const atTwo = kernel.replace(one.floating, two.address);
  assert.match(await ask(atTwo), new RegExp(`307 http://${one.floating}${new URL(kernel).pathname}$`));
  assert.match(await ask(atTwo, "-L"), /^kernel two\n200/);
  const file = `http://${two.address}/trees/${LAB_TREE}@${version}/linux`;
  assert.match(await ask(file, "-L"), /^kernel two\n200/);
  assert.match(await ask(`http://${two.address}/trees/${LAB_TREE}@${version}/none`, "-L"), /\n404 $/);
  await lab.killServer(one);
  await lab.until("it is an outage", async () => / 503 |\n503 /.test(await ask(file)));
  assert.match(await ask(`http://${two.address}/trees/${LAB_TREE}@0123456789ab/linux`), /\n404 $/);
});
