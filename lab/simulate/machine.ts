/**
 * A machine without a machine: does over real sockets what firmware, iPXE and the Debian Installer do. Run as a program
 * in the machine's own namespace: `node machine.ts DEVICE MAC PACKAGES-URL PAUSE-MS`; prints a JSON line for each step.
 * It installs nothing; for tests of the server, and for the demo where QEMU cannot be had.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { type Mac, parseMac } from "../../src/base/address.ts";
import { REPORT_EVENTS } from "../../src/os/family.ts";
import { askDhcp, type DhcpAnswer } from "./dhcp.ts";
import { fetchHttp, fetchTftp, postHttp, Refused } from "./fetch.ts";

export type SimulatedStep =
  | {
      readonly step: "address" | "loader" | "script" | "kernel" | "packages" | "package" | "report" | "disk";
      readonly text: string;
    }
  /** SHA-256 of what was fetched, for comparison. */
  | { readonly step: "file"; readonly path: string; readonly sha256: string; readonly bytes: number };

interface Machine {
  readonly device: string;
  readonly mac: Mac;
  /** Index of what is fetched: `http://192.168.77.1/trees/debian/dists/bookworm/main/binary-amd64/Packages`. */
  readonly packages: string;
  /** Between two packages: an installer unpacks them. */
  readonly pauseMs: number;
  readonly signal: AbortSignal;
}

function tell(step: SimulatedStep): void {
  process.stdout.write(`${JSON.stringify(step)}\n`);
}

/** From power on: installs if it is told to, and starts over; ends when it is told to boot from its disk. */
async function live(machine: Machine): Promise<void> {
  for (;;) {
    const script = await bootScript(machine);
    const kernel = /^kernel .*?(http\S+)/m.exec(script)?.[1];
    const initrd = /^initrd .*?(http\S+)/m.exec(script)?.[1];
    if (kernel === undefined || initrd === undefined) return tell({ step: "disk", text: "boots from its disk" });
    const bytes = (await fetchFile(machine, kernel)) + (await fetchFile(machine, initrd));
    tell({ step: "kernel", text: `linux and initrd, ${bytes} bytes` });
    await install(machine, kernel.replace(/\/boot\/([^/]+)\/.*/, "/report/$1"));
  }
}

async function bootScript(machine: Machine): Promise<string> {
  const { device, mac, signal } = machine;
  const first = await askDhcp(device, mac, "firmware", signal);
  takeAddress(machine, first);
  tell({ step: "loader", text: await loaderText(first, signal) });
  const second = await askDhcp(device, mac, "ipxe", signal);
  const script = await fetchHttp(second.file, signal);
  tell({ step: "script", text: second.file });
  return script.toString();
}

/** A server without boot loaders cannot boot a real machine; a simulated one goes on as iPXE all the same. */
async function loaderText({ server, file }: DhcpAnswer, signal: AbortSignal): Promise<string> {
  try {
    return `${file}, ${(await fetchTftp(server, file, signal)).length} bytes`;
  } catch (error) {
    if (error instanceof Refused) return `${file} is not on this computer: left out`;
    throw error;
  }
}

function takeAddress({ device }: Machine, { address }: DhcpAnswer): void {
  execFileSync("ip", ["addr", "replace", `${address}/24`, "dev", device]);
  tell({ step: "address", text: address });
}

/** A simulated machine does not fail, and has no network that it could report at its first boot. */
const EVENTS = REPORT_EVENTS.filter((event) => event !== "failed" && event !== "first-boot");

/** The reports and fetches of an installation; a refused `partition` ends it, as in the real installer. */
async function install(machine: Machine, report: string): Promise<void> {
  for (const event of EVENTS) {
    const status = await postHttp(`${report}/${event}`, machine.signal);
    tell({ step: "report", text: `${event}: ${status}` });
    if (event === "partition" && status !== 200) return;
    if (event === "packages") await fetchPackages(machine);
  }
}

async function fetchPackages(machine: Machine): Promise<void> {
  const index = await fetchHttp(machine.packages, machine.signal);
  const names = Array.from(index.toString().matchAll(/^Filename: (.*)$/gm), (match) => match[1] ?? "");
  const root = machine.packages.replace(/\/dists\/.*/, "");
  tell({ step: "packages", text: String(names.length) });
  for (const name of names) {
    await fetchFile(machine, `${root}/${name}`);
    tell({ step: "package", text: name });
    await delay(machine.pauseMs, undefined, { signal: machine.signal });
  }
}

/** Resolves with the file's size. */
async function fetchFile({ signal }: Machine, url: string): Promise<number> {
  const body = await fetchHttp(url, signal);
  const sha256 = createHash("sha256").update(body).digest("hex");
  tell({ step: "file", path: new URL(url).pathname, sha256, bytes: body.length });
  return body.length;
}

if (import.meta.main) {
  const [device = "eth0", macText = "", packages = "", pause = "0"] = process.argv.slice(2);
  const mac = parseMac(macText);
  if (!mac) throw new Error(`${macText} is no MAC address`);
  await live({ device, mac, packages, pauseMs: Number(pause), signal: AbortSignal.timeout(30 * 60_000) });
}
