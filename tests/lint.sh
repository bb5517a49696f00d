#!/usr/bin/env bash
# Formatting, shellcheck, includes by floor, and the alerts, each finding an error.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t all < <(git ls-files '*.cpp' '*.hpp')
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)

clang-format --dry-run --Werror "${all[@]}"
shellcheck "${scripts[@]}"
# No file reaches into a folder but by its floor's name: an include upwards must not compile.
mapfile -t housed < <(git ls-files 'controller/*.[ch]pp' 'e2e/*.[ch]pp' 'deploy/*.[ch]pp')
if grep -nE '#include "\.\.?/' "${housed[@]}"; then
  echo 'include by floor name ("kube/client.hpp"), not by relative path' >&2
  exit 1
fi
tests/alerts/run.sh
echo "lint: ${#all[@]} files and ${#scripts[@]} scripts are clean"
