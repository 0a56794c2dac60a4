/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/mman.h>

#include "basic/macro.h"
#include "train/net/net.h"

#define NET_MAX_FLOATS ((size_t)1 << 28) /* a gigabyte of parameters */

static const struct layer_ops *const kinds[] = {
        &layer_conv,        &layer_batchnorm, &layer_fc,        &layer_dropout, &layer_relu,    &layer_leakyrelu,
        &layer_sigmoid,     &layer_tanh,      &layer_hardswish, &layer_maxpool, &layer_avgpool, &layer_global_avgpool,
        &layer_add,         &layer_concat,    &layer_scale,     &layer_lrn,     &layer_lcn,     &layer_prelu,
        &layer_hardsigmoid, &layer_upsample,
};

const struct layer_ops *layer_ops_find(const char *type)
{
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
                if (strcmp(kinds[i]->type, type) == 0)
                        return kinds[i];
        return NULL;
}

float *floats_new(size_t n)
{
        size_t bytes;
        float *p;

        if (!n || __builtin_mul_overflow(n + 16, sizeof(float), &bytes))
                return NULL;
        bytes = (bytes + 63) / 64 * 64;
        p = aligned_alloc(64, bytes);
        if (p)
                memset(p, 0, bytes);
        return p;
}

float **floats_per_thread_new(const struct nn_pool *pool, size_t n)
{
        unsigned threads = nn_pool_threads(pool);
        float **p = calloc(threads + 1, sizeof(*p));

        for (unsigned i = 0; p && i < threads; i++) {
                p[i] = floats_new(n);
                if (!p[i])
                        return floats_per_thread_free(p);
        }
        return p;
}

float **floats_per_thread_free(float **p)
{
        for (float **i = p; i && *i; i++)
                free(*i);
        free(p);
        return NULL;
}

int net_add_param(struct net *net, const struct layer *l, const char *name, size_t n, bool trainable, bool decay,
                  struct param *ret, struct recipe_error *error)
{
        struct net_param *p;

        if (!n || n > NET_MAX_FLOATS - net->n_floats) {
                snprintf(error->text, sizeof(error->text), "layer %s: too many parameters", l->name);
                return -EFBIG;
        }
        p = reallocarray(net->params, net->n_params + 1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        net->params = p;
        p += net->n_params++;
        *p = (struct net_param){ .at = net->n_floats, .n = n, .trainable = trainable, .decay = decay, .rate = 1 };
        snprintf(p->name, sizeof(p->name), "%s.%s", l->name, name);
        *ret = (struct param){ .at = net->n_floats, .n = n, .index = net->n_params - 1 };
        /* each starts on a cache line */
        net->n_floats += (n + 15) / 16 * 16;
        return 0;
}

void net_need_scratch(struct net *net, size_t shared_floats, size_t thread_floats)
{
        net->shared_floats = MAX(net->shared_floats, shared_floats);
        net->thread_floats = MAX(net->thread_floats, thread_floats);
}

float *net_begin_gradient(struct layer *l, unsigned i, bool *ret_add)
{
        struct layer *in = l->inputs[i];

        if (!in->needs_gradient)
                return NULL;
        *ret_add = in->gradient_begun;
        in->gradient_begun = true;
        return in->dy;
}

void net_part(size_t n, unsigned n_parts, unsigned part, size_t *ret_from, size_t *ret_to)
{
        *ret_from = n * part / n_parts;
        *ret_to = n * (part + 1) / n_parts;
}

struct job {
        struct net *net;
        struct layer *layer;
        void (*fn)(struct net *net, struct layer *l, unsigned part, unsigned thread);
};

static void run_part(void *userdata, unsigned part, unsigned thread)
{
        struct job *j = userdata;

        j->fn(j->net, j->layer, part, thread);
}

void net_parallel(struct net *net, struct layer *l, unsigned n_parts,
                  void (*fn)(struct net *net, struct layer *l, unsigned part, unsigned thread))
{
        struct job j = { .net = net, .layer = l, .fn = fn };

        if (n_parts)
                nn_pool_run(net->pool, n_parts, run_part, &j);
}

static void input_forward(struct net *net, struct layer *l)
{
}

const struct layer_ops layer_input = { .type = "input", .forward = input_forward };

static struct layer *find(struct net *net, const char *name)
{
        for (unsigned i = net->n_layers; i-- > 0;)
                if (strcmp(net->layers[i]->name, name) == 0)
                        return net->layers[i];
        return NULL;
}

static int connect(struct net *net, struct layer *l, const char *name, config_setting_t *s, struct recipe_error *error)
{
        struct layer *in = name ? find(net, name) : net->layers[net->n_layers - 1];

        if (!in)
                return recipe_fail(s, error, "no layer before this one is called \"%s\"", name);
        if (l->n_inputs == LAYER_MAX_INPUTS)
                return recipe_fail(s, error, "more than %d inputs", LAYER_MAX_INPUTS);
        l->inputs[l->n_inputs++] = in;
        in->n_consumers++;
        in->consumer = l;
        return 0;
}

/* from = "name": the only input; from = [ "a", "b" ]: several; absent: the layer before. with = "name": a second. */
static int connect_all(struct net *net, struct layer *l, config_setting_t *s, struct recipe_error *error)
{
        config_setting_t *from = config_setting_get_member(s, "from");
        const char *name = NULL;
        int r = 0;

        if (from && config_setting_is_array(from)) {
                recipe_known(from);
                for (int i = 0; i < config_setting_length(from) && r >= 0; i++) {
                        name = config_setting_get_string_elem(from, i);
                        r = name ? connect(net, l, name, s, error) : recipe_fail(from, error, "must hold names");
                }
        } else {
                r = recipe_string(s, "from", &name, error);
                if (r >= 0)
                        r = connect(net, l, name, s, error);
        }
        if (r < 0)
                return r;
        name = NULL;
        r = recipe_string(s, "with", &name, error);
        if (r < 0)
                return r;
        if (name)
                r = connect(net, l, name, s, error);
        if (r < 0)
                return r;
        if (l->n_inputs < l->ops->min_inputs || l->n_inputs > l->ops->max_inputs)
                return recipe_fail(s, error, "%s takes %u to %u inputs, not %u", l->ops->type, l->ops->min_inputs,
                                   l->ops->max_inputs, l->n_inputs);
        return 0;
}

/* Names become those of the ONNX file's values, where each is made once. */
static int name_layer(struct net *net, struct layer *l, const char *name, const config_setting_t *s,
                      struct recipe_error *error)
{
        static const char *const reserved[] = { "logits", "scaled", "calibrated", "probabilities" }; /* see export.c */
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
        char automatic[sizeof(l->name)];

