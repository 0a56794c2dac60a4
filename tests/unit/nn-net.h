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
