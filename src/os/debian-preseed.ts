/**
 * The preseed file of the Debian Installer. Question names are those of Debian 11 to 13 (installation guide,
 * appendix B); every question that can come up at priority critical has its answer here.
 */
import type { Account, Profile } from "../site/model.ts";
import { bootLoaderAnswers, diskAnswers } from "./debian-disk.ts";
import { isSince, protocolOf } from "./debian-release.ts";
import type { FamilyInput } from "./family.ts";
import { preseedLine } from "./quoting.ts";
import { installTree } from "./server-urls.ts";

/** Seconds: long enough for every server of the site to be away and come back. */
const DHCP_PATIENCE = 600;
/** Seconds that spanning tree or a LACP fall-back may keep a switch port silent. */
const LINK_PATIENCE = 60;

/** debootstrap's `minbase` and what a machine needs beside it to boot, get on the network and log in. */
const MINIMAL_INCLUDES = "init udev kmod ifupdown iproute2 iputils-ping DHCP netbase procps debconf-i18n";

/**
 * Packages of a minimal system beside the required ones. ifupdown's DHCP client: isc-dhcp-client is not developed any
 * more, and Debian 13 prefers the other.
 */
export function minimalIncludes(release: string): string[] {
  return MINIMAL_INCLUDES.replace("DHCP", isSince(release, 13) ? "dhcpcd-base" : "isc-dhcp-client").split(" ");
}

/** The file's text; `early` is the command that runs as soon as it is read. */
export function renderPreseed(input: FamilyInput, early: string): string {
  const { host, profile } = input;
  const sections: ReadonlyArray<readonly [string, readonly string[]]> = [
    ["Start", [preseedLine("preseed/early_command", "string", early)]],
    ["Language and keyboard", locale(profile)],
    ["Network of the installer", network(input)],
    ["Package source", mirror(input)],
    ["Clock", clock(profile)],
    ["Accounts (users are added at the end of the installation)", accounts(profile.root)],
    ["Disk", diskAnswers(profile.disk)],
    ["Packages", packages(input)],
    ["Boot loader", bootLoaderAnswers(profile.disk)],
    [
      "End",
      [preseedLine("cdrom-detect/eject", "boolean", "false"), preseedLine("finish-install/reboot_in_progress", "note")],
    ],
    ["Lines of the profile", profile.answers],
  ];
  const text = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => [`# ${title}`, ...lines].join("\n"));
  return `# Everboot: ${host.name}, profile ${profile.name}\n\n${text.join("\n\n")}\n`;
}

/** `de_DE.UTF-8` -> language de, country DE; `C.UTF-8` has neither and needs no locales package. */
function locale(profile: Profile): string[] {
  const [, language = "en", country = "US"] = /^([a-z]{2,3})_([A-Z]{2})/.exec(profile.language) ?? [];
  return [
    preseedLine("debian-installer/language", "string", language),
    preseedLine("debian-installer/country", "string", country),
    preseedLine("debian-installer/locale", "string", profile.language),
    preseedLine("keyboard-configuration/xkb-keymap", "select", profile.keyboard),
  ];
}

/** The NIC is named by BOOTIF on the kernel's command line. */
function network({ host, servers: [server] }: FamilyInput): string[] {
  const { dns, domain = "" } = host.subnet;
  const nameservers = dns.length > 0 ? dns : [server.view.address];
  return [
    preseedLine("netcfg/choose_interface", "select", "auto"),
    preseedLine("netcfg/link_wait_timeout", "string", `${LINK_PATIENCE}`),
    preseedLine("netcfg/dhcp_timeout", "string", `${DHCP_PATIENCE}`),
    preseedLine("netcfg/get_nameservers", "string", nameservers.join(" ")),
    preseedLine("netcfg/get_hostname", "string", host.name),
    preseedLine("netcfg/hostname", "string", host.name),
    preseedLine("netcfg/get_domain", "string", domain),
    preseedLine("netcfg/target_network_config", "select", "ifupdown"),
    preseedLine("hw-detect/load_firmware", "boolean", "false"),
  ];
}

