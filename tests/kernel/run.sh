#!/bin/bash
# Runs forkmon on Debian's own kernel in a virtual machine, and compares its findings with the
# truth: tests/kernel/run.sh [JUNIT_FILE]. It needs build/, and no root.
set -euo pipefail
cd "$(dirname "$0")/../.."

build=${FORKMON_BUILD:-build}
kernel_folder=$build/tests/kernel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
report=${1:-$work/kernel.xml}

# Downloads and unpacks the kernel package. It is not installed: nobody asked for a kernel to boot.
fetch_kernel() {
  local package
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
  if [[ -z $package ]]; then
    echo "run.sh: apt knows no linux-image-cloud-amd64; try apt-get update" >&2
    exit 1
  fi
  (cd "$work" && apt-get -qq download "$package" 2>apt-log || { cat apt-log >&2; exit 1; })
  mkdir -p "$kernel_folder"
  dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -x -C "$kernel_folder" ./boot
}

# Copies a program with the shared libraries that it needs.
copy_program() {
  cp "$1" "$2"
  ldd "$1" | grep -o '/[^ ]*' | while read -r library; do
    cp -L --parents "$library" "$root"
  done
}

make_root() {
  mkdir -p "$root"/{bin,dev,proc,sys,tmp,usr/bin,workloads}
  cp tests/kernel/{init,case,cases} "$root"
  cp "$(command -v busybox)" "$root/bin/busybox"
  copy_program /bin/true "$root/bin" # the workloads exec these two
  copy_program /usr/bin/sort "$root/usr/bin"
  copy_program "$build/src/app/forkmon" "$root/bin/forkmon"
  strip --strip-debug "$root/bin/forkmon"
  cp "$build"/tests/workloads/liballocator.so "$root/workloads"
  cut -d ' ' -f 2 tests/kernel/cases | sort -u | while read -r workload; do
    copy_program "$build/tests/workloads/$workload" "$root/workloads"
  done
  (cd "$root" && find . | cpio --quiet -o -H newc) >"$work/initramfs"
}

boot() {
  timeout "$1" qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 1G -nodefaults -no-reboot \
    -display none -serial stdio -serial file:"$work/results.tar" \
    -kernel "$kernel_folder"/boot/vmlinuz-* -initrd "$work/initramfs" \
    -append "console=ttyS0 quiet panic=-1 no_timer_check" </dev/null
  mkdir "$work/results"
  tar -x -C "$work/results" -f "$work/results.tar"
}

compgen -G "$kernel_folder/boot/vmlinuz-*" >/dev/null || fetch_kernel
make_root
boot 240 || echo "run.sh: the guest did not run to its end" >&2
status=0
FORKMON_RESULTS=$work/results PYTHONPATH=tests/e2e /usr/bin/python3 -m pytest -q --tb=short \
  -p no:cacheprovider --junit-xml "$report" tests/kernel || status=$?
read -r passed failed _ <<<"$(python3 tests/junit_sums.py "$report")"
echo "$passed passed, $failed failed"
exit "$status"
