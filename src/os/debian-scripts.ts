/**
 * The scripts that come with the preseed file into the Debian Installer, under /everboot. They run in its hook
 * folders, so that a profile's own `partman/early_command` and `preseed/late_command` stay free. All are for busybox
 * ash (installer) or dash (installed system), and fetch nothing.
 */
import type { Mac } from "../base/address.ts";
import type { Account, Profile, User } from "../site/model.ts";
import { shellQuote } from "./quoting.ts";

/** HTTP answers that mean "not now", as against "no". */
const OUTAGES = "500,502,503,504";

/**
 * GNU wget, which fetches all up to and including the base system, takes one refused connection as final unless told
 * otherwise (wget 1.21.3). 120 tries, 1 to 10 seconds apart, last for 19 minutes of refusals.
 */
export const WGETRC = `tries = 120
retry_connrefused = on
waitretry = 10
timeout = 30
retry_on_http_error = ${OUTAGES}
`;

/** Without a hold on the caller's pipes: it would wait for their end, and 3 is the way to debconf. */
const IN_BACKGROUND = "</dev/null >/dev/null 2>&1 3>&- &";

/**
 * `report EVENT SECONDS [TEXT]` tries for SECONDS (0: for ever) to tell the install server. Exit code 0: told;
 * 1: no answer in time; 8: the server answered that it does not want to hear it (as wget says it).
 */
export function reportScript(reportUrl: string): string {
  return `#!/bin/sh
# report EVENT SECONDS [TEXT]; SECONDS 0: for ever
seconds_up() { cut -d. -f1 /proc/uptime; }
start=$(seconds_up)
while :; do
	wget -q -t 1 -T 10 --retry-on-http-error=${OUTAGES} -O /dev/null --post-data="$3" ${shellQuote(`${reportUrl}/`)}"$1" && exit 0
	[ $? = 8 ] && { logger -t everboot "report $1: refused"; exit 8; }
	[ "$2" -gt 0 ] && [ $(($(seconds_up) - start)) -ge "$2" ] && { logger -t everboot "report $1: no answer"; exit 1; }
	sleep 3
done
`;
}

/** preseed/early_command, before the network is up: puts the other scripts where the installer looks for them. */
export function earlyScript(options: { readonly keyring: boolean; readonly profile: Profile }): string {
  const keyring = options.keyring ? "cat /everboot/archive.gpg >>/usr/share/keyrings/debian-archive-keyring.gpg\n" : "";
  return `#!/bin/sh
hook() { mkdir -p "$2" && cp "/everboot/$1" "$2/$3"; }
hook partition /lib/partman/init.d 00everboot
hook packages /lib/partman/finish.d 99everboot
hook base /usr/lib/base-installer.d 05everboot
hook post /usr/lib/finish-install.d 07everboot
hook done /usr/lib/finish-install.d 95everboot
${keyring}${unneededSteps(options.profile)}/everboot/report answer 0 ${IN_BACKGROUND}
exit 0
`;
}

/** A minimal system does without console-setup, and without the locales package if it can. */
function unneededSteps(profile: Profile): string {
  if (!profile.minimal) return "";
  const locales = skipsLocales(profile) ? " /usr/lib/post-base-installer.d/05localechooser" : "";
  return `rm -f /usr/lib/base-installer.d/20console-setup${locales}\n`;
}

/** The C locales are built into libc; the step that is left out would have written /etc/default/locale. */
export function skipsLocales(profile: Profile): boolean {
  return profile.minimal && /^(C|POSIX)\b/.test(profile.language);
}

/**
 * Before partman looks at the disks. The server must know that this installation begins to write before it does; if
 * the server says no, the permit is gone: then the disk stays as it is.
 */
export function partitionScript(device: string): string {
  return `#!/bin/sh
/everboot/report partition 0 || {
	logger -t everboot 'no permit for this installation: nothing was written, restarting'
	reboot
	exec sleep 600
}
${device === "auto" ? CHOOSE_DISK : ""}exit 0
`;
}

/** The first fixed disk with a medium; 01early_command, right after, may still choose another. */
const CHOOSE_DISK = `for disk in $(list-devices disk); do
	sys=/sys/block/$(echo "\${disk#/dev/}" | tr / '!')
	[ "$(cat "$sys/removable")" = 0 ] && [ "$(cat "$sys/size")" -gt 0 ] || continue
	udevadm info -q property -n "$disk" | grep -q '^ID_BUS=usb' && continue
	logger -t everboot "installing on $disk"
	debconf-set partman-auto/disk "$disk"
	debconf-set grub-installer/bootdev "$disk"
	exit 0
done
touch /everboot/failed
/everboot/report failed 60 'no fixed disk was found'
`;

/** After partitions are made and mounted, before packages are fetched. */
export const PACKAGES_SCRIPT = `#!/bin/sh
/everboot/report packages 600 ${IN_BACKGROUND}
exit 0
`;

