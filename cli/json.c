/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/text.h"

void json_print(const struct ctl *c, json_object *o)
{
        int flags = JSON_C_TO_STRING_NOSLASHESCAPE;

        if (c->json == CTL_JSON_PRETTY)
                flags |= JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;
        puts(json_object_to_json_string_ext(o, flags) ?: "null");
}

char *json_join(json_object *array, const char *separator)
{
        size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < n; i++)
                fprintf(f, "%s%s", i ? separator : "", json_object_get_string(json_object_array_get_idx(array, i)));
        fclose(f);
        return text;
}
