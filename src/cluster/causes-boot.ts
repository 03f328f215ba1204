/** Causes before an installer runs: firmware, DHCP, loader, boot script. Pure. */
import type { KnownCause, Stop } from "./causes-stop.ts";
import { type JournalEvent, STAGES } from "./events.ts";

/** Told from what the machine said of itself, or from what it did not do. */
export const BOOT_CAUSES: readonly KnownCause[] = [
  {
    id: "wrong-architecture",
    text: "the machine is of another architecture than its tree",
    todo: "give the host a profile whose tree is of its architecture, or correct the firmware's boot mode",
    tell: ({ events, declared }) => {
      const machine = events.findLast(({ facts }) => facts.machine !== undefined)?.facts.machine;
      const [arch] = String(machine ?? "").split(" ");
      if (machine === undefined || declared?.arch === undefined || arch === declared.arch) return undefined;
      return `the firmware says ${machine}, tree ${declared.tree ?? "of the profile"} is ${declared.arch}`;
    },
  },
  {
    id: "address-in-use",
    text: "another machine has this host's address",
    todo: "find it (`arping`, the switch's tables) and give it another one",
    tell: (stop) => {
      const last = asksOf(stop).at(-1);
      return stop.stage === "dhcp" && last?.what === "decline"
        ? `the machine declined ${last.facts.address ?? "its address"}`
        : undefined;
    },
  },
  {
    id: "proxy-unanswered",
    text: "the machine got its boot offer and never came to port 4011 for the file",
    todo: "let UDP port 4011 through to this server; see that its address server sends no boot file of its own",
    tell: (stop) => {
      const offers = untaken(stop);
      return offers?.every(({ facts }) => facts.address === undefined)
        ? `${offers.length} offers beside another server's address, no request at port 4011`
        : undefined;
    },
  },
  {
    id: "offers-not-taken",
    text: "the machine takes no offer of ours: another DHCP server answers it, or ours does not reach it",
    todo: "`everboot doctor` finds other DHCP servers; else see VLAN, relay and DHCP snooping of its switch port",
    tell: (stop) => {
      const offers = untaken(stop);
      return offers && `${offers.length} offers of ${offers.at(-1)?.facts.address}, none of them requested`;
    },
  },
  {
    id: "lacp-port-blocked",
    text: "its switch port is blocked: it waits for LACP, which nothing at the machine speaks before its installer",
    todo: "switch on LACP fallback (`lacp fallback`, `force-up`, `no lacp suspend-individual`) at the machine's ports",
    tell: ({ stage, declared }) =>
      stage === "loader" && declared?.bondMode === "802.3ad"
        ? "the loader was fetched, then silence; the host's bond is 802.3ad"
        : undefined,
  },
];

/** One for each early stage: what the machine did last, and what it did not do. */
export const BOOT_SILENCES: readonly KnownCause[] = [
  {
    id: "script-unreachable",
    text: "iPXE has its address and does not fetch its script",
    todo: "let HTTP through to the server; see that the port of the switch forwards (spanning tree: portfast)",
    tell: (stop) => {
      const last = asksOf(stop).at(-1);
      const isIpxe = last?.facts.asking === "ipxe" && (stop.stage === "dhcp" || stop.stage === "loader");
      return isIpxe ? `iPXE was answered with ${last.facts.file ?? "its script"}, and asked for nothing` : undefined;
    },
  },
  {
    id: "loader-not-fetched",
    text: "the firmware has its address and does not fetch the loader",
    todo: "let TFTP (UDP port 69 and the ports that answer) through to the server; see the firmware's own message",
    tell: (stop) => {
      const last = asksOf(stop).at(-1);
      return stop.stage === "dhcp" && last?.what === "ack"
        ? `told to load ${last.facts.file ?? "a loader"}`
        : undefined;
    },
  },
  {
    id: "loader-silent",
    text: "the loader was fetched and does not go on: it was refused by Secure Boot, or cannot drive the NIC",
    todo: "try another `loader` (`ipxe-full` has its own drivers, `grub` is signed), and see the machine's screen",
    tell: ({ stage, boot }) => {
      const loader = boot?.trace.stages.find((each) => each.stage === "loader");
      return stage === "loader" ? `${loader?.path} was fetched, and no script after it` : undefined;
    },
  },
  {
    id: "kernel-not-fetched",
    text: "the machine has its boot script and does not fetch the kernel to its end",
    todo: "see its screen: out of memory, or a file too large for its loader; let HTTP through to the server",
    tell: ({ stage }) => (stage === "script" ? "the script was fetched, and no kernel after it" : undefined),
  },
];

/** DHCP of firmware and loaders. */
function asksOf({ events }: Stop): JournalEvent[] {
  return events.filter(
    ({ stage, facts }) => stage === "dhcp" && facts.asking !== "system" && facts.asking !== "installer",
  );
}

/** Two or more offers that no request followed, and nothing else. */
function untaken(stop: Stop): JournalEvent[] | undefined {
  const isLater = stop.events.some(({ stage, what }) => what === "served" && STAGES.indexOf(stage) > 0);
  const asks = asksOf(stop);
  if (isLater || asks.length < 2) return undefined;
  return asks.every(({ what }) => what === "offer") ? asks : undefined;
}
