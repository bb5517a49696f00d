# shellcheck shell=bash
# Sourced by the benchmarks: what a process has used.

hertz=$(getconf CLK_TCK)
# Seconds of CPU, all and in user mode.
cpu() { awk -v hz="$hertz" '{ sub(/.*\) /, ""); printf "%.2f", ($12 + $13) / hz }' "/proc/$1/stat"; }
user() { awk -v hz="$hertz" '{ sub(/.*\) /, ""); printf "%.2f", $12 / hz }' "/proc/$1/stat"; }
# The most memory that was resident, in MiB.
peak() { awk '/VmHWM/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
