/**
 * SUSE Linux Enterprise Server 16 and openSUSE Leap 16, by Agama: a live system that dracut fetches and starts, with
 * the profile and its programs copied from the initrd, so that nothing but the live system and packages is fetched.
 *
 * dracut takes one address of the live system, and tries 100 times, 5 seconds apart, to fetch it (livenetroot.sh). The
 * packages come from the first server that has them when Agama starts: a list of repositories is to it their sum, which
 * breaks when one is away. After that it is the floating address that an install survives by.
 */
import { dracutArguments } from "../bond/dracut.ts";
import type { NetworkPlan } from "../bond/model.ts";
import type { Host, Tree } from "../site/model.ts";
import { bondedInstaller } from "./agama-network.ts";
import { parseAnswer, renderAgama } from "./agama-profile.ts";
import { ANSWER, agamaTree, overlayFiles, PREPARE, REPOSITORY } from "./agama-scripts.ts";
import type { DetectedTree, Family, FamilyInput, Rendered, TreeFiles } from "./family.ts";
import { readAgamaLog } from "./log-lines-agama.ts";
import { hostNetwork } from "./network.ts";
import { kernelArgument } from "./quoting.ts";
import { bootFiles, treeArch } from "./suse-tree.ts";

const LIVE_SYSTEM = "LiveOS/squashfs.img";

export const agama: Family = {
  name: "agama",
  detect,
  bootFiles: (tree: Tree) => bootFiles(tree.arch),
  render,
  problems,
  readLog: readAgamaLog,
};

/**
 * Fedora's live media have the same folders. Agama's name themselves in the menu of their loader alone (agama,
 * live/config-cdroot/fix_bootconfig.*): `menuentry "Install SUSE SLE 16.1 (x86_64)"`, `"Install Leap 16.0 (x86_64)"`.
 */
function detect(files: TreeFiles): DetectedTree | undefined {
  const arch = treeArch(files);
  if (arch === undefined || !files.has(LIVE_SYSTEM)) return undefined;
  const [, name, major, minor = "0"] = INSTALL_ENTRY.exec(files.text("boot/grub2/grub.cfg") ?? "") ?? [];
  if (name === undefined) return undefined;
  const release = `${major}.${minor}`;
  return { release, arch, product: `${name === "Leap" ? "openSUSE Leap" : "SUSE Linux Enterprise Server"} ${release}` };
}

const INSTALL_ENTRY = /^menuentry "Install (SUSE SLE|Leap) (16)(?:\.(\d+))? /m;

function render(input: FamilyInput): Rendered {
  const plan = hostNetwork(input.host, input.mac);
  const text = renderAgama(input, plan);
  return {
    kernelArguments: kernelArguments(input, plan),
    answer: { name: "autoinst.json", contentType: "application/json", text },
    overlay: [{ path: ANSWER, mode: 0o600, content: text }, ...overlayFiles(input, plan)],
  };
}

function kernelArguments({ host, profile, mac, servers: [first] }: FamilyInput, plan: NetworkPlan): string[] {
  const { bond: _bond, ...overOneNic } = host;
  const installer = bondedInstaller(host) ? plan : hostNetwork(overOneNic, mac);
  const tree = agamaTree(first, profile.via);
  return [
    `root=live:${tree}/${LIVE_SYSTEM}`,
    `inst.auto=file:///${ANSWER}`,
    `inst.script=file:///${PREPARE}`,
    `inst.install_url=${tree}/${REPOSITORY}`,
    "inst.finish=reboot",
    ...dracutArguments(installer, { hostname: false }),
    // BOOTIF, which a loader may add, makes a second connection for a NIC that has its name already.
    "rd.bootif=0",
    // Long enough for LACP and spanning tree to settle, and for every server to be away and come back.
    "rd.neednet=1",
    "rd.net.timeout.carrier=60",
    "rd.net.timeout.dhcp=60",
    "rd.net.dhcp.retry=10",
    ...(host.bond && !bondedInstaller(host) ? ["inst.copy_network=0"] : []),
    ...profile.kernelArguments.map(kernelArgument),
  ];
}

function problems({ profile }: Host): readonly string[] {
  const { tree, name } = profile;
  const found: string[] = [];
  if (!/^16(\.\d+)?$/.test(tree.release)) {
    found.push(
      `tree ${tree.name}: release ${tree.release} is not known: write 16.0 or later; up to 15 the family is \`suse\``,
    );
  }
  if (profile.via === "nfs") {
    found.push(
      `profile ${name}: Agama's live system is fetched by HTTP or FTP: set \`via: http\` (or leave it out), or \`via: ftp\``,
    );
  }
  if (/^(C|POSIX)\b/.test(profile.language)) {
    found.push(`profile ${name}: Agama has no language ${profile.language}: write en_US.UTF-8`);
  }
  if (profile.answers.some((answer) => parseAnswer(answer) === undefined)) {
    found.push(`profile ${name}: \`answers\` of Agama are JSON objects: write each as in {"software": {...}}`);
  }
  return found;
}
