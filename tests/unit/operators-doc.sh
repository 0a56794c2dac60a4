#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# docs/OPERATORS.md is what the table in the code says.
echo 1..1
if "$EMO_BUILDDIR/emotion-nn" show --operators | diff - "$EMO_SRCDIR/docs/OPERATORS.md" | sed 's/^/# /' | grep .; then
        echo "not ok 1 - docs/OPERATORS.md: run emotion-nn show --operators > docs/OPERATORS.md"
        exit 1
fi
echo "ok 1 - docs/OPERATORS.md equals the operator table"
