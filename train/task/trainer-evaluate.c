/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The network in training on whole sets: its metrics, and the calibration that follows from its answers. */
#include <string.h>

#include "basic/macro.h"
#include "train/net/loss.h"
#include "train/task/batch.h"

#define CALIBRATION_ROWS 6000

void trainer_evaluate(struct trainer *t, const struct dataset *set, struct metrics *ret, float *ret_logits)
{
        float p[DATASET_MAX_CLASSES];
        unsigned classes = t->net->n_classes;

        metrics_init(ret, classes);
        for (size_t first = 0; first < set->n; first += t->net->max_batch) {
                unsigned n = (unsigned)MIN(set->n - first, (size_t)t->net->max_batch);

                batch_load(t, set, first, n, true);
                batch_normalise(t, n);
                net_forward(t->net, n, false);
                if (ret_logits)
                        memcpy(ret_logits + first * classes, net_output(t->net), n * classes * sizeof(float));
                for (unsigned i = 0; i < n; i++) {
                        softmax(net_output(t->net) + i * classes, classes, p);
                        metrics_add(ret, set->classes[first + i], p);
                }
        }
}

/* About CALIBRATION_ROWS rows spread over @set. */
static int sample_rows(const struct dataset *set, struct dataset **ret)
{
        _cleanup_(dataset_freep) struct dataset *rows = calloc(1, sizeof(*rows));
        size_t every = MAX(set->n / CALIBRATION_ROWS, (size_t)1), size = (size_t)set->width_px * set->height_px;

        if (!rows)
                return -ENOMEM;
        *rows = (struct dataset){
                .width_px = set->width_px, .height_px = set->height_px, .n = set->n / every, .n_classes = set->n_classes
        };
        rows->pixels = malloc(rows->n * size);
        rows->classes = malloc(rows->n);
        if (!rows->pixels || !rows->classes)
                return -ENOMEM;
        for (size_t i = 0; i < rows->n; i++) {
                memcpy(rows->pixels + i * size, set->pixels + i * every * size, size);
                rows->classes[i] = set->classes[i * every];
        }
        *ret = STEAL(rows);
        return 0;
}

static int calibrate_classes(struct trainer *t, struct calibration *ret)
{
        _cleanup_(dataset_freep) struct dataset *rows = NULL;
        _cleanup_(freep) float *logits = NULL;
        _cleanup_(freep) float *work = NULL;
        struct metrics m;
        int r = sample_rows(t->train, &rows);

        if (r < 0)
                return r;
        logits = floats_new(rows->n * t->net->n_classes);
        work = floats_new(rows->n * t->net->n_classes);
        if (!logits || !work)
                return -ENOMEM;
        trainer_evaluate(t, rows, &m, logits);
        calibration_classes(logits, rows->classes, rows->n, t->net->n_classes, work, ret);
        return 0;
}

int trainer_calibrate(struct trainer *t, struct calibration *ret)
{
        _cleanup_(freep) float *logits = NULL;
        unsigned classes = t->net->n_classes;
        struct calibration c;
        struct metrics m;
        int r;

        calibration_init(&c);
        if (t->config.class_bias) {
                r = calibrate_classes(t, &c);
                if (r < 0)
                        return r;
        }
        if (t->valid) {
                logits = floats_new(t->valid->n * classes);
                if (!logits)
                        return -ENOMEM;
                trainer_evaluate(t, t->valid, &m, logits);
                calibration_apply(&c, logits, t->valid->n, classes);
                /* with all rows right no temperature is best: the surer the better */
                if (m.correct < m.count)
                        calibration_sharpen(&c,
                                            calibration_temperature(logits, t->valid->classes, t->valid->n, classes));
        }
        *ret = c;
        return 0;
}
