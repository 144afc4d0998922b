#!/bin/bash
# Unpacks Debian's packages of another architecture into a folder against which a cross compiler builds
# forkmon: make_sysroot.sh SUITE ARCH FOLDER. With a fourth argument, only that package and what it needs. None of its programs is run, so the host needs neither that
# architecture nor an emulator. One that is there is kept.
set -euo pipefail
cd "$(dirname "$0")/../.."

suite=$1 arch=$2 folder=$3
if [[ -e $folder/complete ]]; then exit 0; fi

# What forkmon and its tests are linked with: those packages that are no tools. A C++ library comes with its compiler.
headers() { sed -nE 's/^(build|test) (.*-dev)$/\2/p' deploy/packages.txt; }

# What the guest of tests/kernel/run.sh runs as well.
programs=(libstdc++6 libatomic1 busybox-static coreutils btrfs-progs)

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
  grep -v security | head -n 1)
mapfile -t packages < <(headers)
packages+=("${programs[@]}")
if (($# > 3)); then packages=("$4"); fi
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
mmdebstrap --quiet --mode=root --variant=extract --architectures="$arch" \
  --include="$(IFS=,; echo "${packages[*]}")" \
  "$suite" "$folder" "${mirror:-http://deb.debian.org/debian}"
# Absolute links would lead to the files of the machine that builds.
find "$folder/lib" "$folder/usr/lib" -lname '/*' -print0 |
  while IFS= read -r -d '' link; do
    ln -srf "$folder$(readlink "$link")" "$link"
  done
touch "$folder/complete"
