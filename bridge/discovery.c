/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/macro.h"
#include "bridge/discovery.h"
#include "bus/json.h"

struct entity {
        const char *component, *word, *name, *template, *class, *unit;
};

/* A binary sensor is told ON or OFF, whatever the language of the templates calls truth. */
static const struct entity entities[] = {
        { "binary_sensor", "occupancy", "Occupancy", "{{ 'ON' if value_json.viewers > 0 else 'OFF' }}", "occupancy",
          NULL },
        { "sensor", "viewers", "Viewers", "{{ value_json.viewers }}", NULL, "faces" },
        { "sensor", "attentive", "Attentive viewers", "{{ value_json.attentive }}", NULL, "faces" },
        { "binary_sensor", "camera", "Camera in use", "{{ 'ON' if value_json['in-use'] else 'OFF' }}", "running",
          NULL },
        { "binary_sensor", "problem", "Problem", "{{ 'ON' if value_json.problem else 'OFF' }}", "problem", NULL },
        { "sensor", "content", "Content", "{{ value_json.content }}", NULL, NULL },
        { "switch", "watch", "Watch", "{{ 'ON' if value_json['may-watch'] else 'OFF' }}", NULL, NULL },
};
_Static_assert(ARRAY_LEN(entities) == DISCOVERY_MAX, "the header says how many there are");

static int add(json_object *o, const char *key, const char *text)
{
        return text ? json_object_object_add(o, key, json_object_new_string(text)) : 0;
}

static int add_topic(json_object *o, const char *key, const struct bridge_mqtt *s, const char *tail)
{
        char topic[DISCOVERY_TOPIC_MAX];

        snprintf(topic, sizeof(topic), "%s/%s/%s", s->prefix, s->device, tail);
        return add(o, key, topic);
}

static int add_device(json_object *o, const struct bridge_mqtt *s, const struct view *view, const char *id)
{
        json_object *device = json_object_new_object(), *ids = json_object_new_array();
        int r = json_object_array_add(ids, json_object_new_string(id)) |
                json_object_object_add(device, "identifiers", ids) | add(device, "name", s->device) |
                add(device, "manufacturer", "emotiond") | add(device, "model", "emotion-bridge") |
                add(device, "sw_version", view->version[0] ? view->version : NULL);

        return r | json_object_object_add(o, "device", device);
}

int discovery_entity(const struct bridge_mqtt *s, const struct view *view, size_t i,
                     char ret_topic[static DISCOVERY_TOPIC_MAX], json_object **ret)
{
        const struct entity *e = &entities[i];
        char id[2 * BRIDGE_NAME_MAX], unique[3 * BRIDGE_NAME_MAX];
        bool is_switch;
        int r;

        *ret = NULL;
        if (i >= ARRAY_LEN(entities))
                return 0;
        is_switch = strcmp(e->component, "switch") == 0;
        snprintf(id, sizeof(id), "emotiond_%s", s->device);
        snprintf(unique, sizeof(unique), "%s_%s", id, e->word);
        snprintf(ret_topic, DISCOVERY_TOPIC_MAX, "%s/%s/%s/%s/config", s->discovery_prefix, e->component, id, e->word);
        if (is_switch && !s->allow_switch)
                return 1;
        *ret = json_object_new_object();
        r = add(*ret, "name", e->name) | add(*ret, "unique_id", unique) | add_topic(*ret, "state_topic", s, "state") |
            add(*ret, "value_template", e->template) | add(*ret, "device_class", e->class) |
            add(*ret, "unit_of_measurement", e->unit) | add(*ret, "state_class", e->unit ? "measurement" : NULL) |
            add_topic(*ret, "availability_topic", s, "status") | add_device(*ret, s, view, id);
        if (is_switch)
                r |= add_topic(*ret, "command_topic", s, "watch/set");
        return r ? -ENOMEM : 1;
}
