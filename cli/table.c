/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "basic/utf8.h"
#include "cli/text.h"

#define COLUMNS_MAX 16

struct cell {
        char *text;
        enum text_colour colour;
};

struct table {
        size_t n_columns, n_cells, n_allocated;
        struct cell headings[COLUMNS_MAX];
        bool right[COLUMNS_MAX];
        struct cell *cells;
        bool failed; /* no memory for a cell */
};

int table_new(const char *columns, struct table **ret)
{
        _cleanup_(table_freep) struct table *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        for (const char *p = columns; *p && t->n_columns < COLUMNS_MAX;) {
                size_t n;

                t->right[t->n_columns] = *p == '>';
                p += *p == '>';
                n = strcspn(p, "|");
                t->headings[t->n_columns] = (struct cell){ strndup(p, n), TEXT_BOLD };
                if (!t->headings[t->n_columns++].text)
                        return -ENOMEM;
                p += n + (p[n] == '|');
        }
        *ret = STEAL(t);
        return 0;
}

struct table *table_free(struct table *t)
{
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_columns; i++)
                free(t->headings[i].text);
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        free(t->cells);
        free(t);
        return NULL;
}

void table_add(struct table *t, enum text_colour colour, const char *format, ...)
{
        _cleanup_(freep) char *raw = NULL;
        va_list ap;
        char *text;
        int n;

        va_start(ap, format);
        n = vasprintf(&raw, format, ap);
        va_end(ap);
        if (n < 0)
                raw = NULL;
        text = raw ? utf8_clean_dup(raw) : NULL;
        if (text && t->n_cells == t->n_allocated) {
                size_t more = t->n_allocated ? t->n_allocated * 2 : 32;
                struct cell *cells = reallocarray(t->cells, more, sizeof(*cells));

                if (cells) {
                        t->cells = cells;
                        t->n_allocated = more;
                }
        }
        if (!text || t->n_cells == t->n_allocated) {
                free(text);
                t->failed = true;
                return;
        }
        t->cells[t->n_cells++] = (struct cell){ text, colour };
}

size_t table_n_rows(const struct table *t)
{
        return t->n_cells / t->n_columns;
}

/* Characters, not bytes: those of UTF-8 that do not go on with one begun before. */
static int width_of(const char *s)
{
        int n = 0;

        for (; *s; s++)
                n += (*s & 0xc0) != 0x80;
        return n;
}

static void print_row(const struct ctl *c, const struct table *t, const struct cell *row, const int *widths)
{
        for (size_t i = 0; i < t->n_columns; i++) {
                int pad = widths[i] - width_of(row[i].text);

                if (t->right[i])
                        printf("%*s", pad, "");
                if (row[i].colour == TEXT_PLAIN)
                        fputs(row[i].text, stdout);
                else
                        printf("%s%s%s", text_on(c, row[i].colour), row[i].text, text_off(c));
                if (i + 1 == t->n_columns)
                        putchar('\n');
                else
                        printf("%*s", (t->right[i] ? 0 : pad) + 2, "");
        }
}

int table_print(const struct ctl *c, const struct table *t)
{
        int widths[COLUMNS_MAX] = { 0 };

        if (t->failed)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_columns && c->legend; i++)
                widths[i] = width_of(t->headings[i].text);
        for (size_t i = 0; i < t->n_cells; i++)
                widths[i % t->n_columns] = MAX(widths[i % t->n_columns], width_of(t->cells[i].text));
        if (c->legend)
                print_row(c, t, t->headings, widths);
        for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
                print_row(c, t, t->cells + i, widths);
        return 0;
}
