/** `everboot bond status`: this machine's bonds, their health in plain words. */
import { resolve } from "node:path";
import { setTimeout as timeout } from "node:timers/promises";
import { EverbootError } from "../base/errors.ts";
import { type FactsOf, type Health, judgeBond, type MemberFacts } from "../bond/health.ts";
import type { BondSettings } from "../bond/model.ts";
import type { ProcBonding, ProcMember } from "../bond/proc-bonding.ts";
import { type BondFacts, readBonds } from "../net/bond-files.ts";
import { alignColumns } from "./columns.ts";
import type { Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";

export const BOND_STATUS_USAGE = `everboot bond status [NAME] [--watch] [--json]
  This machine's bonds, or one of them: members, link monitoring, LACP, and what is wrong. Exit 1 if degraded.
  --watch      draws it again each second, with packets per second, until Ctrl-C
  --json       one line of JSON (with --watch one each second)
  --root DIR   read DIR/proc and DIR/sys in place of this machine's own`;

/** Time for `--watch`. */
export interface Pace {
  /** Milliseconds since a moment that stays the same. */
  now(): number;
  /** Resolves after `ms`, and keeps the process alive for it; rejects when aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

const realPace: Pace = {
  now: () => performance.now(),
  wait: (ms, signal) => timeout(ms, undefined, { signal }),
};

/** Resolves with the exit code: 1 if a bond is degraded. Rejects with EverbootError `bond-unknown` for another NAME. */
export async function bondStatus(args: readonly string[], io: Io, pace: Pace = realPace): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    watch: { type: "boolean", short: "w" },
    json: { type: "boolean" },
    root: { type: "string" },
  });
  const [name] = wantPositionals(positionals, 0, 1, BOND_STATUS_USAGE);
  const root = resolve(io.cwd, values.root ?? "/");
  const json = values.json === true;
  let before: Look | undefined;
  for (;;) {
    const look = await takeLook(root, name, pace);
    show(look, before, json, io, values.watch === true);
    if (!values.watch || !(await waited(pace, io.signal)))
      return look.bonds.every(({ health }) => health.healthy) ? 0 : 1;
    before = look;
  }
}

