#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The parts of scripts/test that decide something by themselves: run-test ends a test that hangs and names it, and
# check-subjects finds a long subject in a whole clone, in one of a single commit, and nothing in one that is in order.
set -u
src=${EMO_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
n=0 failed=0
ok() { # ok NAME COMMAND...
        local name=$1
        n=$((n + 1))
        shift
        if "$@" >"$dir/out" 2>&1; then echo "ok $n - $name"; else
                echo "not ok $n - $name"
                sed 's/^/# /' "$dir/out"
                failed=1
        fi
}
fails() { ! "$@"; }

cat >"$dir/hang.sh" <<'END'
sleep 1000 &
echo $! >"$1"
sleep 1000
END
ended() {
        EMO_TEST_LIMIT=1 bash "$src/tests/run-test" sh "$dir/hang.sh" "$dir/pid" >"$dir/told" 2>&1
        [ $? = 124 ] && grep -q "^Bail out! .*did not end within 1 seconds" "$dir/told"
}
ok "a test that hangs is ended and told" ended
# a process whose parent is gone may stay as a zombie where nobody reaps them
gone() { [ ! -e "/proc/$1" ] || grep -q '^State:.*Z' "/proc/$1/status"; }
ok "what it started is ended, too" gone "$(cat "$dir/pid")"
printf 'echo "not ok 1 # SKIP no reason"\n' >"$dir/skip.sh"
skipped() { bash "$src/tests/run-test" sh "$dir/skip.sh" | grep -qx 'ok 1 # SKIP no reason'; }
ok "a skipped test of cmocka is none that failed" skipped
ok "the exit status is the test's" fails bash "$src/tests/run-test" false

if command -v git >/dev/null; then
        git() { command git -C "$dir/tree" -c user.name=n -c user.email=e@example.org -c commit.gpgsign=false "$@"; }
        subjects() { bash "$src/scripts/check-subjects" "$1"; }
        mkdir "$dir/tree"
        git init -q
        git commit -q --allow-empty -m "area: what it does" -m "A body may have longer lines, for instance those that quote a log of some kind."
        ok "subjects in order" subjects "$dir/tree"
        git commit -q --allow-empty -m "area: $(printf 'é%.0s' {1..66})"
        ok "columns are counted, not bytes" subjects "$dir/tree"
        git commit -q --allow-empty -m "area: $(printf 'x%.0s' {1..67})"
        ok "a subject of 73 columns is found" fails subjects "$dir/tree"
        command git clone -q --depth 1 "file://$dir/tree" "$dir/one"
        ok "and in a clone of one commit" fails subjects "$dir/one"
        GIT_COMMITTER_DATE='2026-11-01T00:00:00Z' git commit -q --amend --no-edit --allow-empty
        rm -rf "$dir/one"
        command git clone -q --depth 1 "file://$dir/tree" "$dir/one"
        ok "not where it is older than the rule" subjects "$dir/one"
else
        for _ in 1 2 3 4 5; do
                n=$((n + 1))
                echo "ok $n # SKIP the Debian package git is needed"
        done
fi
echo "1..$n"
exit $failed
