#!/bin/bash
# Builds forkmon and runs all its checks and tests: sudo tests/run.sh
# With CI=true, a test that is skipped fails the run.
set -euo pipefail
cd "$(dirname "$0")/.."

if ((EUID != 0)); then
  echo "run.sh: needs root, to install packages and to load BPF programs: sudo tests/run.sh" >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
skipped=0
broken=()

step() { echo "== $((SECONDS / 60)) min: $*"; }

# Runs a command whose output matters only where it fails, which ends the run.
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

# Runs a check or a test run; a failure is told at the end, after the others have run.
check() {
  local name=$1
  shift
  if ! "$@" >"$work/log" 2>&1; then
    tail -n 200 "$work/log" >&2
    broken+=("$name")
  fi
}

# Adds up the JUnit report that ctest and pytest both write.
count() {
  local sums
  sums=$(python3 tests/junit_sums.py "$work/$1")
  read -r p f s <<<"$sums"
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

tidy() {
  run-clang-tidy -quiet -p build "^$PWD/src/.*\.cpp\$" >"$work/tidy" 2>&1 ||
    { grep -A 2 'error:' "$work/tidy"; return 1; }
}

configure() {
  local launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  quietly cmake --preset "$1" -DFORKMON_TESTS=ON "${launcher[@]}"
}

step "Installing what is missing of the packages in deploy/packages.txt"
deploy/install-packages.sh build package rpm test
# Where they did not come from Debian, Debian's own could not be installed beside them.
for program in npm kubectl; do
  command -v "$program" >/dev/null || deploy/install-packages.sh "$program"
done

if [[ ! -e /sys/kernel/tracing/uprobe_events ]]; then
  step "Mounting tracefs on /sys/kernel/tracing: probes are defined there"
  mount -t tracefs nodev /sys/kernel/tracing
fi

step "Building build/, warnings are errors"
configure ci
quietly cmake --build build

step "Checking the format of all C and C++ files"
git -c safe.directory="$PWD" ls-files -z '*.c' '*.h' '*.cpp' >"$work/files"
check format xargs -0 clang-format --dry-run -Werror <"$work/files"

step "Running the unit tests"
check unit ctest --test-dir build --output-on-failure -j "$(nproc)" --output-junit "$work/unit.xml"
count unit.xml

step "Running the end-to-end tests: forkmon on workloads and real programs"
check end-to-end /usr/bin/python3 -m pytest -q --tb=short -p no:cacheprovider \
  --junit-xml "$work/e2e.xml" tests/e2e
count e2e.xml

step "Running the package tests: a clean Debian, man page, completions, containers, Kubernetes"
check packaging /usr/bin/python3 -m pytest -q --tb=short -p no:cacheprovider \
  --junit-xml "$work/packaging.xml" tests/packaging
count packaging.xml

step "Running forkmon on Debian's kernels 5.10 and 6.1, in virtual machines"
for suite in bullseye bookworm; do
  check "kernel of $suite" tests/matrix/run.sh "$suite"
  cp "build/tests/kernels/$suite.xml" "$work" && count "$suite.xml"
done

step "Running the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer"
configure sanitize
quietly cmake --build build-sanitize
check sanitizers ctest --test-dir build-sanitize --output-on-failure -j "$(nproc)" \
  --output-junit "$work/sanitize.xml"
count sanitize.xml

step "Running clang-tidy on src/"
check clang-tidy tidy

if [[ ${CI:-} == true && $skipped -gt 0 ]]; then
  broken+=("$skipped skipped tests")
fi
if ((${#broken[@]} > 0)); then
  (IFS=,; echo "Not well: ${broken[*]}" >&2)
fi
if ((skipped > 0)); then
  echo "$passed passed, $failed failed, $skipped skipped"
else
  echo "$passed passed, $failed failed"
fi
((${#broken[@]} == 0))
