/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Teachers: trained classifiers that say what a network should make of each training picture (distillation, Hinton
 * et al. 2015, arXiv:1503.02531). They see the very picture that the network sees, after all random changes, through
 * the engine that the service uses.
 */

#include "train/data/dataset.h"
#include "train/net/net.h"
#include "train/task/training.h"

struct distill;

/**
 * distill_new() - load config->teachers, each with a plan for every thread of @net
 * @set: gives classes and their order; every class must be one of every teacher's
 * Return: 0; -EINVAL a teacher of another form (named); errors of the engine; -ENOMEM.
 */
int distill_new(const struct training_config *config, const struct net *net, const struct dataset *set,
                struct distill **ret, struct recipe_error *error);
/* Accepts NULL; returns NULL. */
struct distill *distill_free(struct distill *d);
DEFINE_CLEANUP(struct distill *, distill_free)

/**
 * distill_run() - the mean over the teachers of their probabilities at the recipe's temperature, and over
 * the pictures and their mirror images if the recipe wants that
 * @net: net_input() holds @n pictures in 0..255, not yet normalised
 * Return: [n, classes], of @d, until the next run. Rows are no numbers if a teacher cannot run.
 */
float *distill_run(struct distill *d, struct net *net, unsigned n);