/** False when it was stopped. */
async function waited(pace: Pace, signal: AbortSignal): Promise<boolean> {
  try {
    await pace.wait(1000, signal);
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

/** All bonds at one moment. */
interface Look {
  readonly at: number;
  readonly bonds: readonly JudgedBond[];
}

interface JudgedBond extends BondFacts {
  readonly health: Health;
}

async function takeLook(root: string, name: string | undefined, pace: Pace): Promise<Look> {
  const all = await readBonds(root);
  const bonds = name === undefined ? all : all.filter((bond) => bond.name === name);
  if (name !== undefined && bonds.length === 0) {
    const names = all.map((bond) => bond.name).join(", ");
    throw new EverbootError("bond-unknown", { bond: name, hint: names === "" ? "it has none" : `it has ${names}` });
  }
  return { at: pace.now(), bonds: bonds.map((bond) => ({ ...bond, health: healthOf(bond) })) };
}

function healthOf({ text, members }: BondFacts): Health {
  if (text.kind === "bond") return judgeBond(text, members);
  return {
    healthy: false,
    reasons: [{ what: `its text cannot be read: ${text.why}`, todo: "see it yourself" }],
    remarks: [],
  };
}

function show(look: Look, before: Look | undefined, json: boolean, io: Io, redraw: boolean): void {
  const lines = json ? [JSON.stringify({ bonds: look.bonds.map(jsonOf) })] : linesOf(look, before, io.terminal);
  if (redraw && io.terminal && !json)
    io.write(`${TOP}${lines.map((line) => `${line}${REST_OF_LINE}\n`).join("")}${REST}`);
  else for (const line of lines) io.out(line);
}

/** Control sequences of ECMA-48: cursor to the top left, erase to the line's end, erase to the screen's end. */
const TOP = "\u001b[H";
const REST_OF_LINE = "\u001b[K";
const REST = "\u001b[J";

function jsonOf({ name, text, members, health }: JudgedBond): object {
  if (text.kind === "refused") return { name, ...health };
  const { kind: _kind, members: own, ...bond } = text;
  return { name, ...health, ...bond, members: own.map((member) => ({ ...member, ...members.get(member.name) })) };
}

function linesOf(look: Look, before: Look | undefined, color: boolean): string[] {
  if (look.bonds.length === 0) return ["no bonds on this machine"];
  const seconds = before && (look.at - before.at) / 1000;
  return look.bonds.flatMap((bond) => {
    const earlier = before?.bonds.find(({ name }) => name === bond.name);
    return bondText(bond, earlier && seconds ? { members: earlier.members, seconds } : undefined, color);
  });
}

/** What was counted `seconds` ago. */
interface Earlier {
  readonly members: FactsOf;
  readonly seconds: number;
}

/** ```
 * bond0  degraded  active-backup, MII every 100 ms, driver 6.12.101+deb13-amd64
 *   MEMBER  LINK  ROLE    SPEED      LOST  OWN ADDRESS        RECEIVED  SENT
 *   eth0    up    active  1000 Mb/s  0     52:54:00:00:00:01  1406      1411
 *   eth1    down  backup  -          2     52:54:00:00:00:02  12        0
 *   ! eth1 is down: see to its cable ...
 *   eth1 has lost its link twice ...
 * ```
 */
function bondText({ name, text, members, health }: JudgedBond, earlier: Earlier | undefined, color: boolean): string[] {
  const state = health.healthy ? paint("healthy", 32, color) : paint("degraded", 31, color);
  const about = text.kind === "bond" ? `  ${aboutText(text)}` : "";
  return [
    `${name}  ${state}${about}`,
    ...(text.kind === "bond" ? memberLines(text, members, earlier) : []),
    ...health.reasons.map(({ what, todo }) => `  ${paint("!", 31, color)} ${what}: ${todo}`),
    ...health.remarks.map(({ what, todo }) => `  ${what}: ${todo}`),
  ];
}

function aboutText({ settings, driver }: ProcBonding): string {
  return [settings.mode, watchText(settings), ...(driver === undefined ? [] : [`driver ${driver}`])].join(", ");
}

function watchText({ miimon, arp_interval, arp_ip_target = [] }: BondSettings): string {
  if (arp_interval) return `ARP to ${arp_ip_target.join(" ")} every ${arp_interval} ms`;
  return miimon ? `MII every ${miimon} ms` : "links not watched";
}

const HEADER = ["MEMBER", "LINK", "ROLE", "SPEED", "LOST", "OWN ADDRESS", "RECEIVED", "SENT"];
const ALL_LEFT = HEADER.map((): "left" => "left");

function memberLines(bond: ProcBonding, facts: FactsOf, earlier: Earlier | undefined): string[] {
  const rows = bond.members.map((member) => memberCells(member, bond, facts.get(member.name), earlier));
  return rows.length === 0 ? [] : alignColumns([HEADER, ...rows], ALL_LEFT);
}

function memberCells(
  member: ProcMember,
  bond: ProcBonding,
  facts: MemberFacts | undefined,
  earlier: Earlier | undefined,
): string[] {
  const { name, status, speed, duplex, failures, mac } = member;
  const before = earlier?.members.get(name)?.counters;
  return [
    name,
    status,
    roleText(member, bond, facts),
    speed === undefined ? "-" : `${speed} Mb/s${duplex === "half" ? " half" : ""}`,
    String(failures ?? "-"),
    mac ?? "-",
    packetsText(facts?.counters?.rxPackets, before?.rxPackets, earlier?.seconds),
    packetsText(facts?.counters?.txPackets, before?.txPackets, earlier?.seconds),
  ];
}

function roleText({ name, aggregator }: ProcMember, bond: ProcBonding, facts: MemberFacts | undefined): string {
  if (bond.lacp) return aggregator === undefined ? "no aggregator" : `aggregator ${aggregator}`;
  if (bond.settings.mode === "active-backup") return name === bond.active ? "active" : "backup";
  return facts?.role ?? "-";
}

function packetsText(now: number | undefined, before: number | undefined, seconds: number | undefined): string {
  if (now === undefined) return "-";
  if (before === undefined || seconds === undefined) return String(now);
  return `${Math.max(0, Math.round((now - before) / seconds))}/s`;
}

/** SGR codes (ECMA-48 section 8.3.117). */
function paint(text: string, code: number, color: boolean): string {
  return color ? `\u001b[${code}m${text}\u001b[0m` : text;
}
