/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is quantised, and with which scales. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/plan.h"
#include "train/model/quantize.h"

#define BATCH 16
/* Smaller layers stay as they are: there is nothing to gain. */
#define LAYER_LEAST_WEIGHTS 16384
#define LAYER_MOST_INPUTS 65536

static void modelp(struct nn_model **m)
{
        nn_model_free(*m);
}

static void planp(struct nn_plan **p)
{
        nn_plan_free(*p);
}

static bool is_op(const struct nn_node *n, const char *name)
{
        return strcmp(n->op->name, name) == 0;
}

static bool is_clamp(const struct nn_node *n)
{
        return is_op(n, "Relu") || is_op(n, "Clip");
}

static const struct nn_tensor *constant(const struct quantizer *z, const struct nn_node *n, unsigned i)
{
        const struct nn_tensor *t = i < n->n_in && n->in[i] != NN_NO_VALUE ? &z->m->values[n->in[i]].t : NULL;

        return t && t->data && t->type == NN_FLOAT32 ? t : NULL;
}

static enum quantized_node kind_of(const struct quantizer *z, const struct nn_node *n)
{
        const struct nn_tensor *w = n->n_in > 1 ? constant(z, n, 1) : NULL;
        int64_t groups;

        if (!w)
                return QUANTIZE_NOT;
        if (is_op(n, "Gemm") || is_op(n, "MatMul")) {
                int64_t inputs = w->n_dims == 2 ? w->dims[nn_node_int(n, "transB", 0) ? 1 : 0] : INT64_MAX;

                return inputs <= LAYER_MOST_INPUTS && nn_tensor_n_elements(w) >= LAYER_LEAST_WEIGHTS ? QUANTIZE_LAYER
                                                                                                     : QUANTIZE_NOT;
        }
        groups = nn_node_int(n, "group", 1);
        if (z->options->weights_only || !is_op(n, "Conv") || w->n_dims != 4 || (n->n_in > 2 && !constant(z, n, 2)))
                return QUANTIZE_NOT;
        return groups == 1 || (groups == w->dims[0] && w->dims[1] == 1) ? QUANTIZE_CONV : QUANTIZE_NOT;
}

static void want(struct quantizer *z, uint32_t v)
{
        for (size_t i = 0; i < z->m->n_outputs; i++)
                if (z->m->outputs[i] == v)
                        return;
        if (!z->m->values[v].t.data)
                z->values[v].wanted = true;
}

/* The only node that reads @v, or NULL. */
static const struct nn_node *sole_reader(const struct quantizer *z, uint32_t v)
{
        return z->uses[v] == 1 && z->reader[v] != SIZE_MAX ? &z->m->nodes[z->reader[v]] : NULL;
}

/* The convolution that a sum is part of: the later one that only it reads. SIZE_MAX if there is none. */
static size_t conv_of_sum(const struct quantizer *z, const struct nn_node *add)
{
        size_t best = SIZE_MAX;

        for (unsigned k = 0; k < 2; k++) {
                size_t p = z->producer[add->in[k]];

                if (p != SIZE_MAX && z->nodes[p] == QUANTIZE_CONV && z->uses[add->in[k]] == 1 &&
                    (best == SIZE_MAX || p > best))
                        best = p;
        }
        return add->in[0] == add->in[1] ? SIZE_MAX : best;
}

static uint32_t after_clamp(const struct quantizer *z, uint32_t v)
{
        const struct nn_node *next = sole_reader(z, v);

        return next && is_clamp(next) && next->in[0] == v ? next->out[0] : v;
}

/* Where what convolution @i makes is done with: behind its activation, or sum and activation. */
static uint32_t result_of(const struct quantizer *z, size_t i)
{
        uint32_t v = z->m->nodes[i].out[0], clamped = after_clamp(z, v);
        const struct nn_node *next = sole_reader(z, v);

        if (clamped != v)
                return clamped;
        return next && is_op(next, "Add") && conv_of_sum(z, next) == i ? after_clamp(z, next->out[0]) : v;
}

static void want_sum(struct quantizer *z, const struct nn_node *add)
{
        size_t conv = conv_of_sum(z, add);

        if (conv != SIZE_MAX) {
                want(z, z->producer[add->in[0]] == conv ? add->in[1] : add->in[0]);
        } else if (z->values[add->in[0]].wanted && z->values[add->in[1]].wanted) {
                want(z, after_clamp(z, add->out[0]));
        }
}

