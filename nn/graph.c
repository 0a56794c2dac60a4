/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nn/graph.h"

size_t nn_tensor_bytes(const struct nn_tensor *t, bool *ret_ok)
{
        int64_t n = nn_tensor_n_elements(t);
        size_t bytes;

        *ret_ok = n >= 0 && nn_type_size(t->type) > 0 &&
                  !__builtin_mul_overflow((size_t)n, nn_type_size(t->type), &bytes) && bytes <= NN_MAX_TENSOR_BYTES;
        return *ret_ok ? bytes : 0;
}

bool nn_tensor_same_shape(const struct nn_tensor *a, const struct nn_tensor *b)
{
        return a->n_dims == b->n_dims && memcmp(a->dims, b->dims, a->n_dims * sizeof(*a->dims)) == 0;
}

const char *nn_tensor_shape_string(const struct nn_tensor *t, char *buffer, size_t size)
{
        size_t at = 0;

        snprintf(buffer, size, "%s", t->n_dims ? "" : "scalar");
        for (unsigned i = 0; i < t->n_dims && at < size; i++) {
                const char *x = i ? "x" : "";
                int n;

                if (t->dims[i] < 0)
                        n = snprintf(buffer + at, size - at, "%sN", x);
                else
                        n = snprintf(buffer + at, size - at, "%s%" PRId64, x, t->dims[i]);
                at += n > 0 ? (size_t)n : 0;
        }
        return buffer;
}

const char *nn_type_name(int type)
{
        static const char *const names[] = { "undefined", "float32", "uint8",     "int8",       "uint16",  "int16",
                                             "int32",     "int64",   "string",    "bool",       "float16", "float64",
                                             "uint32",    "uint64",  "complex64", "complex128", "bfloat16" };

        return type >= 0 && (size_t)type < ARRAY_LEN(names) ? names[type] : "unknown";
}

enum nn_type nn_type_kept(int type)
{
        switch (type) {
        case 10: /* float16 */
        case 11: /* float64 */
        case 16: /* bfloat16 */
                return NN_FLOAT32;
        default:
                return nn_type_size((enum nn_type)type) ? (enum nn_type)type : 0;
        }
}

int64_t nn_tensor_int(const struct nn_tensor *t, int64_t i)
{
        switch (t->type) {
        case NN_INT64:
                return ((const int64_t *)t->data)[i];
        case NN_INT32:
                return ((const int32_t *)t->data)[i];
        case NN_INT8:
                return ((const int8_t *)t->data)[i];
        default:
                return ((const uint8_t *)t->data)[i];
        }
}

void nn_tensor_put_int(struct nn_tensor *t, int64_t i, int64_t v)
{
        switch (t->type) {
        case NN_INT64:
                ((int64_t *)t->data)[i] = v;
                break;
        case NN_INT32:
                ((int32_t *)t->data)[i] = (int32_t)v;
                break;
        case NN_BOOL:
                ((uint8_t *)t->data)[i] = v != 0;
                break;
        default:
                ((uint8_t *)t->data)[i] = (uint8_t)v;
        }
}

const struct nn_attribute *nn_node_attribute(const struct nn_node *n, const char *name)
{
        for (size_t i = 0; i < n->n_attributes; i++)
                if (strcmp(n->attributes[i].name, name) == 0)
                        return &n->attributes[i];
        return NULL;
}

int64_t nn_node_int(const struct nn_node *n, const char *name, int64_t otherwise)
{
        const struct nn_attribute *a = nn_node_attribute(n, name);

        return a ? a->i : otherwise;
}

float nn_node_float(const struct nn_node *n, const char *name, float otherwise)
{
        const struct nn_attribute *a = nn_node_attribute(n, name);

        return a ? a->f : otherwise;
}

const char *nn_node_string(const struct nn_node *n, const char *name, const char *otherwise)
{
        const struct nn_attribute *a = nn_node_attribute(n, name);

        return a ? a->s : otherwise;
}
