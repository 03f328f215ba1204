/** Twelve ways in which an install is broken, each as near to the real thing as a lab comes. */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { addCleanup, runQuietly } from "../../lab/cleanup.ts";
import { DaemonProcess } from "../../lab/daemon-process.ts";
import { type MachineOptions, startMachine } from "../../lab/machine.ts";
import { connect, Namespace } from "../../lab/netns.ts";
import type { Rack, TreeSource } from "../../lab/rack.ts";
import { errnoOf } from "../../src/base/errors.ts";
import type { Stage } from "../../src/cluster/events.ts";
import type { HostStatus } from "../../src/cluster/status.ts";
import { servedFolder } from "../../src/content/versions.ts";
import { BROKEN_HOST, type BrokenCase, type Client, type Undo } from "./broken-run.ts";

/** Enough for a permit, for machines that never come to their kernel. */
const STUB_TREE: TreeSource = {
  release: "bookworm",
  fill: async (folder) => {
    mkdirSync(folder, { recursive: true });
    for (const name of ["linux", "initrd.gz"]) writeFileSync(join(folder, name), "no kernel");
  },
};

/** Cases that need the whole installer, whose base system takes half an hour where there is no KVM. */
const INSTALLER = { ends: ["failed", "stalled"], needsMachine: true, switchOn: machine(), minutes: 150 } as const;

export const BROKEN_CASES: readonly BrokenCase[] = [
  {
    ...{ ...INSTALLER, name: "bad-disk", causes: ["disk-missing"] },
    site: ({ profiles }) => Object.assign(profiles.small, { disk: { device: "/dev/sdz" } }),
  },
  {
    ...{ ...INSTALLER, name: "package-missing", causes: ["mirror-file-missing", "package-missing"] },
    breaks: async ({ tree }) => {
      rmSync(await packageOf(tree, /^base-files_.*\.deb$/));
      return nothing;
    },
  },
  {
    ...{ name: "loader-missing", causes: ["loader-missing"], ends: ["stalled"], needsMachine: true, minutes: 15 },
    ...{ tree: STUB_TREE, breaks: withoutIpxe, switchOn: machine({ plainPxe: true, memoryMb: 256 }) },
  },
  {
    ...{
      name: "permit-expired",
      causes: ["permit-expired-unasked"],
      ends: ["expired"],
      needsMachine: false,
      minutes: 5,
    },
    ...{ tree: STUB_TREE, permit: 1, switchOn: async () => ({ stop: nothing }) },
  },
  {
    ...{ ...INSTALLER, name: "switched-off", causes: ["packages-stopped", "machine-gone"], ends: ["stalled"] },
    strike: { when: isAt("packages"), act: (_rack, client) => client.stop() },
  },
  {
    // No x86 firmware says that it is another one: a DHCP client speaks for it.
    ...{ name: "wrong-arch", causes: ["wrong-architecture"], ends: ["stalled"], needsMachine: false, minutes: 15 },
    ...{ tree: STUB_TREE, switchOn: (rack) => askAs(rack, "PXEClient:Arch:00011:UNDI:003016", "0x5d:000b") },
  },
  {
    ...{ ...INSTALLER, name: "unknown-nic", causes: ["installer-nic-unknown"], ends: ["stalled"] },
    // As if its driver were not in the installer; the firmware has its own.
    site: ({ profiles }) => void profiles.small.kernel_arguments.push("module_blacklist=virtio_net"),
  },
  {
    ...{ name: "full-state-disk", causes: ["server-cannot-write"], ends: ["stalled"], needsMachine: true, minutes: 20 },
    ...{ tree: STUB_TREE, prepare: smallStateDisk, breaks: fillStateDisk, switchOn: machine({ memoryMb: 256 }) },
  },
  {
    ...{ ...INSTALLER, name: "clock-off", causes: ["clock-wrong"] },
    // A day before the tree was signed: what its Release file says is not valid yet.
    site: async ({ profiles }, { tree }) => {
      Object.assign(profiles.small, { early: [`date -s @${(await signedAt(tree)) - 86_400}`] });
    },
  },
  {
    ...{ ...INSTALLER, name: "question", causes: ["question-asked"] },
    site: ({ profiles }) => {
      const unanswered = ["partman/confirm", "partman/confirm_nooverwrite"];
      Object.assign(profiles.small, { answers: unanswered.map((name) => `d-i ${name} seen false`) });
    },
  },
  {
    ...{ ...INSTALLER, name: "dns-missing", causes: ["dns-missing"] },
    site: ({ subnets, profiles }) => {
      subnets[0].dns = ["192.168.77.9"];
      Object.assign(profiles.small, { early: ["wget -O /tmp/site.conf http://mirror.lab.example/site.conf"] });
    },
  },
  {
    ...{ ...INSTALLER, name: "tree-changed", causes: ["tree-changed"] },
    strike: {
      when: isAt("packages"),
      // One of the last that are fetched for the base system.
      act: async ({ tree }) => replaceByAnother(await packageOf(tree, /^zlib1g_.*\.deb$/)),
    },
  },
];

