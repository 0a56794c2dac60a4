/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "basic/macro.h"
#include "tests/fuzz/fuzz.h"

/*
 * Feeds a fuzz target without a fuzzer: usage: fuzz-x [FILE...]
 * With files: each as it is, to look at what a fuzzer found. Without: the seeds and their mutations.
 */

#define N_MUTATIONS 3000
#define MAX_BYTES (1u << 20)
#define HANG_SECONDS 900

/* xorshift64 (Marsaglia 2003): the same inputs on every machine */
static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (random_state >> 16) % n;
}

/* Sizes and counts are often 32 bits wide; these are the ones that go wrong. */
static void set_word(uint8_t *data, size_t size, size_t at)
{
        static const uint32_t words[] = { 0, 1, 0x7f, 0xff, 0x100, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff };
        uint32_t v = words[random_below(ARRAY_LEN(words))];
        bool big_endian = random_below(2);

        for (size_t i = 0; i < 4 && at + i < size; i++)
                data[at + i] = v >> 8 * (big_endian ? 3 - i : i);
}

/* Half of all changes go to the first bytes, where the headers are. */
static size_t random_place(size_t size)
{
        return random_below(random_below(2) ? size : MIN(size, (size_t)256));
}

static size_t mutate(uint8_t *data, size_t size)
{
        size_t at, n;

        if (size == 0)
                return 0;
        at = random_place(size);
        n = 1 + random_below(MIN(size - at, (size_t)64));
        switch (random_below(7)) {
        case 0:
                data[at] ^= 1u << random_below(8);
                break;
        case 1:
                data[at] = random_below(256);
                break;
        case 2:
                set_word(data, size, at);
                break;
        case 3: /* take out */
                memmove(data + at, data + at + n, size - at - n);
                size -= n;
                break;
        case 4: /* double */
                if (size + n <= MAX_BYTES) {
                        memmove(data + at + n, data + at, size - at);
                        size += n;
                }
                break;
        case 5: /* copy from elsewhere */
                memmove(data + at, data + random_below(size - n + 1), n);
                break;
        case 6:
                if (random_below(4) == 0)
                        size = at;
        }
        return size;
}

/* A copy of its own size, so that the sanitizer sees a read behind its end. */
static void feed(const uint8_t *data, size_t size)
{
        uint8_t *copy = malloc(size ? size : 1);

        assert(copy);
        memcpy(copy, data, size);
        assert(LLVMFuzzerTestOneInput(copy, size) == 0);
        free(copy);
}

static void feed_file(const char *path)
{
        static uint8_t data[16u << 20];
        FILE *f = fopen(path, "rb");
        size_t n;

        if (!f) {
                perror(path);
                exit(2);
        }
        n = fread(data, 1, sizeof(data), f);
        fclose(f);
        feed(data, n);
}

static void feed_mutations(uint8_t *seed, size_t size, unsigned n)
{
        static uint8_t data[MAX_BYTES];

        assert(size <= sizeof(data));
        for (unsigned i = 0; i < n; i++) {
                size_t k = size;

                memcpy(data, seed, size);
                for (unsigned changes = 1 + random_below(4); changes > 0; changes--)
                        k = mutate(data, k);
                feed(data, k);
        }
}

int main(int argc, char *argv[])
{
        unsigned n_seeds = 0, n;
        uint8_t *seed;
        size_t size;

        setvbuf(stdout, NULL, _IOLBF, 0);
        alarm(HANG_SECONDS); /* its signal is a failure that names itself */
        for (int i = 1; i < argc; i++)
                feed_file(argv[i]);
        if (argc > 1)
                return 0;
        while (fuzz_seed(n_seeds, &seed, &size) == 0) {
                feed(seed, size);
                free(seed);
                n_seeds++;
        }
        assert(n_seeds > 0);
        n = N_MUTATIONS / n_seeds;
        feed((const uint8_t *)"", 0);
        for (unsigned i = 0; i < n_seeds; i++) {
                random_state = UINT64_C(0x9e3779b97f4a7c15) + i;
                assert(fuzz_seed(i, &seed, &size) == 0);
                feed_mutations(seed, size, n);
                free(seed);
        }
        printf("1..1\nok 1 - %u seeds and %u mutations\n", n_seeds, n * n_seeds);
        return 0;
}
