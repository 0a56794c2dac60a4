/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A trained network as an ONNX file: batch normalisation folded into the convolution or fully connected layer before
 * it, dropout left out, Softmax at the end.
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

struct export_entry {
        const char *key, *value; /* key NULL ends an array */
};

struct export_info {
        const char *name, *licence;            /* NULL: left out */
        const char *labels;                    /* comma-separated */
        const char *face_template;             /* nn/face-template.h; NULL or "": none */
        const struct calibration *calibration; /* folded into the last layer; NULL: none */
        const struct export_entry *metadata;   /* of export_outputs(); may be NULL */
        bool any_size;                         /* of export_outputs(): height and width of the input are left open */
};

/* Writes the parameters net->w as they are now; with @path NULL only looks whether it can. Return: 0, -ENOMEM,
 * -EOPNOTSUPP a layer that cannot be written. */
int export_net(struct net *net, const struct export_info *info, const char *path);
/**
 * export_outputs() - the same for a network with named outputs (see net.h), each one of the file, without Softmax
 *
 * An output "x_logit" is written as "x", after a Sigmoid. Labels and calibration are not used. Flat outputs are
 * [N, n], others [N, C, H, W]. Return: as export_net().
 */
int export_outputs(struct net *net, const struct export_info *info, const char *path);

/* Makes the writer and the names, and writes the input and all layers. Return: 0 or a negative errno, to be handed to
 * export_end(). */
int export_begin(struct export *e, struct net *net, const struct export_info *info, const int64_t in[4]);
/* Unless @r says that something failed, writes name and licence and saves, if @path is not NULL; releases what
 * export_begin() made in any case. Return: @r, or what saving gives. */
int export_end(struct export *e, const struct export_info *info, const char *path, int r);

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

/* y = scale[k] * x + shift[k] of a batch norm with running statistics; layer-bn.c */
void batchnorm_affine(const struct net *net, const struct layer *l, unsigned channel, double *ret_scale,
                      double *ret_shift);
/* For a batch norm that was folded: first y = x with no bias, then, channel by channel, the same function again with
 * the given statistics of x. */
void batchnorm_identity(const struct net *net, const struct layer *l);
void batchnorm_adopt(const struct net *net, const struct layer *l, unsigned channel, double mean, double variance);
