import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { siteOrders } from "../../../../src/balance/site-orders.ts";
import type { Ipv4 } from "../../../../src/base/address.ts";
import type { PermitAnswer } from "../../../../src/boot/plan.ts";
import { carriedBoot } from "../../../../src/cluster/boot-id.ts";
import { folderResolver } from "../../../../src/content/folder.ts";
import { buildManifest, writeManifest } from "../../../../src/content/manifest.ts";
import { bytesFile, SegmentReader } from "../../../../src/content/segments.ts";
import type { Elsewhere, Lookup } from "../../../../src/content/served-file.ts";
import { FAMILIES, POLICIES } from "../../../../src/registry.ts";
import { type BootFilesOptions, createBootFiles, withoutRedirects } from "../../../../src/server/boot/boot-files.ts";
import type { ScriptEvent } from "../../../../src/server/boot/boot-scripts.ts";
import { createInstallFiles } from "../../../../src/server/boot/install-files.ts";
import type { Place } from "../../../../src/server/boot/whereabouts.ts";
import { exampleSite } from "../../../support/sites.ts";

const site = exampleSite("single");
const TOKEN = "0123456789abcdef0123456789abcdef";
const permit = { id: "p1", token: TOKEN, expires: Date.parse("2026-11-20T12:00:00Z") };
const VM1 = { address: "192.168.77.101", protocol: "http" } as const;
const server = { address: "192.168.77.1" as Ipv4, httpPort: 80 };
const OTHER = { name: "other", address: "192.168.77.2" as Ipv4, httpPort: 80 };

interface World extends Pick<BootFilesOptions, "admission"> {
  readonly permit?: PermitAnswer;
  readonly netboot?: boolean;
  /** Id of the machine's boot. */
  readonly trace?: string;
  /** Of its tree; `"untold"`: it cannot be told. */
  readonly current?: string;
  /** Where the tree's version is; absent = here. */
  readonly place?: Place;
}

/** What one wait is told. */
const WAIT = { kind: "wait", place: 12, of: 1950, since: 1767225600000, seconds: 4, isFirst: true } as const;

function open(context: TestContext, world: World = {}) {
  const folder = mkdtempSync(join(tmpdir(), "everboot-boot-"));
  context.after(() => rmSync(folder, { recursive: true }));
  if (world.netboot !== false) {
    writeFileSync(join(folder, "linux"), "the kernel");
    writeFileSync(join(folder, "initrd.gz"), "the initrd");
  }
  const files = folderResolver(folder);
  const tree = async (_tree: unknown, path: string, version?: string): Promise<Lookup> =>
    version === undefined || version === "0123456789ab" ? files(path) : { kind: "absent" };
  const scripts: ScriptEvent[] = [];
  const handedOut: string[] = [];
  const unlisted: string[] = [];
  const resolve = createBootFiles({
    site,
    installFiles: createInstallFiles({
      ...{ site, families: FAMILIES, order: siteOrders(site, POLICIES), tree },
      ...(world.current !== undefined && {
        versions: {
          current: async () => (world.current === "untold" ? Promise.reject(new Error("disk")) : world.current),
          holds: () => true,
          find: async () => world.place ?? { kind: "here" },
        },
      }),
    }),
    permits: {
      handOut: async (host, { server, version } = {}) => {
        handedOut.push(server === undefined ? host : `${host} to ${server}`);
        return world.permit ?? { kind: "permit", permit: { ...permit, ...(version !== undefined && { version }) } };
      },
      peek: () => world.permit ?? { kind: "permit", permit },
      bootable: (carried) =>
        carriedBoot(carried).token === TOKEN ? { host: "vm1", permit: { ...permit, token: carried } } : undefined,
    },
    loader: async (name) =>
      name === "undionly.kpxe" ? { kind: "file", file: bytesFile(Buffer.from("loader"), "", 0) } : { kind: "absent" },
    tree,
    ...(world.place && { missing: async () => ({ kind: "elsewhere", at: "http://192.168.77.2" }) }),
    serverFor: (_client, sentTo) => (sentTo === undefined ? server : OTHER),
    clock: { now: () => Date.UTC(2026, 0, 2) },
    ...(world.admission && { admission: world.admission }),
    onScript: (event) => {
      scripts.push(event);
      return world.trace;
    },
    onUnlisted: (path, { address }) => void unlisted.push(`${path} to ${address}`),
  });
  return { resolve, scripts, handedOut, folder, unlisted };
}

