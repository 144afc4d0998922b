#!/bin/bash
# Makes the release of the last commit twice, at two places and one after the other, and compares the files byte
# for byte: reproducible.sh. It compiles everything twice, so it is run by hand.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

release_at() {
  git -c safe.directory="$PWD" clone -q "$PWD" "$1"
  (cd "$1" && deploy/release.sh "$1/dist") >"$work/log" 2>&1 || { tail -n 50 "$work/log" >&2; exit 1; }
}

release_at "$work/a"
release_at "$work/another/place"
(cd "$work/a/dist" && sha256sum -- *)
diff -r "$work/a/dist" "$work/another/place/dist"
echo "the same, byte for byte"
