#!/usr/bin/env bash
# Installs the Debian packages that building, testing and the demo need; does nothing where all are there.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache mold git ca-certificates curl jq openssl
  libboost-dev libboost-system-dev libssl-dev nlohmann-json3-dev libyaml-cpp-dev libcpprest-dev
  prometheus-cpp-dev libspdlog-dev libcli11-dev libgtest-dev libgmock-dev libbenchmark-dev
  clang-format clang-tidy clang shellcheck prometheus
  crun conmon mmdebstrap iproute2 util-linux
)
# A kubectl from elsewhere owns the same file as Debian's package.
command -v kubectl > /dev/null || packages+=(kubernetes-client)

missing=()
for package in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${Status}' "$package" 2> /dev/null) == 'install ok installed' ]] ||
    missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $EUID -ne 0 ]]; then
  echo "missing packages: ${missing[*]}" >&2
  echo "install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
