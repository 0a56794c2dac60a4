/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The smallest useful plugin: a detector for a booth where people always stand in the middle. */
#include <errno.h>
#include <stdlib.h>

#include <emo-plugin.h>

struct centre {
        double share; /* of the picture's height that a face takes */
};

static int centre_open(const struct emo_host *host, void **ret_self, struct emo_error *error)
{
        struct centre *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->share = 0.4;
        /* plugins.example.share; a value of the wrong kind is reported by the host */
        if (host->get_float(host->self, "share", 0.05, 1, &c->share) < 0) {
                free(c);
                return -EINVAL;
        }
        *ret_self = c;
        return 0;
}

static int centre_detect(void *self, const struct emo_image *image, const struct emo_detect_hints *hints,
                         struct emo_box *ret, size_t max_boxes, struct emo_error *error)
{
        const struct centre *c = self;
        float side = (float)(c->share * image->height_px);

        if (!max_boxes || (hints->min_face_px && side < (float)hints->min_face_px))
                return 0;
        ret[0] = (struct emo_box){ .x = ((float)image->width_px - side) / 2,
                                   .y = ((float)image->height_px - side) / 2,
                                   .width = side,
                                   .height = side,
                                   .confidence = 1 };
        return 1;
}

static void centre_close(void *self)
{
        free(self);
}

static const struct emo_detector_ops detector = {
        .size_bytes = sizeof(detector),
        .open = centre_open,
        .detect = centre_detect,
        .close = centre_close,
};

const struct emo_plugin emo_plugin = {
        EMO_PLUGIN_HEADER,
        .format = EMO_GRAY8,
        .name = "example",
        .version = "1.0",
        .description = "Finds a face in the middle, always",
        .licence = "LGPL-2.1-or-later",
        .detector = &detector,
};
