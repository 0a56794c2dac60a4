# SPDX-License-Identifier: LGPL-2.1-or-later
include_HEADERS += plugins/emo-plugin.h
