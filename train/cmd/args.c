/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/cmd/args.h"
#include "train/data/dataset.h"

int args_unsigned(const char *option, const char *s, unsigned min, unsigned max, unsigned *ret)
{
        char *end;

        errno = 0;
        unsigned long v = strtoul(s, &end, 10);
        if (errno || end == s || *end || strchr(s, '-') || v < min || v > max) {
                fprintf(stderr, "emotion-nn: %s '%s' is no whole number from %u to %u\n", option, s, min, max);
                return -EINVAL;
        }
        *ret = (unsigned)v;
        return 0;
}

int args_double(const char *option, const char *s, double min, double max, double *ret)
{
        char *end;
        double v = strtod(s, &end);

        /* written so that NaN fails */
        if (end == s || *end || !(v >= min && v <= max)) {
                fprintf(stderr, "emotion-nn: %s '%s' is no number from %g to %g\n", option, s, min, max);
                return -EINVAL;
        }
        *ret = v;
        return 0;
}

int args_usage(const char *option, const char *s, unsigned *ret)
{
        unsigned bits = 0;

        if (strcmp(s, "all") == 0) {
                *ret = 0;
                return 0;
        }
        while (*s) {
                size_t n = strcspn(s, ",");
                char name[32] = "";

                memcpy(name, s, n < sizeof(name) ? n : sizeof(name) - 1);
                int usage = dataset_usage_from_string(name);
                if (usage < 0) {
                        fprintf(stderr, "emotion-nn: %s '%s' is not Training, PublicTest, PrivateTest or all\n", option,
                                name);
                        return -EINVAL;
                }
                bits |= (unsigned)usage;
                s += n + (s[n] == ',');
        }
        if (!bits) {
                fprintf(stderr, "emotion-nn: %s is empty\n", option);
                return -EINVAL;
        }
        *ret = bits;
        return 0;
}
