# SPDX-License-Identifier: LGPL-2.1-or-later
# Manual pages are listed by the folder whose program they describe, but for emotionctl's, and so are guides.
dist_man_MANS += docs/emotionctl.1
dist_doc_DATA = docs/PRIVACY.md docs/PLUGINS.md docs/BENCHMARKS.md
