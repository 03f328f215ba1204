/** What Ubuntu's installer cannot do for a host, each with what to do instead. */
import { netplanLacks } from "../bond/netplan.ts";
import type { Host, HostBond, Profile, Tree } from "../site/model.ts";
import { parseFragment } from "./ubuntu-autoinstall.ts";
import { isSince, releaseProblem } from "./ubuntu-release.ts";

export function ubuntuProblems({ name, profile, bond }: Host): readonly string[] {
  return [
    ...treeProblems(profile.tree).map((problem) => `tree ${profile.tree.name}: ${problem}`),
    ...profileProblems(profile).map((problem) => `profile ${profile.name}: ${problem}`),
    ...(bond ? bondProblems(bond) : []).map((problem) => `host ${name}: ${problem}`),
  ];
}

function treeProblems({ release, keyring }: Tree): string[] {
  const problem = releaseProblem(release);
  return [
    ...(problem === undefined ? [] : [problem]),
    ...(keyring === undefined ? [] : ["Ubuntu's medium is signed by Ubuntu: leave out `keyring`"]),
  ];
}

function profileProblems({ via, disk, minimal, tree, answers }: Profile): string[] {
  const problems: string[] = [];
  if (via !== "http") {
    problems.push("the medium is fetched by HTTP only: set `via: http` (or leave it out)");
  }
  if (disk.keep.length > 0) {
    // Subiquity wants start and size of a partition that stays, and finds no free space around it by itself.
    problems.push("Ubuntu's installer needs a whole disk: leave out `keep`, or keep what is on another disk");
  }
  if (minimal && !isSince(tree.release, "22.04")) {
    problems.push(`Ubuntu ${tree.release} has no minimal system: leave out \`minimal\`, or choose 22.04 or later`);
  }
  answers.forEach((text, index) => {
    if (parseFragment(text) === undefined) {
      problems.push(
        `answers[${index}] is no YAML mapping: write keys of autoinstall, as in \`ssh: {allow-pw: false}\``,
      );
    }
  });
  return problems;
}

function bondProblems(bond: HostBond): string[] {
  return netplanLacks(bond).map(
    (key) => `netplan cannot set ${key}: ${String(bond[key])}: leave it out, or choose another value`,
  );
}
