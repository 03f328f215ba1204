/** What `everboot render HOST --as FORMAT` can show of a host. */
import { dracutArguments } from "../bond/dracut.ts";
import { renderIfcfgRedhat } from "../bond/ifcfg-redhat.ts";
import { renderIfcfgSuse } from "../bond/ifcfg-suse.ts";
import { renderIfupdown } from "../bond/ifupdown.ts";
import type { StackRenderer } from "../bond/model.ts";
import { renderModprobe } from "../bond/modprobe.ts";
import { renderNetplan } from "../bond/netplan.ts";
import { renderNetworkd } from "../bond/networkd.ts";
import { renderNmconnection } from "../bond/nmconnection.ts";
import { renderGrub } from "../boot/grub.ts";
import { renderIpxe } from "../boot/ipxe.ts";
import { renderPxelinux } from "../boot/pxelinux.ts";
import type { HostView } from "./host-view.ts";

export interface ShownFile {
  /** Where it goes on the machine, or what it is called. */
  readonly path: string;
  readonly text: string;
}

export type HostFormat = (view: HostView) => readonly ShownFile[];

/** In the order in which they are listed. */
export const HOST_FORMATS: ReadonlyMap<string, HostFormat> = new Map<string, HostFormat>([
  ["answer", ({ rendered: { answer } }) => [{ path: answer.name, text: answer.text }]],
  ["kernel-arguments", ({ rendered }) => [{ path: "kernel-arguments", text: lines(rendered.kernelArguments) }]],
  ["ifcfg", (view) => (isSuse(view) ? renderIfcfgSuse : renderIfcfgRedhat)(view.network)],
  ["nmconnection", stack(renderNmconnection)],
  ["netplan", stack(renderNetplan)],
  ["networkd", stack(renderNetworkd)],
  ["ifupdown", stack(renderIfupdown)],
  ["modprobe", stack(renderModprobe)],
  ["dracut", ({ network }) => [{ path: "kernel-arguments", text: lines(dracutArguments(network)) }]],
  ["ipxe", ({ script }) => [{ path: "boot.ipxe", text: renderIpxe(script) }]],
  ["pxelinux", ({ script }) => [{ path: "pxelinux.cfg", text: renderPxelinux(script) }]],
  ["grub", ({ script }) => [{ path: "grub.cfg", text: renderGrub(script) }]],
]);

function stack(render: StackRenderer): HostFormat {
  return ({ network }) => render(network);
}

function isSuse({ host }: HostView): boolean {
  return ["suse", "agama"].includes(host.profile.tree.family);
}

function lines(words: readonly string[]): string {
  return words.map((word) => `${word}\n`).join("");
}

/** Several files with their paths above them, a single one as it is. */
export function joinFiles(files: readonly ShownFile[]): string {
  const [only, ...more] = files;
  if (only && more.length === 0) return only.text;
  return files.map(({ path, text }) => `# ${path}\n${text}`).join("\n");
}
