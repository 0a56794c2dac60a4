/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How the engine, and what is built on it, says what is wrong. Internal to the project. */

#include "basic/macro.h"
#include "nn/emotion-nn.h"

/* Fills @error (may be NULL) and returns @code. */
int nn_fail(struct nn_error *error, int code, const char *format, ...) _printf_(3, 4);
/* -ENOMEM with the words for it. */
int nn_no_memory(struct nn_error *error);
