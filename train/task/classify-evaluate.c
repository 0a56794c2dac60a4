/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A classifier in training on whole sets: its metrics, and the calibration that follows from its answers. */
#include <string.h>

#include "basic/macro.h"
#include "train/net/loss.h"
#include "train/task/classify.h"

#define CALIBRATION_ROWS 6000

void classify_measure(struct task *task, const struct dataset *set, struct metrics *ret, float *ret_logits)
{
        float p[DATASET_MAX_CLASSES];
        struct net *net = task->net;
        unsigned classes = net->n_classes;

        metrics_init(ret, classes);
        for (size_t first = 0; first < set->n; first += net->max_batch) {
                unsigned n = (unsigned)MIN(set->n - first, (size_t)net->max_batch);

                classify_load_plain(task, set, first, n);
                net_forward(net, n, false);
                if (ret_logits)
                        memcpy(ret_logits + first * classes, net_output(net), n * classes * sizeof(float));
                for (unsigned i = 0; i < n; i++) {
                        softmax(net_output(net) + i * classes, classes, p);
                        metrics_add(ret, set->classes[first + i], p);
                }
        }
}

void classify_evaluate(struct task *task, double *ret_loss, double *ret_accuracy)
{
        const struct classify *c = task->state;
        struct metrics m;

        *ret_loss = *ret_accuracy = 0;
        if (!c->valid)
                return;
        classify_measure(task, c->valid, &m, NULL);
        *ret_loss = m.loss;
        *ret_accuracy = metrics_accuracy(&m);
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

static int calibrate_bias(struct task *task, struct calibration *ret)
{
        const struct classify *c = task->state;
        _cleanup_(dataset_freep) struct dataset *rows = NULL;
        _cleanup_(freep) float *logits = NULL;
        _cleanup_(freep) float *work = NULL;
        unsigned classes = task->net->n_classes;
        struct metrics m;
        int r = sample_rows(c->train, &rows);

        if (r < 0)
                return r;
        logits = floats_new(rows->n * classes);
        work = floats_new(rows->n * classes);
        if (!logits || !work)
                return -ENOMEM;
        classify_measure(task, rows, &m, logits);
        calibration_classes(logits, rows->classes, rows->n, classes, work, ret);
        return 0;
}

int classify_calibrate(struct task *task)
{
        struct classify *c = task->state;
        _cleanup_(freep) float *logits = NULL;
        unsigned classes = task->net->n_classes;
        struct calibration calibration;
        struct metrics m;
        int r;

        calibration_init(&calibration);
        if (c->config.class_bias) {
                r = calibrate_bias(task, &calibration);
                if (r < 0)
                        return r;
        }
        if (c->valid) {
                logits = floats_new(c->valid->n * classes);
                if (!logits)
                        return -ENOMEM;
                classify_measure(task, c->valid, &m, logits);
                calibration_apply(&calibration, logits, c->valid->n, classes);
                /* with all rows right no temperature is best: the surer the better */
                if (m.correct < m.count)
                        calibration_sharpen(&calibration,
                                            calibration_temperature(logits, c->valid->classes, c->valid->n, classes));
        }
        c->calibration = calibration;
        c->calibrated = true;
        return 0;
}
