/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * OpenCV's cascade classifier behind a C interface. No C++ exception leaves it.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cascade;

struct cascade_search {
        double scale_factor;     /* step between two sizes, over 1 */
        int neighbours;          /* hits that must overlap for a face */
        uint32_t min_px, max_px; /* side of a face; 0: no limit */
};

struct cascade_hit {
        int x, y, width, height;
        int n_neighbours; /* hits that were grouped into this one */
};

/* @why: at least @why_size bytes, gets a sentence with an error. Return: 0; -EINVAL no cascade; -ENOMEM; -EIO. */
int cascade_new(const char *path, struct cascade **ret, char *why, size_t why_size);
/* Accepts NULL. */
void cascade_free(struct cascade *c);

/**
 * cascade_search_gray() - faces in a gray picture, surest first
 * @width_px, @height_px: at least 1
 * Return: number of hits written, at most @max; -ENOMEM, -EIO with @why.
 */
int cascade_search_gray(struct cascade *c, const uint8_t *data, uint32_t width_px, uint32_t height_px,
                        size_t stride_bytes, const struct cascade_search *how, struct cascade_hit *ret, size_t max,
                        char *why, size_t why_size);

/* The picture shrunk to @to_width_px columns (area average), owned by @c until the next call. */
int cascade_shrink(struct cascade *c, const uint8_t *data, uint32_t width_px, uint32_t height_px, size_t stride_bytes,
                   uint32_t to_width_px, uint32_t to_height_px, const uint8_t **ret, size_t *ret_stride_bytes,
                   char *why, size_t why_size);

#ifdef __cplusplus
}
#endif
