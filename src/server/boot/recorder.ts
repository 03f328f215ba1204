/** Turns what the protocol servers tell into entries of the journal: which host, which stage. Pure but for `record`. */
import { parseIpv4 } from "../../base/address.ts";
import { carriedBoot } from "../../cluster/boot-id.ts";
import type { EventFacts, JournalEvent, NewEvent } from "../../cluster/events.ts";
import { stageOfPath } from "../../cluster/stage-of-path.ts";
import type { Requester } from "../../content/served-file.ts";
import type { Host, Site } from "../../site/model.ts";
import type { DhcpEvent } from "../dhcp/verdict.ts";
import type { Transfer, TransferObserver } from "../server.ts";
import type { ScriptEvent } from "./boot-scripts.ts";
import { VainRequests } from "./vain-requests.ts";

export interface RecorderOptions {
  readonly site: Site;
  /** Name of this server, for the trace. */
  readonly server: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Id of the permit that the host is being installed with. */
  readonly permitOf: (host: string) => string | undefined;
  /** The event as it is kept, with its boot. */
  readonly record: (event: NewEvent) => Pick<JournalEvent, "trace">;
  /** A package of the installed system was fetched: the installer has begun to write, whether it said so or not. */
  readonly onPackage: (host: string) => void;
}

export interface Recorder {
  readonly transfers: TransferObserver;
  dhcp(event: DhcpEvent): void;
  /** @returns the id of the machine's boot */
  script(event: ScriptEvent): string | undefined;
  /** A file is sent that is not what its tree's manifest lists. */
  unlisted(path: string, from: Requester): void;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const vain = new VainRequests();
  const record: Record = (host, event) => {
    const permit = options.permitOf(host.name);
    return options.record({ ...event, host: host.name, ...(permit !== undefined && { permit }) });
  };
  return {
    transfers: {
      started: () => {},
      ended: (transfer) => recordTransfer(options, record, vain, transfer),
      request: ({ outcome, ...about }) =>
        recordVain(options, record, vain, { ...about, what: outcome === "absent" ? "absent" : "asked" }),
    },
    dhcp: (event) => recordDhcp(options.site, record, vain, event),
    unlisted: (path, { address: client, protocol }) =>
      recordVain(options, record, vain, { at: options.now(), client, protocol, path, what: "unlisted" }),
    script: (event) => record(event.host, scriptEvent(event)).trace,
  };
}

const SCRIPT_KINDS = { install: "served", local: "local-boot", wait: "note", hold: "note" } as const;
const [FORBIDDEN, NOT_FOUND, GONE, UNWELL] = [403, 404, 410, 500];

type HostEvent = Omit<NewEvent, "host" | "permit">;
type Record = (host: Host, event: HostEvent) => Pick<JournalEvent, "trace">;

/** The profile is told as it is now: what is learned of this install is learned of that. */
function scriptEvent({ host, mac, loader, action, reasons, permit }: ScriptEvent): HostEvent {
  const { profile } = host;
  const version = permit?.version;
  return {
    stage: action === "local" ? "reboot" : "script",
    what: SCRIPT_KINDS[action],
    facts: {
      ...{ loader, mac, [SCRIPT_KINDS[action] === "note" ? "text" : "reason"]: reasons.join("; ") },
      ...(action === "wait" && { waits: "turn" }),
      ...(action === "install" && { profile: profile.name, tree: profile.tree.name }),
      ...(action === "install" && version !== undefined && { version }),
    },
  };
}

function recordTransfer(options: RecorderOptions, record: Record, vain: VainRequests, transfer: Transfer): void {
  const { client, path, protocol, status, ended: at } = transfer;
  const host = hostAt(options.site, client);
  const stage = stageOfPath(path);
  // Scripts are recorded with their decision.
  if (!host || !stage || stage === "script") return;
  if (status === FORBIDDEN) {
    record(host, { at, stage, what: "refused", facts: { reason: shownPath(path) } });
    return;
  }
  const isAbsent = status === NOT_FOUND || status === GONE;
  if (isAbsent || status >= UNWELL) {
    const [what, facts] = isAbsent ? (["absent", {}] as const) : (["broken", { status }] as const);
    recordVain(options, record, vain, { at, client, path, protocol, what, facts });
    return;
  }
  // Clients ask for parts that there are not, and get an error's text; or are sent elsewhere.
  if (transfer.bytes === 0 || status >= 300) return;
  record(host, { at, stage, what: "served", ...broughtBoot(path), facts: transferFacts(options.server, transfer) });
  if (stage === "packages" && path.endsWith(".deb")) options.onPackage(host.name);
}

interface Vain extends Pick<Transfer, "client" | "path" | "protocol"> {
  readonly at: number;
  readonly what: "absent" | "broken" | "asked" | "unlisted";
  readonly facts?: EventFacts;
}

function recordVain(options: RecorderOptions, record: Record, vain: VainRequests, request: Vain): void {
  const { at, client, path, protocol, what, facts } = request;
  const host = hostAt(options.site, client);
  const stage = stageOfPath(path);
  if (!host || !stage || stage === "script" || !vain.isNews(host.name, `${what} ${path}`, at)) return;
  const told = { path: shownPath(path), protocol, server: options.server, ...facts };
  record(host, { at, stage, what, facts: told });
}

function hostAt(site: Site, client: string): Host | undefined {
  const address = parseIpv4(client);
  return address && site.hostByAddress.get(address);
}

const CARRIED = /boot\/([0-9a-f]{32}(?:-[0-9a-f]{8})?)(?:@[0-9a-f]{12})?\//;

/** The token in a path is a secret of the install. */
function shownPath(path: string): string {
  return path.replace(CARRIED, "boot/");
}

/** The boot that the machine says it is in; to be believed of a file that was served, as its token was good. */
function broughtBoot(path: string): Pick<NewEvent, "trace"> {
  const { trace } = carriedBoot(CARRIED.exec(path)?.[1] ?? "");
  return trace === undefined ? {} : { trace };
}

function transferFacts(server: string, transfer: Transfer) {
  const seconds = Math.max(transfer.ended - transfer.started, 1) / 1000;
  return {
    path: shownPath(transfer.path),
    bytes: transfer.bytes,
    protocol: transfer.protocol,
    server,
    rate: Math.round(transfer.bytes / seconds),
    ...(!transfer.complete && { broken: transfer.status }),
  };
}

/** What a machine was given or could not use; a refusal or release says nothing of its boot. */
function recordDhcp(site: Site, record: Record, vain: VainRequests, event: DhcpEvent): void {
  const host = site.hostByMac.get(event.mac);
  if (!host || (event.kind !== "offer" && event.kind !== "ack" && event.kind !== "decline")) return;
  const { client } = event;
  if (client.stage === "firmware") vain.forget(host.name);
  record(host, {
    at: event.at,
    stage: "dhcp",
    what: event.kind,
    facts: {
      asking: client.stage,
      mac: event.mac,
      xid: event.xid,
      interface: event.interface,
      ...(event.address !== undefined && { address: event.address }),
      ...(event.file !== undefined && { file: event.file }),
      ...(client.stage !== "system" && { machine: `${client.arch} ${client.firmware}` }),
    },
  });
}
