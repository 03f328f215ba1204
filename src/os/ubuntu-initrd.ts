/**
 * What the overlay does in the live medium's initrd, which is initramfs-tools' with casper's scripts (initramfs-tools
 * 0.136 of 20.04 and later, casper 1.445 and later). `/init` sources every file of conf/conf.d, then `/scripts/casper`,
 * which mounts the live system, and runs what `/scripts/casper-bottom/ORDER` lists. Both files are the medium's own,
 * so they are added to when the machine starts.
 */
import type { OverlayFile } from "./family.ts";
import { shellQuote } from "./quoting.ts";

/** Where a tree's folder has the whole medium: casper takes nothing less, and the tree beside it is what is in it. */
export const LIVE_ISO = "live.iso";
/** Files of the overlay's root that become the seed of cloud-init's NoCloud data source. */
const SEED = ["user-data", "meta-data"] as const;
/** Seconds without a new byte until the next server is asked. */
const SILENCE = 30;

/** `trees`: URL of the tree's folder on each server, in order. */
export function initrdFiles(trees: readonly string[]): readonly OverlayFile[] {
  return [
    { path: "conf/conf.d/everboot", mode: 0o644, content: HOOKS },
    { path: "everboot/casper", mode: 0o644, content: casperScript(trees.map((tree) => `${tree}/${LIVE_ISO}`)) },
    { path: "everboot/bottom", mode: 0o755, content: BOTTOM_SCRIPT },
  ];
}

const HOOKS = `echo '
. /everboot/casper' >>/scripts/casper
echo '
/everboot/bottom "$@"' >>/scripts/casper-bottom/ORDER
`;

/**
 * Takes the place of casper's own do_urlmount, which runs a bare wget for one URL once and panics when that fails. This
 * one never gives up on an outage: each server goes on where the last one stopped. It gives up on a medium that is
 * whole and not this initrd's. Neither the shell nor wget has a time-out here (busybox is built without), so the
 * file's own time tells whether anything comes. The ISO lies in the initramfs, which may take half of the memory
 * unless told otherwise: a machine needs its size and 1.5 GiB.
 */
function casperScript(isos: readonly string[]): string {
  return `export NETBOOT=url
everboot_iso=/${LIVE_ISO}
everboot_fetch() {
	wget -c -O "$everboot_iso" "$1" &
	silent=0
	while kill -0 $! 2>/dev/null; do
		: >/everboot/mark
		sleep 1
		silent=$((silent + 1))
		[ "$everboot_iso" -nt /everboot/mark ] && silent=0
		[ $silent -lt ${SILENCE} ] || kill $!
	done
	wait $!
}
do_urlmount() {
	modprobe "\${MP_QUIET}" isofs
	mount -o remount,size=90% /
	strange=0
	while [ $strange -lt ${isos.length} ]; do
		for URL in ${isos.map(shellQuote).join(" ")}; do
			everboot_fetch "$URL" || { sleep 3; continue; }
			if mount -o ro "$everboot_iso" "$mountpoint"; then
				is_casper_path "$mountpoint" && matches_uuid "$mountpoint" && return 0
				umount "$mountpoint"
			fi
			rm -f "$everboot_iso"
			strange=$((strange + 1))
		done
	done
	return 1
}
`;
}

/**
 * Last of casper's scripts: the live system is mounted on $rootmnt, and writable. cloud-init and Subiquity need no
 * network for their answers then: the seed that Ubuntu's guide has them fetch is asked for ten times in ten seconds
 * when a server refuses.
 */
const BOTTOM_SCRIPT = `#!/bin/sh
[ "$1" = prereqs ] && exit 0
seed=$rootmnt/var/lib/cloud/seed/nocloud
mkdir -p "$seed"
cp ${SEED.map((name) => `/${name}`).join(" ")} "$seed/"
cp -a /everboot "$rootmnt/"
`;
