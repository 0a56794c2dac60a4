/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/onnx-read.h"
#include "nn/onnx-unpack.h"
#include "nn/op.h"

/* Names to indices of values: open addressing, half empty at most. */
struct names {
        uint32_t *slots; /* index + 1; 0 is free */
        size_t mask;
};

struct reader {
        Onnx__GraphProto *g;
        struct nn_onnx_file file;
        struct nn_model *m;
        struct nn_error *error;
        struct names names;
        bool *defined; /* per value: input, initializer, or output of a node before */
        size_t cap_values;
};

static uint64_t hash_string(const char *s)
{
        uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

        for (; *s; s++)
                h = (h ^ (uint8_t)*s) * 0x100000001b3u;
        return h ^ h >> 32;
}

/* The value of that name, made if there is none. Return: its index, or NN_NO_VALUE when out of memory. */
static uint32_t value_index(struct reader *r, const char *name)
{
        size_t i = hash_string(name) & r->names.mask;
        struct nn_model *m = r->m;

        for (; r->names.slots[i]; i = (i + 1) & r->names.mask)
                if (strcmp(m->values[r->names.slots[i] - 1].name, name) == 0)
                        return r->names.slots[i] - 1;
        /* read_graph() counted every name that can come here */
        if (m->n_values >= r->cap_values || !(m->values[m->n_values].name = strdup(name)))
                return NN_NO_VALUE;
        r->names.slots[i] = (uint32_t)++m->n_values;
        return (uint32_t)(m->n_values - 1);
}

static int no_memory(struct reader *r)
{
        return nn_no_memory(r->error);
}

static const char *not_null(const char *s)
{
        return s ? s : "";
}

static int read_declaration(struct reader *r, const Onnx__ValueInfoProto *v, struct nn_tensor *ret)
{
        const Onnx__TypeProto__Tensor *p;
        struct nn_tensor t = { 0 };
        const char *name = not_null(v->name);

        if (!v->type || v->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !v->type->tensor_type)
                return nn_fail(r->error, -EOPNOTSUPP, "'%s' is not declared as a tensor", name);
        p = v->type->tensor_type;
        t.type = nn_type_kept(p->elem_type);
        if (nn_type_size(t.type) == 0)
                return nn_fail(r->error, -EOPNOTSUPP, "'%s' has element type %s", name, nn_type_name(p->elem_type));
        if (p->shape && p->shape->n_dim > NN_MAX_DIMS)
                return nn_fail(r->error, -EFBIG, "'%s' has %zu dims", name, p->shape->n_dim);
        t.n_dims = p->shape ? (unsigned)p->shape->n_dim : 0;
        for (unsigned i = 0; i < t.n_dims; i++) {
                const Onnx__TensorShapeProto__Dimension *d = p->shape->dim[i];

                /* exporters write 0 and negative numbers for "open" too */
                t.dims[i] = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value > 0
                                    ? d->dim_value
                                    : -1;
        }
        *ret = t;
        return 0;
}

static int read_initializers(struct reader *r)
{
        for (size_t i = 0; i < r->g->n_initializer; i++) {
                Onnx__TensorProto *p = r->g->initializer[i];
                uint32_t v = value_index(r, not_null(p->name));
                int e;

                if (v == NN_NO_VALUE)
                        return no_memory(r);
                if (r->defined[v])
                        return nn_fail(r->error, -EBADMSG, "two initializers are named '%s'", not_null(p->name));
                e = nn_onnx_tensor(p, &r->file, not_null(p->name), &r->m->values[v].t, r->error);
                if (e < 0)
                        return e;
                r->defined[v] = true;
        }
        return 0;
}

static int read_inputs(struct reader *r)
{
        struct nn_model *m = r->m;

        for (size_t i = 0; i < r->g->n_input; i++) {
                const Onnx__ValueInfoProto *p = r->g->input[i];
                uint32_t v = value_index(r, not_null(p->name));
                int e;

                if (v == NN_NO_VALUE)
                        return no_memory(r);
                /* up to IR version 3 initializers are listed among the inputs */
                if (r->defined[v])
                        continue;
                e = read_declaration(r, p, &m->input_decls[m->n_inputs]);
                if (e < 0)
                        return e;
                m->inputs[m->n_inputs++] = v;
                r->defined[v] = true;
        }
        return 0;
}