/** The installer knows one mirror; its wget waits for it (WGETRC). */
function mirror({ profile, tree, servers: [server] }: FamilyInput): string[] {
  const protocol = protocolOf(profile.via, tree.release);
  const { host, pathname } = new URL(installTree(server, protocol));
  return [
    preseedLine("mirror/country", "string", "manual"),
    preseedLine("mirror/protocol", "string", protocol),
    preseedLine(`mirror/${protocol}/hostname`, "string", host),
    preseedLine(`mirror/${protocol}/directory`, "string", pathname),
    preseedLine(`mirror/${protocol}/proxy`, "string"),
    preseedLine("mirror/suite", "string", tree.release),
    preseedLine("apt-setup/services-select", "multiselect"),
    preseedLine("apt-setup/enable-source-repositories", "boolean", "false"),
    ...(isSince(tree.release, 12) ? [preseedLine("apt-setup/non-free-firmware", "boolean", "false")] : []),
    preseedLine("apt-setup/non-free", "boolean", "false"),
    preseedLine("apt-setup/contrib", "boolean", "false"),
  ];
}

function clock(profile: Profile): string[] {
  const [ntpServer] = profile.ntp;
  return [
    preseedLine("clock-setup/utc", "boolean", "true"),
    preseedLine("time/zone", "string", profile.timezone),
    preseedLine("clock-setup/ntp", "boolean", ntpServer ? "true" : "false"),
    ...(ntpServer ? [preseedLine("clock-setup/ntp-server", "string", ntpServer)] : []),
  ];
}

/** A hash of `*` matches no password; `!`, the other way to say so, makes user-setup of Debian 13 ask for a password. */
function accounts(root: Account | undefined): string[] {
  return [
    preseedLine("passwd/root-login", "boolean", "true"),
    preseedLine("passwd/root-password-crypted", "password", root?.password ?? "*"),
    preseedLine("passwd/make-user", "boolean", "false"),
  ];
}

function packages({ host, profile, tree }: FamilyInput): string[] {
  const base = [...(profile.minimal ? minimalIncludes(tree.release) : []), ...(host.bond ? ["ifenslave"] : [])];
  const more = morePackages(profile);
  return [
    ...(profile.minimal ? [preseedLine("base-installer/debootstrap_variant", "string", "minbase")] : []),
    ...(base.length > 0 ? [preseedLine("base-installer/includes", "string", base.join(" "))] : []),
    preseedLine("base-installer/install-recommends", "boolean", `${profile.recommends}`),
    ...(profile.kernel ? [preseedLine("base-installer/kernel/image", "string", profile.kernel)] : []),
    ...(profile.minimal ? [preseedLine("base-installer/initramfs-tools/driver-policy", "select", "dep")] : []),
    preseedLine("tasksel/first", "multiselect", "", "tasksel"),
    preseedLine("pkgsel/run_tasksel", "boolean", "false"),
    ...(more.length > 0 ? [preseedLine("pkgsel/include", "string", more.join(" "))] : []),
    preseedLine("pkgsel/upgrade", "select", "none"),
    preseedLine("pkgsel/update-policy", "select", "none"),
    preseedLine("popularity-contest/participate", "boolean", "false", "popularity-contest"),
  ];
}

/** The profile's packages, and those that its other settings need, each once. */
export function morePackages(profile: Profile): string[] {
  const { root, users, ntp } = profile;
  const hasKeys = [...(root ? [root] : []), ...users].some((account) => account.sshKeys.length > 0);
  return [
    ...new Set([
      ...profile.packages,
      ...(hasKeys ? ["openssh-server"] : []),
      ...(users.some((user) => user.sudo) ? ["sudo"] : []),
      ...(ntp.length > 0 ? ["systemd-timesyncd"] : []),
    ]),
  ];
}
