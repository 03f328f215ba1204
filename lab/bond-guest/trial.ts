/** One bond tried: a guest comes up with it, reports, and loses the cable that carries its pings. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { EverbootError } from "../../src/base/errors.ts";
import type { CpioFile } from "../../src/wire/cpio.ts";
import { type BondGuest, type BondGuestOptions, cable, startBondGuest } from "../bond-guest.ts";
import { type BondSwitchOptions, startBondSwitch } from "../bond-switch.ts";
import { addCleanup } from "../cleanup.ts";
import { Namespace } from "../netns.ts";
import { prepareBondGuest } from "./image.ts";
import { type PingResult, ping } from "./ping.ts";

const BRIDGE = "br0";
/** Else the bridge takes one of its ports' addresses, made up anew each time, and with it packets choose other members. */
const BRIDGE_MAC = "52:54:00:ff:00:20";
const PINGS = { count: 100, intervalMs: 100 };
/** The ping that is answered when the cable goes. */
const CUT_AT = 20;

type SwitchFabric = Pick<BondSwitchOptions, "group" | "vlan">;

export interface BondTrialOptions {
  /** The members, in order. */
  readonly nics: ReadonlyArray<{ readonly name: string; readonly mac: string }>;
  /** Of the machine's root file system: its network configuration, and the program that reports. */
  readonly files: readonly CpioFile[];
  /** The program's path in there. It has to report to port `reportPort` of `server`. */
  readonly firstBoot: string;
  /** Address and prefix of the other end, where the pings come from: `192.168.77.1/24`. */
  readonly server: string;
  readonly reportPort: number;
  readonly address: string;
  /**
   * What the members lead to: two ports of one bridge, which know nothing of each other, or a switch that joins them.
   * `vlan` is tagged between machine and switch.
   */
  readonly fabric: { readonly kind: "bridge" } | ({ readonly kind: "switch" } & SwitchFabric);
  /**
   * `cable`: the member loses its carrier, and so does its port of a switch that joins. `path` (bridge only): the
   * carrier stays and nothing gets through, as behind a switch that has lost its uplink.
   */
  readonly cut: "cable" | "path";
}

export interface BondTrial {
  readonly pings: PingResult;
  /** The member whose cable was cut: the active one of a bond that has one, else that which carried most of the pings. */
  readonly cut: string;
  /** `/proc/net/bonding/bond0` just before the cut, and after the pings. */
  readonly before: string;
  readonly after: string;
  /** What the first-boot program sent, and to which path. */
  readonly report: Report;
}

export interface Report {
  readonly path: string;
  readonly body: string;
}

/**
 * Waits until each port of both ends collects and distributes (61; 63 at LACP's fast rate): two seconds after the
 * partners know of each other (Aggregate_Wait_Time, IEEE 802.3ad 43.4.4).
 */
const SETTLED = "while grep 'port state: ' /proc/net/bonding/bond0 | grep -vq ': 6[13]$'; do sleep 0.2; done";

const ACTIVE = /^Currently Active Slave: (\S+)$/m;

/** What a trial's parts share. */
interface Place extends Pick<BondGuestOptions, "space" | "image" | "logDirectory"> {
  readonly options: BondTrialOptions;
}

interface Rack {
  readonly machine: BondGuest;
  /** Cuts what the member leads to, as `options.cut` says. */
  cut(member: string): Promise<void>;
}

/** Takes some 20 s. Leaves nothing behind, whatever happens. */
export async function runBondTrial(options: BondTrialOptions): Promise<BondTrial> {
  const image = await prepareBondGuest();
  const logDirectory = mkdtempSync(join(tmpdir(), "everboot-bond-"));
  const removeFolder = () => rmSync(logDirectory, { recursive: true, force: true });
  const forget = addCleanup(removeFolder);
  const space = await Namespace.create("bond");
  try {
    await space.bridge(BRIDGE, options.server);
    await space.ip(`link set ${BRIDGE} address ${BRIDGE_MAC}`);
    const nextReport = await startReportServer(space, options.reportPort);
    const rack = await startRack({ space, image, logDirectory, options });
    await rack.machine.run("ifup -a");
    await rack.machine.run(`/${options.firstBoot}`);
    await rack.machine.run(SETTLED);
    const report = await nextReport();
    return { report, ...(await cutWhilePinging(space, rack, options)) };
  } finally {
    await space.remove();
    removeFolder();
    forget();
  }
}

