/** The last scripts of the Debian Installer: what makes the new system the host that was declared. */
import type { Mac } from "../base/address.ts";
import type { Account, Disk, Profile, User } from "../site/model.ts";
import { COPY_EFI } from "./debian-disk.ts";
import { APT_FTP, IN_BACKGROUND } from "./debian-scripts.ts";
import { MIRROR_LIST } from "./debian-target.ts";
import { enableFirstBoot } from "./first-boot.ts";
import { shellQuote } from "./quoting.ts";

export interface PostOptions {
  /** Those whose names the installer, which sees them, has to put into /etc/network/interfaces. */
  readonly nics: readonly Mac[];
  readonly disk: Disk;
  /** URLs of the tree on each server, as the installer fetched from them. */
  readonly trees: readonly string[];
  /** URL for the installed system, where there is one server. */
  readonly lastingTree: string;
}

/** At the end, before a profile's own late_command: files, accounts and commands of the installed system. */
export function postScript({ nics, disk, trees, lastingTree }: PostOptions): string {
  return `#!/bin/sh
work=/target/var/tmp/everboot
members='${nics.join(" ")}'
interfaces=/target/etc/network/interfaces
used=
# free_nic ADDRESS...: finds a NIC with one of these addresses that has no place yet
free_nic() {
	for nic in /sys/class/net/*; do
		name=\${nic##*/}
		[ -e "$nic/device" ] || continue
		case " $used " in *" $name "*) continue ;; esac
		case " $* " in *" $(cat "$nic/address") "*) return 0 ;; esac
	done
	return 1
}
place() {
	sed -i "s/@$1@/$name/g" $interfaces
	used="$used $name"
}
/everboot/report post 600 ${IN_BACKGROUND}
mkdir -p $work
cp -R /everboot/target/. /target/
for mac in $members; do free_nic $mac && place $mac; done
# NICs that were bonded may all show the address of one of them, until the power is cut.
for mac in $members; do
	grep -q "@$mac@" $interfaces || continue
	free_nic $members || {
		name=
		echo "no NIC has the address $mac" >>$work/failed
	}
	place $mac
done
${disk.layout === "raid1" ? COPY_EFI : ""}cp /everboot/finish $work/
in-target sh /var/tmp/everboot/finish || echo "the commands of the profile could not be run" >>$work/failed
rm -f /target/usr/bin/apt-get
chroot /target dpkg-divert --quiet --local --rename --remove /usr/bin/apt-get
${lastingSources(trees, trees.length > 1 ? `mirror+file:/${MIRROR_LIST}` : lastingTree)}rm -f ${APT_FTP}
if [ -s $work/failed ]; then
	touch /everboot/failed
	/everboot/report failed 600 "$(cat $work/failed)"
fi
rm -rf $work
exit 0
`;
}

/**
 * Whichever server the packages came from, and in which version and by which protocol, the installed system asks all in
 * their order, for what they serve by then.
 */
function lastingSources(trees: readonly string[], lasting: string): string {
  const edits = trees.filter((tree) => tree !== lasting).map((tree) => ` -e 's| ${tree}/* | ${lasting} |'`);
  if (edits.length === 0) return "";
  return `sed -i${edits.join("")} /target/etc/apt/sources.list\n`;
}

/** Runs in the installed system; what went wrong is added to /var/tmp/everboot/failed, a line each. */
export function finishScript(profile: Profile): string {
  const lines = [
    ...(profile.root ? keys(profile.root, "root", "/root") : []),
    ...profile.users.flatMap(user),
    ...enableFirstBoot(),
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
