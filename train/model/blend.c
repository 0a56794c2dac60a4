/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op.h"
#include "train/model/blend.h"
#include "train/model/evaluate.h"
#include "train/model/quantize.h"
#include "train/net/calibrate.h"

static void modelp(struct nn_model **m)
{
        nn_model_free(*m);
}

static int fail(const char *path, struct classifier_error *error, int r, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.280s", path, text);
        return r;
}

static int load(const char *path, struct nn_model **ret, struct classifier_error *error)
{
        struct nn_error e = { "" };
        int r = nn_model_load(path, ret, &e);

        return r < 0 ? fail(path, error, r, e.text[0] ? e.text : strerror(-r)) : 0;
}

static const struct nn_tensor *weights_named(const struct nn_model *m, const char *name)
{
        for (size_t i = 0; i < m->n_values; i++)
                if (m->values[i].t.data && strcmp(m->values[i].name, name) == 0)
                        return &m->values[i].t;
        return NULL;
}

/* Same operators in the same order; the weights are compared by mix(). */
static bool same_graph(const struct nn_model *a, const struct nn_model *b)
{
        if (a->n_nodes != b->n_nodes)
                return false;
        for (size_t i = 0; i < a->n_nodes; i++)
                if (a->nodes[i].op != b->nodes[i].op || a->nodes[i].n_in != b->nodes[i].n_in)
                        return false;
        return true;
}

/* Weights of @a become those between @a and @b. What is no float (a shape, an axis) must be the same in both. */
static int mix(struct nn_model *a, const struct nn_model *b, double share, const char *path,
               struct classifier_error *error)
{
        char text[200];

        for (size_t i = 0; i < a->n_values; i++) {
                struct nn_tensor *t = &a->values[i].t;
                const struct nn_tensor *other = t->data ? weights_named(b, a->values[i].name) : NULL;
                float *x = t->data;

                if (!t->data)
                        continue;
                snprintf(text, sizeof(text), "'%.80s' is not what it is in the other model", a->values[i].name);
                if (!other || other->type != t->type || !nn_tensor_same_shape(other, t))
                        return fail(path, error, -EINVAL, text);
                if (t->type != NN_FLOAT32) {
                        bool ok;
                        size_t n = nn_tensor_bytes(t, &ok);

                        if (!ok || memcmp(t->data, other->data, n) != 0)
                                return fail(path, error, -EINVAL, text);
                        continue;
                }
                for (int64_t k = 0; k < nn_tensor_n_elements(t); k++)
                        x[k] = (float)((1 - share) * x[k] + share * ((const float *)other->data)[k]);
        }
        return 0;
}

/* The fully connected layer whose output goes, at most through a softmax, out of the graph. */
static const struct nn_node *last_layer(const struct nn_model *m)
{
        uint32_t v = m->n_outputs == 1 ? m->outputs[0] : NN_NO_VALUE;

        for (size_t i = m->n_nodes; i-- > 0;) {
                const struct nn_node *n = &m->nodes[i];

                if (n->n_out != 1 || n->out[0] != v)
                        continue;
                if (strcmp(n->op->name, "Gemm") == 0 && n->n_in == 3 && n->in[2] != NN_NO_VALUE &&
                    m->values[n->in[1]].t.data && m->values[n->in[2]].t.data)
                        return n;
                if (strcmp(n->op->name, "Softmax") != 0)
                        return NULL;
                v = n->in[0];
        }
        return NULL;
}

/* Logits become logits * scale + ln(weight). */
static int adjust(struct nn_model *m, double scale, const double *weights, const char *path,
                  struct classifier_error *error)
{
        const struct nn_node *n = last_layer(m);
        struct nn_tensor *w, *b;

        if (!n)
                return fail(path, error, -EINVAL, "not a classifier that ends in a fully connected layer with a bias");
        w = &m->values[n->in[1]].t;
        b = &m->values[n->in[2]].t;
        for (int64_t i = 0; i < nn_tensor_n_elements(w); i++)
                ((float *)w->data)[i] *= (float)scale;
        for (int64_t i = 0; i < nn_tensor_n_elements(b); i++) {
                double weight = weights && i < DATASET_MAX_CLASSES ? weights[i] : 0;

                ((float *)b->data)[i] = (float)(scale * ((float *)b->data)[i] + (weight > 0 ? log(weight) : 0));
        }
        return 0;
}

/* A model as it is: a quantised one of which nothing is quantised. */
static int save(const struct nn_model *m, const char *out, struct classifier_error *error)
{
        _cleanup_(freep) struct quantized_value *values = calloc(m->n_values + 1, sizeof(*values));
        _cleanup_(freep) enum quantized_node *nodes = calloc(m->n_nodes + 1, sizeof(*nodes));
        const struct quantizer z = { .m = m, .values = values, .nodes = nodes };
        int r = values && nodes ? quantize_write(&z, out) : -ENOMEM;

        return r < 0 ? fail(out, error, r, strerror(-r)) : 0;
}

/* The temperature that suits what the model at @path, just written, says of the set. */
static int measure(const char *path, const struct blend_options *o, double *ret, struct classifier_error *error)
{
        const struct dataset *d = o->set;
        _cleanup_(freep) float *p = calloc(d->n * d->n_classes + 1, sizeof(*p));
        size_t n_right = 0;
        int r;

        if (!p)
                return fail(path, error, -ENOMEM, "out of memory");
        r = evaluate_answers(path, d, o->threads, o->mirror, p, error);
        if (r < 0)
                return r;
        for (size_t i = 0; i < d->n; i++) {
                const float *row = p + i * d->n_classes;
                unsigned winner = 0;

                for (unsigned k = 1; k < d->n_classes; k++)
                        winner = row[k] > row[winner] ? k : winner;
                n_right += winner == d->classes[i];
        }
        if (n_right == d->n)
                return fail(path, error, -ERANGE,
                            "no temperature exists, since all rows are right and surer answers always fit better: "
                            "measure on rows that it has not learnt");
        for (size_t i = 0; i < d->n * d->n_classes; i++)
                p[i] = logf(fmaxf(p[i], 1e-9f));
        *ret = calibration_temperature(p, d->classes, d->n, d->n_classes);
        return 0;
}

int blend(const char *first, const char *second, const struct blend_options *options, const char *out,
          double *ret_temperature, struct classifier_error *error)
{
        _cleanup_(modelp) struct nn_model *a = NULL;
        _cleanup_(modelp) struct nn_model *b = NULL;
        double temperature = 1;
        int r = load(first, &a, error);

        if (r >= 0)
                r = load(second, &b, error);
        if (r < 0)
                return r;
        if (!same_graph(a, b))
                return fail(second, error, -EINVAL, "other layers than the first model's");
        r = mix(a, b, options->share, second, error);
        for (unsigned i = 0; r >= 0 && i < DATASET_MAX_CLASSES; i++)
                if (options->weights[i] > 0) {
                        r = adjust(a, 1, options->weights, first, error);
                        break;
                }
        if (r >= 0)
                r = save(a, out, error);
        if (r >= 0 && options->set)
                r = measure(out, options, &temperature, error);
        if (r >= 0 && options->set && (r = adjust(a, 1 / temperature, NULL, first, error)) >= 0)
                r = save(a, out, error);
        if (r >= 0)
                *ret_temperature = temperature;
        return r;
}
