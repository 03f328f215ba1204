/**
 * Programs that come with the profile into the initrd, under /everboot, and from there into the live system: a dracut
 * hook copies the folder before the root changes (dracut 059 reads hooks in the first folder, 107 in the second).
 *
 * Agama runs `inst.script` before it loads the profile, and says by its end whether it installed: its unit gets an
 * ExecStopPost, which reports an end before the last script.
 */

import type { NetworkPlan } from "../bond/model.ts";
import { linkFiles } from "../bond/networkd.ts";
import { renderNmconnection } from "../bond/nmconnection.ts";
import type { Disk, Profile } from "../site/model.ts";
import { bondedInstaller } from "./agama-network.ts";
import { PRODUCT_WORD } from "./agama-profile.ts";
import { DISK_WORDS } from "./agama-storage.ts";
import type { FamilyInput, OverlayFile, ServerUrls } from "./family.ts";
import { enableFirstBoot, firstBootFiles } from "./first-boot.ts";
import { installTree } from "./server-urls.ts";
import { accountCommands, addUsers } from "./suse-accounts.ts";
import { lastingRepositories } from "./suse-repositories.ts";
import { commands, FIXED_DISKS, RESTART, reportFunction, STOP } from "./suse-shell.ts";

export const ANSWER = "everboot/autoinst.json";
export const PREPARE = "everboot/prepare";
/** dracut and libzypp have FTP; the initrd's NFS cannot be relied upon. */
function protocolOf(via: Profile["via"]): "http" | "ftp" {
  return via === "ftp" ? "ftp" : "http";
}

export function agamaTree(server: ServerUrls, via: Profile["via"]): string {
  return installTree(server, protocolOf(via));
}

/** Folder of a full medium that holds its packages (agama-software, LIVE_REPO_DIR). */
export const REPOSITORY = "install";

const HOOKS = ["usr/lib/dracut/hooks/pre-pivot", "var/lib/dracut/hooks/pre-pivot"];
const UNIT = "agama-autoinstall.service.d/everboot.conf";
const LOG_UNIT = "everboot-log.service";
const SYSLOG_PORT = 514;

/** Where the system is installed, and a folder in it until the end of the installation. */
const TARGET = "/mnt";
const WORK = "/var/tmp/everboot";

export function overlayFiles(input: FamilyInput, plan: NetworkPlan): OverlayFile[] {
  const { profile, servers } = input;
  return [
    ...HOOKS.map((folder) => program(`${folder}/98-everboot.sh`, pivotHook(input))),
    { path: `everboot/${UNIT}`, mode: 0o644, content: ENDED_UNIT },
    { path: `everboot/${LOG_UNIT}`, mode: 0o644, content: LOG_SERVICE },
    program("everboot/log", logScript(servers)),
    { path: "everboot/functions", mode: 0o644, content: `${reportFunction(servers)}${RESTART}${STOP}` },
    program(PREPARE, prepareScript(profile)),
    program("everboot/packages", PACKAGES_SCRIPT),
    program("everboot/post", POST_SCRIPT),
    program("everboot/finish", finishScript(profile)),
    program("everboot/ended", ENDED_SCRIPT),
    ...targetFiles(input, plan).map((file) => ({ ...file, path: `everboot/target/${file.path}` })),
  ];
}

/**
 * Sourced by dracut: it must not exit. Agama reads its kernel arguments in a file of dracut's (99agama-cmdline): there
 * the repository's server gives way to the first one that has it now.
 */
function pivotHook({ profile, servers }: FamilyInput): string {
  const [first = "", ...others] = servers.map((server) => agamaTree(server, profile.via));
  return `#!/bin/sh
cp -R /everboot "$NEWROOT/"
mkdir -p "$NEWROOT/etc/systemd/system/${UNIT.replace(/\/.*/, "")}"
cp "/everboot/${UNIT}" "$NEWROOT/etc/systemd/system/${UNIT}"
mkdir -p "$NEWROOT/etc/systemd/system/multi-user.target.wants"
cp "/everboot/${LOG_UNIT}" "$NEWROOT/etc/systemd/system/multi-user.target.wants/${LOG_UNIT}"
for tree in ${[first, ...others].join(" ")}; do
	curl -sf -m 15 -o /dev/null "$tree/${REPOSITORY}/repodata/repomd.xml" || continue
	sed -i "s|^inst.install_url=${first}/${REPOSITORY}$|inst.install_url=$tree/${REPOSITORY}|" /run/agama/cmdline.d/agama.conf
	break
done
`;
}

const ENDED_UNIT = `[Service]
ExecStopPost=/everboot/ended
TimeoutStopSec=700
`;

const LOG_SERVICE = `[Unit]
Wants=network-online.target
After=network-online.target
[Service]
ExecStart=/everboot/log
Restart=on-failure
RestartSec=5
`;

