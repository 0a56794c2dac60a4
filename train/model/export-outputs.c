/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/macro.h"
#include "train/model/export.h"

/* An output called "x_logit" leaves the file as x, after a Sigmoid. */
static const char suffix[] = "_logit";

static int64_t side(unsigned px, bool any)
{
        return any ? -2 : (int64_t)px;
}

static int write_output(struct export *e, const struct net *net, const struct layer *l, bool any_size)
{
        size_t length = strlen(l->name), end = sizeof(suffix) - 1;
        bool flat = l->out.h == 1 && l->out.w == 1 && !any_size;
        const int64_t dims[] = { -1, l->out.c, side(l->out.h, any_size), side(l->out.w, any_size) };
        char name[sizeof(l->name)];

        if (strcmp(e->values[l->index], l->name) != 0)
                return -EOPNOTSUPP; /* such as a batch norm that another layer took in */
        snprintf(name, sizeof(name), "%s", l->name);
        if (length > end && strcmp(name + length - end, suffix) == 0) {
                name[length - end] = '\0';
                onnx_writer_node(e->writer, "Sigmoid", (const char *[]){ l->name, NULL },
                                 (const char *[]){ name, NULL }, NULL);
        }
        onnx_writer_output(e->writer, name, NN_FLOAT32, dims, flat ? 2 : 4);
        return 0;
}

int export_outputs(struct net *net, const struct export_info *info, const char *path)
{
        const int64_t in[] = { -1, net->in.c, side(net->in.h, info->any_size), side(net->in.w, info->any_size) };
        struct export e = { 0 };
        int r = export_begin(&e, net, info, in);

        for (unsigned i = 0; r >= 0 && i < net->n_outputs; i++)
                r = write_output(&e, net, net->outputs[i], info->any_size);
        if (r >= 0) {
                onnx_writer_metadata(e.writer, "emotiond.normalisation",
                                     nn_normalisation_to_string(net->normalisation));
                for (const struct export_entry *m = info->metadata; m && m->key; m++)
                        onnx_writer_metadata(e.writer, m->key, m->value);
        }
        return export_end(&e, info, path, r);
}
