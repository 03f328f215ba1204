/** Files of the installed Ubuntu system, which the late script copies over it. */
import { renderNetplan } from "../bond/netplan.ts";
import type { Host } from "../site/model.ts";
import type { FamilyInput, OverlayFile } from "./family.ts";
import { firstBootFiles } from "./first-boot.ts";
import { hostNetwork } from "./network.ts";

/** Paths relative to the system's root. */
export function targetFiles(input: FamilyInput): readonly OverlayFile[] {
  const { host, mac } = input;
  const network = renderNetplan(hostNetwork(host, mac));
  return [
    ...network.map(({ path, mode, text }) => ({ path: path.slice(1), mode, content: text })),
    { path: "etc/cloud/cloud.cfg.d/99-everboot.cfg", mode: 0o644, content: "network: {config: disabled}\n" },
    { path: "etc/hostname", mode: 0o644, content: `${host.name}\n` },
    { path: "etc/hosts", mode: 0o644, content: hosts(host) },
    ...firstBootFiles(input),
  ];
}

/** Debian's custom, and Ubuntu's: the host's own name is a loopback address of its own. */
function hosts({ name, subnet: { domain } }: Host): string {
  const names = domain === undefined ? name : `${name}.${domain} ${name}`;
  return `127.0.0.1 localhost
127.0.1.1 ${names}

::1 ip6-localhost ip6-loopback
ff02::1 ip6-allnodes
ff02::2 ip6-allrouters
`;
}
