/** Turns what the protocol servers tell into entries of the journal: which host, which stage. Pure but for `record`. */
import { parseIpv4 } from "../../base/address.ts";
import type { NewEvent } from "../../cluster/events.ts";
import { stageOfPath } from "../../cluster/stage-of-path.ts";
import type { Host, Site } from "../../site/model.ts";
import type { DhcpEvent } from "../dhcp/verdict.ts";
import type { Transfer, TransferObserver } from "../server.ts";
import type { ScriptEvent } from "./boot-scripts.ts";

export interface RecorderOptions {
  readonly site: Site;
  /** Name of this server, for the trace. */
  readonly server: string;
  /** Id of the permit that the host is being installed with. */
  readonly permitOf: (host: string) => string | undefined;
  readonly record: (event: NewEvent) => void;
  /** A package of the installed system was fetched: the installer has begun to write, whether it said so or not. */
  readonly onPackage: (host: string) => void;
}

export interface Recorder {
  readonly transfers: TransferObserver;
  dhcp(event: DhcpEvent): void;
  script(event: ScriptEvent): void;
}

export function createRecorder(options: RecorderOptions): Recorder {
  const record = (host: Host, event: Omit<NewEvent, "host" | "permit">) => {
    const permit = options.permitOf(host.name);
    options.record({ ...event, host: host.name, ...(permit !== undefined && { permit }) });
  };
  return {
    transfers: { started: () => {}, ended: (transfer) => recordTransfer(options, record, transfer) },
    dhcp: (event) => recordDhcp(options.site, record, event),
    script: ({ host, mac, loader, action, reasons }) =>
      record(host, {
        stage: action === "local" ? "reboot" : "script",
        what: SCRIPT_KINDS[action],
        facts: { loader, mac, [action === "wait" ? "text" : "reason"]: reasons.join("; ") },
      }),
  };
}

const SCRIPT_KINDS = { install: "served", local: "local-boot", wait: "note" } as const;
const FORBIDDEN = 403;

type Record = (host: Host, event: Omit<NewEvent, "host" | "permit">) => void;

function recordTransfer(options: RecorderOptions, record: Record, transfer: Transfer): void {
  const address = parseIpv4(transfer.client);
  const host = address && options.site.hostByAddress.get(address);
  const stage = stageOfPath(transfer.path);
  // Scripts are recorded with their decision.
  if (!host || !stage || stage === "script") return;
  if (transfer.status === FORBIDDEN) {
    record(host, { at: transfer.ended, stage, what: "refused", facts: { reason: shownPath(transfer.path) } });
    return;
  }
  // Clients ask for names that may not be there, and get an error's text.
  if (transfer.bytes === 0 || transfer.status >= 400) return;
  record(host, { at: transfer.ended, stage, what: "served", facts: transferFacts(options.server, transfer) });
  if (stage === "packages" && transfer.path.endsWith(".deb")) options.onPackage(host.name);
}

/** The token in a path is a secret of the install. */
function shownPath(path: string): string {
  return path.replace(/boot\/[0-9a-f]{32}\//, "boot/");
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
function recordDhcp(site: Site, record: Record, event: DhcpEvent): void {
  const host = site.hostByMac.get(event.mac);
  if (!host || (event.kind !== "offer" && event.kind !== "ack" && event.kind !== "decline")) return;
  const { client } = event;
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
