/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "basic/macro.h"
#include "basic/replace-file.h"
#include "nn/onnx-write.h"
#include "nn/onnx.pb-c.h"

#define WRITTEN_IR_VERSION 8
#define WRITTEN_OPSET 13

/* The message tree is built with malloc(), as protobuf-c's own unpacker would, so that free_unpacked() frees it. */
struct onnx_writer {
        Onnx__ModelProto *model;
        Onnx__TensorProto **lent; /* initializers whose data are not the model's to free */
        size_t n_lent;
        int error;
};

#define NEW_MESSAGE(Type, init)                  \
        ({                                       \
                Type *_m = malloc(sizeof(Type)); \
                if (_m)                          \
                        init(_m);                \
                _m;                              \
        })

static int fail(struct onnx_writer *w, int error)
{
        if (!w->error)
                w->error = error;
        return w->error;
}

/* Room for one more pointer in a repeated field. Return: the slot, already counted and NULL; or NULL. */
static void **grow(struct onnx_writer *w, void *array, size_t *n)
{
        void ***list = array, **bigger;

        /* powers of two only: a graph of thousands of nodes does not copy its list for each */
        if ((*n & (*n - 1)) == 0) {
                bigger = realloc(*list, (*n ? 2 * *n : 1) * sizeof(void *));
                if (!bigger) {
                        fail(w, -ENOMEM);
                        return NULL;
                }
                *list = bigger;
        }
        (*list)[*n] = NULL;
        return &(*list)[*n];
}

static char *copy_string(struct onnx_writer *w, const char *s)
{
        char *c = s ? strdup(s) : NULL;

        if (!c)
                fail(w, s ? -ENOMEM : -EINVAL);
        return c;
}

static void *copy_bytes(struct onnx_writer *w, const void *data, size_t size)
{
        void *c = malloc(size ? size : 1);

        if (!c)
                fail(w, -ENOMEM);
        else if (size)
                memcpy(c, data, size);
        return c;
}

int onnx_writer_new(const char *graph_name, struct onnx_writer **ret)
{
        _cleanup_(freep) struct onnx_writer *w = calloc(1, sizeof(*w));
        Onnx__OperatorSetIdProto **opset;
        Onnx__ModelProto *m;

        if (!w || !(m = w->model = NEW_MESSAGE(Onnx__ModelProto, onnx__model_proto__init)))
                return -ENOMEM;
        m->has_ir_version = true;
        m->ir_version = WRITTEN_IR_VERSION;
        m->producer_name = copy_string(w, "emotiond");
        m->graph = NEW_MESSAGE(Onnx__GraphProto, onnx__graph_proto__init);
        opset = (Onnx__OperatorSetIdProto **)grow(w, &m->opset_import, &m->n_opset_import);
        if (opset && (*opset = NEW_MESSAGE(Onnx__OperatorSetIdProto, onnx__operator_set_id_proto__init))) {
                m->n_opset_import++;
                (*opset)->domain = copy_string(w, "");
                (*opset)->has_version = true;
                (*opset)->version = WRITTEN_OPSET;
        }
        if (m->graph)
                m->graph->name = copy_string(w, graph_name);
        if (w->error || m->n_opset_import == 0 || !m->graph) {
                onnx__model_proto__free_unpacked(m, NULL);
                return w->error ? w->error : -ENOMEM;
        }
        *ret = STEAL(w);
        return 0;
}

struct onnx_writer *onnx_writer_free(struct onnx_writer *w)
{
        if (!w)
                return NULL;
        for (size_t i = 0; i < w->n_lent; i++)
                w->lent[i]->raw_data = (ProtobufCBinaryData){ 0 };
        free(w->lent);
        onnx__model_proto__free_unpacked(w->model, NULL);
        free(w);
        return NULL;
}

void onnx_writer_opset(struct onnx_writer *w, unsigned opset)
{
        w->model->opset_import[0]->version = opset;
}

