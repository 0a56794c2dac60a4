/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the operators on quantised numbers share. */

#include "nn/op.h"

bool nn_quant_is_byte(const struct nn_tensor *t);
/* Input @i, if there is one, must be of bytes. Return: 0 or -EOPNOTSUPP with c->error filled. */
int nn_quant_need_byte(struct nn_call *c, unsigned i);
/* Scale in input @i and, if there is one, a zero of type @type in input @i + 1: one number, or @n of them. Return: 0 or an
 * error with c->error filled. */
int nn_quant_check(struct nn_call *c, unsigned i, enum nn_type type, int64_t n);
/* A number of a uint8, int8 or int32 tensor; the only one where there is one; 0 without a tensor. */
int32_t nn_quant_number(const struct nn_tensor *t, int64_t i);
/* The same of a tensor of floats, which must be there. */
float nn_quant_scale(const struct nn_tensor *t, int64_t i);
/* @v, a whole number, into element @i of a tensor of bytes; beyond its range the end of that. */
void nn_quant_put(const struct nn_tensor *y, int64_t i, double v);
