/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a classifier is worth on a labelled set.
 */

#include <stddef.h>
#include <stdint.h>

#include "train/data/dataset.h"

#define METRICS_ECE_BINS 15

struct metrics {
        size_t count, correct;
        size_t n_invalid; /* rows whose output had a NaN or infinity: counted as wrong, in no cell of confusion */
        unsigned n_classes;
        uint32_t confusion[DATASET_MAX_CLASSES][DATASET_MAX_CLASSES]; /* [truth][prediction], counts */
        double loss;                                                  /* mean negative log-likelihood, nats */
        /* reliability bins over the winner's probability (Guo et al. 2017, arXiv:1706.04599) */
        size_t bin_count[METRICS_ECE_BINS], bin_correct[METRICS_ECE_BINS];
        double bin_confidence[METRICS_ECE_BINS]; /* sums */
};

void metrics_init(struct metrics *m, unsigned n_classes);
/* @p: n_classes probabilities; a @truth beyond n_classes is ignored */
void metrics_add(struct metrics *m, unsigned truth, const float *p);
double metrics_accuracy(const struct metrics *m);                  /* 0..1; 0 for an empty set */
double metrics_precision(const struct metrics *m, unsigned class); /* NaN if never predicted */
double metrics_recall(const struct metrics *m, unsigned class);    /* NaN if never true */
double metrics_f1(const struct metrics *m, unsigned class);        /* NaN if neither */
double metrics_ece(const struct metrics *m);                       /* expected calibration error, 0..1 */
double metrics_macro_f1(const struct metrics *m); /* mean F1 of the classes that have one; NaN if none */

/**
 * metrics_interval() - where the true share lies with 95 % confidence if @k of @n rows were hits
 * (Wilson 1927, J. Am. Stat. Assoc. 22:209); 0..1 if @n is 0
 */
void metrics_interval(uint64_t k, uint64_t n, double ret[2]);
/* The same of a class's recall. */
void metrics_recall_interval(const struct metrics *m, unsigned class, double ret[2]);
