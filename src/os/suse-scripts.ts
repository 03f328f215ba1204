/**
 * The scripts of an AutoYaST profile. They are part of the profile, since what else lies in the initrd is not there
 * for the installers of all releases; AutoYaST's `shell` is /bin/sh, on SUSE bash.
 *
 * AutoYaST tells no script that it failed. So the first script leaves a watcher behind, which reports a YaST that ends
 * before its last script has run; a YaST that waits for an answer of a human is not seen by it, and `report` in the
 * profile has time-outs against that. SLES 10 has no scripts after partitioning, and so reports no `packages`.
 */
import type { Mac } from "../base/address.ts";
import type { NetworkPlan } from "../bond/model.ts";
import type { Disk, Profile } from "../site/model.ts";
import type { FamilyInput } from "./family.ts";
import { enableFirstBoot, firstBootFiles } from "./first-boot.ts";
import { shellQuote } from "./quoting.ts";
import { accountCommands } from "./suse-accounts.ts";
import { DISK_WORDS, EFI_COPY, EFI_MARKS, FREED_WORD } from "./suse-disk.ts";
import { isSince, releaseOf, type SuseRelease } from "./suse-release.ts";
import { lastingRepositories } from "./suse-repositories.ts";
import { commands, FIXED_DISKS, fetchFunction, putFile, RESTART, reportFunction, STOP } from "./suse-shell.ts";
import { bool, list, map, text } from "./suse-values.ts";
import type { XmlElement } from "./xml.ts";

/** Around what is for a medium with modules alone (SLES 15), and not for one of a single product (Leap). */
export const MODULE_MARKS = ["modules only", "end of modules only"] as const;

/** In the installer. */
const WORK = "/tmp/everboot";
const FUNCTIONS = `${WORK}/functions`;
/** In the installed system, until the end of the installation. */
const LATE_WORK = "/var/tmp/everboot";
const TARGET = "/mnt";
const PROFILE = "/tmp/profile/autoinst.xml";
const MODIFIED = "/tmp/profile/modified.xml";

export function scriptsSection(input: FamilyInput, plan: NetworkPlan): XmlElement {
  const release = releaseOf(input.tree.release);
  const accountsLater = !usersBeforeScripts(release) && accountCommands(input.profile).length > 0;
  return map("scripts", [
    list("pre-scripts", [script("everboot-pre", preScript(input))]),
    list("postpartitioning-scripts", [script("everboot-packages", PACKAGES_SCRIPT)]),
    list("chroot-scripts", [
      script("everboot-handover", HANDOVER, [bool("chrooted", false)]),
      script("everboot-post", postScript(input, plan), [bool("chrooted", true)]),
    ]),
    ...(accountsLater ? [list("post-scripts", [script("everboot-accounts", accountsScript(input.profile))])] : []),
  ]);
}

/** SLES 10 and 11 make the users after the restart. */
function usersBeforeScripts(release: SuseRelease): boolean {
  return isSince(release, { major: 12, minor: 0 });
}

function script(filename: string, source: string, more: readonly XmlElement[] = []): XmlElement {
  return map("script", [text("filename", filename), text("interpreter", "shell"), ...more, text("source", source)]);
}

/** Before YaST looks at the disks. If a server says that the permit is gone, they stay as they are. */
function preScript({ servers, profile, tree }: FamilyInput): string {
  return `#!/bin/bash
mkdir -p ${WORK}
${reportFunction(servers)}declare -f exchange ask report >${FUNCTIONS}
${RESTART}${STOP}report answer 60
report partition 0 || restart
${commands("early", profile.early, "stop")
  .map((command) => `${command}\n`)
  .join("")}cp ${PROFILE} ${MODIFIED}
${diskChoice(profile.disk)}[ -d /sys/firmware/efi ] || sed -i ${deletion(EFI_MARKS)} ${MODIFIED}
${isSince(releaseOf(tree.release), { major: 15, minor: 0 }) ? moduleChoice(servers) : ""}(
	while grep -qsE 'y2(base|start)' /proc/[0-9]*/cmdline; do sleep 5; done
	errors=$(grep -h ' <[345]> ' /var/log/YaST2/y2log | tail -n 2 | cut -c 1-300)
	report failed 600 "YaST ended before the installation was done\${errors:+: $errors}"
) </dev/null >/dev/null 2>&1 &
echo $! >${WORK}/watcher
exit 0
`;
}

/** For sed: lines from one XML comment to the other. Words and marks stand in this script too, inside of longer lines. */
function deletion([begin, end]: readonly [string, string]): string {
  return shellQuote(`/^ *<!-- ${begin} -->$/,/^ *<!-- ${end} -->$/d`);
}

/** Leaves the disks as parameters: what is freed is on the first. */
function diskChoice(disk: Disk): string {
  const freed = disk.keep.length > 0 ? freedPartitions(disk) : "";
  if (disk.devices.length > 0) return freed && `set -- ${disk.devices.map(shellQuote).join(" ")}\n${freed}`;
  const count = disk.layout === "raid1" ? 2 : 1;
  const missing = count === 1 ? "no fixed disk was found" : "fewer than two fixed disks were found";
  const words = DISK_WORDS.slice(0, count).map((word, index) => `-e "s|^\\( *<device>\\)${word}<|\\1$${index + 1}<|"`);
  return `${FIXED_DISKS}set -- $(fixed_disks)
[ $# -ge ${count} ] || stop '${missing}'
sed -i ${words.join(" ")} ${MODIFIED}
${freed}`;
}

