/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "basic/macro.h"
#include "plugins/emo-plugin.h"
#include "plugins/haar/cascade.h"

#define DEFAULT_CASCADE "haarcascade_frontalface_alt2.xml"
#define MAX_HITS 64u
/* OpenCV works with int; far above any camera */
#define MAX_SIDE_PX 32767u
/* About a face whose place is known a false alarm is unlikely, and a miss costs more: one hit will do, and the steps
 * between sizes are halved, which costs little in so small a part. */
#define ROI_NEIGHBOURS 1
/* The smallest face of a region is shrunk to this: half as much again as the window of the largest of OpenCV's face
 * cascades. */
#define ROI_FACE_PX 32.0

struct haar {
        struct cascade *cascade;
        double scale_factor;
        int neighbours;
        uint32_t min_face_px, max_width_px;
};

/* Debian's opencv-data puts its cascades in the first, other builds of OpenCV in the second. */
static const char *const cascade_folders[] = { "/usr/share/opencv4/haarcascades", "/usr/share/opencv/haarcascades" };

static int find_cascade(const struct emo_host *host, const char *name, char *ret, size_t ret_size,
                        struct emo_error *error)
{
        int r = host->find_file(host->self, name, ret, ret_size);

        for (size_t i = 0; r == -ENOENT && !strchr(name, '/') && i < ARRAY_LEN(cascade_folders); i++) {
                int n = snprintf(ret, ret_size, "%s/%s", cascade_folders[i], name);

                if (n > 0 && (size_t)n < ret_size && access(ret, R_OK) == 0)
                        return 0;
        }
        if (r < 0)
                snprintf(
                        error->text, sizeof(error->text),
                        "cascade %.100s not found: install the Debian package opencv-data, or set plugins.haar.cascade",
                        name);
        return r;
}

static int read_settings(struct haar *h, const struct emo_host *host, const char **ret_cascade)
{
        int64_t neighbours = 3, min_face_px = 40, max_width_px = 640;

        *h = (struct haar){ .scale_factor = 1.15 };
        *ret_cascade = DEFAULT_CASCADE;
        if (host->get_string(host->self, "cascade", ret_cascade) < 0 ||
            host->get_float(host->self, "scale_factor", 1.01, 2, &h->scale_factor) < 0 ||
            host->get_int(host->self, "neighbours", 0, 100, &neighbours) < 0 ||
            host->get_int(host->self, "min_face_px", 16, 4096, &min_face_px) < 0 ||
            host->get_int(host->self, "max_width", 0, 8192, &max_width_px) < 0)
                return -EINVAL;
        h->neighbours = (int)neighbours;
        h->min_face_px = (uint32_t)min_face_px;
        h->max_width_px = (uint32_t)max_width_px;
        return 0;
}

static void haar_close(void *self)
{
        struct haar *h = self;

        if (!h)
                return;
        cascade_free(h->cascade);
        free(h);
}

static int haar_open(const struct emo_host *host, void **ret_self, struct emo_error *error)
{
        struct haar *h = calloc(1, sizeof(*h));
        const char *name;
        char path[4096];
        int r;

        if (!h)
                return -ENOMEM;
        r = read_settings(h, host, &name);
        if (r >= 0)
                r = find_cascade(host, name, path, sizeof(path), error);
        if (r >= 0)
                r = cascade_new(path, &h->cascade, error->text, sizeof(error->text));
        if (r < 0) {
                haar_close(h);
                return r;
        }
        host->log(host->self, LOG_DEBUG, path);
        *ret_self = h;
        return 0;
}

/* The part of a picture that is searched, in pixels of the picture, and how it is shrunk. */
struct window {
        const uint8_t *data;
        size_t stride_bytes;
        uint32_t x, y, width_px, height_px; /* in the picture */
        uint32_t to_width_px, to_height_px; /* as searched */
        double shrink;                      /* pixels of the picture in one that is searched, >= 1 */
};

/* Cuts the hint's region to the picture. False if nothing is left. */
static bool window_init(struct window *w, const struct emo_image *image, const struct emo_detect_hints *hints)
{
        *w = (struct window){ .width_px = image->width_px, .height_px = image->height_px, .shrink = 1 };
        if (hints->roi_width) {
                if (hints->roi_x >= image->width_px || hints->roi_y >= image->height_px || !hints->roi_height)
                        return false;
                w->x = hints->roi_x;
                w->y = hints->roi_y;
                w->width_px = MIN(hints->roi_width, image->width_px - w->x);
                w->height_px = MIN(hints->roi_height, image->height_px - w->y);
        }
        w->data = image->data + w->y * image->stride_bytes + w->x;
        w->stride_bytes = image->stride_bytes;
        w->to_width_px = w->width_px;
        w->to_height_px = w->height_px;
        return true;
}

