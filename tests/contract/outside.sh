#!/usr/bin/env bash
# The contract's scenarios against a cluster that is another process, over TLS, by the way that any cluster is tested:
# USE_EXISTING_CLUSTER and KUBECONFIG. Here it is a stand-in. Arguments: the build directory, and what contract_test takes.
set -euo pipefail
cd "$(dirname "$0")/../.."
. e2e/stand_in.sh

build=$1
shift
state=$(mktemp -d -t sdw-contract.XXXXXX)
finish() {
  kill "$stand_in" 2> /dev/null || true
  wait 2> /dev/null || true
  rm -rf "$state"
}
start_stand_in "$build" "$state" --profile kubernetes-1.33 --pods simulated
trap finish EXIT
await_stand_in "$state"
USE_EXISTING_CLUSTER=true KUBECONFIG=$state/admin.kubeconfig "$build/tests/contract_test" "$@"
