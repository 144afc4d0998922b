#!/bin/bash
# Unpacks a Debian kernel into a folder that tests/kernel/run.sh takes as FORKMON_KERNEL:
# fetch_kernel.sh SUITE ARCH FOLDER. Nothing is installed, and apt's own lists are left alone. One that
# is there is kept.
set -euo pipefail

suite=$1 arch=$2 folder=$3
if compgen -G "$folder/lib/modules/*" >/dev/null; then exit 0; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The mirror that this machine uses for Debian.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
  grep -v security | head -n 1)

mkdir -p "$work"/{lists/partial,cache/archives/partial}
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} $suite main" \
  >"$work/sources.list"
options=(-qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=-
  -o Dir::State::lists="$work/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$work/cache"
  -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User=root
  -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false)

depends() { apt-cache "${options[@]}" depends --important "$1" | sed -n 's/^ *Depends: //p'; }

# Of this kernel: its image, or, since Linux 7, what that depends on.
packages_of() {
  depends "$1" | grep -E '^linux-(base|binary|modules)-[0-9]' || echo "$1"
}

apt-get "${options[@]}" update
image=$(depends "linux-image-cloud-$arch" | grep -E '^linux-image-[0-9]' | head -n 1)
if [[ -z $image ]]; then
  echo "fetch_kernel.sh: $suite has no linux-image-cloud-$arch for $arch" >&2
  exit 1
fi
mapfile -t packages < <(packages_of "$image")
(cd "$work" && apt-get "${options[@]}" download "${packages[@]}")
rm -rf "$folder"
mkdir -p "$folder"
for package in "$work"/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x -C "$folder" --exclude './usr/share'
done
[[ -e $folder/lib ]] || ln -s usr/lib "$folder/lib"
echo "$image"
