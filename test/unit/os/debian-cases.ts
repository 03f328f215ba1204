/** Hosts for the tests of the Debian family, from site files as an operator would write them. */
import { parseMac } from "../../../src/base/address.ts";
import { debian } from "../../../src/os/debian.ts";
import type { FamilyInput, Rendered } from "../../../src/os/family.ts";
import { serverUrls } from "../../support/server-urls.ts";
import { siteOf } from "../../support/sites.ts";

interface Case {
  /** YAML of the profile, indented by four. */
  readonly profile: string;
  readonly host?: string;
  readonly release?: string;
  readonly httpPort?: number;
  /** A second server, `two`. */
  readonly pair?: boolean;
  readonly keyring?: Uint8Array;
}

const LAB_PROFILE = `
    language: C.UTF-8
    root: {password: "$6$saltsalt$hash"}
    kernel: linux-image-cloud-amd64
    recommends: false
    minimal: true
    kernel_arguments: ["console=ttyS0,115200", TERM=dumb, DEBIAN_FRONTEND=text, ipv6.disable=1]
    installed_kernel_arguments: ["console=ttyS0,115200", quiet]`;

export const CASES = {
  /** What an emulated machine of the lab gets. */
  minimal: { profile: LAB_PROFILE },
  lvm: {
    profile: `
    language: de_DE.UTF-8
    keyboard: de
    timezone: Europe/Berlin
    ntp: [ntp1.example, ntp2.example]
    root: {ssh_keys: ["ssh-ed25519 AAAA root@example"]}
    users:
      - name: ada
        full_name: Ada O'Neill
        password: "$6$saltsalt$hash"
        ssh_keys: ["ssh-ed25519 AAAA ada@example", "ssh-rsa BBBB ada@home"]
        sudo: true
      - {name: bob}
    disk: {layout: lvm, device: /dev/sda}
    packages: [vim, chrony]
    late: ["systemctl disable cron", "echo 'it''s \\"done\\"' >/etc/motd"]
    answers: ["d-i finish-install/keep-consoles boolean true"]
    mirrors: ["http://deb.example/debian", "deb [trusted=yes] http://deb.example/local ./"]`,
  },
  bond: {
    profile: LAB_PROFILE,
    host: `{nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"], address: 192.168.77.101, bond: {mode: active-backup, primary: "52:54:00:00:00:02"}, profile: tested}`,
  },
  keyring: { profile: LAB_PROFILE, keyring: Uint8Array.of(0x99, 0x01, 0x0d, 0x04) },
  port: { profile: '\n    root: {password: "$6$saltsalt$hash"}', httpPort: 8080 },
  /** Mirrored disks that the installer chooses, LACP with tagged networks, both servers. */
  raid: {
    profile: `
    root: {password: "$6$saltsalt$hash"}
    disk: {layout: raid1}
    early: ["modprobe raid1", "echo 'two'\\nfalse"]
    first_boot: ["touch /root/started"]`,
    host: `{nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"], address: 192.168.77.101, bond: {mode: 802.3ad, lacp_rate: fast, mtu: 9000, vlan: 100, vlans: [{id: 200}]}, profile: tested}`,
    pair: true,
  },
  keep: {
    profile: `
    root: {password: "$6$saltsalt$hash"}
    network: dhcp
    disk: {layout: plain, device: /dev/sda, keep: [{partition: 3, mount: /srv}, {partition: 6, mount: /var/data}]}`,
    host: `{nics: ["52:54:00:00:00:01", "52:54:00:00:00:02"], address: 192.168.77.101, bond: {mode: active-backup, arp_interval: 1000, arp_ip_target: [192.168.77.1]}, profile: tested}`,
    release: "trixie",
  },
} satisfies Record<string, Case>;

const ONE_NIC = `{nics: ["52:54:00:00:00:01"], address: 192.168.77.101, profile: tested}`;

export function inputOf(given: Case): FamilyInput {
  const site = siteOf(`
site: home
subnets:
  - {cidr: 192.168.77.0/24, router: 192.168.77.1, dns: [192.168.77.1, 192.168.77.2], domain: lab.example}
servers:
  one: {address: 192.168.77.1, interface: br0, http_port: ${given.httpPort ?? 80}}
${given.pair ? "  two: {address: 192.168.77.2, interface: br0, http_port: 8080}" : ""}
trees:
  debian-12: {family: debian, release: "${given.release ?? "bookworm"}", path: ./trees/debian-12}
profiles:
  tested:
    tree: debian-12${given.profile}
hosts:
  vm1: ${given.host ?? ONE_NIC}
${given.pair ? 'state: {etcd: ["http://192.168.77.1:2379"]}' : ""}
`);
  const host = site.hosts.get("vm1");
  const mac = parseMac("52:54:00:00:00:01");
  if (!host || !mac) throw new Error("the site lacks vm1");
  const { profile } = host;
  const servers = serverUrls(site, host);
  return {
    site,
    host,
    profile,
    tree: profile.tree,
    mac,
    servers,
    ...(given.keyring ? { keyring: given.keyring } : {}),
  };
}

export function renderCase(given: Case): Rendered {
  return debian.render(inputOf(given));
}

/** Text of one file of the overlay; throws when there is none. */
export function overlayText(rendered: Rendered, path: string): string {
  const file = rendered.overlay.find((candidate) => candidate.path === path);
  if (typeof file?.content !== "string") throw new Error(`no text ${path} in the overlay`);
  return file.content;
}
