/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "basic/macro.h"
#include "report/csv.h"
#include "report/report-json.h"

#define FIGURE_MAX 128

struct row {
        FILE *f;
        const char *content;
        char figure[FIGURE_MAX];
};

static json_object *at(json_object *list, size_t i)
{
        return list ? json_object_array_get_idx(list, i) : NULL;
}

static void write_text(FILE *f, const char *text)
{
        if (!strpbrk(text, "\",\r\n")) {
                fputs(text, f);
                return;
        }
        fputc('"', f);
        for (; *text; text++) {
                if (*text == '"')
                        fputc('"', f);
                fputc(*text, f);
        }
        fputc('"', f);
}

/* @o: a number, a truth value, or NULL for an empty cell */
static void write_number(FILE *f, json_object *o)
{
        if (o && json_object_is_type(o, json_type_boolean))
                fputs(json_object_get_boolean(o) ? "1" : "0", f);
        else if (o)
                fputs(json_object_get_string(o), f);
}

static void write_row(const struct row *row, const char *part, json_object *value, json_object *low, json_object *high)
{
        write_text(row->f, row->content);
        fputc(',', row->f);
        write_text(row->f, row->figure);
        fputc(',', row->f);
        write_text(row->f, part);
        fputc(',', row->f);
        write_number(row->f, value);
        fputc(',', row->f);
        write_number(row->f, low);
        fputc(',', row->f);
        write_number(row->f, high);
        fputc('\n', row->f);
}

/* @key under the figure of @row, "smile" and "mean" as "smile.mean". */
static struct row row_below(const struct row *row, const char *key)
{
        struct row below = *row;
        size_t n = strlen(row->figure);

        snprintf(below.figure + n, sizeof(below.figure) - n, "%s%s", n ? "." : "", key);
        return below;
}

static void write_curve(const struct row *row, json_object *curve)
{
        json_object *mean = report_list(curve, "mean"), *low = report_list(curve, "low"),
                    *high = report_list(curve, "high");
        double step_s = json_object_get_double(report_member(curve, "step_ms")) / 1000;

        for (size_t i = 0; mean && i < json_object_array_length(mean); i++) {
                char part[32];

                snprintf(part, sizeof(part), "%g", (double)i * step_s);
                write_row(row, part, at(mean, i), at(low, i), at(high, i));
        }
}

static void write_members(const struct row *row, const char *part, json_object *o);

static void write_list(const struct row *row, json_object *list)
{
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *entry = json_object_array_get_idx(list, i);

                if (json_object_is_type(entry, json_type_object))
                        write_members(row, report_string(entry, "label"), entry);
        }
}

static bool is_number(json_object *o)
{
        return json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_double) ||
               json_object_is_type(o, json_type_boolean);
}

static void write_member(const struct row *row, const char *part, json_object *o)
{
        if (is_number(o))
                write_row(row, part, o, NULL, NULL);
        else if (json_object_is_type(o, json_type_array))
                write_list(row, o);
        else if (report_member(o, "value"))
                write_row(row, part, report_member(o, "value"), report_member(o, "low"), report_member(o, "high"));
        else if (report_member(o, "step_ms"))
                write_curve(row, o);
        else if (json_object_is_type(o, json_type_object))
                write_members(row, part, o);
}

/* Texts are names of what stands beside them, or of the content, and no figures. */
static void write_members(const struct row *row, const char *part, json_object *o)
{
        json_object_object_foreach(o, key, value) {
                struct row below = row_below(row, key);

                write_member(&below, part, value);
        }
}

/* @figure: of all rows; @name, @part: which members name the content and the part; @part may be NULL */
static void write_entries(FILE *f, json_object *list, const char *figure, const char *name, const char *part)
{
        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                json_object *o = json_object_array_get_idx(list, i);
                struct row row = { .f = f, .content = report_string(o, name) };

                snprintf(row.figure, sizeof(row.figure), "%s", figure);
                if (json_object_is_type(o, json_type_object))
                        write_members(&row, part ? report_string(o, part) : "", o);
        }
}

int csv_report(FILE *f, json_object *report)
{
        int r = report_check(report);

        if (r < 0)
                return r;
        fputs("content,figure,part,value,low,high\n", f);
        write_entries(f, report_list(report, "contents"), "", "content", NULL);
        write_entries(f, report_list(report, "comparisons"), "comparison", "a", "b");
        return fflush(f) || ferror(f) ? -EIO : 0;
}

static int write_lines(FILE *f, json_object *report, const char *list, const char *kind)
{
        static const char *const shared[] = { "schema", "generated", "model" };
        json_object *entries = report_list(report, list);

        for (size_t i = 0; entries && i < json_object_array_length(entries); i++) {
                json_object *entry = json_object_array_get_idx(entries, i), *line;

                if (!json_object_is_type(entry, json_type_object))
                        continue;
                line = json_object_new_object();
                if (!line)
                        return -ENOMEM;
                json_object_object_add(line, "kind", json_object_new_string(kind));
                for (size_t k = 0; k < ARRAY_LEN(shared); k++)
                        json_object_object_add(line, shared[k], json_object_get(report_member(report, shared[k])));
                json_object_object_foreach(entry, key, value)
                        json_object_object_add(line, key, json_object_get(value));
                fprintf(f, "%s\n", json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN));
                json_object_put(line);
        }
        return 0;
}

int ndjson_report(FILE *f, json_object *report)
{
        int r = report_check(report);

        if (r == 0)
                r = write_lines(f, report, "contents", "content");
        if (r == 0)
                r = write_lines(f, report, "comparisons", "comparison");
        if (r < 0)
                return r;
        return fflush(f) || ferror(f) ? -EIO : 0;
}
