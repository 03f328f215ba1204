/** The bonds of this machine, from /proc/net/bonding and /sys/class/net. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../base/errors.ts";
import type { Counters, FactsOf, MemberFacts } from "../bond/health.ts";
import { type ProcBonding, parseProcBonding, type RefusedBonding } from "../bond/proc-bonding.ts";

export interface BondFacts {
  readonly name: string;
  readonly text: ProcBonding | RefusedBonding;
  /** By the member's name. */
  readonly members: FactsOf;
}

/** Sorted by name; empty where the driver is not loaded. `root` stands in for `/`. Rejects when it is not allowed. */
export async function readBonds(root = "/"): Promise<readonly BondFacts[]> {
  const folder = join(root, "proc/net/bonding");
  const names = (await unlessAbsent(readdir(folder))) ?? [];
  const bonds = await Promise.all(names.sort().map((name) => readBond(root, folder, name)));
  return bonds.flatMap((bond) => bond ?? []);
}

/** Undefined when the bond has gone in between. */
async function readBond(root: string, folder: string, name: string): Promise<BondFacts | undefined> {
  const content = await unlessAbsent(readFile(join(folder, name), "utf8"));
  if (content === undefined) return undefined;
  const text = parseProcBonding(content);
  const members = text.kind === "bond" ? text.members : [];
  const facts = await Promise.all(
    members.map(async (member) => [member.name, await readMember(join(root, "sys/class/net", member.name))] as const),
  );
  return { name, text, members: new Map(facts) };
}

/** `bonding_slave` is there from Linux 3.14 on. */
async function readMember(device: string): Promise<MemberFacts> {
  const [counters, role, actorState, partnerState] = await Promise.all([
    readCounters(join(device, "statistics")),
    readValue(join(device, "bonding_slave/state")),
    readCount(join(device, "bonding_slave/ad_actor_oper_port_state")),
    readCount(join(device, "bonding_slave/ad_partner_oper_port_state")),
  ]);
  return {
    ...(counters && { counters }),
    ...((role === "active" || role === "backup") && { role }),
    ...(actorState !== undefined && { actorState }),
    ...(partnerState !== undefined && { partnerState }),
  };
}

async function readCounters(folder: string): Promise<Counters | undefined> {
  const files = ["rx_packets", "tx_packets", "rx_errors", "tx_errors"];
  const counts = await Promise.all(files.map((file) => readCount(join(folder, file))));
  const [rxPackets, txPackets, rxErrors, txErrors] = counts;
  if (rxPackets === undefined || txPackets === undefined) return undefined;
  return { rxPackets, txPackets, rxErrors: rxErrors ?? 0, txErrors: txErrors ?? 0 };
}

async function readCount(path: string): Promise<number | undefined> {
  const value = await readValue(path);
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

async function readValue(path: string): Promise<string | undefined> {
  return (await unlessAbsent(readFile(path, "utf8")))?.trim();
}

/** A member that leaves its bond takes its files with it, so being absent is no trouble here. */
async function unlessAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "ENODEV", "EINVAL"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
