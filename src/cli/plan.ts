import { EverbootError } from "../base/errors.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { changesText, planChanges } from "./plan-changes.ts";
import { ask, hostPath, STATE_OPTION, STATE_USAGE } from "./state-option.ts";

const USAGE = `everboot plan HOST [--arch amd64|arm64|i386] [--firmware bios|uefi] [-c FILE [--before FILE]] [--state DIR] [--json]
  What the host would be told at its next network boot, at each step, and why.
  -c FILE       what would change for the host, at each stage, if the running daemon had this site file
  --before FILE compare with this site file in place of the daemon's
${STATE_USAGE}`;

export interface PlanReport {
  readonly host: string;
  readonly address: string;
  readonly action: "install" | "local" | "refused";
  readonly reasons: readonly string[];
  readonly steps: ReadonlyArray<{ readonly asks: string; readonly gets: string; readonly why: string }>;
  /** What the last step, the boot script, says. */
  readonly script?: string;
}

export const planCommand: Command = {
  name: "plan",
  summary: "what a host would be told to do, and why",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      ...STATE_OPTION,
      arch: { type: "string" },
      firmware: { type: "string" },
      config: { type: "string", short: "c" },
      before: { type: "string" },
    });
    const [host = ""] = wantPositionals(positionals, 1, 1, USAGE);
    if (values.config !== undefined) return showChanges(host, { ...values, config: values.config }, io);
    if (values.before !== undefined) throw new EverbootError("usage", { what: "--before goes with -c FILE" });
    const query = new URLSearchParams();
    if (values.arch !== undefined) query.set("arch", values.arch);
    if (values.firmware !== undefined) query.set("firmware", values.firmware);
    const plan = (await ask(io, values.state, "GET", `${hostPath(host, "/plan")}?${query}`)) as PlanReport;
    for (const line of values.json ? [JSON.stringify(plan)] : planLines(plan)) io.out(line);
    return plan.action === "refused" ? 1 : 0;
  },
};

async function showChanges(
  host: string,
  options: Parameters<typeof planChanges>[1] & { readonly json?: boolean | undefined },
  io: Io,
): Promise<number> {
  const report = await planChanges(host, options, io);
  for (const line of options.json ? [JSON.stringify(report)] : changesText(report)) io.out(line);
  return 0;
}

function planLines(plan: PlanReport): string[] {
  return [
    `${plan.host} (${plan.address}): ${plan.action}`,
    ...plan.reasons.map((reason) => `  ${reason}`),
    ...plan.steps.map((step) => `  ${step.asks.padEnd(9)} -> ${step.gets}   (${step.why})`),
    ...(plan.script === undefined
      ? []
      : [
          "",
          ...plan.script
            .trimEnd()
            .split("\n")
            .map((line) => `  | ${line}`),
        ]),
  ];
}