/** Resolves, once it listens, with a function that waits for a report. */
async function startReportServer(space: Namespace, port: number): Promise<() => Promise<Report>> {
  const program = join(import.meta.dirname, "report-server.ts");
  const { stdout } = space.spawn(process.execPath, [program, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  if (!stdout) throw new Error("the report server has no output");
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new EverbootError("lab-broken", { reason: "the report server has ended" });
    return value;
  };
  await next();
  return async () => JSON.parse(await next()) as Report;
}

function startRack(place: Place): Promise<Rack> {
  const { fabric } = place.options;
  return fabric.kind === "bridge" ? startOnBridge(place) : startOnSwitch(place, fabric);
}

/** The bridge's port keeps its carrier, so that nothing but what the bond sends tells it where the machine is now. */
async function startOnBridge({ options, ...place }: Place): Promise<Rack> {
  const nics = options.nics.map((nic) => ({ ...nic, link: { bridge: BRIDGE } }));
  const machine = await startBondGuest({ ...place, name: "machine", nics, files: options.files });
  const cutPath = async (member: string) => {
    await place.space.ip(`link set ${machine.tapOf(member)} down`);
  };
  return { machine, cut: options.cut === "path" ? cutPath : (member) => machine.plug(member, false) };
}

async function startOnSwitch({ options, ...place }: Place, fabric: SwitchFabric): Promise<Rack> {
  const wired = options.nics.map((nic) => ({ nic, ends: cable(place.logDirectory, nic.name) }));
  const nics = wired.map(({ nic, ends: [link] }) => ({ ...nic, link }));
  const cables = wired.map(({ ends: [, far] }) => far);
  const [machine, joined] = await Promise.all([
    startBondGuest({ ...place, name: "machine", nics, files: options.files }),
    startBondSwitch({ ...place, name: "switch", bridge: BRIDGE, cables, ...fabric }),
  ]);
  return {
    machine,
    cut: async (member) => {
      const port = `port${options.nics.findIndex(({ name }) => name === member)}`;
      await Promise.all([machine.plug(member, false), joined.plug(port, false)]);
    },
  };
}

async function cutWhilePinging(space: Namespace, { machine, cut }: Rack, { nics, address }: BondTrialOptions) {
  const names = nics.map(({ name }) => name);
  const status = () => machine.run("cat /proc/net/bonding/bond0");
  const atFirst = await countPackets(machine, names);
  let found = { before: "", cut: "" };
  const work = async () => {
    const now = await countPackets(machine, names);
    const moved = (name: string) => (now.get(name) ?? 0) - (atFirst.get(name) ?? 0);
    const busiest = names.reduce((best, name) => (moved(name) > moved(best) ? name : best));
    const before = await status();
    found = { before, cut: ACTIVE.exec(before)?.[1] ?? busiest };
    await cut(found.cut);
  };
  const pings = await ping(space, address, { ...PINGS, during: { at: CUT_AT, work } });
  return { pings, ...found, after: await status() };
}

/** Packets that each NIC has sent and received so far. */
async function countPackets(machine: BondGuest, names: readonly string[]): Promise<Map<string, number>> {
  const output = await machine.run(
    `for nic in ${names.join(" ")}; do echo $nic $(cat /sys/class/net/$nic/statistics/?x_packets); done`,
  );
  return new Map(
    output
      .trim()
      .split("\n")
      .map((line) => {
        const [name = "", received, sent] = line.split(" ");
        return [name, Number(received) + Number(sent)];
      }),
  );
}
