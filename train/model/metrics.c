/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "train/model/metrics.h"

/* A probability of zero for the truth would make the mean loss infinite and hide all other rows. */
#define LEAST_PROBABILITY 1e-12

void metrics_init(struct metrics *m, unsigned n_classes)
{
        memset(m, 0, sizeof(*m));
        m->n_classes = MIN(n_classes, (unsigned)DATASET_MAX_CLASSES);
}

/* Adds one loss to the running mean over m->count rows, the new one included. */
static void add_loss(struct metrics *m, double p_truth)
{
        double loss = -log(CLAMP(p_truth, LEAST_PROBABILITY, 1.0));

        m->loss += (loss - m->loss) / (double)m->count;
}

void metrics_add(struct metrics *m, unsigned truth, const float *p)
{
        unsigned winner = 0;

        if (truth >= m->n_classes)
                return;
        m->count++;
        for (unsigned i = 0; i < m->n_classes; i++) {
                if (!isfinite(p[i])) {
                        m->n_invalid++;
                        add_loss(m, 0);
                        return;
                }
                if (p[i] > p[winner])
                        winner = i;
        }
        add_loss(m, p[truth]);
        m->confusion[truth][winner]++;
        m->correct += winner == truth;

        /* bins are (k/n, (k+1)/n]: a confidence of exactly 1 belongs to the last */
        int bin = (int)ceil((double)p[winner] * METRICS_ECE_BINS) - 1;
        bin = CLAMP(bin, 0, METRICS_ECE_BINS - 1);
        m->bin_count[bin]++;
        m->bin_correct[bin] += winner == truth;
        m->bin_confidence[bin] += p[winner];
}

double metrics_accuracy(const struct metrics *m)
{
        return m->count ? (double)m->correct / (double)m->count : 0;
}

double metrics_precision(const struct metrics *m, unsigned class)
{
        uint64_t predicted = 0;

        if (class >= m->n_classes)
                return NAN;
        for (unsigned i = 0; i < m->n_classes; i++)
                predicted += m->confusion[i][class];
        return predicted ? m->confusion[class][class] / (double)predicted : NAN;
}

double metrics_recall(const struct metrics *m, unsigned class)
{
        uint64_t true_rows = 0;

        if (class >= m->n_classes)
                return NAN;
        for (unsigned i = 0; i < m->n_classes; i++)
                true_rows += m->confusion[class][i];
        return true_rows ? m->confusion[class][class] / (double)true_rows : NAN;
}

double metrics_f1(const struct metrics *m, unsigned class)
{
        uint64_t sum = 0; /* predicted rows plus true rows */

        if (class >= m->n_classes)
                return NAN;
        for (unsigned i = 0; i < m->n_classes; i++)
                sum += (uint64_t)m->confusion[class][i] + m->confusion[i][class];
        return sum ? 2.0 * m->confusion[class][class] / (double)sum : NAN;
}

double metrics_macro_f1(const struct metrics *m)
{
        double sum = 0;
        unsigned n = 0;

        for (unsigned i = 0; i < m->n_classes; i++)
                if (isfinite(metrics_f1(m, i))) {
                        sum += metrics_f1(m, i);
                        n++;
                }
        return n ? sum / n : NAN;
}

void metrics_interval(uint64_t k, uint64_t n, double ret[2])
{
        const double z = 1.959963984540054; /* of the normal distribution, 2.5 % on each side */
        double share, divisor, centre, half;

        ret[0] = 0;
        ret[1] = 1;
        if (!n || k > n)
                return;
        share = (double)k / (double)n;
        divisor = 1 + z * z / (double)n;
        centre = (share + z * z / (2 * (double)n)) / divisor;
        half = z * sqrt(share * (1 - share) / (double)n + z * z / (4 * (double)n * (double)n)) / divisor;
        ret[0] = k ? MAX(centre - half, 0.0) : 0;
        ret[1] = k < n ? MIN(centre + half, 1.0) : 1;
}

void metrics_recall_interval(const struct metrics *m, unsigned class, double ret[2])
{
        uint64_t n = 0;

        for (unsigned i = 0; class < m->n_classes && i < m->n_classes; i++)
                n += m->confusion[class][i];
        metrics_interval(n ? m->confusion[class][class] : 0, n, ret);
}

double metrics_ece(const struct metrics *m)
{
        double gap = 0;
        size_t n = 0;

        for (size_t i = 0; i < METRICS_ECE_BINS; i++) {
                gap += fabs(m->bin_confidence[i] - (double)m->bin_correct[i]);
                n += m->bin_count[i];
        }
        return n ? gap / (double)n : 0;
}