static int fill_dimension(struct onnx_writer *w, Onnx__TensorShapeProto *shape, int64_t dim)
{
        Onnx__TensorShapeProto__Dimension *d, **slot;

        slot = (Onnx__TensorShapeProto__Dimension **)grow(w, &shape->dim, &shape->n_dim);
        if (!slot)
                return w->error;
        d = *slot = NEW_MESSAGE(Onnx__TensorShapeProto__Dimension, onnx__tensor_shape_proto__dimension__init);
        if (!d)
                return fail(w, -ENOMEM);
        shape->n_dim++;
        if (dim >= 0) {
                d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
                d->dim_value = dim;
        } else if (dim == -1) {
                d->dim_param = copy_string(w, "N");
                d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        }
        return w->error;
}

static void add_value(struct onnx_writer *w, void *list, size_t *n_list, const char *name, enum nn_type type,
                      const int64_t *dims, size_t n_dims)
{
        Onnx__ValueInfoProto *v, **slot;
        Onnx__TypeProto__Tensor *t;

        if (w->error)
                return;
        if (n_dims > NN_MAX_DIMS || nn_type_size(type) == 0) {
                fail(w, -EINVAL);
                return;
        }
        slot = (Onnx__ValueInfoProto **)grow(w, list, n_list);
        if (!slot)
                return;
        v = *slot = NEW_MESSAGE(Onnx__ValueInfoProto, onnx__value_info_proto__init);
        if (!v) {
                fail(w, -ENOMEM);
                return;
        }
        ++*n_list;
        v->name = copy_string(w, name);
        v->type = NEW_MESSAGE(Onnx__TypeProto, onnx__type_proto__init);
        t = NEW_MESSAGE(Onnx__TypeProto__Tensor, onnx__type_proto__tensor__init);
        if (!v->type || !t) {
                free(t);
                fail(w, -ENOMEM);
                return;
        }
        v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
        v->type->tensor_type = t;
        t->has_elem_type = true;
        t->elem_type = type;
        t->shape = NEW_MESSAGE(Onnx__TensorShapeProto, onnx__tensor_shape_proto__init);
        if (!t->shape)
                fail(w, -ENOMEM);
        for (size_t i = 0; i < n_dims && !w->error; i++)
                fill_dimension(w, t->shape, dims[i]);
}

void onnx_writer_input(struct onnx_writer *w, const char *name, enum nn_type type, const int64_t *dims, size_t n_dims)
{
        add_value(w, &w->model->graph->input, &w->model->graph->n_input, name, type, dims, n_dims);
}

void onnx_writer_output(struct onnx_writer *w, const char *name, enum nn_type type, const int64_t *dims, size_t n_dims)
{
        add_value(w, &w->model->graph->output, &w->model->graph->n_output, name, type, dims, n_dims);
}

/* ONNX keeps raw_data in little-endian order. */
static void to_little_endian(uint8_t *c, size_t item, size_t size_bytes)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (size_t i = 0; i < size_bytes; i += item)
                for (size_t j = 0; j < item / 2; j++) {
                        uint8_t swap = c[i + j];

                        c[i + j] = c[i + item - 1 - j];
                        c[i + item - 1 - j] = swap;
                }
#endif
}

static int tensor_bytes(const struct nn_tensor *t, size_t *ret)
{
        int64_t n = nn_tensor_n_elements(t);

        if (n < 0 || nn_type_size(t->type) == 0 || __builtin_mul_overflow((size_t)n, nn_type_size(t->type), ret) ||
            (*ret && !t->data))
                return -EINVAL;
        return 0;
}

