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

/* Pieces of this size and more get their pages when they are made. */
#define NN_ALLOC_LARGE_BYTES ((size_t)256 << 10)
#define NN_ALLOC_PAGE_BYTES ((size_t)4 << 10)
#define NN_ALLOC_HUGE_BYTES ((size_t)2 << 20)

/* Bytes at the start of a piece that are worth huge pages: whole ones, and a last one that is filled to three
 * quarters. May be more than @bytes. */
static inline size_t nn_alloc_huge_part(size_t bytes)
{
        size_t rest = bytes % NN_ALLOC_HUGE_BYTES;

        return bytes - rest + (rest >= NN_ALLOC_HUGE_BYTES / 4 * 3 ? NN_ALLOC_HUGE_BYTES : 0);
}

/* The kernel is asked to do @what with the whole pages between @p and @p + @bytes. Advice only: all works without. */
static inline void nn_alloc_advise(void *p, size_t bytes, int what)
{
        uintptr_t first = ((uintptr_t)p + NN_ALLOC_PAGE_BYTES - 1) / NN_ALLOC_PAGE_BYTES * NN_ALLOC_PAGE_BYTES;
        uintptr_t end = ((uintptr_t)p + bytes) / NN_ALLOC_PAGE_BYTES * NN_ALLOC_PAGE_BYTES;

        if (end > first)
                (void)madvise((void *)first, end - first, what);
}

/* Fetches the pages of a large piece by one call, since a page fault each costs more than the page itself. */
static inline void nn_alloc_fetch(void *p, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
        if (bytes >= NN_ALLOC_LARGE_BYTES)
                nn_alloc_advise(p, bytes, MADV_POPULATE_WRITE);
#endif
}

/* Gives the pages back: what is in them is lost, and they read as zeros. */
static inline void nn_alloc_give_back(void *p, size_t bytes)
{
        nn_alloc_advise(p, bytes, MADV_DONTNEED);
}

/* @bytes at @p, which begin on a huge page if they are worth some: these cost a third of small ones and save address
 * translations. */
static inline void nn_alloc_want_huge(void *p, size_t bytes)
{
        nn_alloc_advise(p, nn_alloc_huge_part(bytes), MADV_HUGEPAGE);
}

/* @bytes for free(), on a 64-byte boundary; NULL if there is no memory. All of it will be written soon. */
static inline void *nn_alloc(size_t bytes)
{
        size_t huge = nn_alloc_huge_part(bytes), align = huge ? NN_ALLOC_HUGE_BYTES : 64;
        size_t size = (bytes + 63) / 64 * 64;
        void *p;

        if (size < bytes || huge > SIZE_MAX / 2)
                return NULL;
        size = huge > size ? huge : size ? size : 64;
        p = aligned_alloc(align, (size + align - 1) / align * align);
        if (p) {
                nn_alloc_want_huge(p, size);
                nn_alloc_fetch(p, size);
        }
        return p;
}

/* The same for @bytes of zeros, whose pages are not fetched; *@ret_base is what free() takes. */
static inline void *nn_alloc_zeros(size_t bytes, void **ret_base)
{
        size_t huge = nn_alloc_huge_part(bytes), align = huge ? NN_ALLOC_HUGE_BYTES : 64;
        size_t size = huge > bytes ? huge : bytes;
        uintptr_t at;

        if (size > SIZE_MAX - align)
                return NULL;
        /* calloc() does not touch what comes new from the kernel */
        *ret_base = calloc(1, size + align);
        if (!*ret_base)
                return NULL;
        at = ((uintptr_t)*ret_base + align - 1) / align * align;
        nn_alloc_want_huge((void *)at, size);
        return (void *)at;
}
