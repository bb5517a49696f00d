#!/usr/bin/env bash
# Measures the operator process alone while it takes N workloads from nothing to Running, is restarted on them, and
# is left at rest: CPU seconds, peak resident memory, requests and writes; CPU per workload, with its growth against the
# first N, and the memory of each workload since that. From 1,000 on, how long a change takes to reach a child.
# Arguments: the Ns (default 100 1000 10000, which takes a quarter of an hour).
# The cluster is the devcluster on the same machine, with simulated Pods: its own cost is not counted, but most of the
# wall time is its.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/stand_in.sh
. tests/bench/process.sh

# The operator has a core of its own, where there is more than one: sharing it with the stand-in costs it caches, and is
# counted as its time.
alone=()
last_core=$(($(nproc) - 1))
if ((last_core > 0)); then
  taskset -pc "0-$((last_core - 1))" $$ > /dev/null
  alone=(taskset -c "$last_core")
fi

build=${BUILD:-build}
sizes=("${@:-100}")
[[ $# -gt 0 ]] || sizes=(100 1000 10000)
rest_seconds=20
per_namespace=1000 # an API server goes through all Events of a namespace to find those of one Pod

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
  "${alone[@]}" "$build/systemd-workload-operator" run --kubeconfig "$state/operator.kubeconfig" --no-leader-elect \
    --health-address '' --metrics-address "127.0.0.1:$port" --log-level warning > "$state/operator.log" 2>&1 &
  operator=$!
  started=$SECONDS
  pids+=("$operator")
  metrics=http://127.0.0.1:$port
}
stop_operator() {
  kill "$operator"
  wait "$operator" 2> /dev/null || true
}
declare -A first # by phase: CPU seconds, MiB
row() { # N, phase
  local used now
  used=$(cpu "$operator")
  now=$(peak "$operator")
  first[$2]=${first[$2]:-$used $now}
  printf '%6s  %-8s %8s %8s %8s %8s %8s %8s' "$1" "$2" "$((SECONDS - started))" "$used" "$(user "$operator")" "$now" \
    "$(requests 'GET')" "$(requests 'POST|PATCH|PUT|DELETE')"
  # Of the memory only what came with the workloads since the first N.
  awk -v n="$1" -v c="$used" -v m="$now" -v first="${first[$2]}" -v n1="${sizes[0]}" 'BEGIN {
    split(first, was)
    growth = kib = "-"
    if (was[1] > 0) growth = sprintf("%.2f", c / n / (was[1] / n1))
    if (n > n1) kib = sprintf("%.1f", 1024 * (m - was[2]) / (n - n1))
    printf "  %8.2f %8s %8s\n", 1000 * c / n, growth, kib
  }'
}

printf '%6s  %-8s %8s %8s %8s %8s %8s %8s  %8s %8s %8s\n' N phase wall_s cpu_s user_s peak_MiB reads writes ms_each growth KiB_each
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
  for ((i = 0; i < n; i++)); do
    ((i % per_namespace)) || kubectl create namespace "bench-$((i / per_namespace))" > /dev/null
    printf -- '---\napiVersion: workloads.systemd-operator.dev/v1alpha1\nkind: SystemdWorkload\nmetadata: {name: w%d, namespace: bench-%d}\nspec: {image: x, ports: [{name: http, port: 80}], route: {}}\n' \
      $((i % per_namespace)) $((i / per_namespace))
  done > "$state/workloads.yaml"
  kubectl create --validate=false -f "$state/workloads.yaml" > /dev/null

  start_operator
  for ((i = 0; i < 600; i++)); do
    [[ $(running) -ge $n ]] && break
    sleep $((1 + n / 500)) # the question costs CPU that the operator could use
  done
  [[ $(running) -ge $n ]] || { echo "only $(running) of $n are Running" >&2; exit 1; }
  row "$n" create
  stop_operator

  port=$((port + 1))
  start_operator
  sleep $((5 + n / 500)) # its first lists, and a look at each workload
  row "$n" restart
  before=$(cpu "$operator")
  sleep "$rest_seconds"
  after=$(cpu "$operator") # before the row asks for metrics
  row "$n" rest
  awk -v a="$before" -v b="$after" -v s="$rest_seconds" \
    'BEGIN { printf "        at rest: %.2f %% of a core\n", 100 * (b - a) / s }'
  [[ $n -lt 1000 ]] || "$build/tests/change_bench" "$per_namespace" bench-0
  stop_operator
  kill "$cluster"
  wait "$cluster" 2> /dev/null || true
  rm -rf "$state"
  port=$((port + 1))
done
