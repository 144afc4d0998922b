#!/bin/bash
# Shows forkmon's main job on a real program: sudo deploy/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

if ((EUID != 0)); then
  echo "demo.sh: needs root, to install packages and to load BPF programs: sudo deploy/demo.sh" >&2
  exit 1
fi

step() { echo "== $*"; }

quietly() {
  local log
  if ! log=$("$@" 2>&1); then
    echo "$log" >&2
    exit 1
  fi
}

step "Installing what is missing of the packages in deploy/packages.txt"
deploy/install-packages.sh build package

step "Building build/src/app/forkmon (a few minutes the first time)"
if [[ ! -f build/build.ninja ]]; then
  quietly cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DFORKMON_TESTS=OFF
fi
quietly cmake --build build --target forkmon completions packaging

if [[ ! -e /sys/kernel/tracing/uprobe_events ]]; then
  step "Mounting tracefs on /sys/kernel/tracing: probes are defined there"
  mount -t tracefs nodev /sys/kernel/tracing
fi

step "Tracing deploy/demo.py: a multiprocessing pool, forked while a thread logs"
echo "   forkmon --trace -- /usr/bin/python3 deploy/demo.py"
# A time limit, because a deadlock is what such a program risks.
timeout --kill-after=10 60 build/src/app/forkmon --trace -- /usr/bin/python3 deploy/demo.py ||
  echo "demo.sh: the trace ended with status $?" >&2

cat <<'END'

== What it means
The program has two threads when it forks its workers. Each worker gets a copy of every lock as it
stood at that moment, and only the thread that forked: a lock that the other thread held stays
locked for ever. Until it execs, a worker may call async-signal-safe functions only (POSIX, fork).
  high     a lock that nobody repairs in the child: such a worker can hang, some day
  warning  unsafe by POSIX; fork() repairs that lock here, or it is the application's own
What to do: multiprocessing.set_start_method("spawn") or "forkserver", or make the pool before any
thread starts. Watch a whole machine with `forkmon`, which serves metrics on 127.0.0.1:9877.
END