async function bytesOf(lookup: Lookup | Elsewhere): Promise<Buffer> {
  assert.equal(lookup.kind, "file");
  if (lookup.kind !== "file") throw new Error("unreachable");
  const reader = new SegmentReader(lookup.file);
  const bytes = Buffer.from(await reader.read(0, lookup.file.size));
  await reader.close();
  return bytes;
}

const textOf = async (lookup: Lookup | Elsewhere) => (await bytesOf(lookup)).toString();

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

test("what a machine fetches and sends names its boot, by every loader and in its answers", async (context) => {
  const { resolve } = open(context, { trace: "0123abcd" });
  const folder = `boot/${TOKEN}-0123abcd/52-54-00-00-00-01`;
  for (const path of ["/boot/ipxe/52-54-00-00-00-01", "/pxelinux.cfg/01-52-54-00-00-00-01", "/grub/grub.cfg"]) {
    const text = await textOf(await resolve(path, VM1));
    assert.match(text, new RegExp(`${folder}/linux`), path);
    assert.match(text, new RegExp(`${folder}/initrd`), path);
  }
  const initrd = await bytesOf(await resolve(`/${folder}/initrd`, VM1));
  const overlay = gunzipSync(initrd.subarray("the initrd".length)).toString();
  assert.match(overlay, new RegExp(`/report/${TOKEN}-0123abcd`));
  assert.doesNotMatch(overlay, new RegExp(`/report/${TOKEN}(?!-0123abcd)`));
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
  assert.equal(await textOf(await resolve("/trees/debian-12@0123456789ab/linux", VM1)), "the kernel");
  assert.equal((await resolve("/trees/debian-12@ba9876543210/linux", VM1)).kind, "absent");
  assert.equal((await resolve("/trees/other/linux", VM1)).kind, "absent");
  assert.equal((await resolve("/trees/debian-12", VM1)).kind, "absent");
});

test("a file of a tree that is not what the manifest lists is told", async (context) => {
  const { resolve, folder, unlisted } = open(context);
  await writeManifest(folder, await buildManifest(folder));
  await resolve("/trees/debian-12/linux", VM1);
  writeFileSync(join(folder, "linux"), "another kernel");
  await resolve("/trees/debian-12/linux", VM1);
  assert.deepEqual(unlisted, [`/trees/debian-12/linux to ${VM1.address}`]);
});

test("words that every object knows are no files", async (context) => {
  const { resolve } = open(context);
  for (const path of ["/constructor/x", "/__proto__/x", "/toString/x", "/constructor"]) {
    assert.equal((await resolve(path, VM1)).kind, "absent", path);
  }
});

test("a machine that waits is told its place, spends no permit and is told of once", async (context) => {
  const told = [WAIT, { ...WAIT, place: 11, isFirst: false }];
  const asked: unknown[] = [];
  const admission = {
    ask: (host: { readonly name: string }, asking: object = {}) => {
      asked.push([host.name, asking]);
      return told.shift() ?? assert.fail();
    },
  };
  // Its tree is not even looked at.
  const { resolve, scripts, handedOut } = open(context, { admission, netboot: false });
  const first = await textOf(await resolve("/boot/ipxe/52-54-00-00-00-02", VM1));
  assert.match(first, /vm1 waits for a place: 12th of 1950\nsleep 4\n/);
  const again = /chain .* http:\/\/192\.168\.77\.1(\S+)/.exec(first)?.[1] ?? "";
  assert.equal(again, "/boot/ipxe/52-54-00-00-00-02/1767225600000");
  assert.match(await textOf(await resolve(again, VM1)), /11th of 1950/);
  assert.deepEqual(asked, [
    ["vm1", { leastPause: 3 }],
    ["vm1", { since: 1767225600000, leastPause: 3 }],
  ]);
  assert.deepEqual(handedOut, []);
  assert.deepEqual(
    scripts.map(({ action, reasons }) => [action, ...reasons]),
    [["wait", "waits for a place: 12th of 1950"]],
  );
});

