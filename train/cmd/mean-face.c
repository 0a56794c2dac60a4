/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "nn/image.h"
#include "train/cmd/mean-face.h"

#define MATCH_PX 24u /* the alignment compares pictures of this side */
#define MATCH_N (MATCH_PX * MATCH_PX)

/* How one picture lies under the mean: shift in shares of the side, logarithm of the scale, rotation in radians. */
struct pose {
        float x[4];
};
static const float pose_step[4] = { 0.03f, 0.03f, 0.06f, 0.07f };
static const float pose_limit[4] = { 0.1f, 0.1f, 0.2f, 0.25f };

struct job {
        const struct dataset *d;
        const struct mean_face_config *config;
        struct pose *poses; /* [n] */
        float *likeness;    /* [n], correlation with the mean of the class */
        float *threshold;   /* [n_classes], the likeness that a picture needs */
        float weights[MATCH_N];
};

static struct nn_image picture_of(const struct dataset *d, size_t i)
{
        return (struct nn_image){ .data = d->pixels + i * d->width_px * d->height_px,
                                  .width_px = d->width_px,
                                  .height_px = d->height_px,
                                  .stride_bytes = d->width_px };
}

static void sample_posed(const struct dataset *d, size_t i, const struct pose *p, unsigned size_px, float *ret)
{
        struct nn_image im = picture_of(d, i);
        struct nn_affine map = nn_affine_from_square((d->width_px - 1) / 2.0 + p->x[0] * (double)d->width_px,
                                                     (d->height_px - 1) / 2.0 + p->x[1] * (double)d->height_px,
                                                     d->width_px * exp(p->x[2]), p->x[3], size_px);

        if (nn_image_warp(&im, &map, size_px, size_px, ret) < 0)
                memset(ret, 0, (size_t)size_px * size_px * sizeof(*ret));
}

/* The weight of each matched pixel: eyes to mouth count, hair and background do not (they would be matched first, for
 * their contrast, and the features would stay blurred). */
static void match_weights(float ret[MATCH_N])
{
        const double c = (MATCH_PX - 1) / 2.0;

        for (unsigned y = 0; y < MATCH_PX; y++)
                for (unsigned x = 0; x < MATCH_PX; x++) {
                        double u = (x - c) / (0.36 * MATCH_PX), v = (y - c - 0.02 * MATCH_PX) / (0.40 * MATCH_PX);
                        double r = sqrt(u * u + v * v);

                        ret[y * MATCH_PX + x] = (float)CLAMP((1.1 - r) / 0.3, 0.0, 1.0);
                }
}

/* Weighted correlation coefficient. */
static float correlation(const float *a, const float *b, const float *w, size_t n)
{
        double sw = 0, sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;

        for (size_t i = 0; i < n; i++) {
                double wa = (double)w[i] * a[i], wb = (double)w[i] * b[i];

                sw += w[i];
                sa += wa;
                sb += wb;
                aa += wa * a[i];
                bb += wb * b[i];
                ab += wa * b[i];
        }
        double va = aa - sa * sa / sw, vb = bb - sb * sb / sw;
        return va > 1e-6 && vb > 1e-6 ? (float)((ab - sa * sb / sw) / sqrt(va * vb)) : 0;
}

/* Moves the pose along each axis in turn for as long as the picture grows more like @mean. */
static void improve_pose(struct job *j, size_t i, const float *mean)
{
        float sampled[MATCH_N];
        struct pose best = j->poses[i];

        sample_posed(j->d, i, &best, MATCH_PX, sampled);
        float likeness = correlation(sampled, mean, j->weights, MATCH_N);
        for (float scale = 1; scale >= 0.5f; scale /= 2)
                for (size_t k = 0; k < ARRAY_LEN(pose_step); k++)
                        for (int side = -1; side <= 1; side += 2) {
                                struct pose p = best;

                                p.x[k] += (float)side * scale * pose_step[k];
                                if (fabsf(p.x[k]) > pose_limit[k])
                                        continue;
                                sample_posed(j->d, i, &p, MATCH_PX, sampled);
                                float c = correlation(sampled, mean, j->weights, MATCH_N);
                                if (c > likeness) {
                                        likeness = c;
                                        best = p;
                                }
                        }
        j->poses[i] = best;
        j->likeness[i] = likeness;
}

