/** `everboot bond render`: the files of a bond for this machine's network stack. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { EverbootError } from "../base/errors.ts";
import type { Finding } from "../bond/health.ts";
import type { MachineNetwork } from "../bond/machine-network.ts";
import { bondWarnings } from "../bond/rules.ts";
import { STACK_NAMES, type StackName, stackChanges, stackLacks } from "../bond/stacks.ts";
import { readMachineNetwork } from "../net/machine-network.ts";
import { stackFiles, stackInUse } from "../net/network-stack.ts";
import { type BondPlan, planBond, readWish, WISH_USAGE } from "./bond-options.ts";
import type { Io } from "./command.ts";

export const BOND_RENDER_USAGE = `everboot bond render [NAME] --members A,B [OPTIONS] [--as STACK] [--out DIR] [--json]
  The files of a bond of these NICs, for this machine's network stack; what they say of other devices stays.
${WISH_USAGE}
  --as STACK            ${STACK_NAMES.join(", ")}; left out: the one in use
  --out DIR             write them below DIR instead of printing them; the running network stays as it is`;

/** The machine that the command is given on. */
export interface BondMachine {
  readonly root: string;
  network(): Promise<MachineNetwork>;
}

export const thisMachine: BondMachine = { root: "/", network: () => readMachineNetwork() };

const OPTIONS = { as: { type: "string" }, out: { type: "string" }, json: { type: "boolean" } } as const;

/** Resolves with the exit code: 2 when there can be no such bond. */
export async function bondRender(args: readonly string[], io: Io, machine = thisMachine): Promise<number> {
  const asked = readWish(args, OPTIONS, BOND_RENDER_USAGE);
  if ("faults" in asked) return tellFindings(asked.faults, io, 2);
  const { wish, values } = asked;
  const [as, out] = [values.get("as"), values.get("out")];
  const stack = as === undefined ? undefined : stackNamed(String(as));
  const planned = planBond(wish, await machine.network());
  if ("faults" in planned) return tellFindings(planned.faults, io, 1);
  const name = stack ?? (await requireStack(wish.members, machine.root)).stack;
  const changes = stackChanges(name, planned.plan, await stackFiles(name, machine.root));
  const files = changes.flatMap((file) => (file.text === undefined ? [] : [{ ...file, text: file.text }]));
  const remove = changes.filter(({ text }) => text === undefined).map(({ path }) => path);
  tellWarnings(planned.plan, name, io);
  if (out !== undefined) await writeBelow(resolve(io.cwd, String(out)), files);
  if (values.has("json")) io.out(JSON.stringify({ stack: name, files, remove }));
  else if (out === undefined) for (const { path, text } of files) io.out(`# ${path}\n${text}`);
  if (!values.has("json")) for (const path of remove) io.err(`${path}: speaks of the same devices: take it away`);
  return 0;
}

/** One line each, as main.ts tells an error. */
export function tellFindings(findings: readonly Finding[], io: Io, exit: number): number {
  for (const { what, todo } of findings) io.err(`everboot: ${what}: ${todo}`);
  return exit;
}

/** What works on paper and disappoints, and what the stack cannot say. */
export function tellWarnings({ bond }: BondPlan, stack: StackName, io: Io): void {
  for (const { what, todo } of bondWarnings(bond)) io.err(`warning: ${what}: ${todo}`);
  for (const key of stackLacks(stack, bond)) {
    io.err(`warning: ${stack} has no ${key} ${bond[key]}: it is lost at the next start: leave it out`);
  }
}

function stackNamed(text: string): StackName {
  const name = STACK_NAMES.find((each) => each === text);
  if (name) return name;
  throw new EverbootError("usage", { what: `no network stack ${text}: choose one of ${STACK_NAMES.join(", ")}` });
}

export async function requireStack(ports: readonly string[], root: string) {
  const found = await stackInUse(ports, root);
  if (found) return found;
  const reason = "no network stack is known here: name one with `everboot bond render --as`";
  throw new EverbootError("bond-refused", { reason });
}

async function writeBelow(folder: string, files: readonly { path: string; mode: number; text: string }[]) {
  for (const { path, mode, text } of files) {
    const place = join(folder, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, text, { mode });
  }
}
