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
