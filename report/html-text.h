/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdio.h>

/* @s with what HTML would obey told as characters. */
void html_text(FILE *f, const char *s);
