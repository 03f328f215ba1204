/**
 * The Debian family: the Debian Installer's netboot kernel and initrd, with the answers and all helpers added to the
 * initrd as an overlay, so that no single fetch can strand an installation. The installer knows neither bonds nor
 * VLANs (netcfg 1.197): it works over the NIC that booted, untagged.
 */
import { macWithDashes } from "../base/address.ts";
import type { Tree } from "../site/model.ts";
import { detectDebian } from "./debian-detect.ts";
import { diskHelpers, partitionScript, STOP_SCRIPT } from "./debian-disk.ts";
import { finishScript, postScript } from "./debian-finish.ts";
import { renderPreseed } from "./debian-preseed.ts";
import { debianProblems } from "./debian-problems.ts";
import { CONFMODULE_ADDITION, QUESTION_WATCHER } from "./debian-question.ts";
import { protocolOf } from "./debian-release.ts";
import {
  aptGetScript,
  baseScript,
  DONE_SCRIPT,
  earlyScript,
  PACKAGES_SCRIPT,
  reportScript,
  WGETRC,
} from "./debian-scripts.ts";
import { placeholderNetwork, targetFiles } from "./debian-target.ts";
import type { Family, FamilyInput, OverlayFile, Rendered } from "./family.ts";
import { readDebianLog } from "./log-lines-debian.ts";
import { kernelArgument } from "./quoting.ts";
import { installTree } from "./server-urls.ts";

const SYSLOG_PORT = 514;

export const debian: Family = {
  name: "debian",
  detect: detectDebian,
  bootFiles,
  render,
  problems: debianProblems,
  readLog: readDebianLog,
};

/** A folder made for it, an unpacked netboot.tar.gz, a mirror. */
function bootFiles(tree: Tree) {
  const unpacked = `debian-installer/${tree.arch}/`;
  const archive = `dists/${tree.release}/main/installer-${tree.arch}/current/images/netboot/${unpacked}`;
  const folders = ["netboot/", "", `netboot/${unpacked}`, unpacked, archive];
  return folders.map((folder) => ({ kernel: `${folder}linux`, initrd: `${folder}initrd.gz` }));
}

function render(input: FamilyInput): Rendered {
  const text = renderPreseed(input, "/everboot/early");
  const target = targetFiles(input).map((entry) => ({ ...entry, path: `everboot/target/${entry.path}` }));
  return {
    kernelArguments: kernelArguments(input),
    answer: { name: "preseed.cfg", contentType: "text/plain; charset=utf-8", text },
    overlay: [file("preseed.cfg", text), file("etc/wgetrc", WGETRC), ...helpers(input), ...target],
  };
}

/** What follows `---` is kept by the installed system's boot loader. */
function kernelArguments({ profile, mac, servers: [server] }: FamilyInput): string[] {
  return [
    "auto=true",
    "priority=critical",
    `BOOTIF=01-${macWithDashes(mac)}`,
    `log_host=${server.view.address}`,
    `log_port=${SYSLOG_PORT}`,
    ...profile.kernelArguments.map(kernelArgument),
    "---",
    ...profile.installedKernelArguments.map(kernelArgument),
  ];
}

/** `/everboot` of the installer. */
function helpers(input: FamilyInput): OverlayFile[] {
  const { profile, tree, servers, keyring } = input;
  const { disk } = profile;
  const trust = { keyring: keyring !== undefined };
  const protocol = protocolOf(profile.via, tree.release);
  const trees = servers.map((server) => installTree(server, protocol));
  const nics = placeholderNetwork(input).nics.map((nic) => nic.mac);
  return [
    program("everboot/report", reportScript(servers.map((server) => server.report))),
    program("everboot/early", earlyScript({ ...trust, profile })),
    program("everboot/watch", QUESTION_WATCHER),
    file("everboot/confmodule", CONFMODULE_ADDITION),
    program("everboot/partition", partitionScript(profile)),
    program("everboot/stop", STOP_SCRIPT),
    ...diskHelpers(disk),
    program("everboot/packages", PACKAGES_SCRIPT),
    program("everboot/base", baseScript({ ...trust, ftp: protocol === "ftp" })),
    program("everboot/apt-get", aptGetScript(trees, tree.release)),
    program("everboot/post", postScript({ nics, disk, trees, lastingTree: servers[0].lastingTree })),
    program("everboot/finish", finishScript(profile)),
    program("everboot/done", DONE_SCRIPT),
    ...(keyring ? [file("everboot/archive.gpg", keyring)] : []),
  ];
}

function file(path: string, content: Uint8Array | string): OverlayFile {
  return { path, mode: 0o644, content };
}

function program(path: string, content: string): OverlayFile {
  return { path, mode: 0o755, content };
}