/* @data: of @t, in ONNX's order, in memory that becomes the message's. Return: whether it did. */
static bool add_initializer(struct onnx_writer *w, const char *name, const struct nn_tensor *t, void *data, size_t size)
{
        Onnx__GraphProto *g = w->model->graph;
        Onnx__TensorProto *p, **slot = (Onnx__TensorProto **)grow(w, &g->initializer, &g->n_initializer);

        if (!slot)
                return false;
        p = *slot = NEW_MESSAGE(Onnx__TensorProto, onnx__tensor_proto__init);
        if (!p) {
                fail(w, -ENOMEM);
                return false;
        }
        g->n_initializer++;
        p->name = copy_string(w, name);
        p->has_data_type = true;
        p->data_type = t->type;
        p->dims = copy_bytes(w, t->dims, t->n_dims * sizeof(*t->dims));
        p->n_dims = p->dims ? t->n_dims : 0;
        p->raw_data.data = data;
        p->raw_data.len = size;
        p->has_raw_data = true;
        return true;
}

void onnx_writer_take_initializer(struct onnx_writer *w, const char *name, struct nn_tensor *t)
{
        size_t size;
        int r = tensor_bytes(t, &size);

        if (r < 0)
                fail(w, r);
        else
                to_little_endian(t->data, nn_type_size(t->type), size);
        if (w->error || !add_initializer(w, name, t, t->data, size))
                free(t->data);
        t->data = NULL;
}

void onnx_writer_lend_initializer(struct onnx_writer *w, const char *name, const struct nn_tensor *t)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        onnx_writer_initializer(w, name, t);
#else
        size_t size;
        int r = tensor_bytes(t, &size);
        Onnx__TensorProto **slot;

        if (r < 0)
                fail(w, r);
        if (w->error)
                return;
        slot = (Onnx__TensorProto **)grow(w, &w->lent, &w->n_lent);
        if (slot && add_initializer(w, name, t, t->data, size))
                w->lent[w->n_lent++] = w->model->graph->initializer[w->model->graph->n_initializer - 1];
#endif
}

void onnx_writer_initializer(struct onnx_writer *w, const char *name, const struct nn_tensor *t)
{
        struct nn_tensor copy = *t;
        size_t size;
        int r = tensor_bytes(t, &size);

        if (r < 0)
                fail(w, r);
        if (w->error)
                return;
        copy.data = copy_bytes(w, t->data, size);
        if (copy.data)
                onnx_writer_take_initializer(w, name, &copy);
}

static int copy_list(struct onnx_writer *w, const char *const *from, char ***list, size_t *n)
{
        for (; from && *from; from++) {
                char **slot = (char **)grow(w, list, n);

                if (!slot || !(*slot = copy_string(w, *from)))
                        return w->error;
                ++*n;
        }
        return 0;
}

static void fill_attribute(struct onnx_writer *w, Onnx__AttributeProto *p, const struct onnx_attribute *a)
{
        p->name = copy_string(w, a->name);
        p->has_type = true;
        switch (a->kind) {
        case ONNX_INT:
                p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
                p->has_i = true;
                p->i = a->i;
                return;
        case ONNX_FLOAT:
                p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
                p->has_f = true;
                p->f = a->f;
                return;
        case ONNX_STRING:
                p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
                p->s.data = (uint8_t *)copy_string(w, a->s);
                p->s.len = p->s.data ? strlen(a->s) : 0;
                p->has_s = true;
                return;
        case ONNX_INTS:
                p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
                p->ints = copy_bytes(w, a->ints, a->n * sizeof(*a->ints));
                p->n_ints = p->ints ? a->n : 0;
                return;
        case ONNX_FLOATS:
                p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
                p->floats = copy_bytes(w, a->floats, a->n * sizeof(*a->floats));
                p->n_floats = p->floats ? a->n : 0;
                return;
        }
        fail(w, -EINVAL);
}

