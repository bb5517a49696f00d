# shellcheck shell=bash
# Sourced by demo.sh: the failures that began this project, met by a Pod that a person writes by hand.
# shellcheck disable=SC2154  # build and state are the demo's

# The Pod of a user who may create Pods and no more; $1 is its name, $2 one more line of its container.
pod_by_hand() {
  cat << END
apiVersion: v1
kind: Pod
metadata:
  name: $1
spec:
  containers:
    - name: nginx
      image: quay.io/ftweedal/test-nginx:latest${2:+
      $2}
END
}

# try_by_hand NAME [LINE]: until it loops; its log, and what is diagnosed of that.
try_by_hand() {
  local manifest=$state/pod-$1.yaml log=$state/console-of-$1.txt
  [[ -n $(kubectl get rolebinding -n by-hand --ignore-not-found -o name) ]] || {
    kubectl create namespace by-hand
    kubectl create rolebinding -n by-hand test --clusterrole=admin --user=test
  } > /dev/null
  pod_by_hand "$@" > "$manifest"
  show cat "$manifest"
  show kubectl --as=test create -n by-hand -f "$manifest"
  expect_value CrashLoopBackOff -n by-hand "pod/$1" '{.status.containerStatuses[0].state.waiting.reason}'
  show kubectl get -n by-hand "pod/$1"
  kubectl logs -n by-hand "$1" > "$log"
  show kubectl logs -n by-hand "$1"
  show "$build/systemd-workload-operator" diagnose --log "$log" && fail 'nothing was diagnosed of that log'
  kubectl delete -n by-hand "pod/$1" --wait=false > /dev/null
}
