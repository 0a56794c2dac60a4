/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** FNV-1a, 64 bits: tells what has changed, by accident; no protection against those who want it not to. */

#include <stddef.h>
#include <stdint.h>

#define FNV_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t fnv_add(uint64_t hash, const void *data, size_t size)
{
        const uint8_t *p = data;

        for (size_t i = 0; i < size; i++)
                hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
        return hash;
}
