/** A machine that no site file has asks by DHCP, is listed, accepted as a host, and gets its address at once. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DaemonProcess, EVERBOOT } from "../../lab/daemon-process.ts";
import { connect, Namespace, namespaceObstacle } from "../../lab/netns.ts";
import { packageObstacle } from "../../lab/prerequisites.ts";
import type { UnknownMachine } from "../../src/cluster/unknown.ts";
import { exampleText } from "../support/sites.ts";

const skip = namespaceObstacle() ?? packageObstacle("clients", "loaders") ?? false;
const MAC = "52:54:00:00:00:99";
const FETCHER = "52:54:00:00:00:98";
/** As a UEFI machine's firmware: architecture 7, and an SMBIOS UUID. */
const FIRMWARE = ["-V", "PXEClient:Arch:00007:UNDI:003016", "-x", "0x5d:0007", "-x", `0x61:00${"0a".repeat(16)}`];
const UUID = "0a0a0a0a-0a0a-0a0a-0a0a-0a0a0a0a0a0a";
const SCRIPT = '#!/bin/sh\n[ "$1" = bound ] && echo "given $ip"\n';

let server: Namespace;
let machine: Namespace;
let folder: string;
let daemon: DaemonProcess;

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "everboot-unknown-"));
  mkdirSync(join(folder, "trees/debian-12"), { recursive: true });
  mkdirSync(join(folder, "state"));
  const siteFile = join(folder, "site.yaml");
  writeFileSync(siteFile, exampleText("single"));
  writeFileSync(join(folder, "udhcpc.sh"), SCRIPT, { mode: 0o755 });
  [server, machine] = [await Namespace.create("unks"), await Namespace.create("unkm")];
  await server.bridge("br0", "192.168.77.1/24");
  await connect(server, "p0", machine, "eth0");
  await server.ip("link set p0 master br0");
  await machine.ip(`link set eth0 address ${MAC}`);
  daemon = new DaemonProcess({ space: server, siteFile, state: join(folder, "state"), logDirectory: folder });
  await daemon.start();
});

after(async () => {
  if (skip) return;
  await daemon.stop();
  for (const space of [server, machine]) await space.remove();
  rmSync(folder, { recursive: true });
});

function everboot(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const words = ["netns", "exec", server.name, process.execPath, EVERBOOT, ...args, "--state", join(folder, "state")];
  return new Promise((resolve) => {
    execFile("ip", words, { cwd: folder }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), lines: `${err}${out}`.trimEnd().split("\n") }),
    );
  });
}

/** One DISCOVER and what comes of it; rejects when nobody answers. */
function askForAddress(): Promise<string> {
  const args = ["-f", "-q", "-n", "-t", "1", "-T", "1", "-i", "eth0", "-s", join(folder, "udhcpc.sh"), ...FIRMWARE];
  return machine.exec("udhcpc", args);
}

async function listed(): Promise<readonly UnknownMachine[]> {
  const { code, lines } = await everboot("unknown", "--json");
  assert.equal(code, 0, lines.join("\n"));
  return JSON.parse(lines.join("")).items;
}

test("a machine that is ignored is listed with what its firmware said", { skip, timeout: 120_000 }, async () => {
  assert.deepEqual(await listed(), []);
  await assert.rejects(askForAddress());
  const [found, ...others] = await listed();
  assert.deepEqual(others, []);
  assert.deepEqual(
    [found?.mac, found?.arch, found?.firmware, found?.uuid, found?.interface, found?.subnet, found?.address],
    [MAC, "amd64", "uefi", UUID, "br0", "192.168.77.0/24", undefined],
  );
});

test("so is one that fetches a boot script", { skip, timeout: 120_000 }, async () => {
  const url = `http://192.168.77.1/boot/ipxe/${FETCHER.replaceAll(":", "-")}`;
  await assert.rejects(server.exec("curl", ["-sf", url]), { code: 22 });
  const [found] = await listed();
  assert.deepEqual([found?.mac, found?.interface, found?.address], [FETCHER, "", "192.168.77.1"]);
});

test("the list outlives the daemon", { skip, timeout: 120_000 }, async () => {
  await daemon.stop();
  await daemon.start();
  const macs = (await listed()).map(({ mac }) => mac);
  assert.deepEqual(macs.sort(), [FETCHER, MAC]);
});

test("accepted, it is answered at once, and listed no more", { skip, timeout: 120_000 }, async () => {
  const { code, lines } = await everboot("accept", MAC, "--as", "vm3", "--yes");
  assert.equal(code, 0, lines.join("\n"));
  assert.equal(lines[0], `${MAC} becomes host vm3: 192.168.77.151, profile plain`);
  assert.deepEqual(lines.slice(-3), ["applied as revision 1", "one serves revision 1", "site.yaml has it too"]);
  assert.match(readFileSync(join(folder, "site.yaml"), "utf8"), /vm3:\n {4}nics: \["52:54:00:00:00:99"\]/);
  assert.match(await askForAddress(), /given 192\.168\.77\.151/);
  assert.deepEqual(
    (await listed()).map(({ mac }) => mac),
    [FETCHER],
  );
  assert.equal((await everboot("plan", "vm3")).code, 0);
});
