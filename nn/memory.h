/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Memory for what is large: weights and files. Internal to the project.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NN_ALLOC_LARGE_BYTES ((size_t)256 << 10)
#define NN_ALLOC_PAGE_BYTES ((uintptr_t)4096)

/* @bytes for free(), on a 64-byte boundary; NULL if there is no memory. All of it will be written soon: the pages of a
 * large piece are fetched by one call, since a page fault each costs more than the page itself. */
static inline void *nn_alloc(size_t bytes)
{
        size_t rounded = (bytes + 63) / 64 * 64;
        void *p = rounded < bytes ? NULL : aligned_alloc(64, rounded ? rounded : 64);

#ifdef MADV_POPULATE_WRITE
        if (p && rounded >= NN_ALLOC_LARGE_BYTES) {
                uintptr_t first = ((uintptr_t)p + NN_ALLOC_PAGE_BYTES - 1) & ~(NN_ALLOC_PAGE_BYTES - 1);
                uintptr_t end = ((uintptr_t)p + rounded) & ~(NN_ALLOC_PAGE_BYTES - 1);

                /* older kernels refuse: then the pages come one by one */
                (void)madvise((void *)first, end - first, MADV_POPULATE_WRITE);
        }
#endif
        return p;
}

#define NN_ALLOC_HUGE_PAGE_BYTES ((size_t)2 << 20)

/* The same for weights that every run reads from end to end: huge pages save the address translations. Advice only. */
static inline void *nn_alloc_streamed(size_t bytes)
{
        bool huge = bytes >= 2 * NN_ALLOC_HUGE_PAGE_BYTES;
        size_t align = huge ? NN_ALLOC_HUGE_PAGE_BYTES : 64, size = (bytes + align - 1) / align * align;
        void *p = size < bytes ? NULL : aligned_alloc(align, size ? size : align);

        if (p && huge)
                (void)madvise(p, size, MADV_HUGEPAGE);
        return p;
}
