/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/utf8.h"
#include "cli/bus.h"
#include "cli/text.h"

/* How often each name of -p was met. */
struct met {
        unsigned n[CTL_MAX_NAMES];
};

/* True if @key, or a dictionary that holds it, was asked for. */
static bool is_wanted(const struct ctl *c, const char *key, struct met *met)
{
        bool wanted = c->n_properties == 0;

        for (size_t i = 0; i < c->n_properties; i++) {
                size_t n = strlen(c->properties[i]);

                if (strncmp(key, c->properties[i], n) != 0 || (key[n] && key[n] != '.'))
                        continue;
                met->n[i]++;
                wanted = true;
        }
        return wanted;
}

static void print_leaf(const struct ctl *c, const char *key, const char *value, struct met *met)
{
        _cleanup_(freep) char *clean = utf8_clean_dup(value);

        if (is_wanted(c, key, met) && clean)
                printf("%s%s%s\n", c->value ? "" : key, c->value ? "" : "=", clean);
}

static bool is_list_of_containers(json_object *o)
{
        json_object *first = json_object_array_length(o) ? json_object_array_get_idx(o, 0) : NULL;

        return json_object_is_type(first, json_type_object) || json_object_is_type(first, json_type_array);
}

/* Dictionaries and lists of them become KEY.MEMBER=VALUE and KEY.0.MEMBER=VALUE; a list of words, words. */
static void print_value(const struct ctl *c, const char *key, json_object *o, struct met *met)
{
        char inner[256];

        if (json_object_is_type(o, json_type_object)) {
                if (json_object_object_length(o) == 0)
                        print_leaf(c, key, "", met);
                json_object_object_foreach(o, name, value) {
                        snprintf(inner, sizeof(inner), "%s.%s", key, name);
                        print_value(c, inner, value, met);
                }
        } else if (json_object_is_type(o, json_type_array) && is_list_of_containers(o)) {
                for (size_t i = 0; i < json_object_array_length(o); i++) {
                        snprintf(inner, sizeof(inner), "%s.%zu", key, i);
                        print_value(c, inner, json_object_array_get_idx(o, i), met);
                }
        } else if (json_object_is_type(o, json_type_array)) {
                _cleanup_(freep) char *words = json_join(o, " ");

                print_leaf(c, key, words, met);
        } else if (json_object_is_type(o, json_type_boolean))
                print_leaf(c, key, json_object_get_boolean(o) ? "yes" : "no", met);
        else
                print_leaf(c, key, json_object_get_string(o), met);
}

/* The properties asked for, as one JSON object; dotted names pick a member. */
static void print_json(const struct ctl *c, json_object *properties, struct met *met)
{
        _cleanup_(json_putp) json_object *some = json_object_new_object();

        for (size_t i = 0; i < c->n_properties; i++) {
                _cleanup_(freep) char *path = strdup(c->properties[i]);
                json_object *o = properties;

                for (char *save, *word = path ? strtok_r(path, ".", &save) : NULL; word && o;
                     word = strtok_r(NULL, ".", &save))
                        o = member(o, word);
                if (!o)
                        continue;
                met->n[i]++;
                json_object_object_add(some, c->properties[i], json_object_get(o));
        }
        json_print(c, c->n_properties ? some : properties);
}

int verb_show(struct ctl *c, int argc, char **argv)
{
        _cleanup_(json_putp) json_object *properties = NULL;
        _cleanup_(freep) char *camera = NULL;
        struct met met = { 0 };
        int r;

        if (argc > 0) {
                r = ctl_find_camera(c, argv[0], &camera);
                if (r)
                        return r;
        }
        r = ctl_get_all(c, camera ?: BUS_PATH, camera ? BUS_IFACE_CAMERA : BUS_IFACE_MANAGER, &properties);
        if (r)
                return r;
        if (c->json != CTL_JSON_OFF)
                print_json(c, properties, &met);
        else {
                json_object_object_foreach(properties, key, value)
                        print_value(c, key, value, &met);
        }
        for (size_t i = 0; i < c->n_properties; i++)
                if (!met.n[i]) {
                        ctl_say("There is no property '%s'; \"emotionctl show\" lists them all.", c->properties[i]);
                        r = CTL_NOT_FOUND;
                }
        return r;
}
