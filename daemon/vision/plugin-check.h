/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What a plugin answers is checked here, so that nothing beyond sees a NaN or a box larger than life. */

#include <stdbool.h>

#include "plugins/emo-plugin.h"

/* It has a size, and touches the picture. */
bool plugin_box_is_sane(const struct emo_box *b, const struct emo_image *image);
bool plugin_alignment_is_sane(const struct emo_alignment *a, const struct emo_image *image);
