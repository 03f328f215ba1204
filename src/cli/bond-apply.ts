/** `everboot bond apply`: makes a bond of NICs that are in use, and takes it back unless it is confirmed. */
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { cidrContains, type Ipv4, parseIpv4 } from "../base/address.ts";
import { EverbootError } from "../base/errors.ts";
import { cutOffs, type Session, sessionOf } from "../bond/cut-off.ts";
import type { Finding } from "../bond/health.ts";
import type { MachineNetwork } from "../bond/machine-network.ts";
import { stackChanges } from "../bond/stacks.ts";
import { addressedDevice, carryingMember, networkOf, switchOverSteps } from "../bond/switch-over.ts";
import { ancestorVariable } from "../net/ancestor-environment.ts";
import { answersArp } from "../net/machine-network.ts";
import { type StackInUse, stackFiles } from "../net/network-stack.ts";
import {
  isWaiting,
  makeGuardFolder,
  type Outcome,
  outcomeOf,
  stageFiles,
  startWatchdog,
  tellWatchdog,
} from "../net/switch-guard.ts";
import { driverState, makeSteps, proveBond } from "../net/switch-over.ts";
import { type BondPlan, planBond, readWish, WISH_USAGE } from "./bond-options.ts";
import { requireStack, tellFindings, tellWarnings, thisMachine } from "./bond-render.ts";
import type { Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { stateFolder } from "./state-option.ts";

export const BOND_APPLY_USAGE = `everboot bond apply [NAME] --members A,B [OPTIONS] [--confirm SECONDS] [--yes] [--state DIR]
  Makes the bond now, and its files for this machine's network stack. Unless you confirm, all of it is taken back: also
  when your session is lost, or the router does not answer any more. Refuses what would cut you off.
${WISH_USAGE}
  --confirm SECONDS     time to confirm; left out: 60
  --yes                 confirm by itself when the bond is up and the router answers
  --state DIR           keep the old files in there (default /var/lib/everboot)`;

export const BOND_CONFIRM_USAGE = `everboot bond confirm [--state DIR]
  Keeps the bond that \`everboot bond apply\` has just made; from another session, for instance.`;

const OPTIONS = { confirm: { type: "string" }, yes: { type: "boolean" }, state: { type: "string" } } as const;

/** A bond that can be made here. */
interface Change {
  readonly plan: BondPlan;
  readonly network: MachineNetwork;
  readonly inUse: StackInUse;
  readonly loaded: boolean;
  /** Who has to answer afterwards. */
  readonly judge?: Ipv4;
}

/** Resolves with the exit code: 0 kept, 1 refused or taken back, 2 when there can be no such bond. */
export async function bondApply(args: readonly string[], io: Io, machine = thisMachine): Promise<number> {
  const asked = readWish(args, OPTIONS, BOND_APPLY_USAGE);
  if ("faults" in asked) return tellFindings(asked.faults, io, 2);
  const { wish, values } = asked;
  const seconds = secondsOf(values.get("confirm"));
  const network = await machine.network();
  const planned = planBond(wish, network);
  if ("faults" in planned) return tellFindings(planned.faults, io, 1);
  const { plan } = planned;
  const ssh = io.env.SSH_CONNECTION ?? (await ancestorVariable("SSH_CONNECTION", process.ppid, machine.root));
  const session = sessionOf(ssh);
  const inUse = await requireStack(wish.members, machine.root);
  const driver = await driverState(machine.root);
  const findings = [...hereFindings(plan, inUse, driver), ...cutOffs(plan, network, session)];
  if (findings.length > 0) return tellFindings(findings, io, 1);
  const judge = judgeOf(plan, session);
  await requireAnswer(judge, plan, network);
  const change: Change = { plan, network, inUse, loaded: driver === "loaded", ...(judge && { judge }) };
  return guarded(change, bondFolder(values.get("state"), io), { seconds, yes: values.has("yes") }, io);
}

export async function bondConfirm(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseOptions(args, { state: { type: "string" } });
  wantPositionals(positionals, 0, 0, BOND_CONFIRM_USAGE);
  const folder = bondFolder(values.state, io);
  if (!(await isWaiting(folder))) throw new EverbootError("bond-refused", { reason: "no bond waits to be confirmed" });
  await tellWatchdog(folder, "confirmed");
  return tellOutcome(await outcomeOf(folder), folder, io);
}

function bondFolder(state: string | boolean | undefined, io: Io): string {
  return join(stateFolder(typeof state === "string" ? state : undefined, io), "bond-switch");
}

const MOST_SECONDS = 3600;

function secondsOf(text: string | boolean | undefined): number {
  const seconds = Number(text ?? 60);
  if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MOST_SECONDS) return seconds;
  throw new EverbootError("usage", { what: `--confirm ${text}: give seconds from 1 to ${MOST_SECONDS}` });
}

