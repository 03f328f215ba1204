/**
 * The family of Red Hat Enterprise Linux and what is made from its sources (Rocky, Alma, Oracle: 7 to 10), and Fedora:
 * Anaconda, with the kickstart file added to its initrd, so that no fetch of it can fail.
 */
import type { Host, Profile } from "../site/model.ts";
import type { Family, FamilyInput, Rendered } from "./family.ts";
import { readRedhatLog } from "./log-lines-redhat.ts";
import { kernelArgument } from "./quoting.ts";
import { detectRedhat } from "./redhat-detect.ts";
import { renderKickstart } from "./redhat-kickstart.ts";
import { installerNetwork } from "./redhat-network.ts";
import { generationOf, parseGeneration } from "./redhat-release.ts";
import { nfsStage2 } from "./redhat-source.ts";
import { installTree } from "./server-urls.ts";

export const redhat: Family = {
  name: "redhat",
  detect: detectRedhat,
  bootFiles,
  render,
  problems,
  readLog: readRedhatLog,
};

function bootFiles() {
  return [{ kernel: "images/pxeboot/vmlinuz", initrd: "images/pxeboot/initrd.img" }];
}

function problems({ profile }: Host): readonly string[] {
  const { tree } = profile;
  const found: string[] = [];
  if (parseGeneration(tree.release) === undefined) {
    const todo = "write 7, 8, 9 or 10 (or 9.6), or for Fedora its number from 20 on";
    found.push(`tree ${tree.name}: no release of this family is called ${tree.release}: ${todo}`);
  }
  if (tree.keyring !== undefined || tree.upstream !== undefined) {
    found.push(
      `tree ${tree.name}: \`keyring\` and \`upstream\` are for Debian's archives: leave them out, and import the tree`,
    );
  }
  return found;
}

function render(input: FamilyInput): Rendered {
  const text = renderKickstart(input);
  return {
    kernelArguments: kernelArguments(input),
    answer: { name: "ks.cfg", contentType: "text/plain; charset=utf-8", text },
    overlay: [{ path: "ks.cfg", mode: 0o600, content: text }],
  };
}

/**
 * Seconds. A switch port may be silent for a minute before it forwards (spanning tree, LACP), and DHCP is asked for ten
 * minutes; the initrd waits for stage 2 until every server of the site had time to come back.
 */
const PATIENCE = ["rd.net.timeout.carrier=60", "rd.net.timeout.dhcp=60", "rd.net.dhcp.retry=10", "rd.retry=1800"];

function kernelArguments({ host, mac, profile, servers, tree }: FamilyInput): string[] {
  return [
    "inst.ks=file:/ks.cfg",
    ...stage2(servers, profile.via, tree.release),
    ...installerNetwork(host, mac),
    ...PATIENCE,
    `inst.syslog=${servers[0].view.address}`,
    ...profile.kernelArguments.map(kernelArgument),
  ];
}

/** Rounds through the servers, and how many of them: the kernel's command line holds 2048 characters (x86). */
const ROUNDS = 3;
const MOST_SERVERS = 4;

/**
 * Stage 2 is tried in the order given, each URL as often as it is given. The list has to be asked for from RHEL 8 on;
 * late releases of RHEL 7 take it as it is, and early ones take the last of them, which is why the first comes again
 * there (Anaconda, dracut/parse-anaconda-repo.sh). By NFS it takes one.
 */
function stage2(servers: FamilyInput["servers"], via: Profile["via"], release: string): string[] {
  if (via === "nfs") return [`inst.stage2=${nfsStage2(servers[0])}`];
  const round = servers.slice(0, MOST_SERVERS).map((server) => installTree(server, via));
  const urls = Array.from({ length: ROUNDS }, () => round).flat();
  const isList = generationOf(release) >= 8;
  const all = isList ? urls : [...urls, ...round.slice(0, 1)];
  return [...all.map((url) => `inst.stage2=${url}`), ...(isList ? ["inst.stage2.all"] : [])];
}
