/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "train/loss.h"

void softmax(const float *logits, unsigned n, float *ret)
{
        float top = logits[0];
        double sum = 0;

        for (unsigned i = 1; i < n; i++)
                top = logits[i] > top ? logits[i] : top;
        for (unsigned i = 0; i < n; i++) {
                ret[i] = expf(logits[i] - top);
                sum += (double)ret[i];
        }
        for (unsigned i = 0; i < n; i++)
                ret[i] = (float)((double)ret[i] / sum);
}

double loss_cross_entropy(const float *logits, const float *target, size_t n, unsigned classes, float *gradient)
{
        double total = 0;

        for (size_t i = 0; i < n; i++, logits += classes, target += classes) {
                double top = logits[0], sum = 0, weight = 0, log_sum;

                for (unsigned k = 1; k < classes; k++)
                        top = logits[k] > top ? logits[k] : top;
                for (unsigned k = 0; k < classes; k++) {
                        sum += exp(logits[k] - top);
                        weight += (double)target[k];
                }
                log_sum = top + log(sum);
                for (unsigned k = 0; k < classes; k++) {
                        total -= target[k] * (logits[k] - log_sum);
                        if (gradient)
                                *gradient++ = (float)((weight * exp(logits[k] - log_sum) - target[k]) / (double)n);
                }
        }
        return total / (double)n;
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

double loss_temperature(const float *logits, const uint8_t *labels, size_t n, unsigned classes)
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
