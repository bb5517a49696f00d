#!/bin/bash
# build-demo-image.sh [DIR]   (as root): makes the demo's test application as an OCI image layout in DIR
# (default $SWO_DEMO_IMAGE_DIR, else ~/.cache/systemd-workload-operator/demo-image) and prints DIR.
#
# A distribution with systemd as /sbin/init and nginx enabled, from Debian packages and nothing else. It
# stands in for quay.io/ftweedal/test-nginx:latest, the image of the blog post that the demo retells, and
# so answers to that name too; it is built here, not fetched from there. The layout's names:
#   localhost/test-nginx:latest, quay.io/ftweedal/test-nginx:latest   STOPSIGNAL SIGRTMIN+3
#   localhost/test-nginx:no-stopsignal                               the same files, no STOPSIGNAL
# Built again only when this script, the suite or the package list changes. Nothing stays mounted.
set -euo pipefail

dir=${1:-${SWO_DEMO_IMAGE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/systemd-workload-operator/demo-image}}
suite=${SUITE:-bookworm}
packages=systemd,systemd-sysv,dbus,nginx-light,libpam-systemd,procps
key=$( (cat "$0"; echo "$suite $packages") | sha256sum | cut -d' ' -f1)

mkdir -p "$dir"
dir=$(realpath "$dir")
exec 9>"$dir/.lock"
flock 9   # two builds at once: the second finds it done
if [ "$(cat "$dir/.key" 2>/dev/null)" = "$key" ]; then
  echo "$dir"
  exit 0
fi

work=$(mktemp -d "$dir/.build.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/blobs/sha256"

# What real images have and a bare bootstrap has not: the directory in which systemd notes its container
# manager, an empty machine-id (so that container_uuid= can become it), a host name of its own.
# shellcheck disable=SC2016 # mmdebstrap's shell is to expand it
customize='
mkdir -p "$1/run/systemd"
: >"$1/etc/machine-id"
echo nginx >"$1/etc/hostname"
rm -rf "$1"/run/dbus "$1"/run/mount "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/usr/share/doc/* "$1"/usr/share/locale/*
chroot "$1" systemctl enable nginx >/dev/null 2>&1'
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1700000000}
mmdebstrap --variant=minbase --skip=cleanup/run --include="$packages" --dpkgopt='path-exclude=/usr/share/man/*' \
  --customize-hook="$customize" "$suite" "$work/layer.tar" >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2; exit 1; }

# Moves a file into blobs/ and prints its descriptor's digest and size.
blob() {
  local digest size
  digest=$(sha256sum "$1" | cut -d' ' -f1)
  size=$(stat -c %s "$1")
  mv "$1" "$work/blobs/sha256/$digest"
  echo "$digest $size"
}

read -r layer layer_size < <(blob "$work/layer.tar")

# image STOPSIGNAL-MEMBER → digest and size of a manifest of that one layer
image() {
  local config config_size
  cat >"$work/config" <<JSON
{"architecture":"amd64","os":"linux",
 "config":{"Cmd":["/sbin/init"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
           "ExposedPorts":{"80/tcp":{}}$1},
 "rootfs":{"type":"layers","diff_ids":["sha256:$layer"]}}
JSON
  read -r config config_size < <(blob "$work/config")
  cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
 "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$config","size":$config_size},
 "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:$layer","size":$layer_size}]}
JSON
  blob "$work/manifest"
}

read -r right right_size < <(image ',"StopSignal":"SIGRTMIN+3"')
read -r plain plain_size < <(image '')

entry() { # NAME DIGEST SIZE
  printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,
  "annotations":{"org.opencontainers.image.ref.name":"%s"}}' "$2" "$3" "$1"
}
cat >"$work/index.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
 $(entry localhost/test-nginx:latest "$right" "$right_size"),
 $(entry quay.io/ftweedal/test-nginx:latest "$right" "$right_size"),
 $(entry localhost/test-nginx:no-stopsignal "$plain" "$plain_size")]}
JSON
echo '{"imageLayoutVersion":"1.0.0"}' >"$work/oci-layout"

# The key comes last: an interrupted build is built again.
rm -rf "$dir/.key" "$dir/blobs" "$dir/rootfs"
mv "$work/blobs" "$work/index.json" "$work/oci-layout" "$dir/"
echo "$key" >"$dir/.key"
echo "$dir"
