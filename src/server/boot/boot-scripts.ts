/** Each machine's boot script: it is let in and installs, is told to wait, or boots from its disk. */
import type { Mac } from "../../base/address.ts";
import type { Clock } from "../../base/clock.ts";
import { renderGrub } from "../../boot/grub.ts";
import { renderIpxe } from "../../boot/ipxe.ts";
import { decideAction, type PermitAnswer, type PermitFacts } from "../../boot/plan.ts";
import { renderPxelinux } from "../../boot/pxelinux.ts";
import { type BootScript, installScript, type WaitScript } from "../../boot/script.ts";
import type { Admission, AdmissionControl, LetIn, Wait } from "../../cluster/admission.ts";
import { carryBoot } from "../../cluster/boot-id.ts";
import type { HandOutOf } from "../../cluster/permit-rules.ts";
import type { Host } from "../../site/model.ts";
import type { ServerView } from "../../site/server-view.ts";
import type { InstallFiles, TreeLack } from "./install-files.ts";

export type ScriptLoader = "ipxe" | "pxelinux" | "grub";

/** A machine that asks for its script. */
export interface Asking {
  readonly host: Host;
  /** The NIC that booted. */
  readonly mac: Mac;
  readonly loader: ScriptLoader;
  /** Its address. */
  readonly client: string;
  /** It was told to wait, and since when; a number that it could have made up. */
  readonly since?: number;
}

export interface BootScriptsOptions {
  readonly permits: ScriptPermits;
  readonly installFiles: Pick<InstallFiles, "handing" | "kernelArguments">;
  /** `sentTo`: name of the server that its permit was handed out for; `version`: of its tree, that it is to give. */
  readonly serverFor: (client: string, sentTo?: string, version?: string) => ServerView;
  readonly clock: Pick<Clock, "now">;
  /** Absent = every machine is let in, by whichever server answers it. */
  readonly admission?: Pick<AdmissionControl, "ask">;
  /**
   * Told of every script with the decision and its reasons; of those that wait the first time only. Tells the id of the
   * machine's boot (cluster/boot-id.ts): the machine carries it from here on.
   */
  readonly onScript: (event: ScriptEvent) => string | undefined;
}

export interface ScriptPermits {
  /** Gives the host its permit for one boot, durably, or says why there is none. */
  handOut(host: string, given?: HandOutOf): Promise<PermitAnswer>;
  /** From memory, for those who cannot wait: what `handOut` would most likely say. */
  peek(host: string): PermitAnswer;
}

export interface ScriptEvent extends Pick<Asking, "host" | "mac" | "loader"> {
  /** `hold`: it waits as the state cannot be told; `wait`: for its turn. */
  readonly action: "install" | "local" | "wait" | "hold";
  readonly permit?: PermitFacts;
  readonly reasons: readonly string[];
}

const RENDERERS = { ipxe: renderIpxe, pxelinux: renderPxelinux, grub: renderGrub } as const;
/** Seconds. PXELINUX fetches itself and its library anew to ask again: 160 kB by TFTP. */
const LEAST_PAUSE: Readonly<Record<ScriptLoader, number>> = { ipxe: 3, grub: 3, pxelinux: 30 };
/** Seconds until a machine asks again that came while the state could not be told. */
const OUTAGE_PAUSE = 15;

export async function bootScript(options: BootScriptsOptions, asking: Asking): Promise<string> {
  const { host, loader, since } = asking;
  const seniority = since === undefined ? {} : { since };
  const admission = options.admission?.ask(host, { ...seniority, leastPause: LEAST_PAUSE[loader] });
  // Nothing is looked up on disk and nothing stored for those who wait: thousands ask at once.
  const script =
    admission?.kind === "wait" ? waiting(options, asking, admission) : await next(options, asking, admission);
  return RENDERERS[loader](script);
}

function waiting(options: BootScriptsOptions, asking: Asking, wait: Wait): WaitScript {
  const { host, mac, loader } = asking;
  const reason = `waits for a place: ${ordinal(wait.place)} of ${wait.of}`;
  if (wait.isFirst) options.onScript({ host, mac, loader, action: "wait", reasons: [reason] });
  return waitScript(options, asking, reason, wait);
}

function waitScript(
  { serverFor }: BootScriptsOptions,
  { host, mac, client }: Asking,
  reason: string,
  { since, seconds }: Pick<WaitScript, "since" | "seconds">,
): WaitScript {
  return { kind: "wait", title: `${host.name} ${reason}`, server: serverFor(client), mac, since, seconds };
}

async function next(options: BootScriptsOptions, asking: Asking, admission?: Admission): Promise<BootScript> {
  const { host, mac, loader } = asking;
  const permit = await permitFor(options, asking, admission?.kind === "go" ? admission : undefined);
  if (permit.kind === "none" && permit.isOutage) return waitForState(options, asking, permit.why);
  const decision = decideAction(host, permit);
  const trace = options.onScript({ host, mac, loader, ...decision });
  return describe(options, asking, decision, trace);
}

/** Told of once, not each time that the machine asks. */
function waitForState(options: BootScriptsOptions, asking: Asking, why: string): WaitScript {
  const { host, mac, loader, since = options.clock.now() } = asking;
  const reason = `waits: ${why}`;
  if (asking.since === undefined) options.onScript({ host, mac, loader, action: "hold", reasons: [reason] });
  return waitScript(options, asking, reason, { since, seconds: OUTAGE_PAUSE });
}

/** A permit is not spent on a tree that cannot be installed from. */
async function permitFor(options: BootScriptsOptions, asking: Asking, letIn?: LetIn): Promise<PermitAnswer> {
  const { host, client } = asking;
  const { tree } = host.profile;
  let isHandedOut = false;
  try {
    const { version, lacks } = await options.installFiles.handing(tree, client);
    if (lacks !== undefined) return without(lacks, options.permits.peek(host.name));
    const permit = await options.permits.handOut(host.name, {
      tree: tree.name,
      ...(version !== undefined && { version }),
      ...(letIn && { server: letIn.server }),
    });
    isHandedOut = permit.kind === "permit";
    return permit;
  } finally {
    letIn?.settle(isHandedOut);
  }
}

/** Whoever would be installed waits out an outage; all others boot from their disks as ever. */
function without({ what, isOutage }: TreeLack, likely: PermitAnswer): PermitAnswer {
  if (isOutage && likely.kind === "none") return likely;
  return { kind: "none", why: `its tree lacks ${what}`, ...(isOutage && { isOutage }) };
}

async function describe(
  { serverFor, installFiles }: BootScriptsOptions,
  { host, mac, client }: Asking,
  { reasons, permit }: ReturnType<typeof decideAction>,
  trace: string | undefined,
): Promise<BootScript> {
  const title = `${host.name} ${reasons.join(", ")}`;
  if (!permit) return { kind: "local", title };
  const { version } = permit;
  const server = serverFor(client, permit.server, version);
  const token = carryBoot(permit.token, trace);
  const args = await installFiles.kernelArguments({ host, mac, server, permit: { ...permit, token } });
  return installScript({ title, server, arguments: args }, token, mac, version);
}

/** `1st`, `12th`, `23rd` */
function ordinal(count: number): string {
  const isTeen = Math.floor(count / 10) % 10 === 1;
  const ending = isTeen ? undefined : { 1: "st", 2: "nd", 3: "rd" }[count % 10];
  return `${count}${ending ?? "th"}`;
}