/* The cascade would shrink the picture at every step of its pyramid, each time from the full size. */
static int window_shrink(struct window *w, struct haar *h, double shrink, struct emo_error *error)
{
        if (shrink <= 1)
                return 0;
        w->to_width_px = MAX((uint32_t)lround(w->width_px / shrink), 1u);
        w->to_height_px = MAX((uint32_t)lround(w->height_px / shrink), 1u);
        w->shrink = (double)w->width_px / w->to_width_px;
        return cascade_shrink(h->cascade, w->data, w->width_px, w->height_px, w->stride_bytes, w->to_width_px,
                              w->to_height_px, &w->data, &w->stride_bytes, error->text, sizeof(error->text));
}

/* By how much the searched window is to be shrunk: the whole picture to max_width, a region whose faces are known to be
 * large to where the smallest of them is still well seen. */
static double shrink_for(const struct haar *h, const struct emo_image *image, const struct emo_detect_hints *hints)
{
        double limit = h->max_width_px ? (double)image->width_px / h->max_width_px : 1;

        return hints->roi_width ? fmax(limit, hints->min_face_px / ROI_FACE_PX) : limit;
}

static int haar_detect(void *self, const struct emo_image *image, const struct emo_detect_hints *hints,
                       struct emo_box *ret, size_t max_boxes, struct emo_error *error)
{
        struct haar *h = self;
        struct cascade_hit hits[MAX_HITS];
        uint32_t min_px = hints->min_face_px ?: h->min_face_px;
        struct cascade_search how = { .scale_factor = hints->roi_width ? sqrt(h->scale_factor) : h->scale_factor,
                                      .neighbours =
                                              hints->roi_width ? MIN(h->neighbours, ROI_NEIGHBOURS) : h->neighbours };
        struct window w;
        int n;

        if (image->width_px > MAX_SIDE_PX || image->height_px > MAX_SIDE_PX) {
                snprintf(error->text, sizeof(error->text), "a picture of %ux%u is too large", image->width_px,
                         image->height_px);
                return -EFBIG;
        }
        if (!window_init(&w, image, hints))
                return 0;
        n = window_shrink(&w, h, shrink_for(h, image, hints), error);
        if (n < 0)
                return n;
        how.min_px = (uint32_t)(min_px / w.shrink);
        how.max_px = hints->max_face_px ? (uint32_t)ceil(hints->max_face_px / w.shrink) : 0;
        n = cascade_search_gray(h->cascade, w.data, w.to_width_px, w.to_height_px, w.stride_bytes, &how, hits,
                                MIN(max_boxes, (size_t)MAX_HITS), error->text, sizeof(error->text));
        for (int i = 0; i < n; i++)
                ret[i] = (struct emo_box){
                        /* pixel (0, 0) covers -0.5..0.5 */
                        .x = (float)(w.x + hits[i].x * w.shrink - 0.5),
                        .y = (float)(w.y + hits[i].y * w.shrink - 0.5),
                        .width = (float)(hits[i].width * w.shrink),
                        .height = (float)(hits[i].height * w.shrink),
                        .confidence = (float)hits[i].n_neighbours / (float)(hits[i].n_neighbours + 5),
                };
        return n;
}

static const struct emo_detector_ops detector = {
        .size_bytes = sizeof(detector),
        .open = haar_open,
        .detect = haar_detect,
        .close = haar_close,
};

#define NAME "haar"
#define DESCRIPTION "Viola-Jones face detector (OpenCV's cascade classifier)"
#define LICENCE "LGPL-2.1-or-later"
EMO_PLUGIN_ABOUT(NAME, PLUGIN_VERSION, DESCRIPTION, LICENCE, "detector");

const struct emo_plugin emo_plugin = {
        EMO_PLUGIN_HEADER,          .format = EMO_GRAY8, .name = NAME,          .version = PLUGIN_VERSION,
        .description = DESCRIPTION, .licence = LICENCE,  .detector = &detector,
};
