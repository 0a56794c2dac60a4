# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034 # who reads this uses what it sets
# For tests in shell, to be read by them: emotion-nn as it was built is $tool, $dir a folder of the test's own, and each
# check is a line of TAP. At the end: echo "1..$n"; exit $status
set -u
tool=${EMO_BUILDDIR:-.}/emotion-nn
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0 status=0

ok() { # ok STATUS NAME
        n=$((n + 1))
        if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; status=1; fi
}
works() { name=$1; shift; "$@" >"$dir/out" 2>"$dir/err"; ok $? "$name"; }
refused() { # refused NAME PATTERN COMMAND...: exit status 1, and the reason on standard error
        name=$1 pattern=$2; shift 2
        "$@" >"$dir/out" 2>"$dir/err"
        [ $? -eq 1 ] && grep -q -- "$pattern" "$dir/err"
        ok $? "$name"
}
