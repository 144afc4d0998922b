#!/bin/bash
# Takes the numbers of docs/performance.md: sudo tests/bench/run.sh [--quick] [GROUP...]
# Raw results go to build-bench/results/. --quick tries everything in short runs, and leaves the
# document alone: what it renders is build-bench/results/performance.md. So does a run of some
# groups only. FORKMON=PATH measures another forkmon than build/src/app/forkmon.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ((EUID != 0)); then
  echo "run.sh: needs root, to install packages and load BPF programs: sudo tests/bench/run.sh" >&2
  exit 1
fi

export BENCH_OUT=$PWD/build-bench/results
export BENCH_PROGRAMS=$PWD/build-bench/tests/bench
export BENCH_WORKLOADS=$PWD/build-bench/tests/workloads
mkdir -p "$BENCH_OUT"

step() { echo "== $*" >&2; }

# Runs a command whose output matters only where it fails, which ends the run.
quietly() {
  "$@" >"$BENCH_OUT/build.log" 2>&1 || { tail -n 50 "$BENCH_OUT/build.log" >&2; exit 1; }
}

launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi

step "Installing what is missing of the packages in deploy/packages.txt"
deploy/install-packages.sh build test bench

if [[ ! -e /sys/kernel/tracing/uprobe_events ]]; then
  mount -t tracefs nodev /sys/kernel/tracing
fi

if [[ -z ${FORKMON:-} ]]; then
  step "Building build/src/app/forkmon"
  quietly cmake --preset default "${launcher[@]}"
  quietly cmake --build build --target forkmon
  FORKMON=$PWD/build/src/app/forkmon
fi
export FORKMON

step "Building the loads and micro-benchmarks in build-bench/"
quietly cmake -S . -B build-bench -G Ninja -DFORKMON_TESTS=ON -DFORKMON_BENCH=ON "${launcher[@]}"
quietly cmake --build build-bench --target bench workloads

step "Measuring"
/usr/bin/python3 -B tests/bench/run.py "$@"

document=docs/performance.md
if (($# > 0)); then
  cp "$document" "$BENCH_OUT/performance.md"
  document=$BENCH_OUT/performance.md
fi
/usr/bin/python3 -B tests/bench/render.py "$BENCH_OUT/results.json" "$document"
step "Rendered $document"
