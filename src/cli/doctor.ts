/** `everboot doctor`: what is wrong with this machine as a server of the site, told from what, and what to do. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { systemClock } from "../base/clock.ts";
import { EverbootError } from "../base/errors.ts";
import { type StatePaths, statePaths } from "../cluster/state-folder.ts";
import type { DaemonView, Scene } from "../doctor/check.ts";
import { CHECKS } from "../doctor/checks.ts";
import type { Severity } from "../doctor/findings.ts";
import { type CheckReport, runChecks } from "../doctor/run.ts";
import { machineLinks, type OwnNetwork } from "../doctor/scene.ts";
import { FAMILIES, POLICIES } from "../registry.ts";
import type { ClusterReport, SiteReport } from "../server/boot/operations.ts";
import { chooseServer } from "../server/endpoint.ts";
import type { Server, Site } from "../site/model.ts";
import type { Command, Io } from "./command.ts";
import { parseOptions, wantPositionals } from "./options.ts";
import { requireSite } from "./site-file.ts";
import { ask, stateFolder } from "./state-option.ts";

const USAGE = `everboot doctor [-c site.yaml] [--server NAME] [--state DIR] [--json]
  Looks at this machine as a server of the site, at its networks and at the other servers; changes nothing. Each finding
  comes with its evidence and a remedy. Exit 1 if there is an error; warnings alone: 0. Run it as root to see all.
  -c, --config FILE   the site file (default site.yaml, then everboot.yaml, /etc/everboot/site.yaml)
  --server NAME       which server of the site this is (default: the one whose address this machine has)
  --state DIR         the daemon's state folder (default /var/lib/everboot as root, else below ~/.local/state)
  --json              print the findings as JSON`;

export const doctorCommand: Command = {
  name: "doctor",
  summary: "what is wrong with this server, its networks and the others, and what to do?",
  usage: USAGE,
  run: async (args, io) => {
    const { values, positionals } = parseOptions(args, {
      config: { type: "string", short: "c" },
      server: { type: "string" },
      state: { type: "string" },
      json: { type: "boolean" },
    });
    wantPositionals(positionals, 0, 0, USAGE);
    const { site } = await requireSite(values.config, io);
    const network = await machineLinks();
    const scene = await sceneOf(site, chosenServer(site, values.server, network), network, values.state, io);
    const reports = await runChecks(CHECKS, scene);
    const lines = values.json ? [doctorJson(reports)] : doctorText(reports);
    for (const line of lines) io.out(line);
    return countOf(reports, "error") === 0 ? 0 : 1;
  },
};

/** Undefined when this machine is none of them: that is a finding. A name that the site file lacks is misuse. */
function chosenServer(site: Site, name: string | undefined, { interfaces }: OwnNetwork): Server | undefined {
  try {
    return chooseServer(site, name, interfaces);
  } catch (error) {
    if (name === undefined && error instanceof EverbootError && error.code === "server-unknown") return undefined;
    throw error;
  }
}

async function sceneOf(
  site: Site,
  server: Server | undefined,
  network: OwnNetwork,
  state: string | undefined,
  io: Io,
): Promise<Scene> {
  const paths = statePaths(stateFolder(state, io));
  const daemon = await daemonView(io, state, paths);
  return {
    ...{ site, ...network, state: paths, families: FAMILIES, policies: POLICIES },
    ...(server && { server }),
    ...(daemon && { daemon }),
    ...{ searchPath: io.env.PATH ?? "", clock: systemClock, random: randomBytes },
  };
}

/** Undefined when none runs, or it is another user's: then its ports are found taken. */
async function daemonView(io: Io, state: string | undefined, paths: StatePaths): Promise<DaemonView | undefined> {
  try {
    const site = (await ask(io, state, "GET", "/api/v1/site")) as SiteReport;
    const pid = Number(await readFile(paths.pid, "utf8"));
    const cluster = await ask(io, state, "GET", "/api/v1/cluster").catch(unlessAlone);
    return { site, pid, ...(cluster !== undefined && { cluster: cluster as ClusterReport }) };
  } catch (error) {
    const isAway = error instanceof EverbootError && (error.code === "daemon-absent" || error.code === "usage");
    if (isAway) return undefined;
    throw error;
  }
}

/** A server without others is asked in vain. */
function unlessAlone(error: unknown): undefined {
  if (!(error instanceof EverbootError) || error.code !== "usage") throw error;
}

export function doctorJson(reports: readonly CheckReport[]): string {
  const findings = reports.flatMap(({ check, findings: found }) => found.map((each) => ({ check, ...each })));
  return JSON.stringify({ well: countOf(reports, "error") === 0, findings });
}

const LABELS: Readonly<Record<Severity, string>> = { error: "ERROR", warning: "warning", unseen: "unseen" };
const WORST_FIRST: readonly Severity[] = ["error", "warning", "unseen"];
const INDENT = 9;

/**
 * ```
 * ERROR    loader undionly.kpxe is missing
 *          seen: there is no /usr/lib/ipxe/undionly.kpxe
 *          do:   install package ipxe
 * 1 error, 0 warnings; could not look: dhcp, conflicts
 * ```
 */
export function doctorText(reports: readonly CheckReport[]): readonly string[] {
  const all = reports.flatMap(({ check, findings }) => findings.map((each) => ({ check, ...each })));
  const lines = WORST_FIRST.flatMap((severity) => all.filter((each) => each.severity === severity)).flatMap(
    ({ check, severity, what, evidence, todo }) => [
      `${LABELS[severity].padEnd(INDENT)}${severity === "unseen" ? `${check}: ` : ""}${what}`,
      ...(evidence === "" ? [] : [`${" ".repeat(INDENT)}seen: ${evidence}`]),
      `${" ".repeat(INDENT)}do:   ${todo}`,
    ],
  );
  return [...lines, summary(reports)];
}

function summary(reports: readonly CheckReport[]): string {
  const [errors, warnings] = [countOf(reports, "error"), countOf(reports, "warning")];
  const blind = reports.filter(({ findings }) => findings.some(({ severity }) => severity === "unseen"));
  const counts = errors + warnings === 0 ? "all well" : `${plural(errors, "error")}, ${plural(warnings, "warning")}`;
  return `${counts}${blind.length === 0 ? "" : `; could not look: ${blind.map(({ check }) => check).join(", ")}`}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function countOf(reports: readonly CheckReport[], severity: Severity): number {
  return reports.flatMap(({ findings }) => findings).filter((each) => each.severity === severity).length;
}