async function nothing(): Promise<void> {}

function isAt(stage: Stage): (status: HostStatus) => boolean {
  return ({ boot }) => boot?.stages.some((each) => each.stage === stage) ?? false;
}

/** A BIOS machine with one NIC, that boots from the network. */
function machine(options: Partial<MachineOptions> = {}): BrokenCase["switchOn"] {
  return async ({ space, bridge, folder }) => {
    const started = await startMachine({
      ...{ space, bridge, name: "brok", macs: BROKEN_HOST.nics, firmware: "bios" },
      ...{ disk: join(folder, "disk.qcow2"), logDirectory: join(folder, "machine"), ...options },
    });
    void drain(started.console);
    return { stop: () => started.stop() };
  };
}

/** A serial port that nobody reads holds its machine up. */
async function drain(text: AsyncIterable<string>): Promise<void> {
  for await (const _ of text);
}

/** Asks once, as such a firmware does, and is silent then. */
async function askAs(rack: Rack, vendorClass: string, architecture: string): Promise<Client> {
  const client = await Namespace.create("brkc");
  await connect(rack.space, "client", client, "eth0");
  await rack.space.ip(`link set client master ${rack.bridge}`);
  await client.ip(`link set eth0 address ${BROKEN_HOST.nics[0]}`);
  const says = ["-V", vendorClass, "-x", architecture];
  await client.exec("udhcpc", ["-f", "-q", "-n", "-i", "eth0", "-s", "/bin/true", ...says]);
  return { stop: () => client.remove() };
}

/** The file may be linked from where it was imported. */
function replaceByAnother(file: string): void {
  const bytes = readFileSync(file);
  rmSync(file);
  writeFileSync(file, Buffer.concat([bytes, Buffer.from("another version")]));
}

/** The only one that matches, of those that are served. */
async function packageOf(tree: string, pattern: RegExp): Promise<string> {
  const served = await servedFolder(tree);
  const names = readdirSync(served, { recursive: true, encoding: "utf8" });
  const [found, ...others] = names.filter((name) => pattern.test(name.split("/").at(-1) ?? ""));
  if (found === undefined || others.length > 0) throw new Error(`not one file of ${tree} is ${pattern}`);
  return join(served, found);
}

/** Seconds since 1970. */
async function signedAt(tree: string): Promise<number> {
  const release = join(await servedFolder(tree), "dists/bookworm/Release");
  const [, date] = /^Date: (.+)$/m.exec(readFileSync(release, "utf8")) ?? [];
  if (date === undefined) throw new Error(`${tree} has no date`);
  return Date.parse(date) / 1000;
}

/** Another daemon on the same state, in whose own sight of the disks iPXE's package is not installed. */
async function withoutIpxe({ space, siteFile, state, folder, daemon }: Rack): Promise<Undo> {
  await daemon.stop();
  const spawn: Namespace["spawn"] = (program, args, options) =>
    // `ip netns exec` has made a mount namespace, which ends with the daemon.
    space.spawn("sh", ["-c", 'mount -t tmpfs none /usr/lib/ipxe && exec "$@"', "sh", program, ...args], options);
  const blind = Object.assign(Object.create(space) as Namespace, { spawn });
  const other = new DaemonProcess({ space: blind, siteFile, state, logDirectory: folder });
  await other.start();
  return () => other.stop();
}

/** Of 16 MiB; the daemon starts anew on it. */
async function smallStateDisk({ state, daemon }: Rack): Promise<Undo> {
  await daemon.stop();
  runQuietly("mount", ["-t", "tmpfs", "-o", "size=16m", "none", state]);
  const unmount = () => runQuietly("umount", [state]);
  const forget = addCleanup(unmount);
  await daemon.start();
  return async () => {
    await daemon.stop();
    unmount();
    forget();
  };
}

async function fillStateDisk({ state }: Rack): Promise<Undo> {
  const file = openSync(join(state, "full"), "w");
  try {
    for (const chunk = Buffer.alloc(4096); ; ) writeSync(file, chunk);
  } catch (error) {
    if (errnoOf(error) !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
  return nothing;
}
