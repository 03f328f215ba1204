# The mirror's Release file, signed with a key made for it; its public half is lab-archive.gpg. Sourced by build.sh.

say "signing the mirror"
dist=$out/dists/$release
home=$work/gnupg
case $release in
bookworm) suite=oldstable version=12 ;;
*) suite=stable version=13 ;;
esac
mkdir -m 700 "$home"
gpg() { command gpg --homedir "$home" --batch --quiet "$@" 2>"$work/gpg.log" || die "gpg: $(tail -1 "$work/gpg.log")"; }

gpg --passphrase '' --quick-generate-key 'Everboot lab mirror' rsa2048 sign never
gpg --export >"$out/lab-archive.gpg"
# choose-mirror looks at the component's own Release file as well
printf 'Archive: %s\nOrigin: Debian\nLabel: Debian\nComponent: main\nArchitecture: amd64\n' "$suite" \
	>"$dist/main/binary-amd64/Release"
field=APT::FTPArchive::Release
apt-ftparchive -o $field::Origin=Debian -o $field::Label=Debian -o $field::Suite=$suite \
	-o $field::Codename="$release" -o $field::Version=$version -o $field::Architectures=amd64 \
	-o $field::Components=main release "$dist" >"$work/Release"
mv "$work/Release" "$dist/Release"
gpg --detach-sign --armor --output "$dist/Release.gpg" "$dist/Release"
gpg --clearsign --output "$dist/InRelease" "$dist/Release"
gpgconf --homedir "$home" --kill all
# choose-mirror asks by suite as well; a copy in place of the usual link, which an import of the folder would leave out
cp -a "$dist" "$out/dists/$suite"
