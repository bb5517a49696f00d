# shellcheck shell=bash
# Sourced by the scripts that start a stand-in cluster.

# start_stand_in BUILD DIR FLAG…: the devcluster, with DIR/admin.kubeconfig for a person, DIR/operator.kubeconfig for the
# operator's ServiceAccount, and what it says in DIR/devcluster.log. Its pid is in $stand_in: the caller ends it.
start_stand_in() {
  local build=$1 dir=$2
  shift 2
  "$build/e2e/devcluster" "$@" --kubeconfig "$dir/admin.kubeconfig" \
    --service-account systemd-workload-operator/systemd-workload-operator \
    --service-account-kubeconfig "$dir/operator.kubeconfig" > "$dir/devcluster.log" 2>&1 &
  # shellcheck disable=SC2034  # for the caller
  stand_in=$!
}

# await_stand_in DIR: until it serves, which it says last of what it is.
await_stand_in() {
  for ((i = 0; i < 200; i++)); do
    grep -qs 'not done' "$1/devcluster.log" && return
    sleep 0.05
  done
}

# await_value SECONDS WANTED GET-ARGUMENT… JSONPATH: until the object says so; fails when the time is over, with what it
# said last in $seen.
await_value() {
  local deadline=$((SECONDS + $1))
  while ((SECONDS < deadline)); do
    seen=$(kubectl get "${@:3:$#-3}" -o jsonpath="${*: -1}" 2> /dev/null) || true
    [[ $seen != "$2" ]] || return 0
    sleep 0.1
  done
  return 1
}

# end_all PID…: ends these children of the caller, the last first, each before the next.
end_all() {
  local nth
  for ((nth = $#; nth > 0; nth--)); do
    kill "${!nth}" 2> /dev/null || true
    wait "${!nth}" 2> /dev/null || true
  done
}

# init_of NAMESPACE POD: the host's process id of the Pod's PID 1, found by its cgroup as its node names it; nothing
# where Pods are simulated.
init_of() {
  local uid procs pid
  uid=$(kubectl get pod -n "$1" "$2" -o jsonpath='{.metadata.uid}')
  while read -r procs; do
    while read -r pid; do
      # NSpid: the process's number in each nested pid namespace, the innermost last.
      if grep -qsE '^NSpid:.*\s1$' "/proc/$pid/status"; then
        echo "$pid"
        return
      fi
    done < "$procs"
  done < <(find /sys/fs/cgroup -path "*/swo-node-*pod${uid//-/_}.slice/*" -name cgroup.procs 2> /dev/null)
}
