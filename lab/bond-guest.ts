/**
 * A small Debian guest for bonds: a kernel with the bonding driver, ifupdown and ifenslave, all in memory, up in
 * seconds. It takes commands over its serial console, and its cables can be pulled.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { EverbootError } from "../src/base/errors.ts";
import { type CpioFile, encodeCpio } from "../src/wire/cpio.ts";
import { bondGuestArguments, type GuestPlug } from "./bond-guest/arguments.ts";
import { type BondGuestImage, placeInGuest } from "./bond-guest/image.ts";
import { SerialShell } from "./bond-guest/shell.ts";
import { addCleanup, kill } from "./cleanup.ts";
import type { Namespace } from "./netns.ts";
import { openQmp, type Qmp } from "./qmp.ts";

/** Longest waits for a boot and for a command; generous, for an emulated machine on a busy computer. */
const BOOT_MS = 120_000;
const COMMAND_MS = 150_000;

export interface GuestNic {
  /** What the guest calls it, at most 15 characters. */
  readonly name: string;
  readonly mac: string;
  readonly link: { readonly bridge: string } | CableEnd;
}

/** One end of a cable between two guests: paths of Unix sockets, its own and the other end's. */
export interface CableEnd {
  readonly near: string;
  readonly far: string;
}

export interface BondGuestOptions {
  /** Default 256. */
  readonly memoryMb?: number;
  readonly space: Namespace;
  /** At most 12 characters: it starts the names of the tap devices. */
  readonly name: string;
  readonly image: BondGuestImage;
  readonly nics: readonly GuestNic[];
  /** Added to its root file system: `etc/network/interfaces`. */
  readonly files?: readonly CpioFile[];
  /** Gets a folder of the guest's name with `console.log`, `qemu.log` and `initramfs.cpio`. */
  readonly logDirectory: string;
}

export interface BondGuest {
  readonly name: string;
  /** Runs one line of shell in the guest; resolves with both its outputs, rejects when its status is not 0. */
  run(command: string): Promise<string>;
  /** Pulls a NIC's cable out at this end, so that its carrier goes; or plugs it in again. */
  plug(nic: string, plugged: boolean): Promise<void>;
  /** The tap device that is the other end of a NIC on a bridge. */
  tapOf(nic: string): string;
  /** Ends the emulator and takes its taps away. */
  stop(): Promise<void>;
}

/** Both ends of a cable between two guests. A socket's path may have 107 bytes, so `folder` should be short. */
export function cable(folder: string, name: string): readonly [CableEnd, CableEnd] {
  const left = join(folder, `${name}.left`);
  const right = join(folder, `${name}.right`);
  return [
    { near: left, far: right },
    { near: right, far: left },
  ];
}

/** Resolves when the guest takes commands; its NICs have their names then, and are down. */
export async function startBondGuest(options: BondGuestOptions): Promise<BondGuest> {
  const { space, name, nics } = options;
  const folder = join(options.logDirectory, name);
  mkdirSync(folder, { recursive: true });
  const tapOf = (nic: string) => `${name}-${nics.findIndex((one) => one.name === nic)}`;
  const bridged = nics.flatMap(({ name: nic, link }) => ("bridge" in link ? [{ tap: tapOf(nic), ...link }] : []));
  for (const { tap, bridge } of bridged) {
    await space.ip(`tuntap add ${tap} mode tap`);
    await space.ip(`link set ${tap} master ${bridge} up`);
  }
  const child = spawnQemu(options, folder, (nic) => ("bridge" in nic.link ? { tap: tapOf(nic.name) } : nic.link));
  const end = endOf(child);
  const stop = async () => {
    await end();
    for (const { tap } of bridged) await space.ip(`link del ${tap}`).catch(() => undefined);
  };
  const shell = new SerialShell(child.stdio[3] as Duplex);
  const qmp = openQmp(child.stdio[4] as Duplex, () => undefined);
  try {
    await within(BOOT_MS, shell.ready(), `guest ${name} does not boot`);
  } catch (error) {
    await stop();
    throw startFailure(name, folder, error);
  }
  return { name, tapOf, stop, ...controls(name, shell, qmp) };
}

function controls(name: string, shell: SerialShell, qmp: Qmp): Pick<BondGuest, "run" | "plug"> {
  return {
    run: async (command) => {
      const { status, output } = await within(COMMAND_MS, shell.run(command), `guest ${name} does not end: ${command}`);
      if (status === 0) return output;
      throw new EverbootError("lab-broken", { reason: `guest ${name}: ${command}: exit code ${status}: ${output}` });
    },
    plug: async (nic, plugged) => {
      const refusal = await qmp.human(`set_link ${nic} ${plugged ? "on" : "off"}`);
      if (refusal) throw new EverbootError("lab-broken", { reason: `guest ${name}: ${refusal.trim()}` });
    },
  };
}

/** An emulator that refuses its arguments ends at once, with the reason in its log; else the guest itself failed. */
function startFailure(name: string, folder: string, error: unknown): unknown {
  const complaint = readFileSync(join(folder, "qemu.log"), "utf8").trim().split("\n").at(-1);
  if (!complaint) return error;
  return new EverbootError("lab-broken", { reason: `guest ${name} did not start: ${complaint}` }, error);
}

/** As in machine.ts, but at ordinary priority: here the guest's own quickness is what is measured. */
function spawnQemu(options: BondGuestOptions, folder: string, plugOf: (nic: GuestNic) => GuestPlug): ChildProcess {
  const log = openSync(join(folder, "qemu.log"), "w");
  const args = bondGuestArguments({
    kernel: options.image.kernel,
    initramfs: writeInitramfs(options, folder),
    nics: options.nics.map((nic) => ({ name: nic.name, mac: nic.mac, plug: plugOf(nic) })),
    memoryMb: options.memoryMb ?? 256,
    ...{ serialFd: 3, qmpFd: 4, consoleLog: join(folder, "console.log") },
  });
  try {
    return options.space.spawn("qemu-system-x86_64", ["-name", options.name, ...args], {
      stdio: ["ignore", log, log, "pipe", "pipe"],
    });
  } finally {
    closeSync(log);
  }
}

/** The image's archive, and the guest's own files behind it. */
function writeInitramfs({ image, nics, files = [] }: BondGuestOptions, folder: string): string {
  const path = join(folder, "initramfs.cpio");
  const names = nics.map(({ name, mac }) => `${name} ${mac}\n`).join("");
  const own = [{ path: "etc/bond-guest/nics", mode: 0o644, content: names }, ...files];
  const archive = encodeCpio(own.map((file) => ({ ...file, path: placeInGuest(file.path) })));
  writeFileSync(path, Buffer.concat([readFileSync(image.initramfs), archive]));
  return path;
}

/** A function that ends the emulator and resolves when it has ended. */
function endOf(child: ChildProcess): () => Promise<void> {
  const forget = addCleanup(() => kill(child.pid));
  const exited = once(child, "exit").catch(() => undefined);
  return async () => {
    if (child.exitCode === null && child.signalCode === null) kill(child.pid);
    await exited;
    forget();
  };
}

async function within<T>(milliseconds: number, work: Promise<T>, reason: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new EverbootError("lab-broken", { reason })), milliseconds);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
