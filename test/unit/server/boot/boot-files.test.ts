import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { siteOrders } from "../../../../src/balance/site-orders.ts";
import type { Ipv4 } from "../../../../src/base/address.ts";
import type { PermitAnswer } from "../../../../src/boot/plan.ts";
import { folderResolver } from "../../../../src/content/folder.ts";
import { bytesFile, SegmentReader } from "../../../../src/content/segments.ts";
import type { Lookup } from "../../../../src/content/served-file.ts";
import { FAMILIES, POLICIES } from "../../../../src/registry.ts";
import { createBootFiles, type ScriptEvent } from "../../../../src/server/boot/boot-files.ts";
import { createInstallFiles } from "../../../../src/server/boot/install-files.ts";
import { exampleSite } from "../../../support/sites.ts";

const site = exampleSite("single");
const TOKEN = "0123456789abcdef0123456789abcdef";
const permit = { id: "p1", token: TOKEN, expires: Date.parse("2026-11-20T12:00:00Z") };
const VM1 = { address: "192.168.77.101", protocol: "http" } as const;
const server = { address: "192.168.77.1" as Ipv4, httpPort: 80 };

interface World {
  readonly permit?: PermitAnswer;
  readonly netboot?: boolean;
}

function open(context: TestContext, world: World = {}) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-boot-"));
  context.after(() => rmSync(folder, { recursive: true }));
  if (world.netboot !== false) {
    writeFileSync(join(folder, "linux"), "the kernel");
    writeFileSync(join(folder, "initrd.gz"), "the initrd");
  }
  const files = folderResolver(folder);
  const tree = (_tree: unknown, path: string) => files(path);
  const scripts: ScriptEvent[] = [];
  const handedOut: string[] = [];
  const resolve = createBootFiles({
    site,
    installFiles: createInstallFiles({ site, families: FAMILIES, order: siteOrders(site, POLICIES), tree }),
    permits: {
      handOut: async (host) => {
        handedOut.push(host);
        return world.permit ?? { kind: "permit", permit };
      },
      bootable: (token) => (token === TOKEN ? { host: "vm1", permit } : undefined),
    },
    loader: async (name) =>
      name === "undionly.kpxe" ? { kind: "file", file: bytesFile(Buffer.from("loader"), "", 0) } : { kind: "absent" },
    tree,
    serverFor: () => server,
    onScript: (event) => scripts.push(event),
  });
  return { resolve, scripts, handedOut, folder };
}

async function bytesOf(lookup: Lookup): Promise<Buffer> {
  assert.equal(lookup.kind, "file");
  if (lookup.kind !== "file") throw new Error("unreachable");
  const reader = new SegmentReader(lookup.file);
  const bytes = Buffer.from(await reader.read(0, lookup.file.size));
  await reader.close();
  return bytes;
}

const textOf = async (lookup: Lookup) => (await bytesOf(lookup)).toString();

test("a loader is served from the root", async (context) => {
  const { resolve } = open(context);
  assert.equal(await textOf(await resolve("/undionly.kpxe", VM1)), "loader");
  assert.equal((await resolve("/other.efi", VM1)).kind, "absent");
});

test("the iPXE script of a host with a permit installs it", async (context) => {
  const { resolve, scripts } = open(context);
  const text = await textOf(await resolve("/boot/ipxe/52-54-00-00-00-02", VM1));
  assert.match(text, new RegExp(`kernel .* http://192\\.168\\.77\\.1/boot/${TOKEN}/52-54-00-00-00-02/linux `));
  assert.match(text, /BOOTIF=01-52-54-00-00-00-02/);
  assert.deepEqual(
    scripts.map(({ host, action, loader }) => [host.name, action, loader]),
    [["vm1", "install", "ipxe"]],
  );
});

test("without a permit every loader's script boots from the disk", async (context) => {
  const { resolve, scripts } = open(context, { permit: { kind: "none", why: "it has no permit" } });
  const paths = ["/boot/ipxe/52-54-00-00-00-01", "/pxelinux.cfg/01-52-54-00-00-00-01", "/grub/grub.cfg"];
  for (const path of paths)
    assert.match(await textOf(await resolve(path, VM1)), /boots from its disk: it has no permit/);
  assert.deepEqual(
    scripts.map(({ action }) => action),
    ["local", "local", "local"],
  );
});

