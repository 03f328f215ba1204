#!/bin/bash
# build.sh OUT IMAGES RELEASE - a signed Debian mirror of just what the lab's installations need, in the folder OUT:
# installer components (udebs) for the netboot image in the folder IMAGES, and the packages of a small system. Plain
# files, to be served by any HTTP server. One line a step on standard output, `error: ...` on standard error.
# Called by lab/mirror.ts, which decides when.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1 images=$2 release=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "$*"; }
die() {
	echo "error: $*" >&2
	exit 1
}

mkdir -p "$out/dists/$release/main/"{binary-amd64,debian-installer/binary-amd64} "$out/pool/"{deb,udeb}
for part in sources udebs packages sign; do
	. "$here/$part.sh"
done
