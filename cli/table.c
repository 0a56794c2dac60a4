/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "basic/utf8.h"
#include "cli/text.h"

#define COLUMNS_MAX 16
#define NARROW 12   /* to which a column of words is cut before columns are left out */
#define NARROWEST 6 /* to which it is cut after that */
#define LEFT_OUT (-1)

struct cell {
        char *text;
        enum text_colour colour;
};

struct table {
        size_t n_columns, n_cells, n_allocated;
        struct cell headings[COLUMNS_MAX];
        bool right[COLUMNS_MAX], wraps[COLUMNS_MAX], spared[COLUMNS_MAX];
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

                t->spared[t->n_columns] = *p == '?';
                t->right[t->n_columns] = *p == '>' || *p == '?';
                t->wraps[t->n_columns] = *p == '+';
                p += strchr(">+?", *p) != NULL;
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

/* The bytes of the first @width characters of @s. */
static size_t bytes_of(const char *s, int width)
{
        size_t n = 0;

        while (s[n] && (width > 0 || (s[n] & 0xc0) == 0x80))
                width -= (s[n++] & 0xc0) != 0x80;
        return n;
}

static bool speaks_utf8(void)
{
        const char *all = getenv("LC_ALL"), *type = getenv("LC_CTYPE"), *lang = getenv("LANG");
        const char *locale = all && *all ? all : type && *type ? type : lang ? lang : "";

        return strcasestr(locale, "utf-8") || strcasestr(locale, "utf8");
}

static void print_part(const struct ctl *c, const struct cell *cell, const char *text, size_t n, const char *end)
{
        if (cell->colour == TEXT_PLAIN)
                printf("%.*s%s", (int)n, text, end);
        else
                printf("%s%.*s%s%s", text_on(c, cell->colour), (int)n, text, end, text_off(c));
}

/* What of *@rest goes into a line of @width; the rest is left for the next one. A word that is longer is broken. */
static size_t next_line(const char **rest, int width)
{
        const char *s = *rest;
        size_t n = bytes_of(s, width), word = n;

        while (s[n] && word > 0 && s[word] != ' ')
                word--;
        n = s[n] && word > 0 ? word : n;
        *rest = s + n + strspn(s + n, " ");
        return n;
}

/* One line of a row; @rest: what is still to be printed of each column, moved on. */
static void print_line(const struct ctl *c, const struct table *t, const struct cell *row, const int *widths,
                       const char **rest)
{
        for (size_t i = 0; i < t->n_columns; i++) {
                const char *text = rest[i], *end = "";
                size_t n = strlen(text);
                int width = width_of(text), pad;

                if (widths[i] == LEFT_OUT) {
                        rest[i] += n;
                        continue;
                }
                if (t->wraps[i])
                        n = next_line(&rest[i], widths[i]);
                else {
                        if (width > widths[i]) {
                                end = speaks_utf8() ? "\u2026" : "~";
                                n = bytes_of(text, widths[i] - 1);
                        }
                        rest[i] += strlen(text);
                }
                pad = widths[i] - (*end ? widths[i] : width_of(text) - width_of(text + n));
                if (t->right[i])
                        printf("%*s", pad, "");
                print_part(c, &row[i], text, n, end);
                if (i + 1 == t->n_columns)
                        putchar('\n');
                else
                        printf("%*s", (t->right[i] ? 0 : pad) + 2, "");
        }
}

static void print_row(const struct ctl *c, const struct table *t, const struct cell *row, const int *widths)
{
        const char *rest[COLUMNS_MAX];
        bool more = true;

        for (size_t i = 0; i < t->n_columns; i++)
                rest[i] = row[i].text;
        while (more) {
                print_line(c, t, row, widths, rest);
                more = false;
                for (size_t i = 0; i < t->n_columns; i++)
                        more |= *rest[i] != '\0';
        }
}

/* The widest columns of words give way, but not below @least. Return: how many characters the table is still too wide. */
static int cut_words(const struct table *t, int *widths, int excess, int least)
{
        for (; excess > 0; excess--) {
                int widest = -1;

                for (size_t i = 0; i < t->n_columns; i++)
                        if (!t->right[i] && (widest < 0 || widths[i] > widths[widest]))
                                widest = (int)i;
                if (widest < 0 || widths[widest] <= least)
                        break;
                widths[widest]--;
        }
        return excess;
}

/* Numbers are never cut; a column of them that can be spared is left out. */
static void fit(const struct ctl *c, const struct table *t, int *widths)
{
        int excess = 2 * ((int)t->n_columns - 1) - (int)c->columns;

        if (!c->columns)
                return;
        for (size_t i = 0; i < t->n_columns; i++)
                excess += widths[i];
        excess = cut_words(t, widths, excess, NARROW);
        for (size_t i = 0; i < t->n_columns && excess > 0; i++)
                if (t->spared[i]) {
                        excess -= widths[i] + 2;
                        widths[i] = LEFT_OUT;
                }
        cut_words(t, widths, excess, NARROWEST);
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
        fit(c, t, widths);
        if (c->legend)
                print_row(c, t, t->headings, widths);
        for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
                print_row(c, t, t->cells + i, widths);
        return 0;
}