static int read_outputs(struct reader *r)
{
        struct nn_model *m = r->m;

        for (size_t i = 0; i < r->g->n_output; i++) {
                const Onnx__ValueInfoProto *p = r->g->output[i];
                uint32_t v = value_index(r, not_null(p->name));
                int e;

                if (v == NN_NO_VALUE)
                        return no_memory(r);
                if (!r->defined[v])
                        return nn_fail(r->error, -EBADMSG, "no node makes the output '%s'", not_null(p->name));
                e = read_declaration(r, p, &m->output_decls[m->n_outputs]);
                if (e < 0)
                        return e;
                m->outputs[m->n_outputs++] = v;
        }
        return 0;
}

static int copy_array(const void *from, size_t n, size_t item, void *ret)
{
        void *c = malloc(n ? n * item : 1);

        if (!c)
                return -ENOMEM;
        if (n)
                memcpy(c, from, n * item);
        *(void **)ret = c;
        return 0;
}

/* The kind from the type field; files before IR version 2 have none, then from what is there. */
static int attribute_kind(const Onnx__AttributeProto *p)
{
        switch (p->has_type ? (int)p->type : 0) {
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT:
                return NN_ATTRIBUTE_INT;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT:
                return NN_ATTRIBUTE_FLOAT;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
                return NN_ATTRIBUTE_STRING;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
                return p->t ? NN_ATTRIBUTE_TENSOR : 0;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
                return NN_ATTRIBUTE_INTS;
        case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
                return NN_ATTRIBUTE_FLOATS;
        case 0:
                return p->has_i          ? NN_ATTRIBUTE_INT
                       : p->has_f        ? NN_ATTRIBUTE_FLOAT
                       : p->has_s        ? NN_ATTRIBUTE_STRING
                       : p->t            ? NN_ATTRIBUTE_TENSOR
                       : p->n_ints > 0   ? NN_ATTRIBUTE_INTS
                       : p->n_floats > 0 ? NN_ATTRIBUTE_FLOATS
                                         : 0;
        }
        return 0;
}

static int read_attribute(struct reader *r, const struct nn_node *n, Onnx__AttributeProto *p, struct nn_attribute *a)
{
        const char *name = not_null(p->name);
        int kind = attribute_kind(p), wanted = nn_op_attribute_kind(n->op, name), e = 0;

        if (!wanted)
                return nn_fail(r->error, -EOPNOTSUPP, "node '%s' (%s): attribute '%s' is not known at opset %u",
                               n->name, n->op->name, name, r->m->opset);
        if (kind != wanted || p->ref_attr_name)
                return nn_fail(r->error, -EBADMSG, "node '%s' (%s): attribute '%s' has a wrong type", n->name,
                               n->op->name, name);
        a->kind = (enum nn_attribute_kind)kind;
        a->i = p->i;
        a->f = p->f;
        if (!(a->name = strdup(name)))
                return no_memory(r);
        if (kind == NN_ATTRIBUTE_TENSOR)
                return nn_onnx_tensor(p->t, &r->file, n->name, &a->t, r->error);
        if (kind == NN_ATTRIBUTE_STRING)
                e = (a->s = strndup(p->s.len ? (const char *)p->s.data : "", p->s.len)) ? 0 : -ENOMEM;
        if (kind == NN_ATTRIBUTE_INTS) {
                a->n = p->n_ints;
                e = copy_array(p->ints, p->n_ints, sizeof(*p->ints), &a->ints);
        }
        if (kind == NN_ATTRIBUTE_FLOATS) {
                a->n = p->n_floats;
                e = copy_array(p->floats, p->n_floats, sizeof(*p->floats), &a->floats);
        }
        return e < 0 ? no_memory(r) : 0;
}

