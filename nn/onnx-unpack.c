/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/memory.h"
#include "nn/onnx-external.h"
#include "nn/onnx-float.h"
#include "nn/onnx-unpack.h"

/* A model whose nodes hold no subgraphs nests seven deep (model, graph, input, type, tensor, shape, dimension). */
#define MAX_DEPTH 24
/* Memory that the messages may take: a fixed part for small files, and a factor for packed integers. */
#define BASE_BYTES ((size_t)64 << 20)
#define BYTES_PER_BYTE 4
/* Of tensors in the file: that of nn_alloc(). */
#define ALIGNMENT 64

/* Protocol Buffers wire format, https://protobuf.dev/programming-guides/encoding/ */
static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret)
{
        uint64_t v = 0;

        for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
                uint8_t b = *(*at)++;

                v |= (uint64_t)(b & 0x7f) << shift;
                if (!(b & 0x80)) {
                        *ret = v;
                        return true;
                }
        }
        return false;
}

static bool skip(const uint8_t **at, const uint8_t *end, uint64_t n)
{
        if (n > (uint64_t)(end - *at))
                return false;
        *at += n;
        return true;
}

/* The fields of a message and of those inside it, in the order of the file: measured, or written again without the
 * contents of large tensors. */
struct cut {
        uint8_t *file; /* NULL: only measured */
        uint8_t *out;  /* what is written */
        size_t n;      /* its size so far */
        size_t placed; /* end of the last tensor's contents in the file */
};

/* What is written in the place of a tensor's contents: contents of this size and more are replaced, smaller ones
 * never, so that the size alone tells them apart. */
struct place {
        uint64_t offset, size;
        uint8_t zeros[48];
};

static void emit(struct cut *c, const uint8_t *from, size_t n)
{
        if (c->file)
                memcpy(c->out + c->n, from, n);
        c->n += n;
}

/* A length in as many bytes as it had: it only became smaller. */
static void write_length(uint8_t *to, size_t n_bytes, size_t length)
{
        for (size_t i = 0; i < n_bytes; i++, length >>= 7)
                to[i] = (uint8_t)((length & 0x7f) | (i + 1 < n_bytes ? 0x80 : 0));
}

