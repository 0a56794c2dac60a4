/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A float network to one of 8-bit numbers, written as ONNX with QuantizeLinear and DequantizeLinear: the operators stay,
 * and any runtime that knows these two runs it.
 *
 * Weights: signed bytes, a scale per output. Activations: unsigned bytes, a scale and zero per tensor, found by running
 * the network on pictures. What plan-quant.c makes one step of is quantised: convolutions with their activation and
 * the sum after them, maximum pooling, what a global average reads. Large fully connected layers get 8-bit weights.
 */

#include "nn/graph.h"
#include "train/data/dataset.h"
#include "train/model/evaluate.h"

struct quantize_options {
        bool weights_only; /* fully connected layers' weights, and nothing else; no pictures are needed */
        bool min_max;      /* scales carry all values seen; else those with the least squared error */
        unsigned threads;
};

struct quantize_summary {
        unsigned n_convolutions, n_layers, n_activations;
};

/**
 * quantize() - write the quantised form of the model at @path to @out
 * @d: pictures for the scales; NULL with weights_only
 * Return: 0; -EOPNOTSUPP an opset before 13; -EINVAL a model of another form than evaluate() takes, or one that has nothing
 * to quantise; errors of the engine and of the file system.
 */
int quantize(const char *path, const struct dataset *d, const struct quantize_options *options, const char *out,
             struct quantize_summary *ret, struct classifier_error *error);

/* Between quantize.c, which decides, and quantize-write.c. */
struct quantized_value {
        bool wanted;    /* gets QuantizeLinear and DequantizeLinear */
        uint32_t like;  /* takes its scale from this value; its own index otherwise */
        float lo, hi;   /* seen; lo <= 0 <= hi */
        uint32_t *bins; /* QUANTIZE_BINS counts over lo..hi, or NULL */
        float scale;
        int zero;
};

#define QUANTIZE_BINS 4096u

enum quantized_node { QUANTIZE_NOT, QUANTIZE_CONV, QUANTIZE_LAYER };

struct quantizer {
        const struct nn_model *m;
        const struct quantize_options *options;
        struct quantized_value *values; /* per value of the model */
        enum quantized_node *nodes;     /* per node */
        size_t *producer, *reader;      /* per value: a node, or SIZE_MAX */
        unsigned *uses;
};

int quantize_write(const struct quantizer *z, const char *out);
