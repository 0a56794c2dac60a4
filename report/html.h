/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A report as one HTML page that needs nothing else: no script, no request, its charts inline. It follows the reader's
 * light or dark setting, prints, and can be read without colour; behind each chart stands its table.
 */

#include <json.h>
#include <stdio.h>

/* @report: JSON of the schema emotiond.reactions/1.0. Return: 0; -EINVAL if it is of another schema; -EIO if @f cannot be
 * written. */
int html_report(FILE *f, json_object *report);
