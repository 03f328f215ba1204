/** Hosts for the tests of the Ubuntu family, and what the tests look for in what is rendered. */
import type { FamilyInput, OverlayFile, Rendered } from "../../../src/os/family.ts";
import { lastingView, serverUrls } from "../../../src/os/server-urls.ts";
import { ubuntu } from "../../../src/os/ubuntu.ts";
import type { Host, Site } from "../../../src/site/model.ts";
import { siteOf } from "../../support/sites.ts";

export interface Case {
  readonly release?: string;
  /** YAML of the profile, indented by four. */
  readonly profile?: string;
  /** More keys of the host: `, bond: {...}`. */
  readonly host?: string;
}

export const CASES = {
  bond: {
    release: "24.04",
    host: ", bond: {mode: 802.3ad, miimon: 100, lacp_rate: fast, vlan: 100, mtu: 9000}",
    profile: `
    language: de_DE.UTF-8
    keyboard: de
    timezone: Europe/Berlin
    ntp: [ntp1.example]
    root: {password: "$6$saltsalt$hash"}
    users: [{name: ada, full_name: "Ada O'Neill", password: "$6$saltsalt$hash", ssh_keys: ["ssh-ed25519 AAAA ada"], sudo: true}]
    disk: {layout: lvm, device: /dev/disk/by-id/wwn-0x5000c500}
    packages: [tmux]
    mirrors: ["http://a.example/ubuntu", "http://b.example/ubuntu", "deb [signed-by=/usr/share/keyrings/x.gpg] http://x.example/ ./"]
    early: ["echo 'early'"]
    late: ["systemctl disable apport"]
    first_boot: ["touch /root/first"]
    kernel_arguments: ["console=ttyS0,115200"]
    installed_kernel_arguments: ["console=ttyS0,115200", quiet]
    answers: ["ssh: {allow-pw: false}"]`,
  },
  mirror: {
    release: "20.04",
    profile: `
    ntp: [192.168.77.1]
    root: {ssh_keys: ["ssh-ed25519 AAAA root"]}
    disk: {layout: raid1}
    recommends: false`,
  },
} satisfies Record<string, Case>;

export function hostOf({ release = "24.04", profile = "", host = "" }: Case): { site: Site; host: Host } {
  const site = siteOf(`
site: home
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dns: [192.168.77.1, 192.168.77.2], domain: lab.example}
servers:
  one: {address: 192.168.77.1}
  two: {address: 192.168.77.2, http_port: 8080}
trees:
  ubuntu: {family: ubuntu, release: "${release}", path: ./trees/ubuntu}
profiles:
  tested:
    tree: ubuntu${profile}
hosts:
  vm1: {nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"], address: 192.168.77.101, profile: tested${host}}
`);
  const vm1 = site.hosts.get("vm1");
  if (!vm1) throw new Error("the site lacks vm1");
  return { site, host: vm1 };
}

/** The install of `host` over its first NIC; servers in the order of the site. */
export function inputOf({ site, host }: { site: Site; host: Host }): FamilyInput {
  const { profile } = host;
  const mac = host.nics[0];
  const urls = [...site.servers.values()].map((server) =>
    serverUrls(lastingView(server), { tree: profile.tree }, "t0ken"),
  );
  const [first, ...others] = urls;
  if (!first) throw new Error("the site lacks servers");
  return { site, host, profile, tree: profile.tree, mac, servers: [first, ...others] };
}

export function renderCase(given: Case): Rendered {
  return ubuntu.render(inputOf(hostOf(given)));
}

/** Text of one file of the overlay; throws when there is none. */
export function overlayText(rendered: Rendered, path: string): string {
  return textOf(
    rendered.overlay.find((candidate) => candidate.path === path) ?? { path, mode: 0, content: new Uint8Array() },
  );
}

function textOf({ path, content }: OverlayFile): string {
  if (typeof content !== "string") throw new Error(`no text ${path} in the overlay`);
  return content;
}

/** The overlay as one text: a headline for each file, as `head` prints it. */
export function listing(files: readonly OverlayFile[]): string {
  return files.map((file) => `==> ${file.path} ${file.mode.toString(8)} <==\n${textOf(file)}`).join("\n");
}
