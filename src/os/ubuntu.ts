/**
 * The Ubuntu family: the live-server medium of 20.04 and later, whose installer, Subiquity, takes an autoinstall file.
 *
 * A tree is the unpacked (or copied from where it was mounted) medium, so that kernel and initrd can be had alone, and
 * beside them the ISO file itself as `live.iso`: casper, which mounts the live system, takes a whole medium only.
 * Answers and scripts come in the initrd, and the ISO from whichever server answers, so an installation needs no
 * server in particular at any time.
 */
import { macWithDashes } from "../base/address.ts";
import { netplanYaml } from "../bond/netplan.ts";
import { finishScript } from "./debian-finish.ts";
import { reportScript } from "./debian-scripts.ts";
import type { Family, FamilyInput, OverlayFile, Rendered } from "./family.ts";
import { readUbuntuLog } from "./log-lines-ubuntu.ts";
import { kernelArgument } from "./quoting.ts";
import { renderUserData } from "./ubuntu-autoinstall.ts";
import { detectUbuntu } from "./ubuntu-detect.ts";
import { initrdFiles, LIVE_ISO } from "./ubuntu-initrd.ts";
import { ubuntuProblems } from "./ubuntu-problems.ts";
import { earlyScript, FAILED_SCRIPT, lateScript } from "./ubuntu-scripts.ts";
import { targetFiles } from "./ubuntu-target.ts";

export const ubuntu: Family = {
  name: "ubuntu",
  detect: detectUbuntu,
  bootFiles,
  render,
  problems: ubuntuProblems,
  readLog: readUbuntuLog,
};

/** The medium's own kernel, or on some media that of a later release beside it. */
function bootFiles() {
  return ["", "hwe-"].map((kind) => ({
    kernel: `casper/${kind}vmlinuz`,
    initrd: `casper/${kind}initrd`,
    needs: [LIVE_ISO],
  }));
}

function render(input: FamilyInput): Rendered {
  const text = renderUserData(input);
  const { host, servers } = input;
  const target = targetFiles(input).map((entry) => ({ ...entry, path: `everboot/target/${entry.path}` }));
  return {
    kernelArguments: kernelArguments(input),
    answer: { name: "user-data", contentType: "text/yaml; charset=utf-8", text },
    overlay: [
      file("user-data", text),
      file("meta-data", netplanYaml({ "instance-id": `everboot-${host.name}`, "local-hostname": host.name })),
      ...initrdFiles(servers.map((server) => server.tree)),
      ...helpers(input),
      ...target,
    ],
    // Kernels take what follows an initrd in LZ4 (20.04) for more of it, and stop (Linux lib/decompress_unlz4.c).
    overlayFirst: true,
  };
}

/**
 * There is no `url=` for casper: cloud-init would take it for the address of a configuration, and fetch the ISO again
 * (cloudinit/cmd/main.py, attempt_cmdline_url). `autoinstall` spares the question whether the disk may be erased.
 * What follows `---` is kept by the installed system's boot loader (curtin's install_grub).
 */
function kernelArguments({ profile, mac }: FamilyInput): string[] {
  return [
    "ip=dhcp",
    `BOOTIF=01-${macWithDashes(mac)}`,
    "netboot=url",
    "autoinstall",
    "ds=nocloud",
    ...profile.kernelArguments.map(kernelArgument),
    "---",
    ...profile.installedKernelArguments.map(kernelArgument),
  ];
}

/** `/everboot` of the live system. */
function helpers(input: FamilyInput): OverlayFile[] {
  const { profile, servers } = input;
  return [
    program("everboot/report", reportScript(servers.map((server) => server.report))),
    program("everboot/early", earlyScript(input)),
    program("everboot/late", lateScript(profile)),
    program("everboot/failed", FAILED_SCRIPT),
    program("everboot/finish", finishScript(profile)),
  ];
}

function file(path: string, content: string): OverlayFile {
  return { path, mode: 0o644, content };
}

function program(path: string, content: string): OverlayFile {
  return { path, mode: 0o755, content };
}