/* "Conv", or "com.microsoft.QGemm" of another domain than ONNX's own. */
static void full_name(const Onnx__NodeProto *p, char ret[96])
{
        const char *domain = not_null(p->domain);
        bool other = *domain && strcmp(domain, "ai.onnx") != 0;

        snprintf(ret, 96, "%.46s%s%.46s", other ? domain : "", other ? "." : "", not_null(p->op_type));
}

static int find_op(struct reader *r, const Onnx__NodeProto *p, struct nn_node *n)
{
        char type[96];

        full_name(p, type);
        n->op = nn_op_find(type, r->m->opset);
        if (!n->op && nn_op_name_known(type))
                return nn_fail(r->error, -EOPNOTSUPP, "node '%s': operator %s is not supported at opset %u", n->name,
                               type, r->m->opset);
        if (!n->op)
                return nn_fail(r->error, -EOPNOTSUPP, "node '%s': operator %s is not supported", n->name, type);
        return 0;
}

static int read_node_values(struct reader *r, const Onnx__NodeProto *p, struct nn_node *n)
{
        if (p->n_input < n->op->min_in || p->n_input > n->op->max_in)
                return nn_fail(r->error, -EBADMSG, "node '%s' (%s) has %zu inputs", n->name, n->op->name, p->n_input);
        if (p->n_output < 1 || p->n_output > n->op->max_out)
                return nn_fail(r->error, -EOPNOTSUPP, "node '%s' (%s) with %zu outputs is not supported", n->name,
                               n->op->name, p->n_output);
        n->in = calloc(p->n_input + 1, sizeof(*n->in));
        n->out = calloc(p->n_output, sizeof(*n->out));
        if (!n->in || !n->out)
                return no_memory(r);
        n->n_in = (unsigned)p->n_input;
        n->n_out = (unsigned)p->n_output;
        for (unsigned i = 0; i < n->n_in; i++) {
                n->in[i] = NN_NO_VALUE;
                if (!*p->input[i]) {
                        if (i < n->op->min_in)
                                return nn_fail(r->error, -EBADMSG, "node '%s' (%s) lacks its input %u", n->name,
                                               n->op->name, i);
                        continue;
                }
                n->in[i] = value_index(r, p->input[i]);
                if (n->in[i] == NN_NO_VALUE)
                        return no_memory(r);
                if (!r->defined[n->in[i]])
                        return nn_fail(r->error, -EBADMSG, "node '%s' (%s) reads '%s' before anything makes it",
                                       n->name, n->op->name, p->input[i]);
        }
        for (unsigned i = 0; i < n->n_out; i++) {
                n->out[i] = NN_NO_VALUE;
                if (!*p->output[i])
                        continue;
                n->out[i] = value_index(r, p->output[i]);
                if (n->out[i] == NN_NO_VALUE)
                        return no_memory(r);
                if (r->defined[n->out[i]])
                        return nn_fail(r->error, -EBADMSG, "'%s' is made twice", p->output[i]);
                r->defined[n->out[i]] = true;
        }
        if (n->out[0] == NN_NO_VALUE)
                return nn_fail(r->error, -EBADMSG, "node '%s' (%s) has no output", n->name, n->op->name);
        return 0;
}

/* A Constant that holds a tensor becomes an initializer, without a copy. */
static bool constant_to_initializer(struct nn_model *m, struct nn_node *n)
{
        struct nn_attribute *a = n->n_attributes == 1 ? &n->attributes[0] : NULL;

        if (n->op->kind != NN_KIND_CONSTANT || !a || a->kind != NN_ATTRIBUTE_TENSOR)
                return false;
        m->values[n->out[0]].t = a->t;
        a->t.data = NULL;
        return true;
}

