/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/page.h"
#include "cli/reactions.h"
#include "cli/text.h"
#include "report/csv.h"
#include "report/html.h"

static int write_page(FILE *f, const void *userdata)
{
        return html_report(f, (json_object *)userdata);
}

/* "23.4 % (20.1 to 27.0)", @scale 100 for shares. */
static void add_estimate(struct table *t, json_object *e, double scale, const char *unit)
{
        json_object *value = member(e, "value");

        if (!value)
                table_add(t, TEXT_FAINT, "-");
        else if (!member(e, "low"))
                table_add(t, TEXT_PLAIN, "%.1f%s", scale * json_object_get_double(value), unit);
        else
                table_add(t, TEXT_PLAIN, "%.1f%s (%.1f to %.1f)", scale * json_object_get_double(value), unit,
                          scale * member_double(e, "low"), scale * member_double(e, "high"));
}

static int print_table(struct ctl *c, json_object *contents)
{
        _cleanup_(table_freep) struct table *t = NULL;

        if (table_new("CONTENT|>PLAYS|>VIEWERS|WATCHED|ATTENTION|SMILED|SMILE", &t) < 0)
                return CTL_FAILED;
        for (size_t i = 0; i < json_object_array_length(contents); i++) {
                json_object *o = json_object_array_get_idx(contents, i), *smile = member(o, "smile");

                table_add(t, TEXT_PLAIN, "%s", member_string(o, "content"));
                table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(o, "plays"));
                if (member_u64(o, "viewers"))
                        table_add(t, TEXT_PLAIN, "%" PRIu64, member_u64(o, "viewers"));
                else
                        table_add(t, TEXT_FAINT, "too few");
                add_estimate(t, member(o, "watched"), 100, " %");
                add_estimate(t, member(o, "attraction"), 100, " %");
                add_estimate(t, smile ? member(smile, "ever") : NULL, 100, " %");
                add_estimate(t, smile ? member(smile, "mean") : NULL, 100, "");
        }
        return table_print(c, t) < 0 ? CTL_FAILED : CTL_OK;
}

int verb_report(struct ctl *c, int argc, char **argv)
{
        _cleanup_(json_putp) json_object *report = NULL;
        int r = reactions_query(c, c->contents, c->n_contents, c->compare, &report);

        if (r)
                return r;
        if (c->html)
                return ctl_write_page(c->html, write_page, report);
        if (c->csv || c->ndjson) {
                r = c->csv ? csv_report(stdout, report) : ndjson_report(stdout, report);
                if (r < 0)
                        ctl_say("The report cannot be printed: %s.", strerror(-r));
                return r < 0 ? CTL_FAILED : CTL_OK;
        }
        if (c->json != CTL_JSON_OFF) {
                json_print(c, report);
                return CTL_OK;
        }
        return print_table(c, member(report, "contents"));
}
