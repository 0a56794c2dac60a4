/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Words, numbers and tables for people; JSON for programs. */

#include "bus/json.h"
#include "cli/ctl.h"

/* Says something on standard error, as one line. */
void ctl_say(const char *format, ...) _printf_(1, 2);

/* As ctl_say(), unless --quiet. */
#define ctl_note(c, ...) ((c)->quiet ? (void)0 : ctl_say(__VA_ARGS__))

/* Prints @o as c->json says (off counts as short). */
void json_print(const struct ctl *c, json_object *o);

/* Words of an array of strings, joined by @separator; @ret: owned by the caller; "" if it is none. */
char *json_join(json_object *array, const char *separator);

enum text_colour {
        TEXT_PLAIN,
        TEXT_GOOD,
        TEXT_WARN,
        TEXT_BAD,
        TEXT_FAINT,
        TEXT_BOLD,
};

/* Escape sequences; "" when c->colour is off. */
const char *text_on(const struct ctl *c, enum text_colour colour);
const char *text_off(const struct ctl *c);

/* How many edits (insert, delete, replace, swap of neighbours) make @b of @a; for words under 32 characters. */
unsigned text_distance(const char *a, const char *b);

/* The whole of @s as a number within @min..@max. Return: false if it is not one. */
bool text_parse_double(const char *s, double min, double max, double *ret);
bool text_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

/* Monotonic microseconds to the time of day: "HH:MM:SS.mmm", local, or RFC 3339 in UTC. */
#define TEXT_TIME_MAX 40
void text_clock(uint64_t monotonic_usec, char ret[static TEXT_TIME_MAX]);
void text_rfc3339(uint64_t monotonic_usec, char ret[static TEXT_TIME_MAX]);

/* A table: columns as wide as their widest cell, as far as the screen has room (c->columns). */
struct table;

/* @columns: headings in upper case, split at '|'; one that starts with '>' is flush right and never cut, one
 * that starts with '?' is so, too, but left out where there is no room; the text of one that starts with '+' goes on
 * in the next line; others are cut, with an ellipsis. */
int table_new(const char *columns, struct table **ret);
struct table *table_free(struct table *t);
DEFINE_CLEANUP(struct table *, table_free)
/* Adds a cell, row after row; it is cleaned and copied. An error is kept and comes back from table_print(). */
void table_add(struct table *t, enum text_colour colour, const char *format, ...) _printf_(3, 4);
size_t table_n_rows(const struct table *t);
/* Headings unless --no-legend. Return: 0 or -ENOMEM. */
int table_print(const struct ctl *c, const struct table *t);

/* Columns of the terminal that standard output is; 0: it is none. */
unsigned text_columns(void);

/* Sends standard output through a pager if it is a terminal and --no-pager was not given; pager_close() waits for it. */
void pager_open(struct ctl *c);
void pager_close(void);