static void choose(struct quantizer *z, struct quantize_summary *ret)
{
        const struct nn_model *m = z->m;

        for (size_t i = 0; i < m->n_nodes; i++) {
                z->nodes[i] = kind_of(z, &m->nodes[i]);
                ret->n_convolutions += z->nodes[i] == QUANTIZE_CONV;
                ret->n_layers += z->nodes[i] == QUANTIZE_LAYER;
        }
        for (size_t i = 0; i < m->n_nodes; i++)
                if (z->nodes[i] == QUANTIZE_CONV) {
                        want(z, m->nodes[i].in[0]);
                        want(z, result_of(z, i));
                }
        for (size_t i = 0; i < m->n_nodes && ret->n_convolutions; i++) {
                const struct nn_node *n = &m->nodes[i];

                if (is_op(n, "Add"))
                        want_sum(z, n);
                if (is_op(n, "MaxPool") && z->values[n->in[0]].wanted) {
                        want(z, n->out[0]);
                        z->values[n->out[0]].like = z->values[n->in[0]].like;
                }
        }
        for (size_t v = 0; v < m->n_values; v++)
                ret->n_activations += z->values[v].wanted;
}

static void see(struct quantized_value *v, const struct nn_tensor *t, size_t n, bool count)
{
        const float *x = t->data;
        float width = (v->hi - v->lo) / QUANTIZE_BINS;

        for (size_t i = 0; i < n && !count; i++) {
                v->lo = x[i] < v->lo ? x[i] : v->lo;
                v->hi = x[i] > v->hi ? x[i] : v->hi;
        }
        for (size_t i = 0; i < n && count && width > 0; i++) {
                float at = (x[i] - v->lo) / width;

                if (at >= 0)
                        v->bins[at < QUANTIZE_BINS ? (size_t)at : QUANTIZE_BINS - 1]++;
        }
}

/* Squared error when lo * share .. hi * share are carried by 255 steps. */
static double clipping_error(const struct quantized_value *v, double share)
{
        double lo = (double)v->lo * share, hi = (double)v->hi * share, step = (hi - lo) / 255;
        double width = ((double)v->hi - (double)v->lo) / QUANTIZE_BINS, sum = 0;

        for (unsigned i = 0; i < QUANTIZE_BINS; i++) {
                double x = (double)v->lo + (i + 0.5) * width, beyond = x < lo ? lo - x : x > hi ? x - hi : 0;

                sum += v->bins[i] * (beyond * beyond + step * step / 12);
        }
        return sum;
}

static void find_scale(struct quantized_value *v, bool min_max)
{
        double best = 1, least = INFINITY;

        for (unsigned i = 0; i <= 160 && !min_max; i++) {
                double share = 1 - i * 0.005, error = clipping_error(v, share);

                if (error < least) {
                        least = error;
                        best = share;
                }
        }
        v->scale = (float)(((double)v->hi - (double)v->lo) * best / 255);
        if (!(v->scale > 1e-30f) || !isfinite(v->scale))
                v->scale = 1;
        v->zero = (int)fmin(fmax(round(-(double)v->lo * best / (double)v->scale), 0), 255);
}

/* Runs the network over all pictures, and looks at the values that are wanted. */
static int run_all(struct quantizer *z, struct nn_plan *p, const struct dataset *d, enum nn_normalisation normalisation,
                   bool count)
{
        struct nn_tensor *x = nn_plan_input(p, 0);
        unsigned width = (unsigned)x->dims[3], height = (unsigned)x->dims[2];

        for (size_t first = 0; first < d->n; first += BATCH) {
                size_t n = MIN((size_t)BATCH, d->n - first);
                int r;

                for (size_t i = 0; i < BATCH; i++)
                        evaluate_picture(d, first + i % n, width, height, normalisation,
                                         (float *)x->data + i * width * height);
                r = nn_plan_run(p);
                if (r < 0)
                        return r;
                for (size_t v = 0; v < z->m->n_values; v++) {
                        const struct nn_tensor *t = &p->values[v].t;

                        if (z->values[v].wanted && t->type == NN_FLOAT32)
                                see(&z->values[v], t, (size_t)(nn_tensor_n_elements(t) / BATCH) * n, count);
                }
        }
        return 0;
}

static int fail(const char *path, struct classifier_error *error, int r, const char *text)
{
        snprintf(error->text, sizeof(error->text), "%.200s: %.250s", path, text);
        return r;
}