/* Moves the contents down to an aligned address, over what was written to the message already. */
static void emit_place(struct cut *c, const uint8_t *from, size_t n)
{
        struct place p = { .size = n };

        if (c->file) {
                size_t at = (size_t)(from - c->file), to = (c->placed + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

                to = MIN(to, at); /* no room: nn_onnx_tensor() copies */
                memmove(c->file + to, from, n);
                c->placed = to + n;
                p.offset = to;
        }
        emit(c, (const uint8_t *)&p, sizeof(p));
}

static bool is_contents(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
        return d == &onnx__tensor_proto__descriptor && f && f->offset == offsetof(Onnx__TensorProto, raw_data);
}

static int cut_message(struct cut *c, const ProtobufCMessageDescriptor *d, const uint8_t *at, const uint8_t *end,
                       unsigned depth);

/* A field that says its length; @start is its tag, *@at behind it. */
static int cut_field(struct cut *c, const ProtobufCMessageDescriptor *d, uint64_t id, const uint8_t *start,
                     const uint8_t **at, const uint8_t *end, unsigned depth)
{
        const ProtobufCFieldDescriptor *f =
                id > UINT32_MAX ? NULL : protobuf_c_message_descriptor_get_field(d, (unsigned)id);
        const uint8_t *length = *at, *body;
        size_t inside;
        uint64_t n;
        int r = 0;

        if (!read_varint(at, end, &n))
                return -EBADMSG;
        body = *at;
        if (!skip(at, end, n))
                return -EBADMSG;
        emit(c, start, (size_t)(body - start));
        inside = c->n;
        if (f && f->type == PROTOBUF_C_TYPE_MESSAGE)
                r = cut_message(c, f->descriptor, body, *at, depth + 1);
        else if (is_contents(d, f) && n >= sizeof(struct place))
                emit_place(c, body, (size_t)n);
        else
                emit(c, body, (size_t)n);
        if (r == 0 && c->file)
                write_length(c->out + inside - (body - length), (size_t)(body - length), c->n - inside);
        return r;
}

/* Malformed fields are left for the unpacker to refuse, after the depth is known to be bounded. */
static int cut_message(struct cut *c, const ProtobufCMessageDescriptor *d, const uint8_t *at, const uint8_t *end,
                       unsigned depth)
{
        if (depth > MAX_DEPTH)
                return -EFBIG;
        while (at < end) {
                const uint8_t *start = at;
                uint64_t tag, n;
                int r = 0;

                if (!read_varint(&at, end, &tag))
                        return -EBADMSG;
                switch (tag & 7) {
                case 0:
                        r = read_varint(&at, end, &n) ? 0 : -EBADMSG;
                        break;
                case 1:
                        r = skip(&at, end, 8) ? 0 : -EBADMSG;
                        break;
                case 5:
                        r = skip(&at, end, 4) ? 0 : -EBADMSG;
                        break;
                case 2:
                        r = cut_field(c, d, tag >> 3, start, &at, end, depth);
                        break;
                default:
                        r = -EBADMSG;
                }
                if (r < 0)
                        return r;
                if ((tag & 7) != 2)
                        emit(c, start, (size_t)(at - start));
        }
        return 0;
}

struct budget {
        size_t left;
        bool exceeded, failed;
};

static void *budget_alloc(void *userdata, size_t size)
{
        struct budget *b = userdata;
        void *p;

        if (size > b->left) {
                b->exceeded = true;
                return NULL;
        }
        p = size < NN_ALLOC_LARGE_BYTES ? malloc(size) : nn_alloc(size);
        if (p)
                b->left -= size;
        else
                b->failed = true;
        return p;
}

static void budget_free(void *userdata, void *p)
{
        /* memory given back is not credited: the total is what is bounded */
        free(p);
}

static int measure(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size, size_t *ret_cut,
                   struct nn_error *error)
{
        struct cut c = { 0 };
        int r;

        if (size > NN_MAX_FILE_BYTES)
                return nn_fail(error, -EFBIG, "file is larger than %zu bytes", NN_MAX_FILE_BYTES);
        r = cut_message(&c, descriptor, data, data + size, 0);
        if (r == -EFBIG)
                return nn_fail(error, r, "messages nest deeper than %d", MAX_DEPTH);
        if (r < 0)
                return nn_fail(error, r, "not an ONNX file, or cut short");
        *ret_cut = c.n;
        return 0;
}

static int unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *data, size_t size,
                  ProtobufCMessage **ret, struct nn_error *error)
{
        struct budget budget = { .left = BASE_BYTES + BYTES_PER_BYTE * size };
        ProtobufCAllocator allocator = { .alloc = budget_alloc, .free = budget_free, .allocator_data = &budget };
        ProtobufCMessage *m = protobuf_c_message_unpack(descriptor, &allocator, size, data);

        if (!m && budget.exceeded)
                return nn_fail(error, -EFBIG, "file unpacks to too much memory");
        if (!m && budget.failed)
                return nn_no_memory(error);
        if (!m)
                return nn_fail(error, -EBADMSG, "not an ONNX file, or cut short");
        *ret = m;
        return 0;
}

int nn_onnx_unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size, ProtobufCMessage **ret,
                   struct nn_error *error)
{
        size_t n = 0;
        int r = measure(descriptor, data, size, &n, error);

        return r < 0 ? r : unpack(descriptor, data, size, ret, error);
}

int nn_onnx_unpack_file(const ProtobufCMessageDescriptor *descriptor, struct nn_onnx_file *file, ProtobufCMessage **ret,
                        struct nn_error *error)
{
        _cleanup_(freep) uint8_t *out = NULL;
        struct cut c = { .file = file->data };
        size_t n = 0;
        int r = measure(descriptor, file->data, file->size, &n, error);

