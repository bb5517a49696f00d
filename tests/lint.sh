#!/usr/bin/env bash
# Formatting, clang-tidy and shellcheck, each finding an error. BUILD names a configured build directory.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BUILD:-build} jobs=${JOBS:-$(nproc)}

mapfile -t sources < <(git ls-files '*.cpp')
mapfile -t all < <(git ls-files '*.cpp' '*.hpp')
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)

clang-format --dry-run --Werror "${all[@]}"
shellcheck "${scripts[@]}"
# No file reaches into a folder but by its floor's name: an include upwards must not compile.
if grep -nE '#include "\.\.?/' "${all[@]}"; then
  echo 'include by floor name ("kube/client.hpp"), not by relative path' >&2
  exit 1
fi
printf '%s\0' "${sources[@]}" |
  xargs -0 -n 4 -P "$jobs" clang-tidy -p "$build" --quiet --warnings-as-errors='*' 2> >(grep -v 'warnings generated' >&2 || true)
echo "lint: ${#all[@]} files and ${#scripts[@]} scripts are clean"
