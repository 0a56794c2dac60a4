/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "plugins/cnn/aligner.h"

/* Passes for a face that is new, or was lost. */
#define MAX_PASSES 3u
/* As many as the host follows, and some that it looks at beside. */
#define MAX_KNOWN 40u
/* Calls after which a face that was not seen again is forgotten. */
#define KNOWN_CALLS 400u
/* A box belongs to a remembered face if its centre is nearer than this, in sides, and the sides differ by at most this
 * factor. */
#define SAME_SHIFT 0.35
#define SAME_RATIO 1.5
/* The host's limit for a face. */
#define IS_FACE 0.5f
/* A confidence of 1 would say that there is no measure. */
#define MAX_CONFIDENCE 0.9999f

struct known {
        struct landmarks_square box;    /* that was asked for */
        struct landmarks_square points; /* that was found */
        uint64_t call;                  /* when; 0: free */
        uint64_t sequence;              /* of the picture */
};

struct aligner {
        struct landmarks *net;
        struct known known[MAX_KNOWN];
        uint64_t n_calls;
        const uint64_t *sequence; /* of the picture at hand; NULL: always the same */
};

int aligner_new(const char *path, struct aligner **ret, struct nn_error *error)
{
        struct aligner *a = calloc(1, sizeof(*a));
        int r;

        if (!a) {
                snprintf(error->text, sizeof(error->text), "out of memory");
                return -ENOMEM;
        }
        r = landmarks_new(path, &a->net, error);
        if (r < 0) {
                free(a);
                return r;
        }
        *ret = a;
        return 0;
}

struct aligner *aligner_free(struct aligner *a)
{
        if (!a)
                return NULL;
        landmarks_free(a->net);
        free(a);
        return NULL;
}

void aligner_set_sequence(struct aligner *a, const uint64_t *sequence)
{
        a->sequence = sequence;
}

static uint64_t sequence_of(const struct aligner *a)
{
        return a->sequence ? *a->sequence : 0;
}

static struct known *find_known(struct aligner *a, const struct landmarks_square *box)
{
        struct known *best = NULL;
        double least = SAME_SHIFT * box->side_px;

        for (size_t i = 0; i < MAX_KNOWN; i++) {
                struct known *k = &a->known[i];
                double distance = hypot(k->box.x - box->x, k->box.y - box->y), ratio = k->box.side_px / box->side_px;

                if (!k->call || a->n_calls - k->call > KNOWN_CALLS || k->sequence != sequence_of(a) ||
                    distance > least || ratio > SAME_RATIO || ratio < 1 / SAME_RATIO)
                        continue;
                least = distance;
                best = k;
        }
        return best;
}

/* @k: what was known of this face, or NULL: the one that was not seen for longest makes room. */
static void remember(struct aligner *a, struct known *k, const struct landmarks_square *box,
                     const struct landmarks_face *face)
{
        struct landmarks_square points;

        if (face->confidence < IS_FACE || !landmarks_square_of(face->points, &points)) {
                if (k)
                        k->call = 0;
                return;
        }
        if (!k) {
                k = &a->known[0];
                for (size_t i = 1; i < MAX_KNOWN; i++)
                        if (a->known[i].call < k->call)
                                k = &a->known[i];
        }
        *k = (struct known){ .box = *box, .points = points, .call = a->n_calls, .sequence = sequence_of(a) };
}

/* From the last points, moved as the box has moved since. */
static int find_again(struct aligner *a, const struct nn_image *image, const struct known *k,
                      const struct landmarks_square *box, struct landmarks_face *ret)
{
        double grown = box->side_px / k->box.side_px;
        struct landmarks_square start = { .x = box->x + (k->points.x - k->box.x) * grown,
                                          .y = box->y + (k->points.y - k->box.y) * grown,
                                          .side_px = k->points.side_px * grown,
                                          .roll_rad = k->points.roll_rad };

        return landmarks_find(a->net, image, &start, MAX_PASSES, ret);
}

static int find_anew(struct aligner *a, const struct nn_image *image, const struct landmarks_square *box,
                     struct landmarks_face *ret)
{
        struct landmarks_square start = { .x = box->x,
                                          .y = box->y,
                                          .side_px = LANDMARKS_SQUARE_PER_BOX * box->side_px };

        return landmarks_find(a->net, image, &start, MAX_PASSES, ret);
}

static void fill_alignment(const struct landmarks_face *face, struct emo_alignment *ret)
{
        struct landmarks_square square;

        *ret = (struct emo_alignment){ .n_points = LANDMARKS_N, .confidence = fminf(face->confidence, MAX_CONFIDENCE) };
        memcpy(ret->points, face->points, sizeof(ret->points));
        if (!landmarks_square_of(face->points, &square)) {
                ret->confidence = 0; /* points in one place are no face */
                return;
        }
        ret->x = (float)square.x;
        ret->y = (float)square.y;
        ret->side_px = (float)square.side_px;
        ret->roll_rad = (float)square.roll_rad;
}

int aligner_find(struct aligner *a, const struct emo_image *image, const struct emo_box *box, struct emo_alignment *ret)
{
        const struct nn_image src = { .data = image->data,
                                      .width_px = image->width_px,
                                      .height_px = image->height_px,
                                      .stride_bytes = image->stride_bytes };
        struct landmarks_square square = { .x = (double)box->x + box->width / 2.0,
                                           .y = (double)box->y + box->height / 2.0,
                                           .side_px = fmax(box->width, box->height) };
        struct landmarks_face face = { .confidence = 0 };
        struct known *k;
        int r = 0;

        /* written so that a NaN fails */
        if (!(square.side_px >= 1 && square.side_px < 1e6 && fabs(square.x) < 1e6 && fabs(square.y) < 1e6))
                return -EINVAL;
        a->n_calls++;
        k = find_known(a, &square);
        if (k)
                r = find_again(a, &src, k, &square, &face);
        if (r >= 0 && face.confidence < IS_FACE)
                r = find_anew(a, &src, &square, &face);
        if (r < 0)
                return r;
        remember(a, k, &square, &face);
        fill_alignment(&face, ret);
        return 0;
}