static int calibrate(struct quantizer *z, const char *path, const struct dataset *d, struct classifier_error *error)
{
        struct nn_plan_options options = { .batch = BATCH, .threads = z->options->threads, .keep_all = true };
        const char *name = nn_model_metadata(z->m, "emotiond.normalisation");
        int r, normalisation = name ? nn_normalisation_from_string(name) : NN_NORMALISE_UNIT;
        _cleanup_(planp) struct nn_plan *p = NULL;
        struct nn_error e = { "" };
        const struct nn_tensor *x;

        if (normalisation < 0)
                return fail(path, error, -EINVAL, "unknown normalisation");
        if (z->m->n_inputs != 1)
                return fail(path, error, -EINVAL, "not one input");
        r = nn_plan_new(z->m, &options, &p, &e);
        if (r < 0)
                return fail(path, error, r, e.text);
        x = nn_plan_input(p, 0);
        if (x->type != NN_FLOAT32 || x->n_dims != 4 || x->dims[1] != 1 || x->dims[2] > 4096 || x->dims[3] > 4096)
                return fail(path, error, -EINVAL, "the input is not [N, 1, height, width]");
        for (unsigned pass = 0; pass < (z->options->min_max ? 1u : 2u); pass++) {
                r = run_all(z, p, d, (enum nn_normalisation)normalisation, pass == 1);
                if (r < 0)
                        return fail(path, error, r, strerror(-r));
                for (size_t v = 0; v < z->m->n_values; v++)
                        if (pass == 0 && z->values[v].wanted &&
                            !(z->values[v].bins = calloc(QUANTIZE_BINS, sizeof(uint32_t))))
                                return fail(path, error, -ENOMEM, "out of memory");
        }
        for (size_t v = 0; v < z->m->n_values; v++)
                if (z->values[v].wanted)
                        find_scale(&z->values[v], z->options->min_max);
        return 0;
}

static void quantizer_done(struct quantizer *z)
{
        for (size_t v = 0; z->values && v < z->m->n_values; v++)
                free(z->values[v].bins);
        free(z->values);
        free(z->nodes);
        free(z->producer);
        free(z->reader);
        free(z->uses);
}

static int read_graph(struct quantizer *z)
{
        const struct nn_model *m = z->m;
        size_t n = m->n_values + 1;

        z->values = calloc(n, sizeof(*z->values));
        z->nodes = calloc(m->n_nodes + 1, sizeof(*z->nodes));
        z->producer = calloc(n, sizeof(*z->producer));
        z->reader = calloc(n, sizeof(*z->reader));
        z->uses = calloc(n, sizeof(*z->uses));
        if (!z->values || !z->nodes || !z->producer || !z->reader || !z->uses)
                return -ENOMEM;
        for (size_t v = 0; v < m->n_values; v++) {
                z->values[v].like = (uint32_t)v;
                z->producer[v] = z->reader[v] = SIZE_MAX;
        }
        for (size_t i = 0; i < m->n_nodes; i++) {
                for (unsigned k = 0; k < m->nodes[i].n_in; k++)
                        if (m->nodes[i].in[k] != NN_NO_VALUE) {
                                z->uses[m->nodes[i].in[k]]++;
                                z->reader[m->nodes[i].in[k]] = i;
                        }
                for (unsigned k = 0; k < m->nodes[i].n_out; k++)
                        if (m->nodes[i].out[k] != NN_NO_VALUE)
                                z->producer[m->nodes[i].out[k]] = i;
        }
        for (size_t i = 0; i < m->n_outputs; i++)
                z->uses[m->outputs[i]]++;
        return 0;
}

int quantize(const char *path, const struct dataset *d, const struct quantize_options *options, const char *out,
             struct quantize_summary *ret, struct classifier_error *error)
{
        _cleanup_(modelp) struct nn_model *m = NULL;
        _cleanup_(quantizer_done) struct quantizer z = { .options = options };
        struct nn_error e = { "" };
        int r = nn_model_load(path, &m, &e);

        if (r < 0)
                return fail(path, error, r, e.text[0] ? e.text : strerror(-r));
        if (m->opset < 13)
                return fail(path, error, -EOPNOTSUPP, "scales per output need opset 13 or later");
        z.m = m;
        *ret = (struct quantize_summary){ 0 };
        if (read_graph(&z) < 0)
                return fail(path, error, -ENOMEM, "out of memory");
        choose(&z, ret);
        if (!ret->n_convolutions && !ret->n_layers)
                return fail(path, error, -EINVAL, "there is nothing to quantise");
        if (ret->n_convolutions && (r = calibrate(&z, path, d, error)) < 0)
                return r;
        r = quantize_write(&z, out);
        return r < 0 ? fail(out, error, r, strerror(-r)) : 0;
}
