/** Are the programs there that the daemon runs, in versions that it knows? */
import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { promisify } from "node:util";
import { EverbootError } from "../base/errors.ts";
import { etcdPlaces } from "../cluster/etcd/places.ts";
import { findProgram } from "../net/programs.ts";
import { processes, programOf } from "../net/socket-owners.ts";
import { NFS_PROGRAMS } from "../server/nfs/service.ts";
import { installsBy } from "../site/installs-by.ts";
import { type Check, isShared, type Scene } from "./check.ts";
import { type Finding, type FindingId, finding } from "./findings.ts";

const run = promisify(execFile);

export interface Need {
  readonly program: string;
  readonly purpose: string;
  readonly package: string;
  /** What it must be, and how a version before it is judged. */
  readonly least?: { readonly version: string; readonly judged: "program-old" | "program-untried" };
}

export const programsCheck: Check = {
  name: "programs",
  of: "machine",
  look: async (scene) => {
    const found = await Promise.all(programsOf(scene).map((need) => lookFor(need, scene.searchPath)));
    return [...judgePrograms(found), ...judgeRivals(await rivals(scene))];
  },
};

/** Those of the site and of this server. */
export function programsOf({ site, server }: Pick<Scene, "site" | "server">): readonly Need[] {
  const isMirror = [...site.trees.values()].some(({ upstream }) => upstream !== undefined);
  const ip: Need = { program: "ip", purpose: "bonds and floating addresses", package: "iproute2" };
  const gpgv: Need = { program: "gpgv", purpose: "the signatures of mirrors", package: "gpgv" };
  return [
    ...(isMirror ? [gpgv] : []),
    ...(installsBy(site, "nfs") ? NFS_PROGRAMS : []),
    ...(isShared(site) ? [ip, ...floatingNeeds(server), ...etcdNeeds(site, server)] : []),
  ];
}

function floatingNeeds(server: Scene["server"]): readonly Need[] {
  if (server?.floating === undefined) return [];
  const purpose = "floating addresses";
  return [
    {
      ...{ program: "keepalived", purpose, package: "keepalived" },
      least: { version: "2.2.7", judged: "program-untried" },
    },
    { program: "setpriv", purpose, package: "util-linux" },
  ];
}

function etcdNeeds(site: Scene["site"], server: Scene["server"]): readonly Need[] {
  const isHere = etcdPlaces(site).some(({ name, isServer, canRun }) => isServer && canRun && name === server?.name);
  if (!isHere) return [];
  const least = { version: LEAST_ETCD, judged: "program-old" } as const;
  return [{ program: "etcd", purpose: "the common state", package: "etcd-server", least }];
}

/** Learners came with it, by which `everboot cluster join` keeps the quorum. */
export const LEAST_ETCD = "3.4.0";

export interface FoundProgram {
  readonly need: Need;
  /** Absent = it is not installed. */
  readonly path?: string;
  /** Absent = it is not asked, or does not tell. */
  readonly version?: string;
}

async function lookFor(need: Need, searchPath: string): Promise<FoundProgram> {
  try {
    const path = findProgram(need.program, searchPath, need);
    const version = need.least && (await versionOf(path));
    return { need, path, ...(version !== undefined && { version }) };
  } catch (error) {
    if (error instanceof EverbootError && error.code === "tool-missing") return { need };
    throw error;
  }
}

/** The first number with dots in what `--version` prints, to either stream. */
async function versionOf(path: string): Promise<string | undefined> {
  const { stdout, stderr } = await run(path, ["--version"], { timeout: 3000 }).catch(() => ({
    stdout: "",
    stderr: "",
  }));
  return /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0];
}

export function judgePrograms(found: readonly FoundProgram[]): readonly Finding[] {
  return found.flatMap(({ need, path, version }) => {
    const details = { program: need.program, purpose: need.purpose, package: need.package };
    if (path === undefined)
      return [finding("program-missing", details, "it is in no folder of PATH, nor in /usr/sbin")];
    const { least } = need;
    if (!least || version === undefined || !isBefore(version, least.version)) return [];
    const id: FindingId = least.judged;
    return [finding(id, { ...details, version, least: least.version }, `${path} --version says ${version}`)];
  });
}

/** By numbers: 3.10 is after 3.9. */
export function isBefore(version: string, least: string): boolean {
  const [have, want] = [version, least].map((text) => text.split(".").map(Number));
  const place = want?.findIndex((part, index) => part !== (have?.[index] ?? 0)) ?? -1;
  return place >= 0 && (have?.[place] ?? 0) < (want?.[place] ?? 0);
}

export interface Rival {
  readonly program: string;
  readonly pid: number;
}

export function judgeRivals(found: readonly Rival[]): readonly Finding[] {
  return found.map(({ program, pid }) =>
    finding("program-rival", { program, pid }, `/proc/${pid} is no child of Everboot's daemon`),
  );
}

/** keepalived in this network namespace that the daemon did not start; it runs as several processes, of which one is told. */
async function rivals({ site, server, daemon }: Scene): Promise<readonly Rival[]> {
  if (!isShared(site) || server?.floating === undefined) return [];
  const here = await readlink("/proc/self/ns/net");
  const all = await Promise.all((await processes()).map(async (pid) => ({ pid, program: await programOf(pid) })));
  for (const { pid, program } of all.filter((each) => each.program === "keepalived")) {
    const space = await readlink(`/proc/${pid}/ns/net`).catch(() => "");
    if (space === here && !(await descendsFrom(pid, daemon?.pid))) return [{ program, pid }];
  }
  return [];
}

async function descendsFrom(pid: number, ancestor: number | undefined): Promise<boolean> {
  for (let each = pid; each > 1; each = await parentOf(each)) if (each === ancestor) return true;
  return false;
}

/** proc(5): the parent follows the name, which is in brackets and may hold any character. */
async function parentOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1] ?? 0);
}
