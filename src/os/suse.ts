/**
 * SUSE Linux Enterprise Server 10 to 15 and openSUSE Leap 15: linuxrc starts YaST, and AutoYaST answers it from a
 * profile that lies in the initrd as /autoinst.xml (the place to which linuxrc itself puts a profile that it finds in
 * the tree; auto2.c). The installer runs over the NIC that booted: linuxrc knows no bonds.
 *
 * linuxrc takes one address of the tree and asks for each file of its own once (url.c); a server that is silent is
 * waited for, one that refuses is not. Packages come by libzypp, which tries 100 times, 30 seconds to 15 minutes apart
 * (yast2, PackageCallbacks.rb). So it is the floating address that an install survives by.
 */
import { macWithDashes } from "../base/address.ts";
import type { Host, Profile, Tree } from "../site/model.ts";
import type { Family, FamilyInput, Rendered } from "./family.ts";
import { readSuseLog } from "./log-lines-suse.ts";
import { kernelArgument } from "./quoting.ts";
import { installTree } from "./server-urls.ts";
import { KNOWN_LAYOUTS, yastKeymap } from "./suse-keymap.ts";
import { MOST_MEMBERS } from "./suse-network.ts";
import { renderProfile, sectionName } from "./suse-profile.ts";
import { isSince, kernelLacks, releaseOf, releaseProblem } from "./suse-release.ts";
import { bootFiles, detectSuse } from "./suse-tree.ts";
import { fitsXml } from "./xml.ts";

const ANSWER = "autoinst.xml";
/** Seconds: long enough for every server of the site to be away and come back. */
const DHCP_PATIENCE = 600;

export const suse: Family = {
  name: "suse",
  detect: detectSuse,
  bootFiles: (tree: Tree) => bootFiles(tree.arch),
  render,
  problems,
  readLog: readSuseLog,
};

function render(input: FamilyInput): Rendered {
  const text = renderProfile(input);
  return {
    kernelArguments: kernelArguments(input),
    answer: { name: ANSWER, contentType: "application/xml; charset=utf-8", text },
    overlay: [{ path: ANSWER, mode: 0o600, content: text }],
  };
}

/** linuxrc's own (its file.c); what it does not know, it hands on to the installed system's kernel. */
function kernelArguments({ profile, tree, mac, servers: [first] }: FamilyInput): string[] {
  const release = releaseOf(tree.release);
  return [
    `autoyast=file:///${ANSWER}`,
    `install=${installTree(first, profile.via)}`,
    `BOOTIF=01-${macWithDashes(mac)}`,
    ...(isSince(release, { major: 12, minor: 0 }) ? [`ifcfg=${mac}=dhcp`] : []),
    `dhcptimeout=${DHCP_PATIENCE}`,
    `loghost=${first.view.address}`,
    "textmode=1",
    // Both would ask for something that the network may not have, or a human.
    ...(isSince(release, { major: 12, minor: 2 }) ? ["self_update=0"] : []),
    ...(isSince(release, { major: 15, minor: 3 }) ? ["YAST_SKIP_XML_VALIDATION=1"] : []),
    ...profile.kernelArguments.map(kernelArgument),
  ];
}

function problems({ profile, bond }: Host): readonly string[] {
  const { tree } = profile;
  const unknown = releaseProblem(tree.release);
  if (unknown) return [`tree ${tree.name}: ${unknown}`];
  const release = releaseOf(tree.release);
  const lacking = bond ? kernelLacks(bond, release) : [];
  return [
    ...profileProblems(profile),
    ...lacking.map((setting) => `bond: release ${tree.release} has a kernel without \`${setting}\`: leave it out`),
    ...(bond && bond.members.length > MOST_MEMBERS
      ? [`bond: AutoYaST joins ${MOST_MEMBERS} NICs at most: name fewer in \`members\``]
      : []),
  ];
}

function profileProblems({
  name,
  language,
  keyboard,
  answers,
  mirrors,
  tree,
  early,
  late,
  firstBoot,
}: Profile): string[] {
  const found: string[] = [];
  const { major } = releaseOf(tree.release);
  if (!yastKeymap(keyboard)) {
    found.push(`YaST has no name for keyboard ${keyboard}: use one of ${KNOWN_LAYOUTS.join(", ")}`);
  }
  if (/^(C|POSIX)\b/.test(language)) found.push(`YaST has no language ${language}: write en_US.UTF-8`);
  if (answers.some((markup) => sectionName(markup) === undefined)) {
    found.push("`answers` of AutoYaST are whole sections of its profile: begin each with its tag as in `<firewall>`");
  }
  if (![...early, ...late, ...firstBoot].every(fitsXml)) {
    found.push("a command holds a control character, which XML cannot: write it with an escape of the shell");
  }
  if (mirrors.length > 0 && major < 11) {
    found.push(`release ${tree.release} has no folder of repositories: add \`mirrors\` by a \`late\` command`);
  }
  return found.map((problem) => `profile ${name}: ${problem}`);
}