        if (r < 0)
                return r;
        c.out = out = malloc(n + 1);
        if (!out)
                return nn_no_memory(error);
        r = cut_message(&c, descriptor, file->data, file->data + file->size, 0);
        if (r < 0) /* it was measured without a fault */
                return nn_fail(error, r, "not an ONNX file, or cut short");
        return unpack(descriptor, out, n, ret, error);
}

static void to_host_order(uint8_t *data, size_t n_bytes, size_t item)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        for (size_t i = 0; i + item <= n_bytes; i += item)
                for (size_t j = 0; j < item / 2; j++) {
                        uint8_t swap = data[i + j];

                        data[i + j] = data[i + item - 1 - j];
                        data[i + item - 1 - j] = swap;
                }
#endif
}

/* The element of a typed field; int32_data holds all small integers. */
static void convert_typed(const Onnx__TensorProto *p, size_t n, struct nn_tensor *t)
{
        for (size_t i = 0; i < n; i++)
                switch (t->type) {
                case NN_FLOAT32:
                        ((float *)t->data)[i] = nn_onnx_typed_float(p, i);
                        break;
                case NN_INT64:
                        ((int64_t *)t->data)[i] = p->int64_data[i];
                        break;
                case NN_INT32:
                        ((int32_t *)t->data)[i] = p->int32_data[i];
                        break;
                case NN_UINT8:
                case NN_INT8:
                        ((uint8_t *)t->data)[i] = (uint8_t)p->int32_data[i];
                        break;
                case NN_BOOL:
                        ((uint8_t *)t->data)[i] = p->int32_data[i] != 0;
                        break;
                }
}

/* Contents that nn_onnx_unpack_file() left in the file. */
static int take_place(const Onnx__TensorProto *p, struct nn_onnx_file *file, size_t *ret_bytes, void **ret)
{
        struct place place;

        memcpy(&place, p->raw_data.data, sizeof(place));
        if (place.offset > file->size || place.size > file->size - place.offset)
                return -EBADMSG;
        *ret_bytes = (size_t)place.size;
        *ret = file->data + place.offset;
        return 0;
}

static void finish_raw(struct nn_tensor *t, size_t bytes)
{
        to_host_order(t->data, bytes, nn_type_size(t->type));
        for (size_t i = 0; t->type == NN_BOOL && i < bytes; i++)
                ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
}

static int take_raw(Onnx__TensorProto *p, struct nn_onnx_file *file, const char *what, size_t bytes,
                    struct nn_tensor *t, struct nn_error *error)
{
        bool in_file = file && p->raw_data.len == sizeof(struct place);
        void *data = p->raw_data.data;
        size_t len = p->raw_data.len;

        if (in_file && take_place(p, file, &len, &data) < 0)
                return nn_fail(error, -EBADMSG, "tensor '%s' lies outside the file", what);
        if (len != bytes)
                return nn_fail(error, -EBADMSG, "tensor '%s' has %zu bytes of data where its shape asks for %zu", what,
                               len, bytes);
        if (bytes == 0)
                return 0;
        t->data = data;
        if (!in_file) {
                p->raw_data.data = NULL;
                p->raw_data.len = 0;
        } else if ((uintptr_t)data % ALIGNMENT == 0) {
                file->n_taken++;
        } else {
                t->data = nn_alloc(bytes);
                if (!t->data)
                        return nn_no_memory(error);
                memcpy(t->data, data, bytes);
        }
        finish_raw(t, bytes);
        return 0;
}

/* Contents as they stand in the file, in @t's memory: inside the file, or its own. */
static int take_contents(Onnx__TensorProto *p, struct nn_onnx_file *file, const char *what, size_t bytes,
                         struct nn_tensor *t, struct nn_error *error)
{
        int r;

