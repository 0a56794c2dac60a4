/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A classifier in an ONNX file of the form of nn/classifier-form.h, its outputs matched to the classes of a data set.
 * Without labels the order is that of the set.
 */

#include "nn/classifier-form.h"
#include "train/data/dataset.h"

struct classifier_error {
        char text[512]; /* begins with the file's path */
};

struct classifier_file {
        const char *path; /* borrowed */
        struct nn_model *model;
        struct nn_form form;
        unsigned n_outputs;                /* of the plans */
        int class_of[DATASET_MAX_CLASSES]; /* of each output; -1: the set has no such label */
        unsigned n_known;                  /* classes of the set that an output stands for */
};

/* @text: what is said of it beside the file; may be NULL. Return: 0; -EINVAL a model of another form, or a wrong text; errors
 * of the engine. @ret then is to be passed to classifier_file_close() in any case. */
int classifier_file_open(const char *path, const struct nn_form_text *text, struct classifier_file *ret,
                         struct classifier_error *error);
void classifier_file_close(struct classifier_file *f);

/* A plan for batches of @batch. Return: 0; -EINVAL an output of another form; errors of the engine. */
int classifier_file_plan(struct classifier_file *f, unsigned batch, unsigned threads, struct nn_plan **ret,
                         struct classifier_error *error);
/* After a plan was made. -EINVAL: it has no label of @d, or not as many labels as outputs. */
int classifier_file_match(struct classifier_file *f, const struct dataset *d, struct classifier_error *error);
/* After a match: -EINVAL, with their names and rows, if @d has rows of classes that no output stands for. */
int classifier_file_need_all(const struct classifier_file *f, const struct dataset *d, struct classifier_error *error);
/* @y: [n_outputs] as the model gives them, to probabilities in place */
void classifier_file_probabilities(const struct classifier_file *f, float *y);
