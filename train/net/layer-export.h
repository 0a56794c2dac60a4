/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * How layers write themselves as ONNX nodes; train/model/export.h makes a file of them.
 */

#include "nn/onnx-write.h"
#include "train/net/calibrate.h"
#include "train/net/net.h"

struct export
{
        struct onnx_writer *writer;
        char(*values)[64];                     /* [n_layers]: the name of each layer's output in the file */
        const struct calibration *calibration; /* of the last layer's output; NULL: none, or written already */
};

/* All layers' nodes, in order. */
int export_layers(struct export *e, struct net *net);

/* For layers. */
struct export_conv {
        unsigned filters, channels, kernel[2], pads[4], stride, dilation, groups;
};
int export_conv_node(struct export *e, struct net *net, struct layer *l, const struct export_conv *c);
/* Gemm, with a Flatten before it where the input is not flat */
int export_fc_node(struct export *e, struct net *net, struct layer *l, unsigned units, size_t inputs);
/* One node from the layer's inputs to its output, named after the layer and @suffix. */
void export_simple(struct export *e, struct layer *l, const char *op, const struct onnx_attribute *attributes);
/* The layer computes nothing in the file. */
void export_pass(struct export *e, struct layer *l);
/* Appends a Relu to what the layer has written. */
void export_relu(struct export *e, struct layer *l);
/* True if @l is a batch norm whose input folds it in. */
bool export_is_folded(const struct layer *l);
void export_floats(struct export *e, const char *name, const float *x, const int64_t *dims, unsigned n_dims);
