# shellcheck shell=bash
# Sourced by demo.sh: what comes after the first instance: one more, a new revision, an end in order.

# await_phase PHASE READY: until the workload, as it is now asked for, is there.
await_phase() {
  local generation
  generation=$(kubectl get -n demo sdw/nginx -o jsonpath='{.metadata.generation}')
  expect_value "$generation $1 $2" -n demo sdw/nginx '{.status.observedGeneration} {.status.phase} {.status.ready}'
}

live() {
  say 'A second instance'
  follow sdw/nginx
  show kubectl scale -n demo sdw/nginx --replicas=2
  await_phase Running 2/2
  unfollow
  show kubectl get pods -n demo

  say 'A new revision: from the highest instance down, each ready before the next goes'
  follow pods
  show kubectl patch -n demo sdw/nginx --type=merge -p '{"spec":{"init":{"logLevel":"info"}}}'
  await_phase Running 2/2
  unfollow

  say 'An end in order: SIGRTMIN+3, and systemd exits with 0'
  kubectl get pod -n demo nginx-1 -w -o jsonpath='{.metadata.name} {.status.containerStatuses[0].state}{"\n"}' &
  follower=$!
  pids+=("$follower")
  show kubectl scale -n demo sdw/nginx --replicas=1
  await_phase Running 1/1
  expect_value '' -n demo pods '{.items[?(@.metadata.name=="nginx-1")].metadata.name}'
  unfollow
}