const places: ReadonlyArray<[number, string]> = [
  [1, "1st"],
  [2, "2nd"],
  [3, "3rd"],
  [4, "4th"],
  [11, "11th"],
  [112, "112th"],
  [113, "113th"],
  [122, "122nd"],
];
for (const [place, words] of places) {
  test(`place ${place} is the ${words}`, async (context) => {
    const { resolve } = open(context, { admission: { ask: () => ({ ...WAIT, place }) } });
    assert.match(await textOf(await resolve("/grub/grub.cfg", VM1)), new RegExp(`: ${words} of`));
  });
}

test("GRUB asks again under its own path, PXELINUX not before half a minute", async (context) => {
  const pauses: unknown[] = [];
  const admission = {
    ask: (_host: unknown, { leastPause, since }: { leastPause?: number; since?: number } = {}) => {
      pauses.push([leastPause, since]);
      return WAIT;
    },
  };
  const { resolve } = open(context, { admission });
  const text = await textOf(await resolve("/grub/grub.cfg-01-52-54-00-00-00-02", VM1));
  const again = /source (\S+)/.exec(text)?.[1] ?? "";
  assert.equal(await textOf(await resolve(again, VM1)), text);
  await resolve("/pxelinux.cfg/01-52-54-00-00-00-02", VM1);
  assert.deepEqual(pauses, [
    [3, undefined],
    [3, 1767225600000],
    [30, undefined],
  ]);
});

test("a time that no machine was told is no path", async (context) => {
  const { resolve } = open(context);
  for (const since of ["x", "-1", "1e3", "12345678901234", "1/2"]) {
    assert.equal((await resolve(`/boot/ipxe/52-54-00-00-00-02/${since}`, VM1)).kind, "absent", since);
    assert.equal((await resolve(`/grub/${since}/grub.cfg-01-52-54-00-00-00-02`, VM1)).kind, "absent", since);
  }
});

function letIn(settled: boolean[]): NonNullable<World["admission"]> {
  return { ask: () => ({ kind: "go", server: "other", settle: (isHandedOut) => settled.push(isHandedOut) }) };
}

test("a machine that is let in gets all from the server that it is sent to", async (context) => {
  const settled: boolean[] = [];
  const { resolve, handedOut } = open(context, {
    admission: letIn(settled),
    permit: { kind: "permit", permit: { ...permit, server: "other" } },
  });
  const text = await textOf(await resolve("/boot/ipxe/52-54-00-00-00-02", VM1));
  assert.match(text, new RegExp(`kernel .* http://192\\.168\\.77\\.2/boot/${TOKEN}/`));
  assert.match(text, new RegExp(`initrd .* http://192\\.168\\.77\\.2/boot/${TOKEN}/`));
  assert.deepEqual(handedOut, ["vm1 to other"]);
  assert.deepEqual(settled, [true]);
});

test("a place that is not used is given back", async (context) => {
  const settled: boolean[] = [];
  const admission = letIn(settled);
  await open(context, { admission, netboot: false }).resolve("/boot/ipxe/52-54-00-00-00-02", VM1);
  const none = open(context, { admission, permit: { kind: "none", why: "its permit was taken back" } });
  await none.resolve("/boot/ipxe/52-54-00-00-00-02", VM1);
  assert.deepEqual(settled, [false, false]);
});

test("in an outage a machine that waits goes on waiting, and one that has just come begins to", async (context) => {
  const permit = { kind: "none", why: "the state of its permit cannot be told now", isOutage: true } as const;
  const { resolve, scripts } = open(context, { permit, admission: { ask: () => ({ kind: "none" }) } });
  const waiting = await textOf(await resolve("/boot/ipxe/52-54-00-00-00-02/1767225600000", VM1));
  assert.match(waiting, /vm1 waits: the state of its permit cannot be told now\nsleep 15\n/);
  assert.match(waiting, /chain .*\/boot\/ipxe\/52-54-00-00-00-02\/1767225600000/);
  const newcomer = await textOf(await resolve("/boot/ipxe/52-54-00-00-00-02", VM1));
  assert.match(newcomer, new RegExp(`chain .*/boot/ipxe/52-54-00-00-00-02/${Date.UTC(2026, 0, 2)}`));
  assert.deepEqual(
    scripts.map(({ action }) => action),
    ["hold"],
  );
});

