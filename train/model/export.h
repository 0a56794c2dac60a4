/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A trained network as an ONNX file: batch normalisation folded into the convolution or fully connected layer before
 * it, dropout left out, Softmax at the end.
 */

#include "train/net/layer-export.h"

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
