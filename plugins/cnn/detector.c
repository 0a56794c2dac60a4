/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/detect.h"
#include "nn/error.h"
#include "nn/image.h"
#include "nn/landmarks.h"
#include "plugins/cnn/detector.h"

/* far above any camera */
#define MAX_SIDE_PX 32767u
/* The network's sides are multiples of its largest stride. */
#define UNIT_PX 32u
/* Sizes that are kept planned: the camera's, a few of regions, a still picture's. */
#define MAX_PLANS 6u
/* About a known face there is time for a closer look: sides of the region's smallest face in the input. */
#define ROI_FACE_PX 24u
#define MAX_ENLARGE 2.0
/* Larger faces in the input than this are found badly or in parts: hardly any was so large in training (max_px in
 * recipes/detect.conf). Where there is room for one, a second look is taken in half the size, and so on. */
#define LARGE_FACE_PX 256u
/* So much of a box inside that of a surer and larger face: a part of that face. */
#define PART_SHARE 0.7
/* Cells that may be faces; the surest are kept. */
#define MAX_FOUND 256u
/* From a box with the forehead to one from the brows on: the side of the square about the same centre, in heights. */
#define HEAD_TO_FACE ((float)(1 / LANDMARKS_SQUARE_PER_BOX))

/* The network made ready for one size of its input. */
struct sized {
        unsigned width_px, height_px;
        struct nn_plan *plan; /* NULL: free */
        struct detect_level levels[DETECT_LEVELS];
        uint8_t *pixels; /* [height, width], the shrunk picture */
        uint64_t used;   /* when, by the detector's clock */
};

struct detector {
        struct detector_config config;
        struct nn_model *model;
        unsigned channels;
        unsigned fixed_width_px, fixed_height_px; /* 0: any */
        enum nn_normalisation normalisation;
        bool head; /* boxes with the forehead */
        struct sized sizes[MAX_PLANS];
        uint64_t clock;
        struct detections cells; /* of one look, in the input */
        struct detections found; /* of all looks, in the view */
};

/* What is searched: a part of the picture, and how it is laid into the input. */
struct view {
        uint32_t x, y, width_px, height_px; /* in the picture */
        unsigned input_width_px, input_height_px;
        unsigned to_width_px, to_height_px; /* what it measures there, from the top left corner */
};

static int read_metadata(struct detector *d, struct nn_error *error)
{
        const char *task = nn_model_metadata(d->model, "emotiond.task");
        const char *normalisation = nn_model_metadata(d->model, "emotiond.normalisation");
        const char *box = nn_model_metadata(d->model, "emotiond.box");
        int r;

        if (task && strcmp(task, "detect") != 0)
                return nn_fail(error, -EINVAL, "its task (metadata emotiond.task) is '%.40s', not 'detect'", task);
        r = nn_normalisation_from_string(normalisation ?: d->channels == 3 ? "none" : "unit");
        if (r < 0)
                return nn_fail(error, -EINVAL, "it wants the unknown normalisation '%.40s'", normalisation);
        d->normalisation = (enum nn_normalisation)r;
        if (box && strcmp(box, "head") != 0 && strcmp(box, "face") != 0)
                return nn_fail(error, -EINVAL, "its emotiond.box is '%.40s', neither 'face' nor 'head'", box);
        d->head = !box || strcmp(box, "head") == 0;
        return 0;
}

static bool side_is_possible(int64_t n)
{
        return n < 0 || (n >= UNIT_PX && n <= MAX_SIDE_PX && n % UNIT_PX == 0);
}

static int check_input(struct detector *d, struct nn_error *error)
{
        const struct nn_tensor *in = nn_model_input(d->model, 0);

        if (nn_model_n_inputs(d->model) != 1 || in->type != NN_FLOAT32 || in->n_dims != 4 || in->dims[0] > 1 ||
            (in->dims[1] != 1 && in->dims[1] != 3) || !side_is_possible(in->dims[2]) || !side_is_possible(in->dims[3]))
                return nn_fail(error, -EINVAL,
                               "it must have one input [1, 1, H, W] or [1, 3, H, W] of float32, H and W "
                               "open or multiples of %u",
                               UNIT_PX);
        d->channels = (unsigned)in->dims[1];
        return 0;
}

