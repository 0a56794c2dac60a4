/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A report as lines: CSV (RFC 4180, lines ended by \n) in long form, one figure a row, for spreadsheets and data frames;
 * NDJSON, one content or comparison a line, for pipes.
 */

#include <json.h>
#include <stdio.h>

/**
 * csv_report() - the columns content, figure, part, value, low, high
 *
 * @figure is the figure's place in the report's JSON, "smile.mean"; @part tells apart what a figure has several of: the
 * seconds from the begin for a curve, the label of an expression or mark, the other content for a comparison. A cell is
 * empty where there is no such number. What is held back has the one row "suppressed".
 * @report: JSON of the schema emotiond.reactions/1.0
 * Return: 0; -EINVAL if it is of another schema; -EIO if @f cannot be written.
 */
int csv_report(FILE *f, json_object *report);
/* Each line has "schema", "generated" and "model" as well. Return: as csv_report(). */
int ndjson_report(FILE *f, json_object *report);