        snprintf(automatic, sizeof(automatic), "%s%u", l->ops->type, l->index);
        if (!name && find(net, automatic))
                return recipe_fail(s, error, "needs a name of its own, \"%s\" is taken", automatic);
        if (!name)
                name = automatic;
        if (!*name || strlen(name) >= sizeof(l->name) || strspn(name, letters) != strlen(name) || find(net, name))
                return recipe_fail(s, error, "name \"%s\" is too long, taken, or not of letters, digits, _ and -",
                                   name);
        for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
                if (strcmp(name, reserved[i]) == 0)
                        return recipe_fail(s, error, "name \"%s\" is one of the ONNX file's own", name);
        snprintf(l->name, sizeof(l->name), "%s", name);
        return 0;
}

static int add_layer(struct net *net, config_setting_t *s, struct recipe_error *error)
{
        const char *type = NULL, *name = NULL;
        struct layer *l;
        int r;

        if (!config_setting_is_group(s))
                return recipe_fail(s, error, "a layer must be a group { }");
        if (net->n_layers == NET_MAX_LAYERS)
                return recipe_fail(s, error, "more than %d layers", NET_MAX_LAYERS);
        r = recipe_string(s, "type", &type, error);
        if (r >= 0)
                r = recipe_string(s, "name", &name, error);
        if (r < 0)
                return r;
        if (!type || !layer_ops_find(type))
                return recipe_fail(s, error, "unknown type of layer: \"%s\"", type ? type : "");
        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->ops = layer_ops_find(type);
        l->index = net->n_layers;
        r = name_layer(net, l, name, s, error);
        if (r < 0) {
                free(l);
                return r;
        }
        r = connect_all(net, l, s, error);
        /* from here on net_free() frees it, half configured or not */
        net->layers[net->n_layers++] = l;
        if (r < 0)
                return r;
        l->in = l->inputs[0]->out;
        r = l->ops->configure(net, l, s, error);
        if (r < 0)
                return r;
        if (!shape_size(l->out) || shape_size(l->out) > NET_MAX_FLOATS / NET_MAX_BATCH)
                return recipe_fail(s, error, "its output of %u x %u x %u is empty or too large", l->out.c, l->out.h,
                                   l->out.w);
        for (unsigned i = 0; i < l->n_inputs; i++)
                l->needs_gradient |= l->inputs[i]->needs_gradient;
        l->needs_gradient |= l->weight.n || l->bias.n;
        return 0;
}

static int add_input(struct net *net, config_setting_t *root, struct recipe_error *error)
{
        static const char *const names[] = { "unit", "signed", "contrast", "none", NULL };
        config_setting_t *s;
        struct layer *l;
        int r, kind = NN_NORMALISE_UNIT;

        net->in = (struct shape){ 1, 48, 48 };
        r = recipe_child(root, "input", CONFIG_TYPE_GROUP, &s, error);
        if (r < 0)
                return r;
        if (s) {
                r = recipe_unsigned(s, "width", 1, 512, &net->in.w, error);
                if (r >= 0)
                        r = recipe_unsigned(s, "height", 1, 512, &net->in.h, error);
                if (r >= 0)
                        r = recipe_choice(s, "normalisation", names, &kind, error);
                if (r < 0)
                        return r;
        }
        net->normalisation = (enum nn_normalisation)kind;
        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->ops = &layer_input;
        l->in = l->out = net->in;
        snprintf(l->name, sizeof(l->name), "input");
        net->layers[net->n_layers++] = l;
        return 0;
}

/* outputs = [ "a", "b" ]; without it the last layer is the output. */
static int read_outputs(struct net *net, config_setting_t *root, struct recipe_error *error)
{
        config_setting_t *list;
        int r = recipe_child(root, "outputs", CONFIG_TYPE_ARRAY, &list, error);

        if (r < 0)
                return r;
        if (!list) {
                net->outputs[net->n_outputs++] = net->layers[net->n_layers - 1];
                return 0;
        }
        recipe_known(list);
        for (int i = 0; i < config_setting_length(list); i++) {
                const char *name = config_setting_get_string_elem(list, i);
                struct layer *l = name ? find(net, name) : NULL;

                if (!l || l->is_output || !l->needs_gradient || net->n_outputs == NET_MAX_OUTPUTS)
                        return recipe_fail(list, error,
                                           "\"%s\" is no layer that learns, comes twice, or is one of too "
                                           "many",
                                           name ? name : "");
                l->is_output = true;
                net->outputs[net->n_outputs++] = l;
        }
        return net->n_outputs ? 0 : recipe_fail(list, error, "names no layer");
}

struct layer *net_find_output(const struct net *net, const char *name)
{
        for (unsigned i = 0; i < net->n_outputs; i++)
                if (strcmp(net->outputs[i]->name, name) == 0)
                        return net->outputs[i];
        return NULL;
}

static int add_layers(struct net *net, config_setting_t *root, struct recipe_error *error)
{
        config_setting_t *list;
        struct layer *last;
        int r;

        r = recipe_child(root, "network", CONFIG_TYPE_LIST, &list, error);
        if (r < 0)
                return r;
        if (!list || !config_setting_length(list))
                return recipe_fail(list ? list : root, error, "network = ( { type = ...; }, ... ) is missing");
        for (int i = 0; i < config_setting_length(list); i++) {
                r = add_layer(net, config_setting_get_elem(list, (unsigned)i), error);
                if (r < 0)
                        return r;
        }
        r = read_outputs(net, root, error);
        if (r < 0)
                return r;
        last = net->layers[net->n_layers - 1];
        for (unsigned i = 0; i < net->n_layers; i++)
                if (!net->layers[i]->n_consumers && !net->layers[i]->is_output && net->layers[i] != net->outputs[0])
                        return recipe_fail(list, error, "nothing uses the output of %s", net->layers[i]->name);
        if (net->outputs[0]->is_output)
                return 0;
        if (last->out.h != 1 || last->out.w != 1 || !last->needs_gradient)
                return recipe_fail(list, error, "the last layer must give one number a class and learn");
        net->n_classes = last->out.c;
        return 0;
}

int net_new(struct recipe *recipe, unsigned threads, struct net **ret, struct recipe_error *error)
{
        _cleanup_(net_freep) struct net *net = calloc(1, sizeof(*net));
        config_setting_t *root = config_root_setting(&recipe->config);
        int r;

        if (!net)
                return -ENOMEM;
        net->kernels = conv_kernels_get();
        if (threads > 1) {
                r = nn_pool_new(threads, &net->pool);
                if (r < 0)
                        return r;
        }
        r = add_input(net, root, error);
        if (r >= 0)
                r = add_layers(net, root, error);
        if (r < 0)
                return r;
        *ret = STEAL(net);
        return 0;
}

int net_add_head(struct net *net, const char *name, unsigned units, struct recipe_error *error)
{
        struct layer *last = net->layers[net->n_layers - 1], *l;

        if (last->ops != &layer_fc) {
                snprintf(error->text, sizeof(error->text), "%s: the network must end in a layer of type fc", name);
                return -EINVAL;
        }
        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        net->head = l; /* net_free() frees it from here on */
        l->ops = &layer_fc;
        l->index = net->n_layers;
        snprintf(l->name, sizeof(l->name), "%s", name);
        /* not counted among the consumers: what is exported does not see it */
        l->inputs[l->n_inputs++] = last->inputs[0];
        l->in = last->in;
        l->needs_gradient = true;
        return layer_fc_configure(net, l, units, true, error);
}

size_t net_n_learned(const struct net *net)
{
        size_t n = 0;

        for (size_t i = 0; i < net->n_params; i++)
                n += net->params[i].trainable ? net->params[i].n : 0;
        return net->head ? n - net->head->weight.n - net->head->bias.n : n;
}

static void free_layer(struct layer *l)
{
        if (!l)
                return;
        if (l->ops->free)
                l->ops->free(l);
        free(l->state);
        if (!l->shares)
                free(l->y);
        free(l);
}

/* Zeros that take memory only where they are written. */
static int gradient_new(struct net *net)
{
        void *p = mmap(NULL, MAX(net->n_floats, (size_t)1) * sizeof(float), PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                return -ENOMEM;
        net->g = p;
        return 0;
}

static void gradient_free(struct net *net)
{
        if (net->g)
                munmap(net->g, MAX(net->n_floats, (size_t)1) * sizeof(float));
}

struct net *net_free(struct net *net)
{
        if (!net)
                return NULL;
        floats_per_thread_free(net->scratch);
        nn_pool_free(net->pool);
        net_gradients_free(net);
        for (unsigned i = 0; i < net->n_layers; i++)
                free_layer(net->layers[i]);
        free_layer(net->head);
        free(net->params);
        free(net->w);
        gradient_free(net);
        free(net->shared);
        free(net);
        return NULL;
}

/* Whether the layer writes over its input, which then nobody else may want. */
static bool can_share(const struct net *net, const struct layer *l)
{
        const struct layer *in = l->inputs[0];

        return l->ops->in_place && in != net->layers[0] && in->n_consumers == 1 && !in->is_output &&
               !in->ops->reads_output;
}

static int prepare_layer(struct net *net, struct layer *l)
{
        size_t n = shape_size(l->out) * net->max_batch;
        struct rng rng;
        int r;

        l->y = l->shares ? l->inputs[0]->y : floats_new(n);
        if (!l->y)
                return -ENOMEM;
        r = l->ops->prepare ? l->ops->prepare(net, l) : 0;
        if (r >= 0 && l->ops->reset) {
                rng_seed_stream(&rng, net->seed, UINT64_C(0x6e6574), l->index);
                l->ops->reset(net, l, &rng);
        }
        return r;
}

int net_prepare(struct net *net, unsigned max_batch, uint64_t seed)
{
        int r;

        net->max_batch = max_batch;
        net->seed = seed;
        net->w = floats_new(net->n_floats);
        if (!net->w || gradient_new(net) < 0)
                return -ENOMEM;
        for (unsigned i = 1; i < net->n_layers; i++)
                net->layers[i]->shares = can_share(net, net->layers[i]);
        r = net_gradients_new(net);
        for (unsigned i = 0; i < net->n_layers && r >= 0; i++)
                r = prepare_layer(net, net->layers[i]);
        if (r >= 0 && net->head)
                r = prepare_layer(net, net->head);
        if (r < 0)
                return r;
        net->shared = floats_new(MAX(net->shared_floats, (size_t)1));
        net->scratch = floats_per_thread_new(net->pool, MAX(net->thread_floats, (size_t)1));
        return net->shared && net->scratch ? 0 : -ENOMEM;
}

float *net_input(struct net *net)
{
        return net->layers[0]->y;
}

const float *net_output(const struct net *net)
{
        return net->layers[net->n_layers - 1]->y;
}

float *net_output_gradient(struct net *net)
{
        return net->layers[net->n_layers - 1]->dy;
}

void net_forward(struct net *net, unsigned n, bool training)
{
        net->n = n;
        net->training = training;
        for (unsigned i = 0; i < net->n_layers; i++)
                net->layers[i]->ops->forward(net, net->layers[i]);
        if (net->head && training)
                net->head->ops->forward(net, net->head);
}

void net_backward(struct net *net)
{
        for (unsigned i = 0; i < net->n_layers; i++)
                /* what the loss has set is added to */
                net->layers[i]->gradient_begun = net->layers[i]->is_output;
        if (net->head)
                net->head->ops->backward(net, net->head);
        for (unsigned i = net->n_layers; i-- > 1;)
                if (net->layers[i]->needs_gradient)
                        net->layers[i]->ops->backward(net, net->layers[i]);
}
