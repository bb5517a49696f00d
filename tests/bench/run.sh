#!/usr/bin/env bash
# Measures the operator process alone while it takes N workloads from nothing to Running, is restarted on them, and
# is left at rest: CPU seconds, peak resident memory, requests and writes. Arguments: the Ns (default 100 1000).
# The cluster is the devcluster on the same machine, with simulated Pods: its own cost is not counted, but it does
# take CPU from the operator's wall time, so only CPU, memory and counts are told.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/stand_in.sh
. tests/bench/process.sh

build=${BUILD:-build}
sizes=("${@:-100}")
[[ $# -gt 0 ]] || sizes=(100 1000)
rest_seconds=20

state=
pids=()
finish() {
  end_all "${pids[@]}"
  [[ -z $state ]] || rm -rf "$state"
}
trap finish EXIT

requests() { # method pattern
  curl -sS "$metrics/metrics" |
    awk -v m="method=\"($1)\"" '/^rest_client_requests_total/ && $0 ~ m { n += $2 } END { print n + 0 }'
}
running() { kubectl get sdw -A --no-headers --chunk-size=0 2> /dev/null | grep -c ' Running ' || true; }

start_operator() {
  "$build/systemd-workload-operator" run --kubeconfig "$state/operator.kubeconfig" --no-leader-elect \
    --health-address '' --metrics-address "127.0.0.1:$port" --log-level warning > "$state/operator.log" 2>&1 &
  operator=$!
  pids+=("$operator")
  metrics=http://127.0.0.1:$port
}
stop_operator() {
  kill "$operator"
  wait "$operator" 2> /dev/null || true
}
row() { # N, phase
  printf '%6s  %-8s %8s %8s %8s %10s %8s\n' "$1" "$2" "$(cpu "$operator")" "$(user "$operator")" "$(peak "$operator")" \
    "$(requests 'GET')" "$(requests 'POST|PATCH|PUT|DELETE')"
}

printf '%6s  %-8s %8s %8s %8s %10s %8s\n' N phase cpu_s user_s peak_MiB reads writes
port=18180
for n in "${sizes[@]}"; do
  state=$(mktemp -d -t sdw-bench.XXXXXX)
  export KUBECONFIG=$state/admin.kubeconfig
  start_stand_in "$build" "$state" --pods simulated --boot-seconds 0.1
  cluster=$stand_in
  pids+=("$cluster")
  await_stand_in "$state"
  kubectl apply -k crds > /dev/null
  kubectl apply -k config/rbac > /dev/null
  kubectl create namespace bench > /dev/null
  for ((i = 0; i < n; i++)); do
    printf -- '---\napiVersion: workloads.systemd-operator.dev/v1alpha1\nkind: SystemdWorkload\nmetadata: {name: w%d, namespace: bench}\nspec: {image: x, ports: [{name: http, port: 80}], route: {}}\n' "$i"
  done > "$state/workloads.yaml"
  kubectl create --validate=false -f "$state/workloads.yaml" > /dev/null

  start_operator
  for ((i = 0; i < 600; i++)); do
    [[ $(running) -ge $n ]] && break
    sleep 1
  done
  [[ $(running) -ge $n ]] || { echo "only $(running) of $n are Running" >&2; exit 1; }
  row "$n" create
  stop_operator

  port=$((port + 1))
  start_operator
  sleep 5 # its first lists, and a look at each workload
  row "$n" restart
  before=$(cpu "$operator")
  sleep "$rest_seconds"
  row "$n" rest
  awk -v a="$before" -v b="$(cpu "$operator")" -v s="$rest_seconds" \
    'BEGIN { printf "        at rest: %.2f %% of a core\n", 100 * (b - a) / s }'
  stop_operator
  kill "$cluster"
  wait "$cluster" 2> /dev/null || true
  rm -rf "$state"
  port=$((port + 1))
done
