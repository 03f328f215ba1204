/** A virtual machine of the lab: QEMU on a bridge of a namespace, watched over its first serial port. */
import { type ChildProcess, execFile } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { EverbootError, errnoOf } from "../src/base/errors.ts";
import { addCleanup, kill } from "./cleanup.ts";
import { kvmWorks } from "./kvm.ts";
import type { Namespace } from "./netns.ts";
import { hideIpxeRom } from "./plain-pxe.ts";
import { netbootImage } from "./prerequisites.ts";
import { efiVarsOf, type MachineShape, OVMF_VARS, qemuArguments } from "./qemu.ts";
import { openQmp } from "./qmp.ts";

const run = promisify(execFile);

/** Needed: where the machine is plugged in, its disk, its NICs' addresses and its firmware. */
export interface MachineOptions extends Pick<MachineShape, "disk" | "macs" | "firmware">, Partial<MachineDefaults> {
  readonly space: Namespace;
  readonly bridge: string;
  /** At most 12 characters: it starts the names of the tap devices. */
  readonly name: string;
  /** Gets `console.log` (the serial port) and `qemu.log` (the emulator's own complaints). */
  readonly logDirectory: string;
  /** BIOS only: the NICs' ROMs ask like plain PXE ROMs, not like iPXE. */
  readonly plainPxe?: boolean;
  /** Size of the disk when the image does not exist yet, as qemu-img writes it: `4G`. */
  readonly diskSize?: string;
  /** `auto` (default): KVM where it works, else emulation. */
  readonly accel?: "auto" | "kvm" | "tcg";
}

type MachineDefaults = Omit<MachineShape, "disk" | "macs" | "firmware" | "accel">;

const DEFAULTS: MachineDefaults = {
  rom: true,
  httpBoot: false,
  boot: "network-first",
  memoryMb: 1024,
  cpus: 2,
  stopAtReboot: false,
};

export interface MachineExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Machine {
  readonly name: string;
  readonly pid: number;
  readonly accel: "kvm" | "tcg";
  /** Resolves when the emulator has ended: guest powered off, `stopAtReboot`, `stop()` or killed. */
  readonly exited: Promise<MachineExit>;
  /** What the first serial port prints, in pieces as they come; ends with the machine. For one reader, once. */
  readonly console: AsyncIterable<string>;
  /** Types on the first serial port. */
  type(text: string): void;
  /** How often the guest has been reset (rebooted) since the machine started. */
  resets(): number;
  /** Bytes that the network has brought to its NICs since it started, headers included. */
  received(): Promise<number>;
  /** Runs a command of QEMU's human monitor, e.g. `set_link nic0 off`, and resolves with its output. */
  monitor(command: string): Promise<string>;
  /** Ends the emulator and takes its taps away. */
  stop(): Promise<void>;
}

export async function startMachine(options: MachineOptions): Promise<Machine> {
  const shape: MachineShape = { ...DEFAULTS, ...options, accel: await chooseAccel(options.accel ?? "auto") };
  mkdirSync(options.logDirectory, { recursive: true });
  await prepareDisk(shape, options.diskSize ?? "4G");
  const taps = shape.macs.map((_, index) => `${options.name}-${index}`);
  for (const tap of taps) await plugIn(options.space, tap, options.bridge);
  if (options.plainPxe) for (const tap of taps) await hideIpxeRom(options.space, tap);
  const machine = watchMachine(options, shape, spawnQemu(options, shape, taps), taps);
  await demandRunning(machine, options.logDirectory);
  return machine;
}

/** An emulator that refuses its arguments ends at once, with the reason in its log. */
async function demandRunning(machine: Machine, logDirectory: string): Promise<void> {
  try {
    await machine.monitor("info status");
  } catch (error) {
    await machine.stop();
    const reason = readFileSync(join(logDirectory, "qemu.log"), "utf8").trim().split("\n").at(-1);
    throw new EverbootError("lab-broken", { reason: `the machine did not start: ${reason}` }, error);
  }
}

async function chooseAccel(accel: "auto" | "kvm" | "tcg"): Promise<"kvm" | "tcg"> {
  if (accel !== "auto") return accel;
  const image = netbootImage();
  return image && (await kvmWorks(join(image.folder, "linux"))) ? "kvm" : "tcg";
}

async function prepareDisk(shape: MachineShape, size: string): Promise<void> {
  if (!existsSync(shape.disk)) await run("qemu-img", ["create", "-q", "-f", "qcow2", shape.disk, size]);
  if (shape.firmware === "uefi" && !existsSync(efiVarsOf(shape.disk))) copyFileSync(OVMF_VARS, efiVarsOf(shape.disk));
}

async function plugIn(space: Namespace, tap: string, bridge: string): Promise<void> {
  await space.ip(`tuntap add ${tap} mode tap`);
  await space.ip(`link set ${tap} master ${bridge} up`);
}

async function receivedBytes(space: Namespace, taps: readonly string[]): Promise<number> {
  let sum = 0;
  for (const tap of taps) {
    const [device] = JSON.parse(await space.ip(`-j -s link show ${tap}`)) as [{ stats64: { tx: { bytes: number } } }];
    sum += device.stats64.tx.bytes;
  }
  return sum;
}

/** Sockets are handed down as descriptors 3 and 4: no paths that could be too long or left behind. */
function spawnQemu(options: MachineOptions, shape: MachineShape, taps: readonly string[]): ChildProcess {
  const log = openSync(join(options.logDirectory, "qemu.log"), "a");
  const consoleLog = join(options.logDirectory, "console.log");
  const args = qemuArguments(shape, { taps, serialFd: 3, qmpFd: 4, consoleLog });
  try {
    // The lowest priority: an emulator takes all it gets, and the servers under test live on the same computer.
    return options.space.spawn("nice", ["-n", "19", "qemu-system-x86_64", "-name", options.name, ...args], {
      stdio: ["ignore", log, log, "pipe", "pipe"],
    });
  } finally {
    closeSync(log);
  }
}

function watchMachine(
  options: MachineOptions,
  shape: MachineShape,
  child: ChildProcess,
  taps: readonly string[],
): Machine {
  const serial = child.stdio[3] as Duplex;
  serial.on("error", () => undefined);
  let resets = 0;
  const qmp = openQmp(child.stdio[4] as Duplex, (event) => {
    if (event === "RESET") resets += 1;
  });
  const forget = addCleanup(() => kill(child.pid));
  const exited = new Promise<MachineExit>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  return {
    name: options.name,
    pid: child.pid ?? 0,
    accel: shape.accel,
    exited,
    console: textOf(serial),
    type: (text) => {
      serial.write(text);
    },
    resets: () => resets,
    received: () => receivedBytes(options.space, taps),
    monitor: (command) => qmp.human(command),
    stop: async () => {
      if (child.exitCode === null) kill(child.pid);
      await exited;
      forget();
      for (const tap of taps) await options.space.ip(`link del ${tap}`).catch(() => undefined);
    },
  };
}

/** A machine that is killed resets its sockets: for the reader that is the end. */
async function* textOf(serial: Duplex): AsyncGenerator<string> {
  try {
    for await (const chunk of serial.setEncoding("utf8")) yield chunk as string;
  } catch (error) {
    if (errnoOf(error) !== "ECONNRESET") throw error;
  }
}
