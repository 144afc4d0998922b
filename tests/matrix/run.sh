#!/bin/bash
# Runs tests/kernel on the kernels of Debian's suites, in virtual machines: run.sh [SUITE...], else
# all. It needs build/, and no root. Prints a line of docs/support.md for each. FORKMON_ARCH=arm64 runs
# what tests/matrix/cross_build.sh has built.
set -euo pipefail
cd "$(dirname "$0")/../.."

arch=${FORKMON_ARCH:-amd64}
folder=${FORKMON_BUILD:-build}/tests/kernels
if [[ $arch != amd64 ]]; then folder+=-$arch; fi
suites=("$@")
((${#suites[@]} > 0)) || suites=(bullseye bookworm bookworm-backports trixie sid)
mkdir -p "$folder"

# Of one suite, what --check said there of each sensor.
sensor() { sed -n "s/^$1 *\([a-z]*\) .*/\1/p" "$2" | head -n 1; }

run_suite() {
  local suite=$1 log=$folder/$1.log
  tests/matrix/fetch_kernel.sh "$suite" "$arch" "$folder/$suite" >/dev/null
  if ! FORKMON_KERNEL=$folder/$suite tests/kernel/run.sh "$folder/$suite.xml" >"$log" 2>&1; then
    tail -n 100 "$log" >&2
    failed=1
  fi
  echo "| $(basename "$folder/$suite"/lib/modules/*) | $suite | $(sensor lifecycle "$log") |" \
    "$(sensor probes "$log") | $(sensor page_faults "$log") | $(tail -n 1 "$log") |"
}

failed=0
for suite in "${suites[@]}"; do
  run_suite "$suite"
done
exit "$failed"
