/** Carries out a switch-over: each step's way back is written down before the step is made. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import type { Ipv4 } from "../base/address.ts";
import { EverbootError, errnoOf } from "../base/errors.ts";
import type { NetworkPlan, PlannedBond } from "../bond/model.ts";
import { addressedDevice, type SwitchStep } from "../bond/switch-over.ts";
import { readBonds } from "./bond-files.ts";
import { answersArp } from "./machine-network.ts";

const run = promisify(execFile);
/** A port needs one to three seconds to settle with a switch. */
const LINK_MS = 5000;
const LOOK_MS = 100;
/** Each takes about a second; LACP needs three of them. */
const PROOF_TRIES = 10;

/** Is the bonding driver loaded, or can it be? */
export async function driverState(root = "/"): Promise<"loaded" | "loadable" | "absent"> {
  if (existsSync(join(root, "sys/module/bonding"))) return "loaded";
  return run("modinfo", ["bonding"]).then(
    () => "loadable",
    () => "absent",
  );
}

/** Rejects with EverbootError `bond-step` at the first step that fails; what was made until then can be undone. */
export async function makeSteps(
  folder: string,
  steps: readonly SwitchStep[],
  tell: (what: string) => void,
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    tell(step.what);
    if (step.awaits) await linkOf(step.awaits);
    else await makeStep(join(folder, "undo", String(index).padStart(3, "0")), step);
  }
}

async function makeStep(undoFile: string, { what, command, undo }: SwitchStep): Promise<void> {
  if (undo) await writeFile(undoFile, `${undo.map(quoted).join(" ")}\n`);
  const [program = "", ...args] = command;
  try {
    await run(program, args);
  } catch (error) {
    throw new EverbootError("bond-step", { what, reason: complaintOf(error) }, error);
  }
}

/** One word for a POSIX shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function complaintOf(error: unknown): string {
  const stderr = error instanceof Error && "stderr" in error ? String(error.stderr).trim() : "";
  return stderr.split("\n").at(-1) || errnoOf(error) || String(error);
}

/** Resolves when one of the ports has a link, or after a while. */
async function linkOf(ports: readonly string[]): Promise<void> {
  for (let waited = 0; waited < LINK_MS; waited += LOOK_MS) {
    const carriers = await Promise.all(ports.map(hasCarrier));
    if (carriers.includes(true)) return;
    await pause(LOOK_MS);
  }
}

async function hasCarrier(port: string): Promise<boolean> {
  try {
    return (await readFile(`/sys/class/net/${port}/carrier`, "utf8")).trim() === "1";
  } catch (error) {
    // What the kernel says of a port that is down.
    if (errnoOf(error) === "EINVAL") return false;
    throw error;
  }
}

/** Resolves when the bond is as it was planned, has a link, and `judge` answers on it; rejects when it stays otherwise. */
export async function proveBond(
  plan: NetworkPlan & { readonly bond: PlannedBond },
  judge: Ipv4 | undefined,
  signal: AbortSignal,
): Promise<void> {
  let trouble = await troubleOf(plan, judge);
  for (let tries = 1; trouble !== undefined && tries < PROOF_TRIES; tries++) {
    await pause(LOOK_MS, undefined, { signal });
    trouble = await troubleOf(plan, judge);
  }
  if (trouble !== undefined)
    throw new EverbootError("bond-step", { what: `look at ${plan.bond.name}`, reason: trouble });
}

async function troubleOf(
  plan: NetworkPlan & { readonly bond: PlannedBond },
  judge: Ipv4 | undefined,
): Promise<string | undefined> {
  const { name, mode, members } = plan.bond;
  const bond = (await readBonds()).find((each) => each.name === name)?.text;
  if (bond?.kind !== "bond") return bond?.why ?? "it is not there";
  if (bond.settings.mode !== mode) return `its mode is ${bond.settings.mode}, not ${mode}`;
  const absent = members.filter((nic) => !bond.members.some((member) => member.name === nic.name));
  if (absent.length > 0) return `${absent.map((nic) => nic.name).join(", ")} did not join`;
  if (!bond.members.some(({ status }) => status === "up")) return "none of its members has a link";
  const device = addressedDevice(plan)?.name ?? name;
  if (judge && !(await answersArp(judge, device))) return `${judge} does not answer any more`;
  return undefined;
}