function hereFindings(plan: BondPlan, { manager }: StackInUse, driver: string): Finding[] {
  const findings: Finding[] = [];
  const add = (what: string, todo: string) => findings.push({ what, todo });
  if (process.getuid?.() !== 0) add("only root may change the network", "run it as root");
  if (driver === "absent") add("this kernel has no bonding driver", "install the kernel's modules (`modinfo bonding`)");
  if (!manager && addressedDevice(plan)?.addressing.kind === "dhcp") {
    const what = `nobody here would renew a lease on ${plan.bond.name} before the next start`;
    add(what, "name the address with --address, or use `everboot bond render --dhcp --out /` and start anew");
  }
  return findings;
}

/** The router, else the operator's own machine if it is in the same network. */
function judgeOf(plan: BondPlan, session: Session | undefined): Ipv4 | undefined {
  const addressing = addressedDevice(plan)?.addressing;
  if (addressing?.kind !== "static") return undefined;
  const client = parseIpv4(session?.client ?? "");
  const isNear = client && cidrContains(networkOf(addressing), client);
  return addressing.router ?? (isNear ? client : undefined);
}

/** Whoever does not answer before could not tell afterwards whether all is well. */
async function requireAnswer(judge: Ipv4 | undefined, plan: BondPlan, network: MachineNetwork): Promise<void> {
  const carrier = carryingMember(plan, network);
  if (!judge || !carrier || addressedDevice(plan)?.vlan) return;
  if (await answersArp(judge, carrier.name)) return;
  const reason = `${judge} does not answer on ${carrier.name} even now: correct --router`;
  throw new EverbootError("bond-refused", { reason });
}

interface Asking {
  readonly seconds: number;
  readonly yes: boolean;
}

async function guarded(change: Change, folder: string, asking: Asking, io: Io): Promise<number> {
  const { plan, network, inUse, loaded } = change;
  tellWarnings(plan, inUse.stack, io);
  await makeGuardFolder(folder);
  const files = await stageFiles(folder, stackChanges(inUse.stack, plan, await stackFiles(inUse.stack)));
  const enter = new EnterKey(process.stdin);
  await startWatchdog(folder, asking.seconds, process.pid);
  const back = () => tellWatchdog(folder, "back");
  try {
    const steps = switchOverSteps({ plan, machine: network, files, ...inUse, loaded });
    await makeSteps(folder, steps, (what) => io.out(what));
    await proveBond(plan, change.judge, io.signal);
    await ask(change, folder, asking, enter, io);
  } catch (error) {
    if (!io.signal.aborted) io.err(`everboot: ${error instanceof EverbootError ? error.message : String(error)}`);
    await back();
  }
  // Not before: a step that is made while the watchdog takes them back would stay.
  const stop = () => void back();
  io.signal.addEventListener("abort", stop);
  if (io.signal.aborted) stop();
  try {
    return tellOutcome(await outcomeOf(folder), folder, io);
  } finally {
    io.signal.removeEventListener("abort", stop);
    enter.close();
  }
}

async function ask(
  { plan, judge }: Change,
  folder: string,
  { seconds, yes }: Asking,
  enter: EnterKey,
  io: Io,
): Promise<void> {
  const { name, members } = plan.bond;
  const answer = judge ? `, and ${judge} answers` : "; there is no router to ask";
  io.out(`${name} of ${members.map((nic) => nic.name).join(", ")} is up${answer}`);
  await tellWatchdog(folder, "waiting");
  if (yes) return tellWatchdog(folder, "confirmed");
  enter.once(() => void tellWatchdog(folder, "confirmed"));
  io.out(`Keep it? Press Enter, or run \`everboot bond confirm\`, within ${seconds} s; else it is taken back.`);
}

function tellOutcome(outcome: Outcome, folder: string, io: Io): number {
  if (outcome === "kept") io.out(`kept; the old files are in ${join(folder, "old")}`);
  else if (outcome === "taken-back") io.err(`taken back: all is as it was (${join(folder, "log")})`);
  else
    io.err(`everboot: the watchdog was killed, and the bond stays: \`ip link\` shows it, ${folder} has the old files`);
  return outcome === "kept" ? 0 : 1;
}

/** What was typed before the question does not count. */
class EnterKey {
  private readonly input: Readable;
  private act: () => void = () => undefined;

  constructor(input: Readable) {
    this.input = input.on("data", this.look).on("error", this.ignore);
  }

  once(act: () => void): void {
    this.act = act;
  }

  /** Lets the process end. */
  close(): void {
    this.input.off("data", this.look).pause();
  }

  private readonly look = (chunk: Buffer): void => {
    if (!chunk.includes(0x0a)) return;
    this.act();
    this.act = () => undefined;
  };

  /** The terminal has gone, and so has the key. */
  private readonly ignore = (): void => undefined;
}
