# SPDX-License-Identifier: LGPL-2.1-or-later
include daemon/vision/local.mk
include daemon/capture/local.mk
