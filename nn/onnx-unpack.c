/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"
#include "nn/memory.h"
#include "nn/onnx-unpack.h"

/* A model whose nodes hold no subgraphs nests seven deep (model, graph, input, type, tensor, shape, dimension). */
#define MAX_DEPTH 24
/* Memory that the messages may take: a fixed part for small files, and a factor for packed integers. */
#define BASE_BYTES ((size_t)64 << 20)
#define BYTES_PER_BYTE 4

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

/* Walks the fields of a message and of those inside it; malformed ones are left for the unpacker to refuse, after
 * the depth is known to be bounded. */
static int check_depth(const ProtobufCMessageDescriptor *d, const uint8_t *at, const uint8_t *end, unsigned depth)
{
        if (depth > MAX_DEPTH)
                return -EFBIG;
        while (at < end) {
                const ProtobufCFieldDescriptor *f;
                const uint8_t *body;
                uint64_t tag, n;
                int r;

                if (!read_varint(&at, end, &tag))
                        return -EBADMSG;
                switch (tag & 7) {
                case 0:
                        if (!read_varint(&at, end, &n))
                                return -EBADMSG;
                        break;
                case 1:
                        if (!skip(&at, end, 8))
                                return -EBADMSG;
                        break;
                case 5:
                        if (!skip(&at, end, 4))
                                return -EBADMSG;
                        break;
                case 2:
                        if (!read_varint(&at, end, &n))
                                return -EBADMSG;
                        body = at;
                        if (!skip(&at, end, n))
                                return -EBADMSG;
                        f = tag >> 3 > UINT32_MAX ? NULL :
                                                    protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3));
                        if (!f || f->type != PROTOBUF_C_TYPE_MESSAGE)
                                break;
                        r = check_depth(f->descriptor, body, at, depth + 1);
                        if (r < 0)
                                return r;
                        break;
                default:
                        return -EBADMSG;
                }
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
        p = nn_alloc(size);
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

int nn_onnx_unpack(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size, ProtobufCMessage **ret,
                   struct nn_error *error)
{
        struct budget budget = { .left = BASE_BYTES + BYTES_PER_BYTE * MIN(size, NN_MAX_FILE_BYTES) };
        ProtobufCAllocator allocator = { .alloc = budget_alloc, .free = budget_free, .allocator_data = &budget };
        ProtobufCMessage *m;
        int r;

        if (size > NN_MAX_FILE_BYTES)
                return nn_fail(error, -EFBIG, "file is larger than %zu bytes", NN_MAX_FILE_BYTES);
        r = check_depth(descriptor, data, (const uint8_t *)data + size, 0);
        if (r == -EFBIG)
                return nn_fail(error, r, "messages nest deeper than %d", MAX_DEPTH);
        if (r < 0)
                return nn_fail(error, r, "not an ONNX file, or cut short");
        m = protobuf_c_message_unpack(descriptor, &allocator, size, data);
        if (!m && budget.exceeded)
                return nn_fail(error, -EFBIG, "file unpacks to too much memory");
        if (!m && budget.failed)
                return nn_fail(error, -ENOMEM, "out of memory");
        if (!m)
                return nn_fail(error, -EBADMSG, "not an ONNX file, or cut short");
        *ret = m;
        return 0;
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
                        ((float *)t->data)[i] = p->float_data[i];
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

static int take_raw(Onnx__TensorProto *p, const char *what, size_t bytes, struct nn_tensor *t, struct nn_error *error)
{
        if (p->raw_data.len != bytes)
                return nn_fail(error, -EBADMSG, "tensor '%s' has %zu bytes of data where its shape asks for %zu", what,
                               p->raw_data.len, bytes);
        if (bytes == 0)
                return 0;
        t->data = STEAL(p->raw_data.data);
        p->raw_data.len = 0;
        to_host_order(t->data, bytes, nn_type_size(t->type));
        if (t->type == NN_BOOL)
                for (size_t i = 0; i < bytes; i++)
                        ((uint8_t *)t->data)[i] = ((uint8_t *)t->data)[i] != 0;
        return 0;
}

int nn_onnx_tensor(Onnx__TensorProto *p, const char *what, struct nn_tensor *ret, struct nn_error *error)
{
        struct nn_tensor t = { .type = (enum nn_type)p->data_type, .n_dims = (unsigned)p->n_dims };
        size_t bytes, n, n_typed;
        bool ok;
        int r;

        if (nn_type_size(t.type) == 0)
                return nn_fail(error, -EOPNOTSUPP, "tensor '%s' has element type %s", what, nn_type_name(p->data_type));
        if (p->n_external_data || p->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
                return nn_fail(error, -EOPNOTSUPP, "tensor '%s' keeps its data in another file", what);
        if (p->segment)
                return nn_fail(error, -EOPNOTSUPP, "tensor '%s' is stored in segments", what);
        if (p->n_dims > NN_MAX_DIMS)
                return nn_fail(error, -EFBIG, "tensor '%s' has %zu dims", what, p->n_dims);
        for (size_t i = 0; i < p->n_dims; i++) {
                if (p->dims[i] < 0)
                        return nn_fail(error, -EBADMSG, "tensor '%s' has dim %" PRId64, what, p->dims[i]);
                t.dims[i] = p->dims[i];
        }
        bytes = nn_tensor_bytes(&t, &ok);
        if (!ok)
                return nn_fail(error, -EFBIG, "tensor '%s' is too large: %s", what, NN_SHAPE_STRING(&t));
        n = bytes / nn_type_size(t.type);
        if (p->has_raw_data) {
                r = take_raw(p, what, bytes, &t, error);
                if (r < 0)
                        return r;
                *ret = t;
                return 0;
        }
        n_typed = t.type == NN_FLOAT32 ? p->n_float_data : t.type == NN_INT64 ? p->n_int64_data : p->n_int32_data;
        if (n_typed != n)
                return nn_fail(error, -EBADMSG, "tensor '%s' has %zu values where its shape asks for %zu", what,
                               n_typed, n);
        if (bytes) {
                t.data = malloc(bytes);
                if (!t.data)
                        return nn_fail(error, -ENOMEM, "out of memory");
                convert_typed(p, n, &t);
        }
        *ret = t;
        return 0;
}
