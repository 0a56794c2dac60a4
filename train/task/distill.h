/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Teachers: trained classifiers that say what a network should make of each training picture (distillation, Hinton
 * et al. 2015, arXiv:1503.02531). They see the very picture that the network sees, after all random changes, through
 * the engine that the service uses.
 */

#include "train/data/dataset.h"
#include "train/data/recipe.h"
#include "train/net/net.h"

#define DISTILL_MAX_TEACHERS 8

struct distill_config {
        const char *teachers[DISTILL_MAX_TEACHERS]; /* files, relative to the recipe; owned by it */
        unsigned n_teachers;
        const char *recipe_path;
        double share, temperature; /* the teachers' part of the loss, the rest is the target's */
        bool mirror;               /* what they say of the picture and of its mirror image, averaged */
};

struct distill;

/* Reads "teachers" and "distill" of the group @s of the recipe at @path; defaults where a key is absent. Return: 0 or
 * -EINVAL. */
int distill_config_read(config_setting_t *s, const char *path, struct distill_config *ret, struct recipe_error *error);

/**
 * distill_new() - load config->teachers, each with a plan for every thread of @net
 * @set: gives classes and their order; every class must be one of every teacher's
 * Return: 0; -EINVAL a teacher of another form (named); errors of the engine; -ENOMEM.
 */
int distill_new(const struct distill_config *config, const struct net *net, const struct dataset *set,
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
