/** Files of the installed Debian system. The address is written down: it comes up when every install server is dead. */
import { renderIfupdown } from "../bond/ifupdown.ts";
import type { NetworkPlan } from "../bond/model.ts";
import type { Host, Profile, Tree } from "../site/model.ts";
import { skipsLocales } from "./debian-scripts.ts";
import type { FamilyInput, OverlayFile } from "./family.ts";
import { firstBootFiles } from "./first-boot.ts";
import { hostNetwork } from "./network.ts";

/** Servers of the tree for apt, in order (apt-transport-mirror(1)); only there when the site has several. */
export const MIRROR_LIST = "etc/apt/mirrors/everboot.list";

/** `@MAC@` stands for each NIC's name until the installer, which sees the NICs, puts it in. */
export function placeholderNetwork({ host, mac }: Pick<FamilyInput, "host" | "mac">): NetworkPlan {
  return hostNetwork(host, mac, (nic) => `@${nic}@`);
}

/** Paths relative to the system's root. */
export function targetFiles(input: FamilyInput): OverlayFile[] {
  const { host, profile, tree, servers } = input;
  const files: Array<[path: string, content: string]> = [];
  if (host.network === "static" && host.subnet.dns.length > 0) files.push(["etc/resolv.conf", resolvConf(host)]);
  if (skipsLocales(profile)) files.push(["etc/default/locale", `LANG=${profile.language}\n`]);
  if (servers.length > 1) files.push([MIRROR_LIST, mirrorList(servers.map((server) => server.lastingTree))]);
  if (profile.mirrors.length > 0) files.push(["etc/apt/sources.list.d/everboot.list", aptSources(profile, tree)]);
  if (profile.ntp.length > 0) {
    files.push(["etc/systemd/timesyncd.conf.d/everboot.conf", `[Time]\nNTP=${profile.ntp.join(" ")}\n`]);
  }
  const network = renderIfupdown(placeholderNetwork(input));
  return [
    ...network.map(({ path, mode, text }) => ({ path: path.slice(1), mode, content: text })),
    ...files.map(([path, content]) => ({ path, mode: 0o644, content })),
    ...firstBootFiles(input),
  ];
}

/** /etc/resolv.conf. */
function resolvConf(host: Host): string {
  const { domain, dns } = host.subnet;
  return [...(domain ? [`search ${domain}`] : []), ...dns.map((server) => `nameserver ${server}`), ""].join("\n");
}

/** Without priorities apt shuffles them. */
function mirrorList(trees: readonly string[]): string {
  return trees.map((tree, index) => `${tree}\tpriority:${index + 1}\n`).join("");
}

/** A mirror is a base URL, or a whole line of sources.list(5). */
function aptSources(profile: Profile, tree: Tree): string {
  return profile.mirrors
    .map((mirror) => (/^deb(-src)?\s/.test(mirror) ? mirror : `deb ${mirror} ${tree.release} main`))
    .map((line) => `${line}\n`)
    .join("");
}
