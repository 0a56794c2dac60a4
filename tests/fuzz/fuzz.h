/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A fuzz target is one file with these two functions. `make check` links it with standalone.c, which feeds it
 * its seeds and some thousand mutations of them, the same in every run; --enable-fuzzing links it to
 * libFuzzer.
 */

#include <stddef.h>
#include <stdint.h>

/* One input; must neither crash, leak nor hang, whatever it is. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The @i-th valid input, malloc'ed. Return: 0; -ENOENT there are no more. */
int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size);
