/**
 * Scripts that come with the preseed file into the Debian Installer, under /everboot. They run in its hook folders, so
 * that a profile's own `partman/early_command` and `preseed/late_command` stay free. All are for busybox ash
 * (installer) or dash (installed system), and fetch nothing. Those for disks are in debian-disk.ts, those for the end
 * in debian-finish.ts.
 */
import type { Profile } from "../site/model.ts";
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
export const IN_BACKGROUND = "</dev/null >/dev/null 2>&1 3>&- &";

/**
 * `report EVENT SECONDS [TEXT]` tries for SECONDS (0: for ever) to tell an install server, the first that answers.
 * Exit code 0: told; 1: no answer in time; 8: one answered that it does not want to hear it (as wget says it).
 */
export function reportScript(urls: readonly string[]): string {
  return `#!/bin/sh
# report EVENT SECONDS [TEXT]; SECONDS 0: for ever
seconds_up() { cut -d. -f1 /proc/uptime; }
start=$(seconds_up)
while :; do
	for url in ${urls.map(shellQuote).join(" ")}; do
		wget -q -t 1 -T 10 --retry-on-http-error=${OUTAGES} -O /dev/null --post-data="$3" "$url/$1" && exit 0
		[ $? = 8 ] && { logger -t everboot "report $1: refused"; exit 8; }
	done
	[ "$2" -gt 0 ] && [ $(($(seconds_up) - start)) -ge "$2" ] && { logger -t everboot "report $1: no answer"; exit 1; }
	sleep 3
done
`;
}

/** preseed/early_command, before the network is up: puts the other scripts where the installer looks for them. */
export function earlyScript(options: { readonly keyring: boolean; readonly profile: Profile }): string {
  const keyring = options.keyring ? "cat /everboot/archive.gpg >>/usr/share/keyrings/debian-archive-keyring.gpg\n" : "";
  const keep = options.profile.disk.keep.length > 0 ? "hook keep /lib/partman/display.d 05everboot\n" : "";
  return `#!/bin/sh
hook() { mkdir -p "$2" && cp "/everboot/$1" "$2/$3"; }
hook partition /lib/partman/init.d 00everboot
${keep}hook packages /lib/partman/finish.d 99everboot
hook base /usr/lib/base-installer.d 05everboot
hook post /usr/lib/finish-install.d 07everboot
hook done /usr/lib/finish-install.d 95everboot
${keyring}${unneededSteps(options.profile)}cat /everboot/confmodule >>/usr/share/debconf/confmodule
/everboot/watch ${IN_BACKGROUND}
/everboot/report answer 0 ${IN_BACKGROUND}
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

/** After partitions are made and mounted, before packages are fetched. */
export const PACKAGES_SCRIPT = `#!/bin/sh
/everboot/report packages 600 ${IN_BACKGROUND}
exit 0
`;

/** Of the target until its end: apt 1.8 to 2.6 has the method, and does not use it by itself. */
export const APT_FTP = "/target/etc/apt/apt.conf.d/00everboot-ftp";

/** Between debootstrap and the first apt-get in the target. */
export function baseScript(options: { readonly keyring: boolean; readonly ftp: boolean }): string {
  const ftp = options.ftp ? `echo 'Dir::Bin::Methods::ftp "ftp";' >${APT_FTP}\n` : "";
  const keyring = options.keyring
    ? `mkdir -p /target/etc/apt/trusted.gpg.d
cp /everboot/archive.gpg /target/etc/apt/trusted.gpg.d/everboot.gpg
chmod 644 /target/etc/apt/trusted.gpg.d/everboot.gpg
`
    : "";
  return `#!/bin/sh
${keyring}${ftp}chroot /target dpkg-divert --quiet --local --rename --divert /usr/bin/apt-get.real --add /usr/bin/apt-get
cp /everboot/apt-get /target/usr/bin/apt-get
chmod 755 /target/usr/bin/apt-get
exit 0
`;
}

/**
 * Takes the place of the target's apt-get during the installation. An apt process does not try an address again that
 * has refused a connection once, whatever Acquire::Retries says (apt 2.6.2), so a new process has to: when the server
 * answers again, and once more when it answered all along. Another server that answers sooner takes its place in the
 * sources, in the drafts too that apt-setup has in /tmp. Half an hour of waiting in all.
 */
export function aptGetScript(trees: readonly string[], release: string): string {
  return `#!/bin/sh
trees=${shellQuote(trees.join(" "))}
answers() {
	/usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 \\
		download-file "$1/dists/${release}/Release" "/tmp/apt-get.$$" >/dev/null 2>&1
}
answering() {
	for tree in $trees; do
		answers "$tree" && echo "$tree" && return
	done
	return 1
}
turn_to() {
	for list in /etc/apt/sources.list /etc/apt/sources.list.new /tmp/tmp.*; do
		[ -f "$list" ] && for tree in $trees; do sed -i "s| $tree/* | $1 |" "$list"; done
	done
	echo "$1" >/tmp/apt-get.tree
	/usr/bin/apt-get.real -q update >/dev/null 2>&1
}
present=$(cat /tmp/apt-get.tree 2>/dev/null || echo "\${trees%% *}")
again=1 waits=0
while :; do
	/usr/bin/apt-get.real "$@" && code=0 || code=$?
	[ $code = 100 ] || break
	if answers "$present"; then
		[ $again -gt 0 ] || break
		again=$((again - 1))
	else
		until tree=$(answering); do
			waits=$((waits + 1))
			[ $waits -lt 360 ] || exit $code
			sleep 5
		done
		[ "$tree" = "$present" ] || turn_to "$tree"
		present=$tree
	fi
done
rm -f "/tmp/apt-get.$$"
exit $code
`;
}

/** The last step with a network and mounted disks. A failed installation is not reported as done. */
export const DONE_SCRIPT = `#!/bin/sh
sync
[ -e /everboot/failed ] || /everboot/report done 900
exit 0
`;