static void sized_done(struct sized *s)
{
        nn_plan_free(s->plan);
        free(s->pixels);
        *s = (struct sized){ 0 };
}

static int sized_init(struct sized *s, const struct detector *d, unsigned width_px, unsigned height_px,
                      struct nn_error *error)
{
        const struct nn_tensor shape = { .type = NN_FLOAT32,
                                         .n_dims = 4,
                                         .dims = { 1, d->channels, height_px, width_px } };
        const struct nn_plan_options options = { .inputs = &shape, .free_sizes = true };
        int r;

        *s = (struct sized){ .width_px = width_px, .height_px = height_px };
        r = nn_plan_new(d->model, &options, &s->plan, error);
        if (r >= 0)
                r = detect_find_levels(d->model, s->plan, width_px, height_px, s->levels, error);
        if (r >= 0) {
                s->pixels = malloc((size_t)width_px * height_px);
                if (!s->pixels)
                        r = nn_fail(error, -ENOMEM, "out of memory");
        }
        if (r < 0)
                sized_done(s);
        return r;
}

/* The network for one size of its input, planned now if it was not yet. NULL with @error. */
static struct sized *get_sized(struct detector *d, unsigned width_px, unsigned height_px, int *ret_r,
                               struct nn_error *error)
{
        struct sized *oldest = &d->sizes[0];

        for (size_t i = 0; i < ARRAY_LEN(d->sizes); i++) {
                struct sized *s = &d->sizes[i];

                if (s->plan && s->width_px == width_px && s->height_px == height_px) {
                        s->used = ++d->clock;
                        return s;
                }
                if (s->used < oldest->used)
                        oldest = s;
        }
        sized_done(oldest);
        *ret_r = sized_init(oldest, d, width_px, height_px, error);
        if (*ret_r < 0)
                return NULL;
        oldest->used = ++d->clock;
        return oldest;
}

/* Many files fix the size that they were exported with, and would run at any. */
static int try_sizes(struct detector *d, struct nn_error *error)
{
        const struct nn_tensor *in = nn_model_input(d->model, 0);
        int r = 0;

        struct sized *s = get_sized(d, 2 * UNIT_PX, 3 * UNIT_PX, &r, error);

        if (s) {
                sized_done(s); /* it has its own weights, and this size is hardly asked for again */
                return 0;
        }
        if (in->dims[2] < 0 || in->dims[3] < 0)
                return r;
        d->fixed_height_px = (unsigned)in->dims[2];
        d->fixed_width_px = (unsigned)in->dims[3];
        return get_sized(d, d->fixed_width_px, d->fixed_height_px, &r, error) ? 0 : r;
}

