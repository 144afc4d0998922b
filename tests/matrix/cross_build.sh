#!/bin/bash
# Builds forkmon and the workloads for arm64 into build-arm64/, on any machine: cross_build.sh [TARGET...].
# It needs the "build" and "test" packages of deploy/packages.txt.
set -euo pipefail
cd "$(dirname "$0")/../.."

targets=("$@")
((${#targets[@]} > 0)) || targets=(forkmon workloads)
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi

# The libraries of the release that the compiler is of: its own libstdc++ and libc must be the guest's.
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
tests/matrix/make_sysroot.sh "$suite" arm64 build/sysroots/arm64
# It cannot be installed: it conflicts with gcc-multilib, which tests of 32-bit programs need.
tests/matrix/make_sysroot.sh "$suite" "$(dpkg --print-architecture)" build/sysroots/compiler g++-aarch64-linux-gnu
cmake --preset arm64 "${launcher[@]}"
cmake --build build-arm64 --target "${targets[@]}"
