#!/bin/bash
# Runs forkmon on Debian's own kernel in a virtual machine, and compares its findings with the
# truth: tests/kernel/run.sh [JUNIT_FILE]. It needs build/, and no root.
# FORKMON_KERNEL names the folder of another kernel, as tests/matrix/fetch_kernel.sh makes it.
# FORKMON_CASES is a regular expression of the lines of cases to run, else all.
# FORKMON_ARCH=arm64 runs what tests/matrix/cross_build.sh has built, on a kernel of that architecture.
set -euo pipefail
cd "$(dirname "$0")/../.."

arch=${FORKMON_ARCH:-amd64}
case $arch in
  amd64) build=build system= strip=strip ;;
  arm64) build=build-arm64 system=build/sysroots/arm64 strip=aarch64-linux-gnu-strip ;;
  *) echo "run.sh: there is no forkmon for $arch" >&2 && exit 1 ;;
esac
build=${FORKMON_BUILD:-$build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
report=${1:-$work/kernel.xml}

# Leaves the folder with the kernel to boot in $kernel.
find_kernel() {
  kernel=${FORKMON_KERNEL:-$build/tests/kernels/bookworm}
  [[ -n ${FORKMON_KERNEL:-} ]] || tests/matrix/fetch_kernel.sh bookworm "$arch" "$kernel"
  version=$(basename "$kernel"/lib/modules/*)
  image=$kernel/boot/vmlinuz-$version
  [[ -e $image ]] || image=$kernel/lib/modules/$version/vmlinuz
}

# What a program or library names as needed. ldd would run it, which takes its own architecture.
needed_by() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

# Where the foreign system has a library, below its root.
find_library() {
  local folder
  for folder in {,usr/}lib{,/*-linux-gnu}; do
    (cd "$system" && compgen -G "$folder/$1") && return
  done
  echo "run.sh: $system has no $1" >&2
  return 1
}

# Copies the shared libraries of a foreign program into a root, and what these need.
copy_foreign_libraries() {
  local name library
  needed_by "$1" | while read -r name; do
    if [[ $name == liballocator.so ]]; then continue; fi # lies beside its program
    library=$(find_library "$name")
    if [[ ! -e $2/$library ]]; then
      (cd "$system" && cp -L --parents "$library" "$2")
      copy_foreign_libraries "$system/$library" "$2"
    fi
  done
}

# Copies a program with the shared libraries that it needs into a root.
copy_program() {
  cp "$1" "$2/$3"
  if [[ -n $system ]]; then
    copy_foreign_libraries "$1" "$2"
    return
  fi
  ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
    cp -L --parents "$library" "$2"
  done
}

# Debian's kernels run programs of i386, while that which runs the other tests may not. The kernel's
# headers are those of x86-64: a link to them comes with gcc-multilib alone, which no cross compiler
# can stand beside.
compile_for_i386() {
  gcc -m32 -isystem "/usr/include/$(gcc -print-multiarch)" -static -std=c11 -D_GNU_SOURCE -O1 -fno-builtin -pthread "tests/workloads/$1.c" -o "$2"
}

# The lines to run. Only amd64 runs programs of i386.
make_lists_of_cases() {
  local list foreign='_32$'
  if [[ $arch == amd64 ]]; then foreign='^$'; fi
  for list in cases cases-without-probes; do
    grep -vE "$foreign" "tests/kernel/$list" | grep -E "${FORKMON_CASES:-}" >"$work/$list" || true
  done
}

copy_workloads() {
  mkdir -p "$1/workloads"
  cp "$build"/tests/workloads/liballocator.so "$1/workloads"
  cut -d ' ' -f 2 "$work"/cases{,-without-probes} | sort -u | while read -r workload; do
    if [[ $workload == *_32 ]]; then
      compile_for_i386 "${workload%_32}" "$1/workloads/$workload"
    else
      copy_program "$build/tests/workloads/$workload" "$1" workloads
    fi
  done
}

# Modules for the storage cases, and what these need; none where the kernel has it built in.
copy_modules() {
  local file
  /sbin/depmod -b "$kernel" "$version"
  for module in loop overlay squashfs erofs btrfs; do
    /sbin/modprobe -d "$kernel" -S "$version" --show-depends "$module" || true
  done | sed -n 's/^insmod //p' | sort -u | while read -r file _; do
    install -D "$file" "$root/lib/modules/$version/$(basename "$file")"
  done
  find "$root/lib/modules" -name '*.xz' -exec unxz {} + 2>/dev/null || true
  mkdir -p "$root/lib/modules/$version"
  cp "$kernel/lib/modules/$version"/modules.{order,builtin,builtin.modinfo} "$root/lib/modules/$version"
  /sbin/depmod -b "$root" "$version"
}

# A file system of each kind, all with the same folders.
make_images() {
  local tree=$work/tree images=$root/images
  mkdir -p "$tree"/{dev,proc,tmp} "$images"
  copy_workloads "$tree"
  /sbin/mke2fs -q -t ext4 -d "$tree" "$images/ext4" 32M >&2
  mksquashfs "$tree" "$images/squashfs" -quiet -no-progress
  mkfs.erofs --quiet "$images/erofs" "$tree"
  truncate -s 32M "$images/btrfs"
  /sbin/mkfs.btrfs --quiet --mixed --rootdir "$tree" "$images/btrfs"
}

make_root() {
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,usr/bin}
  cp tests/kernel/{init,storage,case} "$work"/cases{,-without-probes} "$root"
  cp "$system/bin/busybox" "$root/bin/busybox"
  copy_program "$system/bin/true" "$root" bin # the workloads exec these two
  copy_program "$system/usr/bin/sort" "$root" usr/bin
  copy_program "$system/bin/btrfs" "$root" bin
  copy_program "$build/src/app/forkmon" "$root" bin
  "$strip" --strip-debug "$root/bin/forkmon"
  copy_workloads "$root"
  copy_modules
  make_images
  (cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initramfs"
}

# One thread emulates both processors: with two, one may run code that the kernel has just patched on the other,
# and hang or panic. Linux 6.12 panics in its allocator where QEMU 7.2 emulates cmpxchg16b; since 6.18 task storage
# cannot do without it (kmalloc_nolock).
describe_amd64() {
  local cpu=qemu64
  if [[ $(printf '%s\n' 6.18 "$version" | sort -V | head -n 1) != 6.18 ]]; then cpu+=,-cx16; fi
  machine=(qemu-system-x86_64 -accel tcg,thread=single -cpu "$cpu" -serial stdio -serial chardev:results)
  parameters="console=ttyS0 RESULTS=/dev/ttyS1 no_timer_check"
}

# Its processor signs return addresses, by a cipher that is cheap to emulate. The machine has one serial port.
describe_arm64() {
  machine=(qemu-system-aarch64 -M virt -accel tcg,thread=multi -cpu max,pauth-impdef=on -serial stdio
    -device pci-serial,chardev=results)
  parameters="console=ttyAMA0 RESULTS=/dev/ttyS0"
}

# Boots the kernel, for at most that many seconds.
boot() {
  "describe_$arch"
  timeout "$1" "${machine[@]}" -smp 2 -m 1G -nodefaults -no-reboot -display none \
    -chardev file,id=results,path="$work/results.tar" -kernel "$image" -initrd "$work/initramfs" \
    -append "$parameters quiet panic=-1" </dev/null
  mkdir "$work/results"
  tar -x -C "$work/results" -f "$work/results.tar"
}

find_kernel
make_lists_of_cases
make_root
boot 900 || echo "run.sh: the guest did not run to its end" >&2
status=0
FORKMON_RESULTS=$work/results PYTHONPATH=tests/e2e /usr/bin/python3 -m pytest -q --tb=short \
  -p no:cacheprovider --junit-xml "$report" tests/kernel || status=$?
read -r passed failed _ <<<"$(python3 tests/junit_sums.py "$report")"
echo "$passed passed, $failed failed"
exit "$status"
