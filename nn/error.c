/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