const VERSION = "0123456789ab";

test("a boot is handed the version that is current, in its script, kernel, initrd and answers", async (context) => {
  const { resolve } = open(context, { current: VERSION, trace: "0123abcd" });
  const folder = `boot/${TOKEN}-0123abcd@${VERSION}/52-54-00-00-00-01`;
  for (const path of ["/boot/ipxe/52-54-00-00-00-01", "/pxelinux.cfg/01-52-54-00-00-00-01", "/grub/grub.cfg"]) {
    const text = await textOf(await resolve(path, VM1));
    for (const file of ["linux", "initrd"]) assert.match(text, new RegExp(`${folder}/${file}`), path);
  }
  assert.equal(await textOf(await resolve(`/${folder}/linux`, VM1)), "the kernel");
  const initrd = await bytesOf(await resolve(`/${folder}/initrd`, VM1));
  const overlay = gunzipSync(initrd.subarray("the initrd".length)).toString();
  assert.match(overlay, new RegExp(`/trees/debian-12@${VERSION}`));
  assert.match(overlay, new RegExp(`/report/${TOKEN}-0123abcd`));
  assert.doesNotMatch(overlay, /\/report\/\S*@/);
});

test("a version that is not here: the client is sent on, for kernel, initrd and packages alike", async (context) => {
  const { resolve } = open(context, { place: { kind: "nowhere" } });
  const boot = `/boot/${TOKEN}@ba9876543210/52-54-00-00-00-01`;
  const paths = [`${boot}/linux`, `${boot}/initrd`, "/trees/debian-12@ba9876543210/linux"];
  for (const path of paths) {
    assert.deepEqual(await resolve(path, VM1), { kind: "elsewhere", at: "http://192.168.77.2" }, path);
    const tftp = await withoutRedirects(resolve)(path, { ...VM1, protocol: "tftp" });
    assert.equal(tftp.kind, "broken", "by TFTP nobody can be sent on, and silence is no refusal");
  }
  assert.equal((await resolve("/trees/debian-12/none", VM1)).kind, "absent", "of no version");
  assert.equal((await resolve(`/boot/${"f".repeat(32)}@ba9876543210/52-54-00-00-00-01/linux`, VM1)).kind, "refused");
  assert.equal((await resolve(`${boot}/other`, VM1)).kind, "absent");
});

const holds: ReadonlyArray<readonly [what: string, world: World, text: RegExp]> = [
  ["its current version cannot be told", { current: "untold" }, /vm1 waits: its tree lacks a current version/],
  [
    "no server that lives has it",
    { current: VERSION, place: { kind: "nowhere" } },
    /vm1 waits: its tree lacks version 0123456789ab: no server that lives has it/,
  ],
];
for (const [what, world, text] of holds) {
  test(`${what}: who would be installed waits, all others boot from their disks`, async (context) => {
    const settled: boolean[] = [];
    const { resolve, handedOut, scripts } = open(context, { ...world, admission: letIn(settled) });
    assert.match(await textOf(await resolve("/boot/ipxe/52-54-00-00-00-01", VM1)), text);
    assert.deepEqual([handedOut, settled, scripts.map(({ action }) => action)], [[], [false], ["hold"]]);
    const none = open(context, { ...world, permit: { kind: "none", why: "it has no permit" } });
    assert.match(
      await textOf(await none.resolve("/boot/ipxe/52-54-00-00-00-01", VM1)),
      /from its disk: it has no permit/,
    );
  });
}

test("a version that another server has is handed out, though it cannot be looked at here", async (context) => {
  const [other = assert.fail()] = site.servers.values();
  const place = { kind: "elsewhere", server: other } as const;
  const { resolve } = open(context, { current: VERSION, place, netboot: false });
  assert.match(await textOf(await resolve("/boot/ipxe/52-54-00-00-00-01", VM1)), new RegExp(`@${VERSION}/.*/linux`));
});