/* Adds the picture, contrast-normalised, and its mirror image to @sum. */
static void add_symmetric(float *x, unsigned size_px, float *sum)
{
        nn_normalise(NN_NORMALISE_CONTRAST, x, (size_t)size_px * size_px);
        for (unsigned y = 0; y < size_px; y++)
                for (unsigned i = 0; i < size_px; i++)
                        sum[y * size_px + i] += 0.5f * (x[y * size_px + i] + x[y * size_px + size_px - 1 - i]);
}

/* Mean of the pictures of each class that are like enough. @x: scratch of one picture. */
static void class_means(const struct job *j, unsigned size_px, float *x, float *ret, size_t *ret_used)
{
        const struct dataset *d = j->d;
        size_t n = (size_t)size_px * size_px, used[DATASET_MAX_CLASSES] = { 0 }, n_present = 0;

        memset(ret, 0, d->n_classes * n * sizeof(*ret));
        for (size_t i = 0; i < d->n; i++) {
                if (j->likeness[i] < j->threshold[d->classes[i]])
                        continue;
                sample_posed(d, i, &j->poses[i], size_px, x);
                add_symmetric(x, size_px, ret + d->classes[i] * n);
                used[d->classes[i]]++;
        }
        memset(x, 0, n * sizeof(*x));
        for (unsigned c = 0; c < d->n_classes; c++) {
                if (!used[c])
                        continue;
                n_present++;
                for (size_t i = 0; i < n; i++) {
                        ret[c * n + i] /= (float)used[c];
                        x[i] += ret[c * n + i];
                }
        }
        for (unsigned c = 0; c < d->n_classes; c++)
                for (size_t i = 0; i < n && !used[c]; i++)
                        ret[c * n + i] = x[i] / (float)n_present;
        if (ret_used)
                memcpy(ret_used, used, d->n_classes * sizeof(*used));
}

static int compare_descending(const void *a, const void *b)
{
        float x = *(const float *)a, y = *(const float *)b;

        return (x < y) - (x > y);
}

/* The likeness of the last picture of each class that @config->keep lets in. @sorted: scratch of n. */
static void set_thresholds(struct job *j, float *sorted)
{
        for (unsigned c = 0; c < j->d->n_classes; c++) {
                size_t n = 0;

                for (size_t i = 0; i < j->d->n; i++)
                        if (j->d->classes[i] == c)
                                sorted[n++] = j->likeness[i];
                if (!n)
                        continue;
                qsort(sorted, n, sizeof(*sorted), compare_descending);
                size_t last = (size_t)ceil(j->config->keep * (double)n);
                j->threshold[c] = sorted[CLAMP(last, (size_t)1, n) - 1];
        }
}

static int align_and_average(struct job *j, float *ret, size_t *ret_used)
{
        const struct dataset *d = j->d;
        size_t n = (size_t)j->config->size_px * j->config->size_px;
        _cleanup_(freep) float *means = calloc(d->n_classes, MATCH_N * sizeof(*means));
        _cleanup_(freep) float *x = calloc(MAX(n, (size_t)MATCH_N), sizeof(*x));
        _cleanup_(freep) float *sorted = calloc(d->n, sizeof(*sorted));

        if (!means || !x || !sorted)
                return -ENOMEM;
        for (unsigned pass = 0; pass < j->config->passes; pass++) {
                class_means(j, MATCH_PX, x, means, NULL);
                for (size_t i = 0; i < d->n; i++)
                        improve_pose(j, i, means + d->classes[i] * (size_t)MATCH_N);
                set_thresholds(j, sorted);
        }
        class_means(j, j->config->size_px, x, ret, ret_used);
        return 0;
}

int mean_faces(const struct dataset *d, const struct mean_face_config *config, float *ret, size_t *ret_used)
{
        float threshold[DATASET_MAX_CLASSES] = { 0 };

        if (!d->n || d->n_classes > DATASET_MAX_CLASSES || config->size_px < 8 || config->size_px > 512 ||
            !(config->keep > 0 && config->keep <= 1))
                return -EINVAL;
        _cleanup_(freep) struct pose *poses = calloc(d->n, sizeof(*poses));
        _cleanup_(freep) float *likeness = calloc(d->n, sizeof(*likeness));
        if (!poses || !likeness)
                return -ENOMEM;
        struct job j = { .d = d, .config = config, .poses = poses, .likeness = likeness, .threshold = threshold };
        match_weights(j.weights);
        return align_and_average(&j, ret, ret_used);
}