int detector_new(const char *path, const struct detector_config *config, struct detector **ret, struct nn_error *error)
{
        struct detector *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return nn_fail(error, -ENOMEM, "out of memory");
        d->config = *config;
        r = detections_init(&d->cells, MAX_FOUND);
        if (r >= 0)
                r = detections_init(&d->found, MAX_FOUND);
        if (r < 0)
                nn_fail(error, r, "out of memory");
        else
                r = nn_model_load(path, &d->model, error);
        if (r >= 0)
                r = check_input(d, error);
        if (r >= 0)
                r = read_metadata(d, error);
        if (r >= 0)
                r = try_sizes(d, error);
        if (r < 0) {
                detector_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

struct detector *detector_free(struct detector *d)
{
        if (!d)
                return NULL;
        for (size_t i = 0; i < ARRAY_LEN(d->sizes); i++)
                sized_done(&d->sizes[i]);
        nn_model_free(d->model);
        detections_done(&d->cells);
        detections_done(&d->found);
        free(d);
        return NULL;
}

/* Widens @*length to @wanted about its middle, inside 0..@limit. */
static void widen(uint32_t *start, uint32_t *length, uint32_t wanted, uint32_t limit)
{
        uint32_t more;

        wanted = MIN(wanted, limit);
        if (*length >= wanted)
                return;
        more = wanted - *length;
        *start -= MIN(*start, more / 2);
        *start = MIN(*start, limit - wanted);
        *length = wanted;
}

/* The searched part: all, or the hint's region made square with what is about it, so that one size of the input serves
 * all of them. False if nothing is left. */
static bool view_init(struct view *v, const struct emo_image *image, const struct emo_detect_hints *hints)
{
        *v = (struct view){ .width_px = image->width_px, .height_px = image->height_px };
        if (!hints->roi_width)
                return image->width_px && image->height_px;
        if (hints->roi_x >= image->width_px || hints->roi_y >= image->height_px || !hints->roi_height)
                return false;
        v->x = hints->roi_x;
        v->y = hints->roi_y;
        v->width_px = MIN(hints->roi_width, image->width_px - v->x);
        v->height_px = MIN(hints->roi_height, image->height_px - v->y);
        uint32_t side = MAX(v->width_px, v->height_px);

        widen(&v->x, &v->width_px, side, image->width_px);
        widen(&v->y, &v->height_px, side, image->height_px);
        return true;
}

/* @length shrunk by @scale, then up to a multiple of the largest stride; rounding errors do not count. */
static unsigned padded(uint32_t length, double scale)
{
        unsigned n = (unsigned)ceil(length * scale - 1e-6);

        return MAX((n + UNIT_PX - 1) / UNIT_PX, 1u) * UNIT_PX;
}

/* How small the view may become: its smallest face should still measure face_px. */
static void view_scale(struct view *v, const struct detector *d, uint32_t min_face_px, bool roi)
{
        uint32_t face_px = roi ? MAX(d->config.face_px, ROI_FACE_PX) : d->config.face_px;
        double longer = MAX(v->width_px, v->height_px);
        double wanted = fmin((double)face_px / MAX(min_face_px, 1u), roi ? MAX_ENLARGE : 1);
        double scale = fmin(wanted, d->config.max_side_px / longer);

        v->input_width_px = d->fixed_width_px ?: padded(v->width_px, scale);
        v->input_height_px = d->fixed_height_px ?: padded(v->height_px, scale);
        if (roi && !d->fixed_width_px)
                v->input_width_px = v->input_height_px = MAX(v->input_width_px, v->input_height_px);
        /* as much of the input as the view's shape allows; the whole picture is not enlarged */
        scale = fmin((double)v->input_width_px / v->width_px, (double)v->input_height_px / v->height_px);
        scale = fmin(scale, roi ? MAX_ENLARGE : 1);
        v->to_width_px = CLAMP((unsigned)lround(v->width_px * scale), 1u, v->input_width_px);
        v->to_height_px = CLAMP((unsigned)lround(v->height_px * scale), 1u, v->input_height_px);
}

/* Half the size, if a face in it may be too large for the network; else false. */
static bool view_coarser(struct view *v, const struct detector *d)
{
        if (d->fixed_width_px || MIN(v->to_width_px, v->to_height_px) <= LARGE_FACE_PX)
                return false;
        v->to_width_px /= 2;
        v->to_height_px /= 2;
        v->input_width_px = padded(v->input_width_px, 0.5);
        v->input_height_px = padded(v->input_height_px, 0.5);
        return true;
}

/* The view as the network wants it; what it does not cover is black. */
static int fill_input(struct detector *d, const struct sized *s, const struct view *v, const struct emo_image *image)
{
        const struct nn_image src = { .data = image->data + v->y * image->stride_bytes + v->x,
                                      .width_px = v->width_px,
                                      .height_px = v->height_px,
                                      .stride_bytes = image->stride_bytes };
        size_t n = (size_t)s->width_px * s->height_px;
        float *x = nn_plan_input(s->plan, 0)->data;
        const uint8_t *from = s->pixels;
        int r = nn_image_resize(&src, v->to_width_px, v->to_height_px, s->pixels);

        if (r < 0)
                return r;
        for (unsigned row = 0; row < v->to_height_px; row++, from += v->to_width_px) {
                float *to = x + (size_t)row * s->width_px;

                for (unsigned i = 0; i < v->to_width_px; i++)
                        to[i] = from[i];
                for (unsigned i = v->to_width_px; i < s->width_px; i++)
                        to[i] = 0;
        }
        memset(x + (size_t)v->to_height_px * s->width_px, 0,
               (size_t)(s->height_px - v->to_height_px) * s->width_px * sizeof(*x));
        nn_normalise(d->normalisation, x, n);
        for (unsigned c = 1; c < d->channels; c++)
                memcpy(x + c * n, x, n * sizeof(*x));
        return 0;
}

static int add_scaled(struct detections *to, struct detection a, float x, float y)
{
        a.x *= x;
        a.y *= y;
        a.w *= x;
        a.h *= y;
        return detections_add(to, &a);
}

/* Adds what the network finds in the view at its present size, from @least_px of its input on. */
static int look(struct detector *d, const struct view *v, const struct emo_image *image, float least_px,
                struct nn_error *error)
{
        float fx = (float)v->width_px / (float)v->to_width_px, fy = (float)v->height_px / (float)v->to_height_px;
        struct sized *s;
        int r = 0;

        s = get_sized(d, v->input_width_px, v->input_height_px, &r, error);
        if (!s)
                return r;
        r = fill_input(d, s, v, image);
        if (r >= 0)
                r = nn_plan_run(s->plan);
        if (r < 0)
                return nn_fail(error, r, "the network did not run: %s", strerror(-r));
        d->cells.n = 0;
        for (size_t i = 0; i < DETECT_LEVELS && r >= 0; i++)
                r = detect_decode(&s->levels[i], d->config.threshold, &d->cells);
        for (size_t i = 0; i < d->cells.n && r >= 0; i++)
                if (MAX(d->cells.list[i].w, d->cells.list[i].h) >= least_px)
                        r = add_scaled(&d->found, d->cells.list[i], fx, fy);
        return r < 0 ? nn_fail(error, r, "out of memory") : 0;
}

/* From the view to the picture, and from the network's framing to that of emo-plugin.h. */
static struct emo_box place(const struct detector *d, const struct view *v, const struct detection *b)
{
        struct emo_box ret = { .x = b->x, .y = b->y, .width = b->w, .height = b->h };
        float side = HEAD_TO_FACE * ret.height;

        if (d->head)
                ret = (struct emo_box){ .x = ret.x + (ret.width - side) / 2,
                                        .y = ret.y + (ret.height - side) / 2,
                                        .width = side,
                                        .height = side };
        /* the first pixel covers 0..1 there, -0.5..0.5 here */
        ret.x += (float)v->x - 0.5f;
        ret.y += (float)v->y - 0.5f;
        ret.confidence = b->score;
        return ret;
}

static bool is_wanted(const struct emo_box *b, const struct emo_detect_hints *hints, uint32_t min_face_px)
{
        float side_px = MAX(b->width, b->height), x = b->x + b->width / 2, y = b->y + b->height / 2;

        if (side_px < (float)min_face_px || (hints->max_face_px && side_px > (float)hints->max_face_px))
                return false;
        return !hints->roi_width || (x >= (float)hints->roi_x && x <= (float)hints->roi_x + (float)hints->roi_width &&
                                     y >= (float)hints->roi_y && y <= (float)hints->roi_y + (float)hints->roi_height);
}

int detector_find(struct detector *d, const struct emo_image *image, const struct emo_detect_hints *hints,
                  struct emo_box *ret, size_t max, struct nn_error *error)
{
        uint32_t min_face_px = hints->min_face_px ?: d->config.min_face_px;
        struct view v;
        float least_px = 0;
        size_t n = 0;
        int r;

        if (image->width_px > MAX_SIDE_PX || image->height_px > MAX_SIDE_PX)
                return nn_fail(error, -EFBIG, "a picture of %ux%u is too large", image->width_px, image->height_px);
        if (!view_init(&v, image, hints))
                return 0;
        view_scale(&v, d, min_face_px, hints->roi_width);
        d->found.n = 0;
        do {
                r = look(d, &v, image, least_px, error);
                least_px = LARGE_FACE_PX / 4; /* smaller ones were seen better before */
        } while (r >= 0 && view_coarser(&v, d));
        if (r < 0)
                return r;
        detect_suppress(&d->found, d->config.overlap);
        detect_drop_parts(&d->found, PART_SHARE);
        for (size_t i = 0; i < d->found.n && n < max; i++) {
                struct emo_box b = place(d, &v, &d->found.list[i]);

                if (is_wanted(&b, hints, min_face_px))
                        ret[n++] = b;
        }
        return (int)n;
}
