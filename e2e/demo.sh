#!/usr/bin/env bash
# The main job, to be watched: an nginx that lives in systemd becomes a SystemdWorkload on a stand-in cluster, is
# followed to its URL, looked at from its node, scaled, updated and stopped. ONCE=1 ends by itself with an exit status
# that tells success; otherwise the cluster stays until Ctrl-C. PROFILE picks the generation of the platform.
set -euo pipefail
cd "$(dirname "$0")/.."
. e2e/stand_in.sh
. e2e/demo/seed.sh
. e2e/demo/inspect.sh
. e2e/demo/life.sh

build=${BUILD:-build}
profile=${PROFILE:-openshift-4.20}
once=${ONCE:-}
state=$(mktemp -d -t sdw-demo.XXXXXX)
admin=$state/admin.kubeconfig
workload=config/samples/nginx.yaml
watch_limit=180 # seconds; three nodes are rebooted one by one on old platforms
pids=()

finish() {
  end_all "${pids[@]}"
  rm -rf "$state"
}
trap finish EXIT
trap 'exit 0' INT TERM

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
show() {
  printf '\033[2m$ %s\033[0m\n' "$*"
  "$@"
}
fail() {
  echo "demo: $1" >&2
  kubectl get sdw -n demo nginx -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\n"}{end}' >&2 || true
  tail -n 40 "$state"/*.log >&2
  exit 1
}
# follow RESOURCE: what `kubectl get -w` shows of it, until unfollow.
follow() {
  printf '\033[2m$ kubectl get -n demo %s -w\033[0m\n' "$1"
  kubectl get -n demo "$1" -w &
  follower=$!
  pids+=("$follower")
}
unfollow() {
  sleep 1 # for its last line
  kill "$follower" 2> /dev/null || true
  wait "$follower" 2> /dev/null || true
}
# expect_value WANTED GET-ARGUMENT… JSONPATH
expect_value() {
  await_value "$watch_limit" "$@" || fail "${*:2} is \"$seen\", not \"$1\", in time"
}

# As root, where crun can run Pods, they are real and need an image.
pods=simulated
if [[ $EUID -eq 0 ]] && command -v crun conmon mmdebstrap > /dev/null; then
  say 'An image with systemd and nginx, from Debian packages (kept for the next time)'
  if image_dir=$(e2e/node/build-demo-image.sh); then
    pods=auto
    echo "$image_dir"
  else
    echo 'it could not be made, so Pods are simulated'
  fi
fi

say "A stand-in for a cluster of generation $profile, on loopback"
start_stand_in "$build" "$state" --profile "$profile" --pods "$pods"
pids+=("$stand_in")
await_stand_in "$state"
cat "$state/devcluster.log"
export KUBECONFIG=$admin
show kubectl get nodes

say 'The resource and the rights, then the operator as a process of its own under its own ServiceAccount'
show kubectl apply -k crds
show kubectl apply -k config/rbac
"$build/systemd-workload-operator" run --kubeconfig "$state/operator.kubeconfig" --no-leader-elect \
  --health-address '' --metrics-address '' > "$state/operator.log" 2>&1 &
pids+=($!)
show kubectl create namespace demo

door=$(grep -o 'front door http://[0-9.:]*' "$state/devcluster.log" | cut -d' ' -f3 || true)
if [[ -n $door && $profile == openshift-4.8 ]]; then
  say 'By hand, as the seed did it: a crash loop and an empty log'
  try_by_hand mute
  say 'By hand with a terminal: the nodes are on cgroups v1'
  try_by_hand on-v1 'tty: true'
fi

say 'What the user writes'
grep -v '^#' "$workload"
show kubectl apply -n demo -f "$workload"

say 'What the user sees'
follow sdw
kubectl wait -n demo sdw/nginx --for=condition=Ready --timeout="${watch_limit}s" > /dev/null 2>&1 || fail 'not Ready in time'
unfollow

say 'What the operator made of it (live objects, without bookkeeping)'
print() { # resource, name, [namespace flag…]
  kubectl get "$1" "$2" "${@:3}" -o json |
    jq 'del(.status, .metadata.managedFields, .metadata.uid, .metadata.resourceVersion, .metadata.generation,
        .metadata.creationTimestamp, .metadata.ownerReferences, .metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"])' |
    kubectl create --dry-run=client --validate=false -o yaml -f -
  echo ---
}
served() { kubectl api-resources --cached=false -o name 2> /dev/null | grep -qx "$1"; }
for resource in serviceaccounts roles.rbac.authorization.k8s.io rolebindings.rbac.authorization.k8s.io services \
  persistentvolumeclaims routes.route.openshift.io ingresses.networking.k8s.io poddisruptionbudgets.policy pods; do
  served "$resource" || continue
  for name in $(kubectl get "$resource" -n demo -l app.kubernetes.io/managed-by=systemd-workload-operator -o jsonpath='{.items[*].metadata.name}'); do
    print "$resource" "$name" -n demo
  done
done
for resource in securitycontextconstraints.security.openshift.io machineconfigs.machineconfiguration.openshift.io; do
  served "$resource" || continue
  for name in $(kubectl get "$resource" -l app.kubernetes.io/managed-by=systemd-workload-operator -o jsonpath='{.items[*].metadata.name}'); do
    print "$resource" "$name"
  done
done

say 'Why it was done this way, and how it stands'
show "$build/systemd-workload-operator" diagnose nginx -n demo
show kubectl get events -n demo --field-selector involvedObject.kind=SystemdWorkload

say "It runs: $(kubectl get sdw -n demo nginx -o jsonpath='{.status.ready} ready, systemd {.status.systemd}, {.status.url}')"
if [[ -n $door ]]; then
  url=$(kubectl get sdw -n demo nginx -o jsonpath='{.status.url}')
  host=${url#http://}
  show curl -sS --fail --head --retry 5 -H "Host: ${host%%/*}" "$door" || fail 'no answer through Route, Service and Pod'
  inspect nginx-0
fi
if [[ -n $door && $profile == openshift-4.8 ]]; then
  say 'By hand once more: cgroups v2 alone do not help, a user namespace is missing'
  try_by_hand on-v2 'tty: true'
fi
live
[[ -z $once ]] || exit 0
cat << END
The cluster stays up until Ctrl-C. Try it from another terminal:
  KUBECONFIG=$admin kubectl get sdw -A
  KUBECONFIG=$admin kubectl explain sdw.spec
  KUBECONFIG=$admin kubectl scale -n demo sdw/nginx --replicas=3
  KUBECONFIG=$admin $build/systemd-workload-operator diagnose nginx -n demo
END
wait -n "${pids[@]:0:2}" || true
