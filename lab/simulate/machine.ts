/**
 * A machine without a machine: does over real sockets what firmware, iPXE and the Debian Installer do, with their
 * patience, and checks every package. It installs nothing; for tests of the servers, and for the demo where QEMU cannot
 * be had.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Ipv4, Mac } from "../../src/base/address.ts";
import { REPORT_EVENTS, type ReportEvent } from "../../src/os/family.ts";
import type { DhcpAnswer, DhcpWire } from "./dhcp.ts";
import { type Caller, fetchAsIpxe, fetchAsWget, post, Refused } from "./http.ts";
import { type InstallerFacts, installerFacts } from "./initrd.ts";
import { type IpxeEnd, runIpxe } from "./ipxe.ts";
import { type DhcpClient, IPXE_SILENCE_MS, OutOfPatience, POWER_CYCLE_MS, REPORT } from "./patience.ts";
import { fetchTftp } from "./tftp.ts";
import { noiseIndex, readNoiseIndex } from "./tree.ts";

export type SimulatedStep =
  | {
      /** `wait`: iPXE was told to sleep. `timeout`: a program gave up, and the machine starts anew. */
      readonly step:
        | ("address" | "loader" | "script" | "wait" | "kernel" | "packages" | "package")
        | ("finish" | "report" | "disk" | "timeout");
      readonly text: string;
    }
  /** From the first DISCOVER to the ACK, and the messages that it took: two, where none was repeated. */
  | {
      readonly step: "dhcp";
      readonly text: string;
      readonly client: DhcpClient;
      readonly ms: number;
      readonly sent: number;
    }
  /** SHA-256 of what was fetched, for comparison; `server` is the address that it came from. */
  | {
      readonly step: "file";
      readonly path: string;
      readonly server: string;
      readonly sha256: string;
      readonly bytes: number;
    };

export interface Machine {
  readonly mac: Mac;
  readonly wire: Pick<DhcpWire, "ask">;
  /** Makes an address that DHCP gave the machine's own; throws when it must not be. */
  takeAddress(address: Ipv4): void;
  /** After each package: an installer unpacks it. */
  readonly pauseMs: number;
  /** How many of the tree's packages it wants; absent = all. */
  readonly packages?: number;
  readonly signal: AbortSignal;
  tell(step: SimulatedStep): void;
}

/** From power on: installs if it is told to, and starts over; resolves when it is told to boot from its disk. */
export async function live(machine: Machine): Promise<void> {
  for (;;) {
    try {
      if ((await boot(machine)) === "disk") return machine.tell({ step: "disk", text: "boots from its disk" });
    } catch (error) {
      if (!(error instanceof OutOfPatience)) throw error;
      machine.tell({ step: "timeout", text: error.message });
      await delay(POWER_CYCLE_MS, undefined, { signal: machine.signal });
    }
  }
}

async function boot(machine: Machine): Promise<"disk" | "again"> {
  const firmware = await askDhcp(machine, "firmware");
  const caller = { from: firmware.address, signal: machine.signal };
  machine.tell({ step: "loader", text: await loaderText(machine, firmware, caller) });
  const { file } = await askDhcp(machine, "ipxe");
  const end = await runScript(machine, file, caller);
  if (end.kind === "boot") return install(machine, end, caller);
  if (end.kind === "failed") throw new OutOfPatience(`iPXE: ${end.line}`);
  return end.kind === "reboot" ? "again" : "disk";
}

async function askDhcp(machine: Machine, client: DhcpClient): Promise<DhcpAnswer> {
  const answer = await machine.wire.ask(machine.mac, client, machine.signal);
  const { address, ms, sent } = answer;
  machine.tell({ step: "dhcp", text: `${client}: ${Math.round(ms)} ms`, client, ms, sent });
  machine.takeAddress(address);
  if (client === "firmware") machine.tell({ step: "address", text: address });
  return answer;
}

