/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small networks for the engine's tests, written and loaded again. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "basic/macro.h"
#include "nn/onnx-write.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define DIMS(...) ((const int64_t[]){ __VA_ARGS__ }), sizeof((const int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)

/* reproducible, about -1..1 */
static inline float net_random(uint32_t *seed)
{
        *seed = *seed * 1664525u + 1013904223u;
        return (float)(*seed >> 8) / (float)(1 << 23) - 1;
}

static inline void net_weights(struct onnx_writer *w, const char *name, uint32_t seed, float offset, unsigned n_dims,
                               const int64_t *dims)
{
        struct nn_tensor t = { .type = NN_FLOAT32, .n_dims = n_dims };
        int64_t n = 1;

        for (unsigned i = 0; i < n_dims; i++)
                n *= t.dims[i] = dims[i];
        t.data = malloc((size_t)n * sizeof(float));
        for (int64_t i = 0; t.data && i < n; i++)
                ((float *)t.data)[i] = net_random(&seed) * 0.5f + offset;
        onnx_writer_initializer(w, name, &t);
        free(t.data);
}

/* The writer's file as bytes; the caller frees. */
static inline uint8_t *net_bytes(struct onnx_writer *w, size_t *ret_size)
{
        char path[] = "/tmp/emotiond-test-net-XXXXXX";
        uint8_t *data = malloc(1 << 20);
        int fd = mkstemp(path);
        FILE *f;

        close(fd);
        if (onnx_writer_save(w, path) < 0 || !(f = fopen(path, "re"))) {
                free(data);
                return NULL;
        }
        *ret_size = fread(data, 1, 1 << 20, f);
        fclose(f);
        unlink(path);
        return data;
}

static inline int net_load(struct onnx_writer *w, struct nn_model **ret, struct nn_error *error)
{
        size_t size = 0;
        uint8_t *data = net_bytes(w, &size);
        int r = data ? nn_model_load_memory(data, size, ret, error) : -1;

        free(data);
        return r;
}

static inline void net_batch_norm(struct onnx_writer *w, const char *in, const char *out, int64_t channels)
{
        char names[4][32];

        for (int i = 0; i < 4; i++) {
                snprintf(names[i], sizeof(names[i]), "%s.%d", out, i);
                net_weights(w, names[i], (uint32_t)i + 7, i == 0 || i == 3 ? 1 : 0, 1, &channels);
        }
        onnx_writer_node(w, "BatchNormalization", NAMES(in, names[0], names[1], names[2], names[3]), NAMES(out), NULL);
}

static inline void net_conv(struct onnx_writer *w, const char *in, const char *out, int64_t k, int64_t c, int64_t size,
                            int64_t group, int64_t stride)
{
        const struct onnx_attribute attributes[] = {
                { .name = "pads",
                  .kind = ONNX_INTS,
                  .n = 4,
                  .ints = (const int64_t[]){ size / 2, size / 2, size / 2, size / 2 } },
                { .name = "strides", .kind = ONNX_INTS, .n = 2, .ints = (const int64_t[]){ stride, stride } },
                { .name = "group", .kind = ONNX_INT, .i = group },
                { 0 },
        };
        char weights[32], bias[32];

        snprintf(weights, sizeof(weights), "%s.w", out);
        snprintf(bias, sizeof(bias), "%s.b", out);
        net_weights(w, weights, 3, 0, 4, (const int64_t[]){ k, c / group, size, size });
        net_weights(w, bias, 4, 0, 1, &k);
        onnx_writer_node(w, "Conv", NAMES(in, weights, bias), NAMES(out), attributes);
}
