/** What a reply tells a boot client to load. */
import type { Ipv4 } from "../../base/address.ts";
import type { BootClient } from "../../boot/client.ts";
import { baseUrl } from "../../site/server-view.ts";
import { OPTION, textValue } from "../../wire/dhcp-options.ts";
import { type DhcpPacket, LONGEST_FILE_TEXT } from "../../wire/dhcp-packet.ts";
import { HTTP_CLASS, ipxeNoProxy, PXE_CLASS, pxeSkipDiscovery } from "../../wire/dhcp-pxe.ts";
import type { Exchange } from "./exchange.ts";

export interface BootReply {
  readonly fields: Pick<DhcpPacket, "siaddr" | "sname" | "file">;
  readonly options: ReadonlyArray<readonly [code: number, value: Uint8Array]>;
  /** Path or URL, for the operator. */
  readonly file: string;
}

type Role = "address-server" | "proxy";

/** `undefined` for clients that want no boot file and for those the plan has none for. */
export function bootReply(exchange: Exchange, role: Role): BootReply | undefined {
  const { request, context, next } = exchange;
  if (!wantsBootFile(request.client)) return undefined;
  const plan = context.plan(request.client);
  if (plan.kind !== "plan" || !plan.file) return undefined;
  const { path, as } = plan.file;
  const url = `${baseUrl(next)}/${path}`;
  const file = as === "url" ? url : path;
  return {
    fields: { siaddr: next.address, sname: next.address, file: fitsFileField(file) ? file : "" },
    options: [...nextServer(next.address, file), ...classOptions(request.client, role)],
    file,
  };
}

export function wantsBootFile(client: BootClient): boolean {
  return client.stage === "firmware" || client.stage === "ipxe";
}

/** The field holds single bytes; a name beyond that goes into option 67 alone. */
function fitsFileField(file: string): boolean {
  return textValue(file).length <= LONGEST_FILE_TEXT && textValue(file).length === file.length;
}

/** Besides siaddr and `file`: each firmware reads another pair of the two. */
function nextServer(self: Ipv4, file: string): Array<[number, Uint8Array]> {
  return [
    [OPTION["tftp-server"], textValue(self)],
    [OPTION["boot-file"], textValue(file)],
  ];
}

function classOptions(client: BootClient, role: Role): Array<[number, Uint8Array]> {
  const isIpxe = client.stage === "ipxe";
  const ipxe: Array<[number, Uint8Array]> = isIpxe ? [[OPTION.ipxe, ipxeNoProxy()]] : [];
  // iPXE takes an offer without an address only from a server that calls itself a PXE server (dhcp.c, has_proxydhcp).
  if (isIpxe) return role === "proxy" ? [...ipxe, [OPTION["vendor-class"], textValue(PXE_CLASS)]] : ipxe;
  if (client.transport === "http") return [[OPTION["vendor-class"], textValue(HTTP_CLASS)]];
  return pxeOptions(client, role);
}

/**
 * As the address server: "boot this file" in option 43, else EDK II takes us for a BINL server and asks on port 4011.
 * As a proxy: UEFI gets no option 43, because EDK II before 2017 drops proxy offers that have it (tianocore issue 6944).
 */
function pxeOptions(client: BootClient, role: Role): Array<[number, Uint8Array]> {
  const vendorClass: [number, Uint8Array] = [OPTION["vendor-class"], textValue(PXE_CLASS)];
  if (role === "proxy" && client.firmware === "uefi") return [vendorClass];
  return [[OPTION["vendor-options"], pxeSkipDiscovery()], vendorClass];
}