test("no permit is spent on a tree that cannot be installed from", async (context) => {
  const { resolve, handedOut } = open(context, { netboot: false });
  const text = await textOf(await resolve("/boot/ipxe/52-54-00-00-00-01", VM1));
  assert.match(text, /boots from its disk: its tree lacks the files that its installer starts from/);
  assert.deepEqual(handedOut, []);
});

test("pxelinux finds a host by MAC, by its address in hex, and by who asks for default", async (context) => {
  const { resolve } = open(context);
  for (const name of ["01-52-54-00-00-00-01", "C0A84D65", "default"]) {
    const text = await textOf(await resolve(`/pxelinux.cfg/${name}`, VM1));
    assert.match(text, new RegExp(`KERNEL boot/${TOKEN}/52-54-00-00-00-01/linux`), name);
  }
  for (const name of ["C0A84D63", "C0A84", "01-52-54-00-00-00-77"]) {
    assert.equal((await resolve(`/pxelinux.cfg/${name}`, VM1)).kind, "absent", name);
  }
  assert.equal((await resolve("/pxelinux.cfg/default", { ...VM1, address: "192.168.77.140" })).kind, "absent");
});

test("GRUB finds a host by MAC and by its address, and nothing else below grub/", async (context) => {
  const { resolve } = open(context);
  for (const name of ["grub.cfg", "grub.cfg-01-52-54-00-00-00-02"]) {
    assert.match(await textOf(await resolve(`/grub/${name}`, VM1)), /until linux \/boot\//);
  }
  assert.equal((await resolve("/grub/x86_64-efi/command.lst", VM1)).kind, "absent");
});

test("kernel and initrd need the permit's token and its host's MAC", async (context) => {
  const { resolve } = open(context);
  assert.equal(await textOf(await resolve(`/boot/${TOKEN}/52-54-00-00-00-01/linux`, VM1)), "the kernel");
  const refused = [`/boot/${"f".repeat(32)}/52-54-00-00-00-01/linux`, `/boot/${TOKEN}/52-54-00-00-00-03/linux`];
  for (const path of refused) assert.equal((await resolve(path, VM1)).kind, "refused", path);
  for (const path of [`/boot/${TOKEN}`, `/boot/${TOKEN}/52-54-00-00-00-01/other`, `/boot/${TOKEN}/x/linux`]) {
    assert.equal((await resolve(path, VM1)).kind, "absent", path);
  }
});

test("the initrd is the tree's own with the answers appended, the same bytes each time", async (context) => {
  const { resolve, folder } = open(context);
  const path = `/boot/${TOKEN}/52-54-00-00-00-01/initrd`;
  const bytes = await bytesOf(await resolve(path, VM1));
  const base = readFileSync(join(folder, "initrd.gz"));
  assert.deepEqual(bytes.subarray(0, base.length), base);
  const overlay = gunzipSync(bytes.subarray(base.length)).toString("latin1");
  assert.match(overlay, /070701.*preseed\.cfg/s);
  assert.match(overlay, new RegExp(`http://192\\.168\\.77\\.1/report/${TOKEN}`));
  assert.deepEqual(await bytesOf(await resolve(path, VM1)), bytes);
});

test("trees are served by name", async (context) => {
  const { resolve } = open(context);
  assert.equal(await textOf(await resolve("/trees/debian-12/linux", VM1)), "the kernel");
  assert.equal((await resolve("/trees/other/linux", VM1)).kind, "absent");
  assert.equal((await resolve("/trees/debian-12", VM1)).kind, "absent");
});

test("words that every object knows are no files", async (context) => {
  const { resolve } = open(context);
  for (const path of ["/constructor/x", "/__proto__/x", "/toString/x", "/constructor"]) {
    assert.equal((await resolve(path, VM1)).kind, "absent", path);
  }
});
