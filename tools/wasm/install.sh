#!/usr/bin/env bash
# install.sh   put Debian's compiler with its sources, lints, linker and optimizer in place, if something of them is missing
set -euo pipefail
PACKAGES=(rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web lld-22 binaryen)
missing=()
for package in "${PACKAGES[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing: ${missing[*]}. Install them as root: apt-get install ${missing[*]}" >&2
  exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}"
