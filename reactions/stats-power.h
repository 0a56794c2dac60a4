/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** How many viewers a difference takes to be shown: two-sided at 5 %, with a chance of 80 %. */

#define STATS_POWER 0.80

/* Viewers of each content to tell the share @a from the share @b (0..1): normal approximation, pooled variance under no
 * difference (Fleiss, Levin and Paik 2003, section 4.2, without correction), rounded up. INFINITY if they are equal. */
double stats_power_viewers(double a, double b);
/* Viewers of each content to show a difference of @difference between means with standard deviation @spread. */
double stats_power_viewers_mean(double spread, double difference);
/* The least difference of means that @n_a and @n_b viewers show. */
double stats_power_least(double spread, double n_a, double n_b);
