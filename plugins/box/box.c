/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugins/emo-plugin.h"

/* Where FER2013's picture lies about the box that OpenCV's frontal face cascade draws; README.md tells how these were
 * measured. */
#define DEFAULT_SCALE 1.035
#define DEFAULT_SHIFT_X 0.0
#define DEFAULT_SHIFT_Y 0.004

struct box {
        double scale;            /* side of the crop in sides of the box */
        double shift_x, shift_y; /* its centre from the box's, in sides of the box */
};

static int box_open(const struct emo_host *host, void **ret_self, struct emo_error *error)
{
        struct box *b = calloc(1, sizeof(*b));

        if (!b)
                return -ENOMEM;
        *b = (struct box){ .scale = DEFAULT_SCALE, .shift_x = DEFAULT_SHIFT_X, .shift_y = DEFAULT_SHIFT_Y };
        if (host->get_float(host->self, "scale", 0.25, 4, &b->scale) < 0 ||
            host->get_float(host->self, "shift_x", -1, 1, &b->shift_x) < 0 ||
            host->get_float(host->self, "shift_y", -1, 1, &b->shift_y) < 0) {
                free(b);
                return -EINVAL;
        }
        *ret_self = b;
        return 0;
}

static int box_align(void *self, const struct emo_image *image, const struct emo_box *box, struct emo_alignment *ret,
                     struct emo_error *error)
{
        const struct box *b = self;
        /* the box of a detector that draws oblong ones counts by its area */
        float side_px = sqrtf(box->width * box->height);

        *ret = (struct emo_alignment){
                .x = box->x + box->width / 2 + (float)b->shift_x * side_px,
                .y = box->y + box->height / 2 + (float)b->shift_y * side_px,
                .side_px = (float)b->scale * side_px,
                .confidence = 1,
        };
        return 0;
}

static void box_close(void *self)
{
        free(self);
}

static const struct emo_aligner_ops aligner = {
        .size_bytes = sizeof(aligner),
        .open = box_open,
        .align = box_align,
        .close = box_close,
};

#define NAME "box"
#define DESCRIPTION "Crops the detector's box with the framing of FER2013"
#define LICENCE "LGPL-2.1-or-later"
EMO_PLUGIN_ABOUT(NAME, PLUGIN_VERSION, DESCRIPTION, LICENCE, "aligner");

const struct emo_plugin emo_plugin = {
        EMO_PLUGIN_HEADER,          .format = EMO_GRAY8, .name = NAME,        .version = PLUGIN_VERSION,
        .description = DESCRIPTION, .licence = LICENCE,  .aligner = &aligner,
};
