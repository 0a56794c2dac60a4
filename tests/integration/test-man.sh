#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every manual page is free of mistakes, by groff's rules and by mandoc's; shell completion parses.
cd "${EMO_SRCDIR:-.}" || exit 1

n=0 failed=0
check() { # check NAME COMMAND...: ok if it prints nothing and gives no error
        name=$1
        shift
        n=$((n + 1))
        if said=$("$@" 2>&1) && [ -z "$said" ]; then
                echo "ok $n - $name"
        else
                echo "not ok $n - $name"
                echo "$said" | sed 's/^/# /'
                failed=1
        fi
}
skip() {
        n=$((n + 1))
        echo "ok $n - $1 # SKIP $2"
}
by_groff() {
        LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings=w -E UTF-8 -l -Tutf8 -Z "$1" >/dev/null
}

for page in docs/*.[1-9]; do
        if command -v man >/dev/null; then
                check "$page by groff" by_groff "$page"
        else
                skip "$page by groff" "the Debian package man-db is not installed"
        fi
        if command -v mandoc >/dev/null; then
                check "$page by mandoc" mandoc -T lint "$page"
        else
                skip "$page by mandoc" "the Debian package mandoc is not installed"
        fi
done
if command -v bash >/dev/null; then
        for program in emotionctl emotiond emotion-nn; do
                check "bash completion of $program" bash -n conf/completion/bash/$program
        done
fi
if command -v zsh >/dev/null; then
        for program in emotionctl emotiond emotion-nn; do
                check "zsh completion of $program" zsh -n conf/completion/zsh/_$program
        done
fi
echo "1..$n"
exit $failed