/** The live system's journal, from its beginning, to the server's syslog: the name of the program stays in the text. */
function logScript([first]: FamilyInput["servers"]): string {
  return `#!/bin/bash
set -o pipefail
journalctl -b -f -n all -q -o short --no-hostname | sed -u 's/^.\\{16\\}//' |
	logger -d -n ${first.view.address} -P ${SYSLOG_PORT} -t agama
`;
}

const ENDED_SCRIPT = `#!/bin/bash
[ -e /run/everboot-ended ] && exit 0
. /everboot/functions
errors=$(journalctl -b -q -p err -o cat | tail -n 2 | cut -c 1-300)
report failed 600 "Agama ended before the installation was done\${errors:+: $errors}"
exit 0
`;

/** Before Agama gets its profile. If a server says that the permit is gone, the disks stay as they are. */
function prepareScript({ early, disk }: Profile): string {
  return `#!/bin/bash
. /everboot/functions
report answer 60
report partition 0 || restart
${commands("early", early, "stop")
  .map((command) => `${command}\n`)
  .join("")}${diskChoice(disk)}${PRODUCT_CHOICE}exit 0
`;
}

function diskChoice({ devices, layout }: Disk): string {
  if (devices.length > 0) return "";
  const count = layout === "raid1" ? 2 : 1;
  const missing = count === 1 ? "no fixed disk was found" : "fewer than two fixed disks were found";
  const words = DISK_WORDS.slice(0, count).map((word, index) => `-e 's|"${word}"|"'$${index + 1}'"|'`);
  return `${FIXED_DISKS}set -- $(fixed_disks)
[ $# -ge ${count} ] || stop '${missing}'
sed -i ${words.join(" ")} /${ANSWER}
`;
}

/** The medium of SLES is for SLES for SAP too; Leap's had another name in its first version. */
const PRODUCT_CHOICE = `ids=$(sed -n "s/^id: *[\\"']\\{0,1\\}\\([A-Za-z0-9_.]*\\).*/\\1/p" /usr/share/agama/products.d/*.yaml)
product=$(grep -xE 'SLES' <<<"$ids" || grep -m 1 -xE 'openSUSE_Leap|Leap_[0-9.]+' <<<"$ids") ||
	stop 'the medium is neither SLES nor Leap'
sed -i 's|"${PRODUCT_WORD}"|"'$product'"|' /${ANSWER}
`;

const PACKAGES_SCRIPT = `#!/bin/bash
. /everboot/functions
report packages 600 </dev/null >/dev/null 2>&1 &
exit 0
`;

/** The last script before the restart. A failed installation is not reported as done. */
const POST_SCRIPT = `#!/bin/bash
. /everboot/functions
work=${TARGET}${WORK}
report post 60
mkdir -p $work
cp -R /everboot/target/. ${TARGET}/
cp /everboot/finish $work/
chroot ${TARGET} bash ${WORK}/finish || echo 'the commands of the profile could not be run' >>$work/failed
sync
if [ -s $work/failed ]; then
	report failed 600 "$(cat $work/failed)"
else
	report done 900
fi
touch /run/everboot-ended
rm -rf $work
exit 0
`;

/** Runs in the installed system; what went wrong is added to `failed`, a line each. */
function finishScript(profile: Profile): string {
  const lines = [
    ...addUsers(profile),
    ...accountCommands(profile),
    ...enableFirstBoot(),
    ...commands("late", profile.late, "failed"),
  ];
  return `#!/bin/bash
failed() { echo "$1" >>${WORK}/failed; }
${lines.map((line) => `${line}\n`).join("")}exit 0
`;
}

/** Copied over the installed system. */
function targetFiles(input: FamilyInput, plan: NetworkPlan): OverlayFile[] {
  const { host, profile, servers } = input;
  const later = host.bond !== undefined && !bondedInstaller(host);
  const network = later ? [...linkFiles(plan), ...renderNmconnection(plan)] : [];
  return [
    ...firstBootFiles(input, { own: lastingRepositories(servers, protocolOf(profile.via)) }),
    ...network.map(({ path, mode, text }) => ({ path: path.slice(1), mode, content: text })),
    ...(profile.ntp.length > 0
      ? [{ path: "etc/chrony.d/everboot.conf", mode: 0o644, content: timeSources(profile) }]
      : []),
    ...profile.mirrors.map(repository),
  ];
}

function timeSources({ ntp }: Profile): string {
  return ntp.map((server) => `server ${server} iburst\n`).join("");
}

function repository(url: string, index: number): OverlayFile {
  const name = `everboot-${index + 1}`;
  const content = `[${name}]\nname=${name}\nenabled=1\nautorefresh=1\nbaseurl=${url}\n`;
  return { path: `etc/zypp/repos.d/${name}.repo`, mode: 0o644, content };
}

function program(path: string, content: string): OverlayFile {
  return { path, mode: 0o755, content };
}
