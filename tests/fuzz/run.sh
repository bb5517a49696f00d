#!/usr/bin/env bash
# run.sh SECONDS TARGET…: each fuzzer of $BUILD for so long, from the seeds and from what it found interesting before. What
# breaks one is kept as $BUILD/tests/fuzz/TARGET.crash-…: a seed, once it is mended.
set -euo pipefail

build=${BUILD:-build-fuzz}
seeds=$(realpath "$(dirname "$0")/seeds")
seconds=$1
shift
failed=()
for target in "$@"; do
  corpus=$build/tests/fuzz/corpus/$target
  mkdir -p "$corpus"
  log=$build/tests/fuzz/$target.log
  if "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/tests/fuzz/$target." "$corpus" "$seeds/$target" > "$log" 2>&1; then
    printf '%-12s %9d inputs, nothing broken\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  else
    tail -n 40 "$log"
    failed+=("$target")
  fi
done
[[ ${#failed[@]} -eq 0 ]] || { echo "broken: ${failed[*]}" >&2; exit 1; }
