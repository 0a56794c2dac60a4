/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "nn/graph.h"
#include "train/model/export.h"
#include "train/net/batchnorm.h"
#include "train/net/vec.h"
#include "train/run/start.h"

#define MEASURED_BATCHES 32u

static int fail(struct recipe_error *error, int r, const char *path, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", path, text);
        return r;
}

static const struct nn_tensor *find(const struct nn_model *m, const char *name)
{
        for (size_t i = 0; i < m->n_values; i++)
                if (m->values[i].t.data && m->values[i].name && strcmp(m->values[i].name, name) == 0)
                        return &m->values[i].t;
        return NULL;
}

/* Return: 1 copied, 0 the file has no such tensor, -EINVAL it has another size. */
static int copy(const struct nn_model *m, const char *name, float *w, size_t n, const char *path,
                struct recipe_error *error)
{
        const struct nn_tensor *t = find(m, name);
        char text[128];

        if (!t)
                return 0;
        if (t->type != NN_FLOAT32 || nn_tensor_n_elements(t) != (int64_t)n) {
                snprintf(text, sizeof(text), "%s has not %zu numbers", name, n);
                return fail(error, -EINVAL, path, text);
        }
        memcpy(w, t->data, n * sizeof(*w));
        return 1;
}

/* A batch norm that was folded into the layer before it does nothing at first, but for that layer's bias. */
static int copy_folded(const struct net *net, const struct layer *l, const struct nn_model *m, const char *path,
                       struct recipe_error *error)
{
        const struct layer *in = l->inputs[0];
        char name[80];

        batchnorm_identity(net, l);
        if (in->bias.n)
                return 0;
        snprintf(name, sizeof(name), "%s.bias", in->name);
        return copy(m, name, net->w + l->bias.at, l->bias.n, path, error);
}

static const struct layer *layer_of(const struct net *net, const struct net_param *p)
{
        for (unsigned i = 1; i < net->n_layers; i++) {
                size_t length = strlen(net->layers[i]->name);

                if (strncmp(net->layers[i]->name, p->name, length) == 0 && p->name[length] == '.' &&
                    !strchr(p->name + length + 1, '.'))
                        return net->layers[i];
        }
        return NULL;
}

static int copy_all(struct net *net, const struct nn_model *m, const char *path, struct recipe_error *error)
{
        int r = 0;

        for (size_t i = 0; i < net->n_params && r >= 0; i++) {
                const struct net_param *p = &net->params[i];
                const struct layer *l = layer_of(net, p);

                if (!l || export_is_folded(l))
                        continue;
                r = copy(m, p->name, net->w + p->at, p->n, path, error);
                if (r == 0) {
                        char text[128];

                        snprintf(text, sizeof(text), "it has no %s", p->name);
                        r = fail(error, -EINVAL, path, text);
                }
        }
        for (unsigned i = 1; i < net->n_layers && r >= 0; i++)
                if (export_is_folded(net->layers[i]))
                        r = copy_folded(net, net->layers[i], m, path, error);
        return MIN(r, 0);
}

/* Sums and sums of squares of what each folded batch norm is given, two doubles a channel, one after the other. */
static void add_sums(const struct net *net, double *sums)
{
        for (unsigned i = 1; i < net->n_layers; i++) {
                const struct layer *l = net->layers[i];
                size_t plane = (size_t)l->in.h * l->in.w;

                if (!export_is_folded(l))
                        continue;
                for (unsigned k = 0; k < l->in.c; k++, sums += 2) {
                        double s, q;

                        vec_sums(l->inputs[0]->y + k * plane, plane, net->n, l->in.c * plane, &s, &q);
                        sums[0] += s;
                        sums[1] += q;
                }
        }
}

static void adopt(const struct net *net, const double *sums, size_t n_pictures)
{
        for (unsigned i = 1; i < net->n_layers; i++) {
                const struct layer *l = net->layers[i];
                double n = (double)n_pictures * l->in.h * l->in.w;

                if (!export_is_folded(l))
                        continue;
                for (unsigned k = 0; k < l->in.c; k++, sums += 2) {
                        double mean = sums[0] / n;

                        batchnorm_adopt(net, l, k, mean, MAX(sums[1] / n - mean * mean, 0.0));
                }
        }
}

static int measure(struct trainer *t)
{
        _cleanup_(freep) double *sums = NULL;
        size_t n = 0, batches = MIN(t->n_batches, (size_t)MEASURED_BATCHES);

        for (unsigned i = 1; i < t->net->n_layers; i++)
                n += export_is_folded(t->net->layers[i]) ? 2 * (size_t)t->net->layers[i]->in.c : 0;
        if (!n)
                return 0;
        sums = calloc(n, sizeof(*sums));
        if (!sums)
                return -ENOMEM;
        for (size_t i = 0; i < batches; i++) {
                trainer_show(t, i * t->config.batch);
                add_sums(t->net, sums);
        }
        adopt(t->net, sums, batches * t->config.batch);
        return 0;
}

static int start_from_model(struct trainer *t, const char *path, struct recipe_error *error)
{
        struct nn_error e = { "" };
        struct nn_model *m = NULL;
        int r;

        r = nn_model_load(path, &m, &e);
        if (r < 0)
                return fail(error, r, path, e.text[0] ? e.text : strerror(-r));
        r = copy_all(t->net, m, path, error);
        if (r >= 0)
                r = measure(t);
        nn_model_free(m);
        return r;
}

int trainer_start(struct trainer *t, const char *path, struct recipe_error *error)
{
        int r = checkpoint_weights(path, t->net);

        if (r == -EBADMSG)
                r = start_from_model(t, path, error);
        else if (r < 0)
                fail(error, r, path, r == -ESTALE ? "a checkpoint of another network" : strerror(-r));
        if (r < 0)
                return r;
        if (t->average)
                memcpy(t->average, t->net->w, t->net->n_floats * sizeof(float));
        return 0;
}
