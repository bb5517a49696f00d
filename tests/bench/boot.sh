#!/usr/bin/env bash
# Boots an unmodified systemd with nginx through the operator, from `kubectl create` to the STATUS Running, as often as
# the argument says (default 3): where the time goes, what systemd itself says of its boot, what the operator's part of
# it cost, and the memory of all that runs inside. On a stand-in cluster whose Pods are real: needs root and the demo's
# image.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/stand_in.sh
. tests/bench/process.sh

build=${BUILD:-build}
rounds=${1:-3}
state=$(mktemp -d -t sdw-bench.XXXXXX)
export KUBECONFIG=$state/admin.kubeconfig
pids=()
finish() {
  end_all "${pids[@]}"
  rm -rf "$state"
}
trap finish EXIT

now() { date +%s%3N; }
# expect_value WANTED KIND NAME JSONPATH
expect_value() {
  await_value 60 "$1" -n bench "${@:2}" && return
  echo "boot: $2 $3 is \"$seen\", not \"$1\", in time" >&2
  exit 1
}
# The memory of all processes of a pid namespace, what they share counted once: MiB.
memory_of() {
  for pid in $(pgrep --ns "$1"); do cat "/proc/$pid/smaps_rollup" 2> /dev/null || true; done |
    awk '/^Pss:/ { kib += $2 } END { printf "%.1f", kib / 1024 }'
}

start_stand_in "$build" "$state" --pods auto
pids+=("$stand_in")
await_stand_in "$state"
if grep -q 'Pods .*simulated' "$state/devcluster.log"; then
  echo "boot: skipped, Pods cannot run for real here:$(sed -n 's/.*no container runs://p' "$state/devcluster.log")"
  exit 0
fi
kubectl apply -k crds > /dev/null
kubectl apply -k config/rbac > /dev/null
kubectl create namespace bench > /dev/null
"$build/systemd-workload-operator" run --kubeconfig "$state/operator.kubeconfig" --no-leader-elect \
  --health-address '' --metrics-address '' --log-level warning > "$state/operator.log" 2>&1 &
operator=$!
pids+=("$operator")

printf '%6s %12s %12s %12s %12s %14s %12s\n' boot running_ms ready_ms systemd_ms operator_ms inside_MiB operator_MiB
for ((round = 1; round <= rounds; round++)); do
  name=w$round
  before=$(cpu "$operator")
  begin=$(now)
  kubectl create -n bench -f - > /dev/null << EOF
apiVersion: workloads.systemd-operator.dev/v1alpha1
kind: SystemdWorkload
metadata: {name: $name}
spec: {image: quay.io/ftweedal/test-nginx:latest, ports: [{name: http, port: 80}], route: {}}
EOF
  expect_value Running pod "$name-0" '{.status.phase}'
  running=$(($(now) - begin))
  expect_value Running sdw "$name" '{.status.phase}'
  ready=$(($(now) - begin))
  init=$(init_of bench "$name-0")
  # "Startup finished in 312ms (userspace)" or "1.024s (userspace)"
  boot=$(nsenter --target "$init" --all -- systemd-analyze time |
    sed -nE 's/.* in ([0-9.]+m?s) \(userspace\).*/\1/p' | awk '/ms$/ { print $1 + 0; next } { print $1 * 1000 }')
  printf '%6s %12s %12s %12s %12s %14s %12s\n' "$round" "$running" "$ready" "$boot" \
    "$(awk -v a="$before" -v b="$(cpu "$operator")" 'BEGIN { printf "%d", (b - a) * 1000 + 0.5 }')" \
    "$(memory_of "$init")" "$(peak "$operator")"
  kubectl delete sdw -n bench "$name" > /dev/null
  for ((i = 0; i < 400; i++)); do
    kubectl get pod -n bench "$name-0" > /dev/null 2>&1 || break
    sleep 0.1
  done
done
