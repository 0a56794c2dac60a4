/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "nn/error.h"

int nn_fail(struct nn_error *error, int code, const char *format, ...)
{
        va_list ap;

        if (error) {
                va_start(ap, format);
                vsnprintf(error->text, sizeof(error->text), format, ap);
                va_end(ap);
        }
        return code;
}

int nn_no_memory(struct nn_error *error)
{
        return nn_fail(error, -ENOMEM, "out of memory");
}
