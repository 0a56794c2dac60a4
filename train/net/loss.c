/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "train/net/loss.h"

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

/* The logarithm of the sum of exponentials of logits * scale, and the row's weight. */
static double log_sum_of(const float *logits, const float *target, unsigned classes, double scale, double *ret_weight)
{
        double top = logits[0], sum = 0, weight = 0;

        for (unsigned k = 1; k < classes; k++)
                top = logits[k] > top ? logits[k] : top;
        for (unsigned k = 0; k < classes; k++) {
                sum += exp((logits[k] - top) * scale);
                weight += (double)target[k];
        }
        *ret_weight = weight;
        return top * scale + log(sum);
}

double loss_softened(const float *logits, const float *target, size_t n, unsigned classes, double temperature,
                     float *gradient)
{
        double total = 0;

        for (size_t i = 0; i < n; i++, logits += classes, target += classes) {
                double weight, log_sum = log_sum_of(logits, target, classes, 1 / temperature, &weight);

                for (unsigned k = 0; k < classes; k++) {
                        double log_p = logits[k] / temperature - log_sum;

                        total -= target[k] * log_p;
                        *gradient++ += (float)(temperature * (weight * exp(log_p) - target[k]) / (double)n);
                }
        }
        return temperature * temperature * total / (double)n;
}

double loss_cross_entropy(const float *logits, const float *target, size_t n, unsigned classes, float *gradient)
{
        double total = 0;

        for (size_t i = 0; i < n; i++, logits += classes, target += classes) {
                double weight, log_sum = log_sum_of(logits, target, classes, 1, &weight);

                for (unsigned k = 0; k < classes; k++) {
                        total -= target[k] * (logits[k] - log_sum);
                        if (gradient)
                                *gradient++ = (float)((weight * exp(logits[k] - log_sum) - target[k]) / (double)n);
                }
        }
        return total / (double)n;
}
