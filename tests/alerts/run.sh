#!/usr/bin/env bash
# The alerts of config/prometheus: promtool accepts them, and each fires when it has to. They and the dashboard of
# config/grafana ask for metrics that the operator has and docs/operations.md lists.
# shellcheck disable=SC2016  # backquotes of Markdown
set -euo pipefail
cd "$(dirname "$0")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# What Prometheus reads is the spec of the PrometheusRule.
sed -e '1,/^spec:$/d' -e 's/^  //' config/prometheus/rules.yaml > "$dir/rules.yaml"
cp tests/alerts/rules_test.yaml "$dir"
promtool check rules "$dir/rules.yaml" > "$dir/out" || { cat "$dir/out"; exit 1; }
promtool test rules "$dir/rules_test.yaml" > "$dir/out" || { cat "$dir/out"; exit 1; }

failed=0
fail() { echo "alerts: $*" >&2; failed=1; }
mapfile -t alerts < <(sed -n 's/^ *- alert: //p' "$dir/rules.yaml")
for alert in "${alerts[@]}"; do
  grep -A9 "alertname: $alert\$" tests/alerts/rules_test.yaml | grep -q exp_labels ||
    grep -q "alertname: $alert, .*exp_alerts: \*" tests/alerts/rules_test.yaml ||
    fail "tests/alerts/rules_test.yaml never makes $alert fire"
  grep -qx "### $alert" docs/operations.md || fail "docs/operations.md has no section $alert"
done
[[ ${#alerts[@]} -gt 0 ]] || fail 'no alerts found'

# The dashboard's queries as rules, so that promtool reads them, too.
dashboard=config/grafana/systemd-workloads.json
jq -r '"groups: [{name: dashboard, rules: [", ([.rows[].panels[].targets[].expr] | to_entries[] |
    "{record: query:\(.key), expr: \(.value | gsub("\\$namespace"; ".*") | tojson)},"), "]}]"' "$dashboard" > "$dir/dashboard.yaml"
promtool check rules "$dir/dashboard.yaml" > "$dir/out" || { cat "$dir/out"; exit 1; }
# What OpenShift's console shows at all.
[[ $(jq '[.rows[].panels[].type] - ["graph", "singlestat", "table"] | length' "$dashboard") -eq 0 ]] ||
  fail "$dashboard has panels that OpenShift's console does not know"

names='\b(leader_election|controller_runtime|workqueue|systemdworkload|rest_client|process)_[a-z_]+'
mapfile -t metrics < <(cat "$dir/rules.yaml" "$dir/dashboard.yaml" | grep -oE "$names" | sed 's/_bucket$//' | sort -u)
[[ ${#metrics[@]} -gt 15 ]] || fail 'hardly any metrics found'
for metric in "${metrics[@]}"; do
  grep -rqF "\"$metric\"" controller --include='*metrics.cpp' || fail "the operator does not export $metric"
  listed=0
  while read -r pattern; do
    # shellcheck disable=SC2053  # a pattern, as the table has it
    [[ $metric == $pattern ]] && listed=1
  done < <(sed -n '/^## Metrics/,/^## Alerts/p' docs/operations.md | grep -oE '`[a-z_]+\*?`' | tr -d '`')
  [[ $listed -eq 1 ]] || fail "docs/operations.md does not list $metric"
done
[[ $failed -eq 0 ]] || exit 1
echo "alerts: ${#alerts[@]} alerts and ${#metrics[@]} metrics are as tested and documented"