static int read_node(struct reader *r, const Onnx__NodeProto *p)
{
        struct nn_model *m = r->m;
        struct nn_node *n = &m->nodes[m->n_nodes++];
        const char *name = not_null(p->name);
        int e;

        if (!*name && p->n_output)
                name = p->output[0];
        if (!(n->name = strdup(name)))
                return no_memory(r);
        e = find_op(r, p, n);
        if (e == 0)
                e = read_node_values(r, p, n);
        if (e < 0)
                return e;
        n->attributes = calloc(p->n_attribute + 1, sizeof(*n->attributes));
        if (!n->attributes)
                return no_memory(r);
        for (size_t i = 0; i < p->n_attribute; i++) {
                if (nn_node_attribute(n, not_null(p->attribute[i]->name)))
                        return nn_fail(r->error, -EBADMSG, "node '%s' (%s) has attribute '%s' twice", n->name,
                                       n->op->name, p->attribute[i]->name);
                e = read_attribute(r, n, p->attribute[i], &n->attributes[i]);
                if (n->attributes[i].name)
                        n->n_attributes++;
                if (e < 0)
                        return e;
        }
        if (constant_to_initializer(m, n)) {
                nn_node_done(m, n);
                m->n_nodes--;
        }
        return 0;
}

static int reserve(struct reader *r)
{
        Onnx__GraphProto *g = r->g;
        size_t n = g->n_initializer + g->n_input, slots = 16;

        for (size_t i = 0; i < g->n_node; i++)
                n += g->node[i]->n_input + g->node[i]->n_output;
        n += g->n_output;
        if (g->n_node > NN_MAX_NODES || n > 4u * NN_MAX_VALUES)
                return nn_fail(r->error, -EFBIG, "graph has %zu nodes and %zu edges", g->n_node, n);
        while (slots < 2 * n)
                slots *= 2;
        r->cap_values = n;
        r->names.mask = slots - 1;
        r->names.slots = calloc(slots, sizeof(*r->names.slots));
        r->defined = calloc(n + 1, sizeof(*r->defined));
        r->m->values = calloc(n + 1, sizeof(*r->m->values));
        r->m->nodes = calloc(g->n_node + 1, sizeof(*r->m->nodes));
        r->m->inputs = calloc(g->n_input + 1, sizeof(*r->m->inputs));
        r->m->input_decls = calloc(g->n_input + 1, sizeof(*r->m->input_decls));
        r->m->outputs = calloc(g->n_output + 1, sizeof(*r->m->outputs));
        r->m->output_decls = calloc(g->n_output + 1, sizeof(*r->m->output_decls));
        if (!r->names.slots || !r->defined || !r->m->values || !r->m->nodes || !r->m->inputs || !r->m->input_decls ||
            !r->m->outputs || !r->m->output_decls)
                return no_memory(r);
        return 0;
}

static bool same_operator(const Onnx__NodeProto *a, const Onnx__NodeProto *b)
{
        return strcmp(not_null(a->op_type), not_null(b->op_type)) == 0 &&
               strcmp(not_null(a->domain), not_null(b->domain)) == 0;
}

static bool is_missing(const struct reader *r, const Onnx__NodeProto *p)
{
        char name[96];

        full_name(p, name);
        return !nn_op_find(name, r->m->opset);
}

static const char *node_name(const Onnx__NodeProto *p)
{
        return *not_null(p->name) ? p->name : p->n_output ? not_null(p->output[0]) : "";
}

/* Room for what is said of one operator. */
#define MISSING_TEXT 64

/* "LSTM (a +3)" of all nodes with the operator of node @first. */
static void name_missing(const struct reader *r, size_t first, char text[MISSING_TEXT])
{
        const Onnx__NodeProto *p = r->g->node[first];
        size_t n = 0;
        int at;

        for (size_t i = first; i < r->g->n_node; i++)
                n += same_operator(r->g->node[i], p);
        at = snprintf(text, MISSING_TEXT, "%.14s%s%.20s (%.14s", not_null(p->domain), *not_null(p->domain) ? "." : "",
                      not_null(p->op_type), node_name(p));
        if (n > 1)
                snprintf(text + at, MISSING_TEXT - (size_t)at, " +%zu)", n - 1);
        else
                snprintf(text + at, MISSING_TEXT - (size_t)at, ")");
}

/* Names all operators that are missing, each with a node and the number of the others; of what a line has no room for,
 * the number. A single one is named by its node when that is read. */
