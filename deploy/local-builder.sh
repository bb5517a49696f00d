#!/usr/bin/env bash
# local-builder.sh [NAME]   (as root): makes the image that deploy/Containerfile builds in from Debian packages instead of
# fetching docker.io/library/debian:bookworm-slim, for machines that reach a Debian mirror and no registry. NAME is
# localhost/swo-builder:bookworm unless given; it is made again only when it is not there. Needs mmdebstrap and buildah.
set -euo pipefail

for tool in buildah mmdebstrap; do
  command -v "$tool" > /dev/null || { echo "$tool is not installed: apt-get install $tool" >&2; exit 1; }
done
name=${1:-localhost/swo-builder:bookworm}
if buildah inspect --type image "$name" > /dev/null 2>&1; then
  echo "$name"
  exit 0
fi

work=$(mktemp -d)
container=
finish() {
  [[ -z $container ]] || buildah rm "$container" > /dev/null
  rm -rf "$work"
}
trap finish EXIT
# As Debian's slim images: essential packages and apt, no documentation. apt-get update in the build fills its lists.
mmdebstrap --variant=minbase --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  bookworm "$work/root.tar" > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
container=$(buildah from scratch)
buildah add --quiet "$container" "$work/root.tar" / > /dev/null
buildah config --cmd /bin/sh --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah commit --quiet "$container" "$name" > /dev/null
echo "$name"
