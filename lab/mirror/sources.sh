# An apt configuration of our own (APT_CONFIG), made from the Debian archive entries of this computer's apt: nothing of
# the computer's own apt is changed, and what the archive is called is read from there. Sourced by build.sh.

say "reading the package index of Debian $release"
mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
apt-get indextargets --format '$(ORIGIN)|$(REPO_URI)|$(RELEASE)' 'Created-By: Packages' 'Component: main' |
	awk -F'|' -v r="$release" '$1 ~ /^Debian/ && ($3 == r || index($3, r "-") == 1) { print $2, $3 }' |
	sort -u >"$work/archives"
archive=$(awk -v r="$release" '$2 == r { print $1; exit }' "$work/archives")
[ -n "$archive" ] || die "apt knows no archive of Debian $release: add one to its sources and run apt-get update"

# Where udebs come from that the archive of a release no longer has: those of the next one run on it as well, being
# shell scripts and small programs that need no newer libc.
next_release=$release
[ "$release" != bookworm ] || next_release=trixie

{
	key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	while read -r uri suite; do
		echo "deb $key $uri $suite main"
	done <"$work/archives"
	for suite in "$release" "$next_release"; do
		echo "deb $key $archive $suite main/debian-installer"
	done | sort -u
} >"$work/apt/sources.list"
# a status file of its own: apt locks beside it, and two builds at once must not meet
: >"$work/apt/status"
cat >"$work/apt/apt.conf" <<-EOT
	Dir::Etc::sourcelist "$work/apt/sources.list";
	Dir::Etc::sourceparts "-";
	Dir::State::lists "$work/apt/lists";
	Dir::State::status "$work/apt/status";
	Dir::Cache "$work/apt/cache";
	APT::Sandbox::User "root";
	APT::Install-Recommends "false";
	Acquire::Retries "3";
	Acquire::Languages "none";
EOT
export APT_CONFIG=$work/apt/apt.conf
apt-get -qq update || die "the archive of Debian $release cannot be reached"