/* The domain @domain, version 1, once. */
static void import_domain(struct onnx_writer *w, const char *domain)
{
        Onnx__ModelProto *m = w->model;
        Onnx__OperatorSetIdProto **opset;

        for (size_t i = 0; i < m->n_opset_import; i++)
                if (strcmp(m->opset_import[i]->domain, domain) == 0)
                        return;
        opset = (Onnx__OperatorSetIdProto **)grow(w, &m->opset_import, &m->n_opset_import);
        if (!opset)
                return;
        *opset = NEW_MESSAGE(Onnx__OperatorSetIdProto, onnx__operator_set_id_proto__init);
        if (!*opset) {
                fail(w, -ENOMEM);
                return;
        }
        m->n_opset_import++;
        (*opset)->domain = copy_string(w, domain);
        (*opset)->has_version = true;
        (*opset)->version = 1;
}

/* "com.microsoft.QGemm" is a type and a domain. */
static void set_type(struct onnx_writer *w, Onnx__NodeProto *p, const char *name)
{
        const char *dot = strrchr(name, '.');

        p->op_type = copy_string(w, dot ? dot + 1 : name);
        if (!dot)
                return;
        p->domain = copy_string(w, name);
        if (!p->domain)
                return;
        p->domain[dot - name] = '\0';
        import_domain(w, p->domain);
}

void onnx_writer_node(struct onnx_writer *w, const char *op_type, const char *const *inputs, const char *const *outputs,
                      const struct onnx_attribute *attributes)
{
        Onnx__GraphProto *g = w->model->graph;
        Onnx__NodeProto *p, **slot;

        if (w->error || !(slot = (Onnx__NodeProto **)grow(w, &g->node, &g->n_node)))
                return;
        p = *slot = NEW_MESSAGE(Onnx__NodeProto, onnx__node_proto__init);
        if (!p) {
                fail(w, -ENOMEM);
                return;
        }
        g->n_node++;
        set_type(w, p, op_type);
        if (copy_list(w, inputs, &p->input, &p->n_input) || copy_list(w, outputs, &p->output, &p->n_output))
                return;
        /* tools that draw graphs want a name; the first output's is unique */
        p->name = copy_string(w, p->n_output ? p->output[0] : op_type);
        for (const struct onnx_attribute *a = attributes; a && a->name && !w->error; a++) {
                Onnx__AttributeProto **at = (Onnx__AttributeProto **)grow(w, &p->attribute, &p->n_attribute);

                if (!at)
                        return;
                *at = NEW_MESSAGE(Onnx__AttributeProto, onnx__attribute_proto__init);
                if (!*at) {
                        fail(w, -ENOMEM);
                        return;
                }
                p->n_attribute++;
                fill_attribute(w, *at, a);
        }
}

void onnx_writer_metadata(struct onnx_writer *w, const char *key, const char *value)
{
        Onnx__ModelProto *m = w->model;
        Onnx__StringStringEntryProto *p, **slot;

        if (w->error || !(slot = (Onnx__StringStringEntryProto **)grow(w, &m->metadata_props, &m->n_metadata_props)))
                return;
        p = *slot = NEW_MESSAGE(Onnx__StringStringEntryProto, onnx__string_string_entry_proto__init);
        if (!p) {
                fail(w, -ENOMEM);
                return;
        }
        m->n_metadata_props++;
        p->key = copy_string(w, key);
        p->value = copy_string(w, value);
}

/* A file as protobuf-c's buffer: the message is not held a second time. */
struct stream {
        ProtobufCBuffer base;
        FILE *file;
};

static void append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
        /* an error stays with the stream: replace_file_commit() looks for it */
        fwrite(data, 1, size, ((struct stream *)buffer)->file);
}

int onnx_writer_save(struct onnx_writer *w, const char *path)
{
        _cleanup_(replace_file_done) struct replace_file f = { 0 };
        struct stream to = { .base = { .append = append } };
        int r;

        if (w->error)
                return w->error;
        r = replace_file_open(&f, path);
        if (r < 0)
                return r;
        to.file = f.stream;
        onnx__model_proto__pack_to_buffer(w->model, &to.base);
        return replace_file_commit(&f);
}
