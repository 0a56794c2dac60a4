/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/macro.h"
#include "train/model/export.h"

/* For a network that does not end in weights which could take it in. */
static void write_calibration(struct export *e, unsigned classes)
{
        const float scale = (float)(1 / e->calibration->temperature);
        float bias[DATASET_MAX_CLASSES];

        for (unsigned k = 0; k < classes; k++)
                bias[k] = (float)e->calibration->bias[k];
        export_floats(e, "calibration.scale", &scale, NULL, 0);
        export_floats(e, "calibration.bias", bias, (const int64_t[]){ classes }, 1);
        onnx_writer_node(e->writer, "Mul", (const char *[]){ "logits", "calibration.scale", NULL },
                         (const char *[]){ "scaled", NULL }, NULL);
        onnx_writer_node(e->writer, "Add", (const char *[]){ "scaled", "calibration.bias", NULL },
                         (const char *[]){ "calibrated", NULL }, NULL);
}

static void write_metadata(struct export *e, const struct net *net, const struct export_info *info)
{
        onnx_writer_metadata(e->writer, "emotiond.labels", info->labels);
        onnx_writer_metadata(e->writer, "emotiond.normalisation", nn_normalisation_to_string(net->normalisation));
        onnx_writer_metadata(e->writer, "emotiond.output", "probabilities");
        if (info->face_template && *info->face_template)
                onnx_writer_metadata(e->writer, "emotiond.template", info->face_template);
}

int export_begin(struct export *e, struct net *net, const struct export_info *info, const int64_t in[4])
{
        int r;

        e->values = calloc(net->n_layers, sizeof(*e->values));
        if (!e->values)
                return -ENOMEM;
        r = onnx_writer_new(info->name ? info->name : "emotion", &e->writer);
        if (r < 0)
                return r;
        onnx_writer_input(e->writer, "input", NN_FLOAT32, in, 4);
        snprintf(e->values[0], sizeof(e->values[0]), "input");
        return export_layers(e, net);
}

int export_end(struct export *e, const struct export_info *info, const char *path, int r)
{
        if (r >= 0 && path) {
                if (info->name)
                        onnx_writer_metadata(e->writer, "emotiond.name", info->name);
                if (info->licence)
                        onnx_writer_metadata(e->writer, "emotiond.licence", info->licence);
                r = onnx_writer_save(e->writer, path);
        }
        onnx_writer_free(e->writer);
        free(e->values);
        return r;
}

int export_net(struct net *net, const struct export_info *info, const char *path)
{
        const struct onnx_attribute axis[] = { { .name = "axis", .kind = ONNX_INT, .i = 1 }, { 0 } };
        const int64_t in[] = { -1, net->in.c, net->in.h, net->in.w }, out[] = { -1, net->n_classes };
        struct export e = { .calibration = info->calibration };
        int r = export_begin(&e, net, info, in);
        const char *last;

        if (r >= 0) {
                last = e.values[net->n_layers - 1];
                if (net->layers[net->n_layers - 1]->ops != &layer_fc) {
                        onnx_writer_node(e.writer, "Flatten", (const char *[]){ last, NULL },
                                         (const char *[]){ "logits", NULL }, NULL);
                        last = "logits";
                        if (e.calibration) {
                                write_calibration(&e, net->n_classes);
                                last = "calibrated";
                        }
                }
                onnx_writer_node(e.writer, "Softmax", (const char *[]){ last, NULL },
                                 (const char *[]){ "probabilities", NULL }, axis);
                onnx_writer_output(e.writer, "probabilities", NN_FLOAT32, out, 2);
                write_metadata(&e, net, info);
        }
        return export_end(&e, info, path, r);
}
