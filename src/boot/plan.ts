/** The full answer to "what should this machine do next?": pure data from pure facts. */
import { macWithDashes } from "../base/address.ts";
import type { Host, LoaderChoice, Site } from "../site/model.ts";
import type { BootClient } from "./client.ts";
import { chooseLoader } from "./loader.ts";

/** What the plan needs to know of a permit. */
export interface PermitFacts {
  readonly id: string;
  readonly token: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** Name of the server that this install was sent to. */
  readonly server?: string;
  /** The version of its host's tree that it was handed out with; absent = served as it lies, or not handed out yet. */
  readonly version?: string;
}

export interface BootPlan {
  readonly kind: "plan";
  readonly host: Host;
  readonly action: "install" | "local";
  /** There when `action` is `install`. */
  readonly permit?: PermitFacts;
  /** What this stage of the boot is to load next; absent for clients that want no boot file. */
  readonly file?: BootFile;
  /** Why, in sentences for the operator, most telling first. */
  readonly reasons: readonly string[];
}

export interface BootFile {
  /** Path below the server's root, e.g. `undionly.kpxe` or `boot/ipxe/52-54-00-00-00-01`. */
  readonly path: string;
  /** Given to the client as a URL (iPXE, UEFI HTTP boot) or as server and path (PXE). */
  readonly as: "tftp" | "url";
}

export type RefusalReason = "unknown-host" | "no-loader";

export interface Refusal {
  readonly kind: "refusal";
  readonly reason: RefusalReason;
  readonly text: string;
}

export type PlanBoot = (client: BootClient) => BootPlan | Refusal;

/** The permit to install with, or why there is none. */
export type PermitAnswer =
  | { readonly kind: "permit"; readonly permit: PermitFacts }
  /** `isOutage`: it cannot be told now, and may be later: worth waiting for. */
  | { readonly kind: "none"; readonly why: string; readonly isOutage?: boolean };

export function planBoot(site: Site, client: BootClient, permitOf: (host: Host) => PermitAnswer): BootPlan | Refusal {
  const host = site.hostByMac.get(client.mac);
  if (!host) return { kind: "refusal", reason: "unknown-host", text: `${client.mac} belongs to no host of the site` };
  const decision = decideAction(host, permitOf(host));
  if (client.stage === "installer" || client.stage === "system") {
    return {
      kind: "plan",
      host,
      ...decision,
      reasons: [...decision.reasons, `${client.stage} asks for an address only`],
    };
  }
  const next = nextFile(host.loader, client);
  if (!next) return noLoader(host, client);
  return { kind: "plan", host, ...decision, file: next.file, reasons: [...decision.reasons, next.why] };
}

type Decision = Pick<BootPlan, "action" | "permit" | "reasons">;

/** Without a permit, or with any doubt, a machine boots from its disk (law 5). */
export function decideAction(host: Host, answer: PermitAnswer): Decision {
  if (answer.kind === "none") return { action: "local", reasons: [`boots from its disk: ${answer.why}`] };
  const { permit } = answer;
  const until = new Date(permit.expires).toISOString();
  return {
    action: "install",
    permit,
    reasons: [
      `installs ${host.profile.tree.name} with profile ${host.profile.name}: permit ${permit.id}, until ${until}`,
    ],
  };
}

/** iPXE that is already running goes on with its script; sending it iPXE again would never end. */
function nextFile(choice: LoaderChoice, client: BootClient): { file: BootFile; why: string } | undefined {
  if (client.stage === "ipxe" && (choice === "auto" || choice.startsWith("ipxe"))) {
    const path = `boot/ipxe/${macWithDashes(client.mac)}`;
    return { file: { path, as: "url" }, why: "iPXE is running: it gets its script" };
  }
  const loader = chooseLoader(choice, client);
  if (!loader) return undefined;
  const as = client.stage === "firmware" && client.transport === "http" ? "url" : "tftp";
  return { file: { path: loader.name, as }, why: loader.why };
}

function noLoader(host: Host, client: BootClient): Refusal {
  const machine = `${client.arch} ${client.firmware}${client.archCode === undefined ? "" : ` (type ${client.archCode})`}`;
  const text = `no loader for ${machine} with loader: ${host.loader}; choose another with \`loader\` of host or profile`;
  return { kind: "refusal", reason: "no-loader", text };
}
