/** What the demo says. */
import { bytesText, durationText, hostText } from "../src/cli/status-text.ts";
import type { HostStatus } from "../src/cluster/trace.ts";
import type { DemoRack } from "./demo-rack.ts";
import type { InstallReport, StageTime } from "./install-run.ts";
import { STAGE_LABELS } from "./progress.ts";

type Out = (line: string) => void;

export const STOPPED = "Stopped. Nothing is left behind.";

/** The parts of the rack's site file that matter to a reader, and what comes next. */
export function introduce(out: Out, { rack, servers }: DemoRack, name: string): void {
  const host = rack.hosts.find((each) => each.name === name);
  const bond = host?.bond ? ", bonded" : "";
  out("");
  for (const line of servers) out(`  ${line}`);
  out(`  ${name}  NICs ${host?.nics.join(" and ")}${bond}, at ${host?.address}, to be Debian`);
  out("");
  out(`everboot install ${name}   and the machine is switched on:`);
}

export function tellStage(out: Out, { seconds, stage }: StageTime): void {
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`.padStart(6);
  out(`  ${clock}  ${STAGE_LABELS[stage]}`);
}

/** What the machine has been sent so far, by whom, and what is awaited of it. */
export function progressLine(bytes: number, server: string, awaiting: string | undefined): string {
  return `         ${bytesText(bytes)}, served by ${server}${awaiting === undefined ? "" : `; waiting for ${awaiting}`}`;
}

const OUTCOMES: Readonly<Record<Exclude<InstallReport["outcome"], "reached" | "cancelled">, string>> = {
  question: "the installer asks something that the site file does not answer",
  stalled: "nothing has happened for ten minutes",
  ended: "the machine went away",
  "out-of-time": "it took too long",
};

export function tellEnd(out: Out, report: InstallReport): void {
  out("");
  if (report.outcome === "cancelled") {
    out(STOPPED);
    return;
  }
  if (report.outcome !== "reached") {
    out(`The demo did not get to its end: ${OUTCOMES[report.outcome]}. The machine's last lines:`);
    for (const line of report.screen.trimEnd().split("\n").slice(-8)) out(`  | ${line}`);
    return;
  }
  tellStatus(out, report.status);
  out(`Done in ${durationText(report.seconds * 1000)}: ${reachedText(report)}`);
  out("Nothing is left behind: networks, servers, machine and disk are gone. Next:");
  out("  everboot demo --servers 3 --kill random   three servers, another moment; --full goes to the end");
  out("  everboot check -c site.yaml               your own site file; docs/site-file.md has every key");
  out("  everboot up -c site.yaml                  your own server; docs/cluster.md tells of several");
}

export function tellStatus(out: Out, status: HostStatus & { readonly now: number }): void {
  out(`everboot status ${status.host}`);
  for (const line of hostText(status, { now: status.now, color: false })) out(`  ${line}`);
  out("");
}

function reachedText({ stages, faults }: InstallReport): string {
  const killed =
    faults.length > 0 ? "its server was killed on the way, and it went on" : "it was quicker than the kill";
  const stage = stages.at(-1)?.stage;
  if (stage === "installed")
    return `${killed}: it is installed, was told to boot from its disk, and asks for a log-in.`;
  return stage === undefined ? `${killed}.` : `${killed}; now: ${STAGE_LABELS[stage]}.`;
}