static int check_operators(struct reader *r)
{
        char text[sizeof(r->error->text) - 64] = "", one[MISSING_TEXT];
        size_t n_kinds = 0, n_named = 0;

        for (size_t i = 0; i < r->g->n_node; i++) {
                bool seen = !is_missing(r, r->g->node[i]);

                for (size_t k = 0; k < i && !seen; k++)
                        seen = same_operator(r->g->node[k], r->g->node[i]);
                if (seen)
                        continue;
                n_kinds++;
                name_missing(r, i, one);
                if (strlen(text) + strlen(one) + 3 > sizeof(text))
                        continue;
                if (n_named++)
                        strcat(text, ", ");
                strcat(text, one);
        }
        if (n_kinds < 2)
                return 0;
        if (n_named < n_kinds)
                return nn_fail(r->error, -EOPNOTSUPP, "operators that are not supported: %s and %zu more", text,
                               n_kinds - n_named);
        return nn_fail(r->error, -EOPNOTSUPP, "operators that are not supported: %s", text);
}

static int read_graph(struct reader *r)
{
        int e = reserve(r);

        if (e < 0)
                return e;
        if (r->g->n_sparse_initializer)
                return nn_fail(r->error, -EOPNOTSUPP, "sparse initializers are not supported");
        e = check_operators(r);
        if (e == 0)
                e = read_initializers(r);
        if (e == 0)
                e = read_inputs(r);
        for (size_t i = 0; e == 0 && i < r->g->n_node; i++)
                e = read_node(r, r->g->node[i]);
        if (e == 0)
                e = read_outputs(r);
        if (e == 0 && r->m->n_outputs == 0)
                return nn_fail(r->error, -EBADMSG, "graph has no output");
        return e;
}

static int read_opset(const Onnx__ModelProto *p, struct nn_model *m, struct nn_error *error)
{
        m->opset = 1; /* what a file without the field means */
        for (size_t i = 0; i < p->n_opset_import; i++) {
                const Onnx__OperatorSetIdProto *o = p->opset_import[i];

                if (*not_null(o->domain) && strcmp(o->domain, "ai.onnx") != 0)
                        continue; /* of use only to nodes of that domain, which is known by its name alone */
                if (o->version < 1 || o->version > NN_OPSET_MAX)
                        return nn_fail(error, -EOPNOTSUPP, "opset %" PRId64 " is not supported (1 to %d are)",
                                       o->version, NN_OPSET_MAX);
                m->opset = (unsigned)o->version;
        }
        return 0;
}

static int read_metadata(const Onnx__ModelProto *p, struct nn_model *m, struct nn_error *error)
{
        m->metadata = calloc(2 * p->n_metadata_props + 1, sizeof(*m->metadata));
        if (!m->metadata)
                return nn_no_memory(error);
        for (size_t i = 0; i < p->n_metadata_props; i++) {
                m->n_metadata = i + 1;
                m->metadata[2 * i] = strdup(not_null(p->metadata_props[i]->key));
                m->metadata[2 * i + 1] = strdup(not_null(p->metadata_props[i]->value));
                if (!m->metadata[2 * i] || !m->metadata[2 * i + 1])
                        return nn_no_memory(error);
        }
        return 0;
}

int nn_onnx_read(struct nn_model *m, int folder, struct nn_error *error)
{
        ProtobufCMessage *message;
        Onnx__ModelProto *p;
        struct reader r = { .m = m,
                            .error = error,
                            .file = { .data = m->file, .size = m->file_bytes, .folder = folder } };
        int e;

        e = nn_onnx_unpack_file(&onnx__model_proto__descriptor, &r.file, &message, error);
        if (e < 0)
                return e;
        p = (Onnx__ModelProto *)message;
        r.g = p->graph;
        if (!p->graph)
                e = nn_fail(error, -EBADMSG, "file holds no graph");
        if (e == 0)
                e = read_opset(p, m, error);
        if (e == 0)
                e = read_metadata(p, m, error);
        if (e == 0 && !(m->graph_name = strdup(not_null(p->graph->name))))
                e = nn_no_memory(error);
        if (e == 0)
                e = read_graph(&r);
        free(r.names.slots);
        free(r.defined);
        protobuf_c_message_free_unpacked(message, NULL);
        if (r.file.n_taken == 0) {
                free(m->file);
                m->file = NULL;
                m->file_bytes = 0;
        }
        return e;
}
