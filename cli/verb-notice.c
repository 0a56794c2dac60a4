/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/utf8.h"
#include "cli/page.h"
#include "cli/reactions.h"
#include "cli/text.h"
#include "report/notice.h"

static int write_page(FILE *f, const void *userdata)
{
        return notice_html(f, userdata);
}

static json_object *as_json(const struct notice *n)
{
        json_object *o = json_object_new_object();

        json_object_object_add(o, "more", json_object_new_string(n->more));
        json_object_object_add(o, "keeps", json_object_new_boolean(n->keeps));
        if (n->keeps) {
                json_object_object_add(o, "minimum-group", json_object_new_uint64(n->minimum_group));
                json_object_object_add(o, "curve-days", json_object_new_uint64(n->curve_days));
                json_object_object_add(o, "total-days", json_object_new_uint64(n->total_days));
        }
        return o;
}

/* @more: the property Notice, cleaned; without it nothing is recorded */
static struct notice read_notice(json_object *properties, const char *more)
{
        json_object *days = member(properties, "Retention");
        struct notice n = { .more = more, .keeps = *more };

        n.minimum_group = (unsigned)member_u64(properties, "MinimumGroup");
        if (json_object_is_type(days, json_type_array) && json_object_array_length(days) == 2) {
                n.curve_days = (unsigned)json_object_get_int(json_object_array_get_idx(days, 0));
                n.total_days = (unsigned)json_object_get_int(json_object_array_get_idx(days, 1));
        }
        return n;
}

int verb_notice(struct ctl *c, int argc, char **argv)
{
        _cleanup_(json_putp) json_object *properties = NULL, *o = NULL;
        _cleanup_(freep) char *more = NULL;
        struct notice n;
        int r = reactions_properties(c, &properties);

        if (r)
                return r;
        more = utf8_clean_dup(member_string(properties, "Notice"));
        n = read_notice(properties, more ?: "");
        if (c->html)
                return ctl_write_page(c->html, write_page, &n);
        if (c->json != CTL_JSON_OFF) {
                o = as_json(&n);
                json_print(c, o);
                return CTL_OK;
        }
        return notice_text(stdout, &n) < 0 ? CTL_FAILED : CTL_OK;
}
