/** One run of the matrix: a client asks, the server that serves it breaks, the client must end well. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LAB_TREE } from "../../lab/cluster.ts";
import { type Attempt, attemptOf, type Install, type Moment } from "./attempts.ts";
import { FILE_BYTES, SMALL_FILE } from "./content.ts";
import { type Act, PREPARE } from "./faults.ts";
import { chanceOf, nameOf, pick, type Run } from "./plan.ts";
import type { Outcome } from "./results.ts";
import type { Machine, Rig } from "./rig.ts";
import { Client, type Ended, monotonicNow, Probe } from "./watch.ts";

/** A client that has not ended by then has failed; the most patient firmware waits longer. */
export const LIMIT_MS = 60_000;
/** From the fault on the address is watched for so long at least. */
const WATCHED_MS = 1500;

export async function runTrial(rig: Rig, run: Run): Promise<Outcome> {
  const chance = chanceOf(nameOf(run));
  const install = await beginInstall(rig, pick(chance, rig.machines));
  const address = new URL(install.server).hostname;
  const victim = await rig.holderOf(address);
  if (!victim) throw new Error(`${address} is not held by one server`);
  const to = join(rig.downloads, "file");
  rmSync(to, { force: true });
  const attempt = attemptOf(run.stage, install, chance, to);
  const act = await PREPARE[run.fault](rig, victim, chance);
  const probe = await Probe.start(rig.lab.net.client, address, new URL(install.treeUrl(SMALL_FILE)).pathname);
  const { ended, pauseMs, faultAt } = await undergo(install.machine, attempt, act, to);
  await delay(Math.max(0, faultAt + WATCHED_MS - monotonicNow()));
  const addressMs = Math.round(probe.stop(faultAt));
  const trouble = troubleOf(attempt, ended);
  const mending = performance.now();
  const mendTrouble = await rig.mend().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return {
    ...{ ...run, client: attempt.client, at: tellMoment(attempt.moment) },
    ...(trouble !== undefined && { trouble }),
    ...{ pauseMs: Math.round(pauseMs), addressMs, mendMs: Math.round(performance.now() - mending) },
    ...(mendTrouble !== undefined && { mendTrouble }),
  };
}

interface Undergone {
  readonly ended: Ended;
  readonly pauseMs: number;
  /** On the monotonic clock. */
  readonly faultAt: number;
}

/** The client at work, with the fault at its moment. */
export async function undergo(machine: Machine, attempt: Attempt, act: Act, to: string): Promise<Undergone> {
  const { moment } = attempt;
  if (moment.kind === "offered") return undergoAfterOffer(machine, attempt, moment.ms, act, to);
  const start = () => new Client(machine.space, attempt.command, to);
  if (moment.kind === "around") {
    const early = moment.ms < 0 ? start() : undefined;
    await delay(Math.max(0, -moment.ms));
    const faultAt = monotonicNow();
    await act();
    await delay(Math.max(0, moment.ms - (monotonicNow() - faultAt)));
    return answered(early ?? start(), faultAt);
  }
  const client = start();
  const isThere = () => client.size >= moment.share * FILE_BYTES;
  await client.until(isThere, LIMIT_MS);
  if (!isThere()) throw new Error(`nothing is broken yet, and ${attempt.client} gets nothing: ${client.printed}`);
  const faultAt = monotonicNow();
  const pause = client.longestPause(LIMIT_MS);
  await act();
  const pauseMs = await pause;
  return { ended: await client.end(), pauseMs, faultAt };
}

/** Its request gets lost until the fault is there: it says that it has chosen an offer, and asks again every second. */
async function undergoAfterOffer(
  { space }: Machine,
  attempt: Attempt,
  ms: number,
  act: Act,
  to: string,
): Promise<Undergone> {
  // A UDP datagram with the BOOTP header's 236 bytes, the magic cookie, and option 53 first: 3 is DHCPREQUEST (RFC 2132).
  const hook = "add chain netdev hold out { type filter hook egress device lan priority 0; }";
  const rule = "add rule netdev hold out udp dport 67 @th,1984,24 0x350103 drop";
  await space.exec("nft", [`add table netdev hold; ${hook}; ${rule}`]);
  const client = new Client(space, attempt.command, to);
  const isOffered = () => /select for/.test(client.printed);
  await client.until(isOffered, LIMIT_MS);
  if (!isOffered()) throw new Error(`nothing is broken yet, and ${attempt.client} gets no offer: ${client.printed}`);
  await delay(ms);
  const faultAt = monotonicNow();
  await Promise.all([act(), space.exec("nft", ["delete table netdev hold"])]);
  return answered(client, faultAt);
}

/** From the fault on, or from its beginning when that came later. */
async function answered(client: Client, faultAt: number): Promise<Undergone> {
  const age = monotonicNow() - faultAt;
  const faultSeenAt = performance.now() - age;
  await client.until(() => false, LIMIT_MS);
  const ended = await client.end();
  return { ended, pauseMs: ended.at - Math.max(client.started, faultSeenAt), faultAt };
}

export function troubleOf({ client, judge }: Attempt, { code, printed, file }: Ended): string | undefined {
  const last = printed.trim().split("\n").at(-1) ?? "";
  if (code === undefined) return `${client} has not ended within ${LIMIT_MS / 1000} s; it said: ${last}`;
  if (code !== 0) return `${client} ended with ${code}: ${last}`;
  return judge(printed, file);
}

export function tellMoment(moment: Moment): string {
  if (moment.kind === "within") return `${Math.round(moment.share * 100)} %`;
  return moment.kind === "offered" ? `offer + ${moment.ms} ms` : `${moment.ms} ms`;
}

/** Permit issued and handed out, as at a machine's first steps, and what it will ask for next. */
async function beginInstall(rig: Rig, machine: Machine): Promise<Install> {
  const { lab } = rig;
  await lab.permit(machine.host);
  const fetch = (url: string, ...options: string[]) =>
    machine.space.exec("curl", ["-sS", "-f", "-m", "10", "--retry", "5", "--retry-all-errors", ...options, url]);
  const first = lab.servers[0]?.floating ?? "";
  let script = "";
  await lab.until(`${machine.host} is told to install`, async () => {
    script = await fetch(`http://${first}/boot/ipxe/${machine.mac}`);
    return urlOf(script, "kernel") !== undefined;
  });
  const kernelUrl = urlOf(script, "kernel") ?? "";
  const initrdUrl = urlOf(script, "initrd") ?? "";
  const { origin, pathname } = new URL(kernelUrl);
  const answers = join(rig.downloads, "answers");
  await fetch(initrdUrl, "-r", `${FILE_BYTES}-`, "-o", answers);
  return {
    ...{ machine, script, kernelUrl, initrdUrl, server: origin, token: pathname.split("/")[2] ?? "" },
    scriptUrl: `${origin}/boot/ipxe/${machine.mac}`,
    tree: (path) => readFileSync(join(lab.tree, path)),
    treeUrl: (path) => `${origin}/trees/${LAB_TREE}/${path}`,
    answers: readFileSync(answers),
  };
}

/** Of the script's line that begins with the word. */
function urlOf(script: string, word: "kernel" | "initrd"): string | undefined {
  return new RegExp(`^${word} .*?(http\\S+)`, "m").exec(script)?.[1];
}
