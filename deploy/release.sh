#!/bin/bash
# Makes all files of a release of the last commit: deploy/release.sh [FOLDER], else dist/.
# FORKMON_BUILD names a build to take them from; without it, build-release/ is made.
# FORKMON_SIGNING_KEY names the key with which gpg signs the checksums.
set -euo pipefail
cd "$(dirname "$0")/.."

dist=$(realpath -m "${1:-dist}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(sed -n 's/^project(forkmon VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)

git() { command git -c safe.directory="$PWD" "$@"; }

# The time in all archives: two runs for one commit make the same files.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# Leaves the folder of the build in $build.
build_program() {
  build=${FORKMON_BUILD:-build-release}
  if [[ -z ${FORKMON_BUILD:-} ]]; then
    cmake --preset default -B "$build" -DFORKMON_TESTS=OFF
  fi
  cmake --build "$build" --target forkmon completions packaging tarball
}

# Whatever CPack is set up to make.
make_packages() {
  cpack --config "$build/CPackConfig.cmake" -B "$work/packages"
  find "$work/packages" -maxdepth 1 -type f -exec cp -t "$dist" {} +
}

make_source() {
  git archive --prefix="forkmon-$version/" HEAD | gzip -9n >"$dist/forkmon-$version.tar.gz"
  if ! git diff --quiet HEAD; then
    echo "release.sh: there are changes that are not committed; the source tarball does not have them" >&2
  fi
}

sign() {
  if [[ -z ${FORKMON_SIGNING_KEY:-} ]]; then
    echo "release.sh: SHA256SUMS is not signed, because FORKMON_SIGNING_KEY is not set" >&2
    return
  fi
  gpg --batch --yes --local-user "$FORKMON_SIGNING_KEY" --armor --detach-sign "$dist/SHA256SUMS"
}

if [[ -e $dist ]]; then
  echo "release.sh: $dist is there already: remove it, or name another folder" >&2
  exit 1
fi
mkdir -p "$dist"
build_program
make_packages
cp -t "$dist" "$build/forkmon-$version-linux-"*.{tar.gz,cdx.json}
make_source
(cd "$dist" && sha256sum -- * >"$work/SHA256SUMS")
cp "$work/SHA256SUMS" "$dist"
sign
ls -l "$dist"
