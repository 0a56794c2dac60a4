/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "reactions/stats-normal.h"
#include "reactions/stats-power.h"
#include "reactions/stats-sample.h"

static double z_level(void)
{
        return stats_normal_quantile(0.5 + STATS_LEVEL / 2);
}

double stats_power_viewers(double a, double b)
{
        double middle = (a + b) / 2, z;

        if (a == b)
                return INFINITY;
        z = z_level() * sqrt(2 * middle * (1 - middle)) +
            stats_normal_quantile(STATS_POWER) * sqrt(a * (1 - a) + b * (1 - b));
        return ceil(z * z / ((a - b) * (a - b)));
}

double stats_power_viewers_mean(double spread, double difference)
{
        double z = z_level() + stats_normal_quantile(STATS_POWER);

        return difference == 0 ? INFINITY : ceil(2 * z * z * spread * spread / (difference * difference));
}

double stats_power_least(double spread, double n_a, double n_b)
{
        return (z_level() + stats_normal_quantile(STATS_POWER)) * spread * sqrt(1 / n_a + 1 / n_b);
}