/** A server without boot loaders cannot boot a real machine; a simulated one goes on as iPXE all the same. */
async function loaderText(machine: Machine, { server, file }: DhcpAnswer, caller: Caller): Promise<string> {
  try {
    const body = await fetchTftp(server, file, caller);
    tellFile(machine, server, file, body);
    return `${file}, ${body.length} bytes`;
  } catch (error) {
    if (error instanceof Refused) return `${file} is not on this computer: left out`;
    throw error;
  }
}

async function runScript(machine: Machine, url: string, caller: Caller): Promise<IpxeEnd> {
  const { mac, signal, tell } = machine;
  const fetch = async (from: string, silenceMs: number) => {
    const body = await fetchAsIpxe(from, silenceMs, caller);
    const { hostname, pathname } = new URL(from);
    tellFile(machine, hostname, pathname, body);
    if (body.subarray(0, 6).toString() === "#!ipxe") tell({ step: "script", text: from });
    return body;
  };
  const script = await fetch(url, IPXE_SILENCE_MS).catch((error) => {
    signal.throwIfAborted();
    throw new OutOfPatience(`no boot script: ${error instanceof Error ? error.message : error}`);
  });
  return runIpxe(script.toString(), url, {
    settings: { platform: "pcbios", "net0/mac": mac, "net0/ip": caller.from ?? "" },
    fetch,
    sleep: async (ms) => {
      tell({ step: "wait", text: `${ms / 1000} s` });
      await delay(ms, undefined, { signal });
    },
    echo: () => {},
  });
}

/** A simulated machine does not fail, and has no network that it could report at its first boot. */
const EVENTS = REPORT_EVENTS.filter((event) => event !== "failed" && event !== "first-boot");

/** The reports and fetches of an installation; a refused `partition` ends it, as in the real installer. */
async function install(machine: Machine, end: IpxeEnd & { kind: "boot" }, caller: Caller): Promise<"again"> {
  const images = [end.kernel, ...end.initrds];
  const bytes = images.reduce((sum, { body }) => sum + body.length, 0);
  machine.tell({ step: "kernel", text: `linux and initrd, ${bytes} bytes` });
  const facts = installerFacts(Buffer.concat(end.initrds.map(({ body }) => body)));
  await askDhcp(machine, "installer");
  for (const event of EVENTS) {
    if (event === "done") machine.tell({ step: "finish", text: "reports that it is installed" });
    const status = await report(facts.reports, event, caller);
    machine.tell({ step: "report", text: `${event}: ${status}` });
    if (event === "partition" && status !== 200) return "again";
    if (event === "packages") await fetchPackages(machine, facts, caller);
  }
  return "again";
}

/** Asks one server after the other until one has answered; resolves with its status. */
async function report(urls: readonly string[], event: ReportEvent, caller: Caller): Promise<number> {
  for (;;) {
    for (const url of urls) {
      const status = await post(`${url}/${event}`, REPORT.silenceMs, caller).catch(() => 503);
      caller.signal.throwIfAborted();
      if (status < 500) return status;
    }
    await delay(REPORT.pauseMs, undefined, { signal: caller.signal });
  }
}

/** Throws when a byte differs from what the index promises. */
async function fetchPackages(machine: Machine, { mirror, release }: InstallerFacts, caller: Caller): Promise<void> {
  const index = await fetchFile(machine, `${mirror}/${noiseIndex(release)}`, caller);
  const wanted = readNoiseIndex(index.toString()).slice(0, machine.packages);
  machine.tell({ step: "packages", text: String(wanted.length) });
  for (const { path, sha256 } of wanted) {
    const body = await fetchFile(machine, `${mirror}/${path}`, caller);
    if (hashOf(body) !== sha256) throw new Error(`${path} is not what the index says`);
    machine.tell({ step: "package", text: path });
    await delay(machine.pauseMs, undefined, { signal: machine.signal });
  }
}

async function fetchFile(machine: Machine, url: string, caller: Caller): Promise<Buffer> {
  const body = await fetchAsWget(url, caller);
  const { hostname, pathname } = new URL(url);
  tellFile(machine, hostname, pathname, body);
  return body;
}

function tellFile({ tell }: Machine, server: string, path: string, body: Buffer): void {
  tell({ step: "file", path, server, sha256: hashOf(body), bytes: body.length });
}

function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
