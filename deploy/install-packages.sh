#!/bin/bash
# Installs those packages of packages.txt that are missing: install-packages.sh KIND...
# They are wanted for their programs: no service of theirs is started, now or at boot.
set -euo pipefail

list="$(dirname "$0")/packages.txt"

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# The lines of which no name is installed.
missing=()
for kind in "$@"; do
  while IFS='|' read -ra names; do
    for name in "${names[@]}"; do
      if is_installed "$name"; then continue 2; fi
    done
    missing+=("${names[*]}")
  done < <(sed -n "s/^$kind //p" "$list")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

# The maintainer scripts ask this file whether they may start a service; 101 says no.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi

services_of() { dpkg -L "$1" | sed -n 's|^\(/usr\)\?/lib/systemd/system/\([^/@]*\.service\)$|\2|p'; }

# The first name that this release has; the last one, if it has none, so that apt names it.
available() {
  local name
  for name in "$@"; do
    if [[ -n $(apt-cache show "$name" 2>/dev/null) ]]; then break; fi
  done
  echo "$name"
}

export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
packages=()
for names in "${missing[@]}"; do
  # shellcheck disable=SC2086 # names are words
  packages+=("$(available $names)")
done
echo "Installing: ${packages[*]}"
if ! log=$(apt-get -qq install --no-install-recommends "${packages[@]}" 2>&1); then
  echo "$log" >&2
  exit 1
fi
for package in "${packages[@]}"; do
  for service in $(services_of "$package"); do
    systemctl -q disable "$service" 2>/dev/null || update-rc.d "${service%.service}" disable
  done
done
