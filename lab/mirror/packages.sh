# The ordinary packages: what debootstrap installs (priority required and important), kernel, boot loaders, and the few
# that the installer or the lab's profile adds. Sourced by build.sh.

say "fetching the packages of a small system"
base=$(apt-get indextargets --format '$(FILENAME)' 'Created-By: Packages' "Codename: $release" 'Component: main' |
	while read -r file; do /usr/lib/apt/apt-helper cat-file "$file"; done |
	awk '/^Package:/ { p = $2 } /^Priority: (required|important)$/ { print p }' | sort -u)
extra="linux-image-cloud-amd64 busybox zstd initramfs-tools eject locales usr-is-merged console-setup
 keyboard-configuration pciutils dosfstools os-prober ifenslave openssh-server curl"

deb=$out/pool/deb
mkdir "$deb/partial"
# two calls: the boot loaders of BIOS and UEFI exclude each other
for loader in grub-pc "grub-efi-amd64 shim-signed efibootmgr"; do
	apt-get -qq install --yes --download-only --no-install-recommends -o Dir::Cache::archives="$deb/" \
		$base $extra $loader >/dev/null 2>"$work/download.log" || die "$(head -1 "$work/download.log")"
done
rm -rf "$deb/partial" "$deb/lock"

# The index: the archive's own entries, with the file names of this mirror.
index=$out/dists/$release/main/binary-amd64/Packages
cd "$deb"
versions=$(for file in *.deb; do
	name=${file%_*}
	echo "${name%%_*}=${name#*_}"
done | sed 's/%3a/:/')
apt-cache show $versions | awk -v RS= -v ORS='\n\n' '
	match($0, /(^|\n)Package: [^\n]*/) { id = substr($0, RSTART, RLENGTH) }
	match($0, /\nVersion: [^\n]*/) { id = id substr($0, RSTART, RLENGTH) }
	seen[id]++ { next }
	{
		match($0, /\nFilename: [^\n]*/)
		file = substr($0, RSTART, RLENGTH)
		sub(/.*\//, "", file)
		print substr($0, 1, RSTART) "Filename: pool/deb/" file substr($0, RSTART + RLENGTH)
	}' >"$index"
for file in *%3a*; do
	[ ! -e "$file" ] || mv "$file" "${file%%_*}_${file#*%3a}"
done
awk '/^Filename:/ { print $2 }' "$index" | while read -r file; do
	[ -s "$out/$file" ] || die "the mirror lacks $file"
done
xz -k "$index"
