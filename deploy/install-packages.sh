#!/bin/bash
# Installs those packages of packages.txt that are missing: install-packages.sh KIND...
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

echo "Installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
if ! log=$(apt-get -qq install --no-install-recommends "${missing[@]}" 2>&1); then
  echo "$log" >&2
  exit 1
fi
