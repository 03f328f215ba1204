# The installer components (udebs) that an unattended installation needs besides those in the netboot image. Each is
# taken as it is where the archive has it, else made from the ordinary package's files. Sourced by build.sh.

kernel=$(zcat "$images/initrd.gz" | cpio -t --quiet 'lib/modules/*' 2>/dev/null | awk -F/ 'NF == 3 && !v { v = $3 } END { print v }')
[ -n "$kernel" ] || die "$images/initrd.gz has no kernel modules: not a netboot image"
say "fetching installer components for kernel $kernel"

udebs="
 base-installer bootstrap-base finish-install clock-setup tzsetup-udeb user-setup-udeb
 apt-setup-udeb apt-mirror-setup pkgsel grub-installer os-prober-udeb
 partman-base partman-auto partman-partitioning partman-target partman-utils partman-efi
 partman-basicfilesystems partman-basicmethods partman-ext3 disk-detect di-utils-mapdevfs
 ext4-modules-$kernel-di scsi-modules-$kernel-di ata-modules-$kernel-di
 cdrom-core-modules-$kernel-di efi-modules-$kernel-di"

# Those that the next release has only with newer libraries: made here when the archive of $release lacks them.
makeable="e2fsprogs-udeb dosfstools-udeb dmidecode-udeb libdevmapper1.02.1-udeb libparted2-udeb libparted-fs-resize0-udeb
 debootstrap-udeb"

cd "$out/pool/udeb"
missing() { # NAME... - those that are not here
	local name
	for name; do
		compgen -G "${name}_*.udeb" >/dev/null || echo "$name"
	done
}
fetch() { # SUITE NAME... - apt fetches what it can and fails for the rest, which another suite may have
	local suite=$1
	shift
	[ $# -eq 0 ] ||
		apt-get -qq -o Acquire::Retries=0 download "${@/%//$suite}" >/dev/null 2>"$work/download.log" || true
}
fetch "$release" $udebs $makeable
fetch "$next_release" $(missing $udebs)
[ -z "$(missing $udebs)" ] || die "the archive has no $(missing $udebs | paste -sd' '): $(head -1 "$work/download.log")"
# no epochs in file names: a colon would need quoting in URLs
for file in *%3a*; do
	[ ! -e "$file" ] || mv "$file" "${file%%_*}_${file#*%3a}"
done

# pack ROOT NAME VERSION DEPENDS PROVIDES - writes ROOT/DEBIAN/control and packs ROOT as a udeb
pack() {
	mkdir -p "$1/DEBIAN"
	{
		printf 'Package: %s\nVersion: %s\nArchitecture: amd64\n' "$2" "$3"
		printf 'Section: debian-installer\nPriority: optional\nMaintainer: Everboot lab <root@localhost>\n'
		[ -z "$4" ] || echo "Depends: $4"
		[ -z "$5" ] || echo "Provides: $5"
		echo "Description: $2, repacked for the lab"
	} >"$1/DEBIAN/control"
	dpkg-deb -Zxz --root-owner-group --build "$1" "$out/pool/udeb/$2_${3#*:}_amd64.udeb" >/dev/null
}
# repack UDEB DEPENDS PACKAGES PATH... - a udeb with these files of ordinary packages; it has the first one's version
repack() {
	local udeb=$1 depends=$2 packages=$3 all=$work/all.$1 root=$work/root.$1 version= package
	shift 3
	mkdir -p "$all" "$root"
	for package in $packages; do
		version=${version:-$(dpkg-deb -f "$work/debs/${package}"_*.deb Version)}
		dpkg-deb -x "$work/debs/${package}"_*.deb "$all"
	done
	(cd "$all" && cp -a --parents -t "$root" -- "$@")
	pack "$root" "$udeb" "$version" "$depends" ""
}

make_udebs() {
	mkdir "$work/debs"
	(cd "$work/debs" && apt-get -qq download e2fsprogs libext2fs2 libcom-err2 dosfstools dmidecode \
		libdevmapper1.02.1 libparted2 libparted-fs-resize0 debootstrap >/dev/null 2>"$work/download.log") ||
		die "$(head -1 "$work/download.log")"
	repack e2fsprogs-udeb "libblkid1-udeb, libuuid1-udeb, libc6-udeb" "e2fsprogs libext2fs2 libcom-err2" \
		sbin/{mke2fs,mkfs.ext2,mkfs.ext3,mkfs.ext4,e2fsck,fsck.ext2,fsck.ext3,fsck.ext4,tune2fs,resize2fs,badblocks} \
		etc/mke2fs.conf lib/x86_64-linux-gnu
	repack dosfstools-udeb libc6-udeb dosfstools sbin
	repack dmidecode-udeb libc6-udeb dmidecode usr/sbin/dmidecode
	repack libdevmapper1.02.1-udeb "libudev1-udeb, libselinux1-udeb, libc6-udeb" libdevmapper1.02.1 lib/x86_64-linux-gnu
	repack libparted2-udeb "libblkid1-udeb, libuuid1-udeb, libdevmapper1.02.1-udeb, dmidecode-udeb, libc6-udeb" \
		libparted2 lib/x86_64-linux-gnu
	repack libparted-fs-resize0-udeb "libparted2-udeb, libc6-udeb" libparted-fs-resize0 lib/x86_64-linux-gnu
	repack debootstrap-udeb mounted-partitions debootstrap usr/sbin usr/share/debootstrap
}
# all or none, so that the libraries among them fit together
if [ -n "$(missing $makeable)" ]; then
	say "making installer components that the archive lacks"
	for name in $makeable; do rm -f "${name}"_*.udeb; done
	make_udebs
fi
# names that others depend on and that an unattended installation of this kind does not use
pack "$work/root.stubs" lab-stubs-udeb 1 "" "rdate-udeb, ntfs-3g-udeb, grub-mount-udeb"

index=$out/dists/$release/main/debian-installer/binary-amd64
cd "$out"
dpkg-scanpackages -t udeb -m pool/udeb 2>/dev/null >"$index/Packages"
xz -k -9 "$index/Packages"
