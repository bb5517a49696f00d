#!/usr/bin/env bash
# Two operators as processes, under the rights of config/default, on a stand-in cluster: one leads. A clean stop hands
# over at once, because the leader gives its lease back; a killed leader is followed when its lease has run out. Then the
# workload that was there is as it was: the second leader wrote nothing. Argument: the build directory.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/stand_in.sh

build=$1
lease_seconds=5
account=systemd-workload-operator
state=$(mktemp -d -t sdw-handover.XXXXXX)
export KUBECONFIG=$state/admin.kubeconfig
declare -A pids=()
finish() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$state"
}
trap finish EXIT
fail() {
  echo "$*" >&2
  tail -n 20 "$state"/*.log >&2
  exit 1
}

start() { # name
  POD_NAMESPACE=$account "$build/systemd-workload-operator" run --kubeconfig "$state/operator.kubeconfig" \
    --leader-elect-lease-duration "$lease_seconds" --leader-elect-renew-deadline 3 --leader-elect-retry-period 1 \
    --health-address '' --metrics-address '' > "$state/$1.log" 2>&1 &
  pids[$1]=$!
}
holder() { kubectl get lease -n "$account" "$account" -o jsonpath='{.spec.holderIdentity}' 2> /dev/null || true; }
versions() {
  kubectl get sdw,pods,services,routes,serviceaccounts,roles,rolebindings -n demo \
    -o jsonpath='{range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'
}
# Milliseconds until the lease has another holder than $1.
await_successor() {
  local from now
  from=$(date +%s%N)
  for ((i = 0; i < 300; i++)); do
    now=$(holder)
    if [[ -n $now && $now != "$1" ]]; then
      echo $((($(date +%s%N) - from) / 1000000))
      return
    fi
    sleep 0.05
  done
  fail "nobody follows ${1:-nobody} as the leader"
}

start_stand_in "$build" "$state" --pods simulated --boot-seconds 0.1
pids[devcluster]=$stand_in
await_stand_in "$state"
kubectl apply --server-side -k config/default > /dev/null
# The operators here are the processes below; the stand-in runs no Deployments.
kubectl delete deployment -n "$account" "$account" > /dev/null
kubectl create namespace demo > /dev/null
kubectl apply -n demo -f config/samples/nginx.yaml > /dev/null

start first
await_successor '' > /dev/null
kubectl wait -n demo sdw/nginx --for=condition=Ready --timeout=60s > /dev/null || fail 'the workload is not ready'
before=$(versions)
[[ $before == *SystemdWorkload/nginx* && $before == *Pod/nginx-0* ]] || fail "the workload's objects are not: $before"
start second
sleep 1.5

leader=$(holder)
kill "${pids[first]}"
clean=$(await_successor "$leader")
wait "${pids[first]}" || fail 'the first did not end well'
echo "a clean stop hands over in $clean ms"
((clean <= 2000)) || fail "that is more than 2 s"

start third
sleep 1.5
leader=$(holder)
kill -9 "${pids[second]}"
wait "${pids[second]}" 2> /dev/null || true
hard=$(await_successor "$leader")
echo "a killed leader is followed after $hard ms; its lease is $lease_seconds s"
((hard <= (lease_seconds + 4) * 1000)) || fail "that is much more than the lease"

sleep 1.5
after=$(versions)
[[ $before == "$after" ]] || fail "a new leader changed something: $(diff <(echo "$before") <(echo "$after"))"
echo 'no new leader wrote anything'