/** Numbers of all partitions of disk `$1` that are not kept. The tiny one is what holds logical partitions: it stays. */
function freedPartitions({ keep }: Disk): string {
  const numbers = keep.map(({ partition }) => partition);
  return `disk=$(readlink -f "$1") && disk=$(echo "\${disk#/dev/}" | tr / '!') freed= found=
for part in "/sys/block/$disk/$disk"*; do
	number=\${part##*[!0-9]}
	[ "$(cat "$part/size")" -gt 2 ] || continue
	case $number in
	${numbers.join(" | ")}) found="$found $number" ;;
	*) freed="$freed,$number" ;;
	esac
done
for number in ${numbers.join(" ")}; do
	case "$found " in
	*" $number "*) ;;
	*) stop "there is no partition $number on $1" ;;
	esac
done
freed=\${freed#,}
sed -i "s|^\\( *<use>\\)${FREED_WORD}<|\\1\${freed:-free}<|" ${MODIFIED}
`;
}

function moduleChoice(servers: FamilyInput["servers"]): string {
  return `${fetchFunction(servers)}case $(fetch media.1/products) in
*/Product-SLES*) ;;
*) sed -i ${deletion(MODULE_MARKS)} ${MODIFIED} ;;
esac
`;
}

const PACKAGES_SCRIPT = `#!/bin/bash
. ${FUNCTIONS}
report packages 600 </dev/null >/dev/null 2>&1 &
exit 0
`;

/** Outside the installed system, to which it brings the way to end the watcher. */
const HANDOVER = `#!/bin/bash
mkdir -p ${TARGET}${LATE_WORK}
cp ${WORK}/watcher ${TARGET}${LATE_WORK}/
exit 0
`;

/** The last script before the restart, in the installed system. A failed installation is not reported as done. */
function postScript(input: FamilyInput, plan: NetworkPlan): string {
  const { servers, profile, tree } = input;
  const release = releaseOf(tree.release);
  const init = usersBeforeScripts(release) ? "systemd" : "sysv";
  const lines = [
    ...firstBootFiles(input, { init, own: lastingRepositories(servers, profile.via) }).flatMap((file) => putFile(file)),
    ...enableFirstBoot(init),
    ...nicNames(plan, release),
    ...(profile.disk.layout === "raid1" ? COPY_EFI : []),
    ...repositories(profile),
    ...(usersBeforeScripts(release) ? accountCommands(profile) : []),
    ...(isSince(release, { major: 12, minor: 0 }) ? [] : grubLegacyArguments(profile.installedKernelArguments)),
    ...commands("late", profile.late, "failed"),
  ];
  return `#!/bin/bash
mkdir -p ${LATE_WORK}
failed() { echo "$1" >>${LATE_WORK}/failed; }
${reportFunction(servers)}report post 60
${lines.map((line) => `${line}\n`).join("")}sync
kill "$(cat ${LATE_WORK}/watcher)"
if [ -s ${LATE_WORK}/failed ]; then
	report failed 600 "$(cat ${LATE_WORK}/failed)"
else
	report done 900
fi
rm -rf ${LATE_WORK}
exit 0
`;
}

/**
 * As YaST writes them from `net-udev`, but before the first start: names that change under a running network leave
 * half of it behind. Virtual devices, which have the address of a NIC, have no driver.
 */
function nicNames({ nics }: NetworkPlan, release: SuseRelease): string[] {
  const old = release.major < 11;
  const file = `/etc/udev/rules.d/${old ? "30-net_persistent_names" : "70-persistent-net"}.rules`;
  const rule = (mac: Mac, name: string) =>
    old
      ? `SUBSYSTEM=="net", ACTION=="add", SYSFS{address}=="${mac}", IMPORT="/lib/udev/rename_netiface %k ${name}"`
      : `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${mac}", NAME="${name}"`;
  return [`printf '%s\\n' ${nics.map(({ mac, name }) => shellQuote(rule(mac, name))).join(" ")} >${file}`];
}

/** For firmware that has lost its first disk. Package updates of the loader do not reach the copy. */
const COPY_EFI = [
  `if [ -d /boot/efi/EFI ] && copy=$(blkid -L ${EFI_COPY}); then`,
  `mkdir -p ${LATE_WORK}/efi && mount -t vfat "$copy" ${LATE_WORK}/efi && cp -R /boot/efi/EFI ${LATE_WORK}/efi/ || failed 'the boot loader could not be copied to the second disk'`,
  `umount ${LATE_WORK}/efi`,
  "fi",
];

function repositories({ mirrors }: Profile): string[] {
  return mirrors.flatMap((url, index) => {
    const name = `everboot-${index + 1}`;
    const content = `[${name}]\nname=${name}\nenabled=1\nautorefresh=1\nbaseurl=${url}\ntype=NONE\n`;
    return putFile({ path: `etc/zypp/repos.d/${name}.repo`, mode: 0o644, content });
  });
}

/** SLES 10 and 11 have no word for them; YaST reads the second file when a kernel is updated. */
function grubLegacyArguments(kernelArguments: readonly string[]): string[] {
  if (kernelArguments.length === 0) return [];
  const added = kernelArguments.join(" ").replace(/[\\&|]/g, "\\$&");
  return [
    `sed -i ${shellQuote(`/^[[:space:]]*kernel /s|$| ${added}|`)} /boot/grub/menu.lst || failed 'the kernel arguments could not be written'`,
    `sed -i ${shellQuote(`s|^DEFAULT_APPEND="|&${added} |`)} /etc/sysconfig/bootloader`,
  ];
}

function accountsScript(profile: Profile): string {
  return `#!/bin/bash
failed() { logger -t everboot "$1"; }
${accountCommands(profile)
  .map((line) => `${line}\n`)
  .join("")}exit 0
`;
}
