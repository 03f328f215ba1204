/**
 * The answer file of Ubuntu's installer, Subiquity: cloud-init's user-data with an `autoinstall` section (autoinstall
 * reference manual and JSON schema of Subiquity, August 2026; what older releases read otherwise is said where it is).
 */
import { parse } from "yaml";
import { netplanYaml } from "../bond/netplan.ts";
import type { Profile } from "../site/model.ts";
import type { FamilyInput } from "./family.ts";
import { isSince } from "./ubuntu-release.ts";
import { storage } from "./ubuntu-storage.ts";

type Mapping = Readonly<Record<string, unknown>>;

/**
 * Subiquity tries a mirror twice, waits 10 seconds after each try, and goes on to the next of its list; after the last
 * one it gives up. So the list is gone through again and again, for 200 seconds and more with one mirror.
 */
const MIRROR_ROUNDS = 10;

/** The file's text. The profile's own fragments are merged into the section. */
export function renderUserData(input: FamilyInput): string {
  const { host, profile } = input;
  const section = profile.answers.reduce((whole, text) => merge(whole, parseFragment(text) ?? {}), autoinstall(input));
  return `#cloud-config\n# Everboot: ${host.name}, profile ${profile.name}\n${netplanYaml({ autoinstall: section })}`;
}

/** A YAML mapping; undefined = it is something else. */
export function parseFragment(text: string): Mapping | undefined {
  try {
    const value: unknown = parse(text);
    return isMapping(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function autoinstall(input: FamilyInput): Mapping {
  const { profile, tree } = input;
  const { minimal, kernel } = profile;
  return {
    version: 1,
    "interactive-sections": [],
    "refresh-installer": { update: false },
    locale: profile.language,
    keyboard: { layout: profile.keyboard },
    ...(isSince(tree.release, "22.04") && { timezone: profile.timezone }),
    network: installerNetwork(input),
    storage: storage(profile.disk),
    apt: apt(profile, tree.release),
    ssh: { "install-server": hasKeys(profile), "allow-pw": true },
    ...(minimal && { source: { id: "ubuntu-server-minimal" } }),
    ...(kernel !== undefined && { kernel: { package: kernel } }),
    packages: [...new Set(profile.packages)],
    updates: "security",
    "user-data": installedCloudConfig(profile, tree.release),
    "early-commands": ["/everboot/early"],
    "late-commands": ["/everboot/late"],
    "error-commands": ["/everboot/failed"],
    shutdown: "reboot",
  };
}

/**
 * Only the NIC that booted. Subiquity brings up what stands here before it installs: the switch may not be ready for
 * the bond then (modes that need it, tagged networks), or take the port down when it sees one, and the machine would
 * be cut off from its installer. The bond comes with the late script, for the first start. 20.04 reads the section
 * one level deeper; later ones read both.
 */
function installerNetwork({ mac, tree }: FamilyInput): Mapping {
  const boot = { match: { macaddress: mac }, dhcp4: true, "dhcp-identifier": "mac" };
  const network = { version: 2, ethernets: { boot } };
  return isSince(tree.release, "22.04") ? network : { network };
}

/**
 * Most packages come from the medium itself, the others from the profile's mirrors; without any, from Ubuntu's own
 * archive if the machine reaches it. Other keys than Subiquity's own go to curtin (its documentation, "APT Source").
 */
function apt(profile: Profile, release: string): Mapping {
  const lines = profile.mirrors.filter(isSourceLine);
  const uris = profile.mirrors.filter((mirror) => !isSourceLine(mirror));
  return {
    geoip: false,
    ...(isSince(release, "24.04") ? walkedMirrors(uris, lines) : firstMirror(uris, lines)),
    ...(!profile.recommends && { conf: 'APT::Install-Recommends "false";' }),
  };
}

function walkedMirrors(uris: readonly string[], lines: readonly string[]): Mapping {
  const primary = Array.from({ length: MIRROR_ROUNDS }, () => uris.map((uri) => ({ uri }))).flat();
  return {
    ...(uris.length > 0 && { "mirror-selection": { primary } }),
    fallback: uris.length > 0 ? "abort" : "offline-install",
    ...sources(lines),
  };
}

/** Before 24.04 media came whose installer takes one mirror only: the others are further repositories. */
function firstMirror([first, ...others]: readonly string[], lines: readonly string[]): Mapping {
  const more = others.map((uri) => `deb ${uri} $RELEASE main restricted universe multiverse`);
  return {
    ...(first !== undefined && { primary: [{ arches: ["default"], uri: first }] }),
    ...sources([...more, ...lines]),
  };
}

/** A whole line of sources.list(5), as against a base URL. */
function isSourceLine(mirror: string): boolean {
  return /^deb(-src)?\s/.test(mirror);
}

function sources(lines: readonly string[]): Mapping {
  const files = lines.map((source, index) => [`everboot-${index + 1}.list`, { source }]);
  return files.length > 0 ? { sources: Object.fromEntries(files) } : {};
}

function hasKeys({ root, users }: Profile): boolean {
  return [...(root ? [root] : []), ...users].some(({ sshKeys }) => sshKeys.length > 0);
}

/**
 * For cloud-init in the installed system, which runs when it first starts. That there is such a section lets Subiquity
 * do without `identity`, which would want a user with a password. Accounts and host name come with the late script:
 * they are there then even if cloud-init is not. Without `users` it would add its user `ubuntu`; an empty list is
 * refused before cloud-init 23.2, which media of 20.04 and 22.04 have; root, which is there, is left as it is.
 */
function installedCloudConfig({ ntp, timezone }: Profile, release: string): Mapping {
  return {
    users: [{ name: "root", lock_passwd: false }],
    disable_root: false,
    preserve_hostname: true,
    ...(!isSince(release, "22.04") && { timezone }),
    ...(ntp.length > 0 && { ntp: { enabled: true, servers: [...ntp] } }),
  };
}

/** Mappings are merged key by key; whatever else `more` says takes the place of what was there. */
function merge(base: Mapping, more: Mapping): Mapping {
  const merged = Object.entries(more).map(([key, value]) => {
    const old = base[key];
    return [key, isMapping(old) && isMapping(value) ? merge(old, value) : value];
  });
  return { ...base, ...Object.fromEntries(merged) };
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