        if (!p->n_external_data && p->data_location != ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
                return take_raw(p, file, what, bytes, t, error);
        r = nn_onnx_external(p, file, what, bytes, &t->data, error);
        if (r == 0)
                finish_raw(t, bytes);
        return r;
}

static size_t n_typed(const Onnx__TensorProto *p, enum nn_type type)
{
        if (p->data_type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE)
                return p->n_double_data;
        if (nn_onnx_float_bytes(p->data_type))
                return p->n_int32_data;
        return type == NN_FLOAT32 ? p->n_float_data : type == NN_INT64 ? p->n_int64_data : p->n_int32_data;
}

/* Numbers of another width than float32: their bytes, then what they are. */
static int take_floats(Onnx__TensorProto *p, struct nn_onnx_file *file, const char *what, size_t n, struct nn_tensor *t,
                       struct nn_error *error)
{
        size_t item = nn_onnx_float_bytes(p->data_type);
        struct nn_tensor raw = { .type = NN_UINT8 };
        bool in_file = file && p->raw_data.len == sizeof(struct place);
        int r = take_contents(p, file, what, n * item, &raw, error);

        if (r < 0 || n == 0)
                return r;
        t->data = nn_alloc(n * sizeof(float));
        if (t->data)
                nn_onnx_floats(p->data_type, raw.data, n, t->data);
        /* what was taken out of the file stays in it, unless it had to be copied */
        if (!in_file || raw.data < (void *)file->data || raw.data >= (void *)(file->data + file->size))
                free(raw.data);
        else
                file->n_taken--;
        return t->data ? 0 : nn_no_memory(error);
}

/* Type and shape. */
static int read_shape(const Onnx__TensorProto *p, const char *what, struct nn_tensor *t, size_t *ret_bytes,
                      struct nn_error *error)
{
        bool ok;

        t->type = nn_type_kept(p->data_type);
        t->n_dims = (unsigned)p->n_dims;
        if (nn_type_size(t->type) == 0)
                return nn_fail(error, -EOPNOTSUPP, "tensor '%s' has element type %s", what, nn_type_name(p->data_type));
        if (p->segment)
                return nn_fail(error, -EOPNOTSUPP, "tensor '%s' is stored in segments", what);
        if (p->n_dims > NN_MAX_DIMS)
                return nn_fail(error, -EFBIG, "tensor '%s' has %zu dims", what, p->n_dims);
        for (size_t i = 0; i < p->n_dims; i++) {
                if (p->dims[i] < 0)
                        return nn_fail(error, -EBADMSG, "tensor '%s' has dim %" PRId64, what, p->dims[i]);
                t->dims[i] = p->dims[i];
        }
        *ret_bytes = nn_tensor_bytes(t, &ok);
        return ok ? 0 : nn_fail(error, -EFBIG, "tensor '%s' is too large: %s", what, NN_SHAPE_STRING(t));
}

int nn_onnx_tensor(Onnx__TensorProto *p, struct nn_onnx_file *file, const char *what, struct nn_tensor *ret,
                   struct nn_error *error)
{
        bool raw = p->has_raw_data || p->n_external_data ||
                   p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
        struct nn_tensor t = { 0 };
        size_t bytes = 0, n;
        int r = read_shape(p, what, &t, &bytes, error);

        if (r < 0)
                return r;
        n = bytes / nn_type_size(t.type);
        if (raw) {
                if (nn_onnx_float_bytes(p->data_type))
                        r = take_floats(p, file, what, n, &t, error);
                else
                        r = take_contents(p, file, what, bytes, &t, error);
                if (r == 0)
                        *ret = t;
                return r;
        }
        if (n_typed(p, t.type) != n)
                return nn_fail(error, -EBADMSG, "tensor '%s' has %zu values where its shape asks for %zu", what,
                               n_typed(p, t.type), n);
        if (bytes) {
                t.data = malloc(bytes);
                if (!t.data)
                        return nn_no_memory(error);
                convert_typed(p, n, &t);
        }
        *ret = t;
        return 0;
}
