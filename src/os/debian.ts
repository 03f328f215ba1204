/**
 * The Debian family: the Debian Installer's netboot kernel and initrd, with the answers and all helpers added to the
 * initrd as an overlay, so that no single fetch can strand an installation.
 */
import { macWithDashes } from "../base/address.ts";
import type { Host, Profile, Tree } from "../site/model.ts";
import { installedNics, interfacesTemplate, resolvConf } from "./debian-network.ts";
import { renderPreseed } from "./debian-preseed.ts";
import {
  aptGetScript,
  baseScript,
  DONE_SCRIPT,
  earlyScript,
  finishScript,
  PACKAGES_SCRIPT,
  partitionScript,
  postScript,
  reportScript,
  skipsLocales,
  WGETRC,
} from "./debian-scripts.ts";
import type { Family, FamilyInput, OverlayFile, Rendered } from "./family.ts";
import { kernelArgument } from "./quoting.ts";

const SYSLOG_PORT = 514;

export const debian: Family = { name: "debian", bootFiles, render, problems };

function bootFiles(tree: Tree) {
  const archive = `dists/${tree.release}/main/installer-${tree.arch}/current/images/netboot/debian-installer/${tree.arch}`;
  return ["netboot/", "", `${archive}/`].map((folder) => ({ kernel: `${folder}linux`, initrd: `${folder}initrd.gz` }));
}

function problems(host: Host): readonly string[] {
  const { via, name } = host.profile;
  return via === "http"
    ? []
    : [`profile ${name}: the Debian Installer fetches by HTTP only: set \`via: http\` (or leave it out)`];
}

function render(input: FamilyInput): Rendered {
  const text = renderPreseed(input, "/everboot/early");
  return {
    kernelArguments: kernelArguments(input),
    answer: { name: "preseed.cfg", contentType: "text/plain; charset=utf-8", text },
    overlay: [file("preseed.cfg", text), file("etc/wgetrc", WGETRC), ...helpers(input), ...targetFiles(input)],
  };
}

/** What follows `---` is kept by the installed system's boot loader. */
function kernelArguments({ profile, mac, urls }: FamilyInput): string[] {
  return [
    "auto=true",
    "priority=critical",
    `BOOTIF=01-${macWithDashes(mac)}`,
    `log_host=${urls.server.address}`,
    `log_port=${SYSLOG_PORT}`,
    ...profile.kernelArguments.map(kernelArgument),
    "---",
    ...profile.installedKernelArguments.map(kernelArgument),
  ];
}

/** `/everboot` of the installer. */
function helpers({ host, profile, tree, mac, urls, keyring }: FamilyInput): OverlayFile[] {
  const trust = { keyring: keyring !== undefined };
  return [
    program("everboot/report", reportScript(urls.report)),
    program("everboot/early", earlyScript({ ...trust, profile })),
    program("everboot/partition", partitionScript(profile.disk.device)),
    program("everboot/packages", PACKAGES_SCRIPT),
    program("everboot/base", baseScript(trust)),
    program("everboot/apt-get", aptGetScript(urls.tree, tree.release)),
    program("everboot/post", postScript(installedNics(host, mac))),
    program("everboot/finish", finishScript(profile)),
    program("everboot/done", DONE_SCRIPT),
    ...(keyring ? [file("everboot/archive.gpg", keyring)] : []),
  ];
}

/** Copied over the installed system as they lie under `everboot/target`. */
function targetFiles({ host, profile, tree, mac }: FamilyInput): OverlayFile[] {
  const files: Array<[path: string, content: string]> = [["etc/network/interfaces", interfacesTemplate(host, mac)]];
  if (host.subnet.dns.length > 0) files.push(["etc/resolv.conf", resolvConf(host)]);
  if (skipsLocales(profile)) files.push(["etc/default/locale", `LANG=${profile.language}\n`]);
  if (profile.mirrors.length > 0) files.push(["etc/apt/sources.list.d/everboot.list", aptSources(profile, tree)]);
  if (profile.ntp.length > 0) {
    files.push(["etc/systemd/timesyncd.conf.d/everboot.conf", `[Time]\nNTP=${profile.ntp.join(" ")}\n`]);
  }
  return files.map(([path, content]) => file(`everboot/target/${path}`, content));
}

/** A mirror is a base URL, or a whole line of sources.list(5). */
function aptSources(profile: Profile, tree: Tree): string {
  return profile.mirrors
    .map((mirror) => (/^deb(-src)?\s/.test(mirror) ? mirror : `deb ${mirror} ${tree.release} main`))
    .map((line) => `${line}\n`)
    .join("");
}

function file(path: string, content: Uint8Array | string): OverlayFile {
  return { path, mode: 0o644, content };
}

function program(path: string, content: string): OverlayFile {
  return { path, mode: 0o755, content };
}
