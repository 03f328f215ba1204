/** NFS by the whole daemon, with real nfs-ganesha: a machine is told to mount its tree, and what it is told can be mounted. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { DaemonProcess, EVERBOOT } from "../../lab/daemon-process.ts";
import { connect, Namespace } from "../../lab/netns.ts";
import { nfsEnvironment, nfsObstacle, withModules } from "../../lab/nfs.ts";
import { rackObstacle } from "../support/dhcp-rack.ts";
import { layOut, MEDIA } from "./media-lab.ts";

const SITE = `site: home
subnets: [{cidr: 192.168.77.0/24, router: 192.168.77.1, domain: lab.example}]
servers: {one: {address: 192.168.77.1, interface: br0}}
trees: {rocky-9: {family: redhat, release: "9", path: ./rocky-9}}
profiles: {plain: {tree: rocky-9, root: {password: "!"}, via: nfs}}
hosts: {vm1: {nics: ["52:54:00:00:00:01"], address: 192.168.77.101, profile: plain}}
`;
const PACKAGE = "BaseOS/Packages/b/bash-5.1.8-9.el9.x86_64.rpm";

function obstacle(): string | false {
  if (!/\toverlay$/m.test(readFileSync("/proc/filesystems", "utf8"))) return "needs overlays in the kernel";
  return nfsObstacle() ?? rackObstacle("ip", "unshare");
}

test("a machine whose profile wants NFS mounts the version that its boot was handed", {
  skip: obstacle(),
  timeout: 180_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), "everboot-nfsd-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const server = await Namespace.create("evnds");
  const client = await Namespace.create("evndc");
  context.after(() => Promise.all([server.remove(), client.remove()]));
  await server.bridge("br0", "192.168.77.1/24");
  await connect(server, "p0", client, "eth0");
  await server.ip("link set p0 master br0");
  await client.ip("addr add 192.168.77.101/24 dev eth0");
  const siteFile = join(folder, "site.yaml");
  const state = join(folder, "state");
  writeFileSync(siteFile, SITE);
  mkdirSync(state);
  const env = { ...process.env, ...nfsEnvironment() };
  const everboot = (...args: readonly string[]) =>
    promisify(execFile)("ip", ["netns", "exec", server.name, process.execPath, EVERBOOT, ...args], { cwd: folder });
  const take = async (build: string) => {
    await layOut(MEDIA[0]?.make(build) ?? assert.fail(), join(folder, build));
    await everboot("import", build, "--as", "rocky-9", "-c", siteFile);
  };
  await take("one");
  const daemon = new DaemonProcess({
    space: server,
    siteFile,
    state,
    logDirectory: folder,
    within: withModules(),
    env,
  });
  context.after(() => daemon.stop());
  await daemon.start();
  await everboot("install", "vm1", "--state", state);
  const script = await client.exec("curl", ["-sSf", "http://192.168.77.1/boot/ipxe/52-54-00-00-00-01"]);
  const [, address, path] = /inst\.stage2=nfs:([\d.]+):(\S+)/.exec(script) ?? assert.fail(script);
  const read = async (version: number) =>
    promisify(execFile)(
      "ip",
      ["netns", "exec", client.name, "nfs-cat", `nfs://${address}${path}/${PACKAGE}?version=${version}`],
      { env },
    );
  for (const version of [3, 4]) assert.equal((await read(version)).stdout, "bash one", `version ${version}`);
  await take("two");
  for (const version of [3, 4]) assert.equal((await read(version)).stdout, "bash one", `version ${version}, imported`);
  await daemon.stop();
  const left = await server.exec("sh", ["-c", "ss -tlnH sport = :2049"]);
  assert.equal(left, "", "ganesha has ended with its daemon");
});
