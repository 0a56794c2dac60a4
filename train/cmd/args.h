/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values of command-line options. A wrong one is reported on standard error with the range that is allowed. */

/* Return: 0; -EINVAL, *@ret untouched. @option is its name for the message. */
int args_unsigned(const char *option, const char *s, unsigned min, unsigned max, unsigned *ret);
int args_double(const char *option, const char *s, double min, double max, double *ret);
/* "all", or usages by FER2013's names, comma-separated, to bits of enum dataset_usage */
int args_usage(const char *option, const char *s, unsigned *ret);