/** Between debootstrap and the first apt-get in the target. */
export function baseScript(options: { readonly keyring: boolean }): string {
  const keyring = options.keyring
    ? `mkdir -p /target/etc/apt/trusted.gpg.d
cp /everboot/archive.gpg /target/etc/apt/trusted.gpg.d/everboot.gpg
chmod 644 /target/etc/apt/trusted.gpg.d/everboot.gpg
`
    : "";
  return `#!/bin/sh
${keyring}chroot /target dpkg-divert --quiet --local --rename --divert /usr/bin/apt-get.real --add /usr/bin/apt-get
cp /everboot/apt-get /target/usr/bin/apt-get
chmod 755 /target/usr/bin/apt-get
exit 0
`;
}

/**
 * Takes the place of the target's apt-get during the installation. An apt process does not try an address again that
 * has refused a connection once, whatever Acquire::Retries says (apt 2.6.2), so a new process has to: when the server
 * answers again, and once more when it answered all along. Half an hour of waiting in all.
 */
export function aptGetScript(treeUrl: string, release: string): string {
  return `#!/bin/sh
answers() {
	/usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 \\
		download-file ${shellQuote(`${treeUrl}/dists/${release}/Release`)} "/tmp/apt-get.$$" >/dev/null 2>&1
}
again=1 waits=0
while :; do
	/usr/bin/apt-get.real "$@" && code=0 || code=$?
	[ $code = 100 ] || break
	if answers; then
		[ $again -gt 0 ] || break
		again=$((again - 1))
	else
		until answers; do
			waits=$((waits + 1))
			[ $waits -lt 360 ] || exit $code
			sleep 5
		done
	fi
done
rm -f "/tmp/apt-get.$$"
exit $code
`;
}

/** At the end, before a profile's own late_command: files, accounts and commands of the installed system. */
export function postScript(nics: readonly Mac[]): string {
  return `#!/bin/sh
work=/target/var/tmp/everboot
nic_of() {
	for nic in /sys/class/net/*; do
		[ -e "$nic/device" ] && [ "$(cat "$nic/address")" = "$1" ] && echo "\${nic##*/}" && return
	done
	return 1
}
/everboot/report post 600 ${IN_BACKGROUND}
mkdir -p $work
cp -R /everboot/target/. /target/
for mac in ${nics.join(" ")}; do
	name=$(nic_of $mac) || echo "no NIC has the address $mac" >>$work/failed
	sed -i "s/@$mac@/$name/g" /target/etc/network/interfaces
done
cp /everboot/finish $work/
in-target sh /var/tmp/everboot/finish || echo "the commands of the profile could not be run" >>$work/failed
rm -f /target/usr/bin/apt-get
chroot /target dpkg-divert --quiet --local --rename --remove /usr/bin/apt-get
if [ -s $work/failed ]; then
	touch /everboot/failed
	/everboot/report failed 600 "$(cat $work/failed)"
fi
rm -rf $work
exit 0
`;
}

/** Runs in the installed system; what went wrong is added to /var/tmp/everboot/failed, a line each. */
export function finishScript(profile: Profile): string {
  const lines = [
    ...(profile.root ? keys(profile.root, "root", "/root") : []),
    ...profile.users.flatMap(user),
    ...profile.late.map(lateCommand),
  ];
  return `#!/bin/sh
failed() { echo "$1" >>/var/tmp/everboot/failed; }
${lines.map((line) => `${line}\n`).join("")}exit 0
`;
}

function user(account: User): string[] {
  const { name, fullName, password = "*", sudo } = account;
  const groups = sudo ? " --groups sudo" : "";
  const about = `--comment ${shellQuote(fullName)} --password ${shellQuote(password)}`;
  return [
    `useradd --create-home --shell /bin/bash${groups} ${about} ${shellQuote(name)} || failed ${shellQuote(`user ${name} could not be added`)}`,
    ...keys(account, name, `/home/${name}`),
  ];
}

function keys(account: Account, name: string, home: string): string[] {
  if (account.sshKeys.length === 0) return [];
  const folder = shellQuote(`${home}/.ssh`);
  return [
    `install -d -m 700 -o ${shellQuote(name)} -g ${shellQuote(name)} ${folder}`,
    `printf '%s\\n' ${account.sshKeys.map(shellQuote).join(" ")} >${folder}/authorized_keys`,
    `chown ${shellQuote(`${name}:${name}`)} ${folder}/authorized_keys && chmod 600 ${folder}/authorized_keys`,
  ];
}

/** The complaint names the command by its place in the site file: its text may hold a secret. */
function lateCommand(command: string, index: number): string {
  return `sh -c ${shellQuote(command)} || failed "late command ${index + 1} failed with exit code $?"`;
}

/** The last step with a network and mounted disks. A failed installation is not reported as done. */
export const DONE_SCRIPT = `#!/bin/sh
sync
[ -e /everboot/failed ] || /everboot/report done 900
exit 0
`;
