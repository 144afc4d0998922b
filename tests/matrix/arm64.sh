#!/bin/bash
# The short form for arm64: builds forkmon by a cross compiler, and runs a case of each kind on Debian's kernel in
# an emulated machine. All cases: FORKMON_ARCH=arm64 tests/matrix/run.sh.
set -euo pipefail
cd "$(dirname "$0")"

./cross_build.sh
cases='unsafe malloc_1000|threads threads_in_child|clean fork_exec|stuck deadlock_mutex|kinds|pid|root malloc_1000 ext4'
FORKMON_ARCH=arm64 FORKMON_CASES="^($cases)" ./run.sh bookworm
