/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/net/calibrate.h"
#include "train/net/loss.h"

void calibration_init(struct calibration *c)
{
        *c = (struct calibration){ .temperature = 1 };
}

void calibration_apply(const struct calibration *c, float *logits, size_t n, unsigned classes)
{
        for (size_t i = 0; i < n; i++, logits += classes)
                for (unsigned k = 0; k < classes; k++)
                        logits[k] = (float)(logits[k] / c->temperature + c->bias[k]);
}

void calibration_sharpen(struct calibration *c, double temperature)
{
        c->temperature *= temperature;
        for (unsigned k = 0; k < DATASET_MAX_CLASSES; k++)
                c->bias[k] /= temperature;
}

static double tempered(const float *logits, const uint8_t *labels, size_t n, unsigned classes, double scale)
{
        double total = 0;

        for (size_t i = 0; i < n; i++, logits += classes) {
                double top = logits[0], sum = 0;

                for (unsigned k = 1; k < classes; k++)
                        top = logits[k] > top ? logits[k] : top;
                for (unsigned k = 0; k < classes; k++)
                        sum += exp((logits[k] - top) * scale);
                total += log(sum) - (logits[labels[i]] - top) * scale;
        }
        return total;
}

double calibration_temperature(const float *logits, const uint8_t *labels, size_t n, unsigned classes)
{
        /* convex in 1 / t, so unimodal in its logarithm: golden section */
        const double ratio = (sqrt(5) - 1) / 2;
        double lo = log(0.05), hi = log(20), a = hi - ratio * (hi - lo), b = lo + ratio * (hi - lo);
        double at_a = tempered(logits, labels, n, classes, exp(a)), at_b = tempered(logits, labels, n, classes, exp(b));

        while (hi - lo > 1e-4) {
                if (at_a < at_b) {
                        hi = b;
                        b = a;
                        at_b = at_a;
                        a = hi - ratio * (hi - lo);
                        at_a = tempered(logits, labels, n, classes, exp(a));
                } else {
                        lo = a;
                        a = b;
                        at_a = at_b;
                        b = lo + ratio * (hi - lo);
                        at_b = tempered(logits, labels, n, classes, exp(b));
                }
        }
        return exp(-(lo + hi) / 2);
}

/* Moves the bias down the gradient of the mean cross-entropy, whose curvature is at most 1/2. */
static void step_bias(const float *logits, const uint8_t *labels, size_t n, unsigned classes, struct calibration *c)
{
        double gradient[DATASET_MAX_CLASSES] = { 0 }, mean = 0;
        float z[DATASET_MAX_CLASSES], p[DATASET_MAX_CLASSES];

        for (size_t i = 0; i < n; i++) {
                for (unsigned k = 0; k < classes; k++)
                        z[k] = (float)(logits[i * classes + k] / c->temperature + c->bias[k]);
                softmax(z, classes, p);
                for (unsigned k = 0; k < classes; k++)
                        gradient[k] += p[k] - (labels[i] == k);
        }
        for (unsigned k = 0; k < classes; k++) {
                c->bias[k] -= 2 * gradient[k] / (double)n;
                mean += c->bias[k] / classes;
        }
        for (unsigned k = 0; k < classes; k++)
                c->bias[k] -= mean;
}

void calibration_classes(const float *logits, const uint8_t *labels, size_t n, unsigned classes, float *work,
                         struct calibration *ret)
{
        struct calibration c;

        calibration_init(&c);
        /* convex in 1 / temperature and bias together: a step in each, in turn */
        for (unsigned round = 0; round < 12; round++) {
                for (unsigned i = 0; i < 40; i++)
                        step_bias(logits, labels, n, classes, &c);
                memcpy(work, logits, n * classes * sizeof(float));
                calibration_apply(&c, work, n, classes);
                calibration_sharpen(&c, calibration_temperature(work, labels, n, classes));
        }
        *ret = c;
}
