/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Losses of an anchor-free detector, each of one cell. Lengths are in units of the cell's stride. */

/**
 * focal_loss() - of a logit (Lin et al. 2017, arXiv:1708.02002, equation 5)
 * @target: 0 or 1; weighs 1 - alpha or alpha
 */
double focal_loss(double logit, int target, double alpha, double gamma, double *gradient);

/**
 * box_loss() - 1 - generalised IoU (Rezatofighi et al. 2019, arXiv:1902.09630)
 * @value: dx, dy, log w, log h: the box is centred at (dx, dy) from the cell's corner
 * @target: centre x, y, width, height, widths > 0
 */
double box_loss(const double value[4], const double target[4], double gradient[4]);

/* Half the square up to 1, linear beyond (Girshick 2015, arXiv:1504.08083, equation 3). */
double smooth_l1(double x, double *gradient);
