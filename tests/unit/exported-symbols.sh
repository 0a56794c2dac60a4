#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# libemotion-nn.so exports the names of emotion-nn.map, under their version, and nothing else.
echo 1..1
library=$EMO_BUILDDIR/.libs/libemotion-nn.so
if [ ! -e "$library" ]; then
        echo "ok 1 # SKIP no shared library was built"
        exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
nm -D --defined-only "$library" | awk '$2 != "A" && $3 !~ /^_(_|init|fini)/ { print $3 }' | sort > "$work/has"
sed -n 's/^ *\(nn_[a-z_]*\);$/\1@@EMOTION_NN_0/p' "$EMO_SRCDIR/nn/emotion-nn.map" | sort > "$work/wants"
if diff "$work/wants" "$work/has" | sed 's/^/# /' | grep .; then
        echo "not ok 1 - exported symbols"
        exit 1
fi
echo "ok 1 - exported symbols"
