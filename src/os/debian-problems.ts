/** What the Debian Installer cannot do for a host, each with what to do instead. */
import type { Host, Profile } from "../site/model.ts";
import { hasFtp, releaseProblem } from "./debian-release.ts";

/**
 * Folders that partman wants on the root file system (05proper_mountpoints), those that are not of a disk, and the EFI
 * partition's, which it takes over by itself.
 */
const UNMOUNTABLE = "/bin /boot/efi /dev /etc /lib /lib32 /lib64 /media /proc /run /sbin /sys".split(" ");

export function debianProblems({ profile }: Host): readonly string[] {
  const release = releaseProblem(profile.tree.release);
  return [
    ...(release === undefined ? [] : [`tree ${profile.tree.name}: ${release}`]),
    ...profileProblems(profile).map((problem) => `profile ${profile.name}: ${problem}`),
  ];
}

function profileProblems({ via, tree, disk }: Profile): string[] {
  const problems: string[] = [];
  if (via === "nfs") {
    problems.push("the Debian Installer cannot fetch by NFS: set `via: http` (or leave it out)");
  }
  if (via === "ftp" && !hasFtp(tree.release)) {
    problems.push("apt of Debian 13 and later knows no FTP: set `via: http` (or leave it out)");
  }
  if (disk.keep.length > 0 && disk.layout === "lvm") {
    problems.push("the Debian Installer makes LVM on whole disks only: use `layout: plain` beside `keep`");
  }
  for (const { partition, mount } of disk.keep.filter((kept) => UNMOUNTABLE.includes(kept.mount))) {
    problems.push(`partition ${partition} cannot be mounted on ${mount}: choose another \`mount\`, or do not keep it`);
  }
  return problems;
}
