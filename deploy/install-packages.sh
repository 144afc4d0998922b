#!/bin/bash
# Installs those packages of packages.txt that are missing: install-packages.sh KIND...
# They are wanted for their programs: no service of theirs is started, now or at boot.
set -euo pipefail

list="$(dirname "$0")/packages.txt"
missing=()
for kind in "$@"; do
  while read -r package; do
    if [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
      missing+=("$package")
    fi
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

echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
if ! log=$(apt-get -qq install --no-install-recommends "${missing[@]}" 2>&1); then
  echo "$log" >&2
  exit 1
fi
for package in "${missing[@]}"; do
  for service in $(services_of "$package"); do
    systemctl -q disable "$service" 2>/dev/null || update-rc.d "${service%.service}" disable
  done
done
