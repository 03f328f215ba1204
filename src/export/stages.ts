/** What a host meets at each stage of its install, as texts that two site files can be compared by. */
import { formatCidr } from "../base/address.ts";
import type { Device, NetworkPlan } from "../bond/model.ts";
import { driverOptions, joinOptions } from "../bond/options.ts";
import { renderIpxe } from "../boot/ipxe.ts";
import type { HostView } from "./host-view.ts";

export interface StageText {
  /** Words of cluster/events.ts where there is one. */
  readonly stage: string;
  readonly lines: readonly string[];
}

/** In the order of an install; stages of the same name in both files are compared. */
export function stageTexts(view: HostView): readonly StageText[] {
  const { rendered, script } = view;
  const overlay = rendered.overlay.filter(({ path }) => path !== rendered.answer.name);
  return [
    { stage: "dhcp", lines: dhcpLines(view) },
    { stage: "script", lines: linesOf(renderIpxe({ ...script, arguments: [] })) },
    { stage: "kernel", lines: script.arguments },
    { stage: "answer", lines: linesOf(rendered.answer.text) },
    ...overlay.map(({ path, content }) => ({ stage: `installer ${path}`, lines: linesOf(content) })),
    { stage: "verified", lines: expectedLines(view.network) },
  ];
}

function dhcpLines({ host }: HostView): string[] {
  const { subnet } = host;
  return [
    `address ${host.address} of ${formatCidr(subnet.cidr)} for any of ${host.nics.join(", ")}`,
    ...(subnet.router ? [`router ${subnet.router}`] : []),
    ...subnet.dns.map((server) => `dns ${server}`),
    ...(subnet.domain === undefined ? [] : [`domain ${subnet.domain}`]),
    `loader ${host.loader}`,
  ];
}

/** What the installed system must report to be `verified`. */
function expectedLines({ bond, nics, devices }: NetworkPlan): string[] {
  return [
    ...(bond ? [`${bond.name} ${joinOptions(driverOptions(bond), " ")}`] : []),
    ...nics.map(({ name, mac }) => `${bond ? "member" : "NIC"} ${name} ${mac}`),
    ...devices.map(deviceLine),
  ];
}

function deviceLine({ name, vlan, addressing, mtu }: Device): string {
  const words = [name, ...(vlan ? [`VLAN ${vlan.id}`] : []), ...(mtu === undefined ? [] : [`MTU ${mtu}`])];
  if (addressing.kind !== "static") return [...words, addressing.kind === "dhcp" ? "by DHCP" : "no address"].join(" ");
  return [...words, `${addressing.address}/${addressing.prefix}`].join(" ");
}

function linesOf(content: string | Uint8Array): string[] {
  const text = typeof content === "string" ? content : `${content.length} bytes`;
  return text.trimEnd().split("\n");
}
