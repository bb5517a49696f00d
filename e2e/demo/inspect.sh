# shellcheck shell=bash
# Sourced by demo.sh: an instance as its node sees it, in the way the seed looks at its container.

inspect() { # POD
  local init group
  init=$(init_of demo "$1")
  [[ -n $init ]] || fail "no process runs for $1"
  say "Inside $1: systemd as on a server"
  # kubectl before 1.30 speaks another protocol of exec than the stand-in.
  if kubectl exec -n demo "$1" -- true 2> /dev/null; then
    show kubectl exec -n demo "$1" -- systemctl --no-pager status
  else
    show nsenter --target "$init" --all -- systemctl --no-pager status
  fi
  say "PID 1 of $1, as its node sees it: not root, in namespaces and a cgroup of its own"
  show grep -E '^(Name|Uid|NSpid)' "/proc/$init/status"
  show cat "/proc/$init/uid_map"
  show pgrep --ns "$init" --list-full
  show lsns --task "$init" --output TYPE,NS,NPROCS,PID,COMMAND
  group=$(sed -n 's|^0::||p' "/proc/$init/cgroup")
  group=$(find /sys/fs/cgroup -type d -path "*${group%/init.scope}")
  show stat --format 'owner %u of %n' "$group" "$group/cgroup.procs"
  [[ $(awk '/^Uid/ { print $2 }' "/proc/$init/status") -ne 0 ]] || fail 'PID 1 is root on its node'
}
