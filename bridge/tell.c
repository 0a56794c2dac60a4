/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/macro.h"
#include "bridge/tell.h"
#include "bus/json.h"

#define REACTIONS "org.emotiond.Reactions1"
#define REACTIONS_PATH "/org/emotiond/Reactions1"
#define REACTIONS_PLAY REACTIONS_PATH "/play/"
#define REACTIONS_ERROR REACTIONS ".Error."
#define CALL_USEC 8000000

struct call {
        enum tell_kind kind;
        tell_answer answer;
        void *userdata;
};

static const struct {
        const char *name; /* without the prefix of the service's errors */
        int status;
} statuses[] = {
        { "InvalidContent", 400 }, { "InvalidOption", 400 }, { "InvalidTime", 400 },  { "NotYourPlay", 403 },
        { "NoSuchPlay", 404 },     { "PlayEnded", 409 },     { "TooManyPlays", 429 }, { "TooManyContents", 429 },
        { "NoticeMissing", 503 },  { "StoreFull", 507 },     { "StoreFailed", 503 },
};

json_object *tell_error(const char *name, const char *message)
{
        json_object *o = json_object_new_object();

        json_object_object_add(o, "error", json_object_new_string(name));
        json_object_object_add(o, "message", json_object_new_string(message));
        return o;
}

static void refuse(struct call *c, const sd_bus_error *e)
{
        const char *name = e && e->name ? e->name : "", *message = e && e->message ? e->message : "";
        size_t n = strlen(REACTIONS_ERROR);
        int status = 502;

        if (strncmp(name, REACTIONS_ERROR, n) != 0) {
                bool away = sd_bus_error_has_names(e, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                                                   SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_TIMEOUT);

                c->answer(c->userdata, away ? 503 : status,
                          tell_error(away ? "ReactionsAway" : "ReactionsRefused",
                                     away ? "emotion-reactions does not answer" : message));
                return;
        }
        for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
                if (strcmp(name + n, statuses[i].name) == 0)
                        status = statuses[i].status;
        c->answer(c->userdata, status, tell_error(name + n, message));
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct call *c = userdata;
        _cleanup_(json_putp) json_object *list = NULL, *answer = json_object_new_object();
        const char *path = NULL;

        if (sd_bus_message_is_method_error(m, NULL)) {
                refuse(c, sd_bus_message_get_error(m));
                return 0;
        }
        if (json_from_message(m, &list) < 0) {
                refuse(c, NULL);
                return 0;
        }
        if (c->kind == TELL_BEGIN)
                path = json_object_get_string(json_object_array_get_idx(list, 0));
        if (path && strncmp(path, REACTIONS_PLAY, strlen(REACTIONS_PLAY)) == 0)
                json_object_object_add(answer, "play", json_object_new_string(path + strlen(REACTIONS_PLAY)));
        if (c->kind == TELL_END) {
                json_object_put(answer);
                answer = json_object_get(json_object_array_get_idx(list, 0));
        }
        c->answer(c->userdata, c->kind == TELL_BEGIN ? 201 : 200, STEAL(answer));
        return 0;
}

static const struct option {
        const char *name;
        char type; /* of the bus */
} options[] = {
        { "campaign", 's' }, { "screen", 's' }, { "play-id", 's' }, { "duration-ms", 'u' }, { "position", 'u' },
};

static const struct option *find_option(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(options); i++)
                if (strcmp(options[i].name, name) == 0)
                        return &options[i];
        return NULL;
}

static bool is_text(json_object *o)
{
        return json_object_is_type(o, json_type_string) &&
               strlen(json_object_get_string(o)) == (size_t)json_object_get_string_len(o);
}

static const char *check(enum tell_kind kind, json_object *body)
{
        const char *text = kind == TELL_MARK ? "label" : kind == TELL_END ? "" : "content";

        if (*text && !is_text(member(body, text)))
                return kind == TELL_MARK ? "\"label\" is missing or no text" : "\"content\" is missing or no text";
        json_object_object_foreach(body, key, value) {
                const struct option *o = kind == TELL_BEGIN || kind == TELL_CONTENT ? find_option(key) : NULL;

                if (strcmp(key, "token") == 0 || strcmp(key, text) == 0)
                        continue;
                if (!o)
                        return "a member is not known here";
                if (o->type == 's' ? !is_text(value)
                                   : !json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0 ||
                                             json_object_get_int64(value) > UINT32_MAX)
                        return "a member is of another type or out of range";
        }
        return NULL;
}

static int append_options(sd_bus_message *m, json_object *body)
{
        /* the play outlives the bridge; the next one, or 60 minutes, end it if nobody does */
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "stay", "b", 1);
        json_object_object_foreach(body, key, value) {
                const struct option *o = find_option(key);

                if (r < 0 || !o)
                        continue;
                r = o->type == 's' ? sd_bus_message_append(m, "{sv}", key, "s", json_object_get_string(value))
                                   : sd_bus_message_append(m, "{sv}", key, "u", (uint32_t)json_object_get_int64(value));
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append(sd_bus_message *m, enum tell_kind kind, unsigned play, json_object *body)
{
        char path[sizeof(REACTIONS_PLAY) + 16];
        int r;

        if (kind == TELL_CONTENT || kind == TELL_BEGIN) {
                const char *content = member_string(body, "content");

                r = sd_bus_message_append(m, "s", content);
                if (r >= 0 && kind == TELL_CONTENT && !*content) /* ends what runs, and takes no options */
                        return sd_bus_message_append(m, "a{sv}", 0);
                return r < 0 ? r : append_options(m, body);
        }
        snprintf(path, sizeof(path), REACTIONS_PLAY "%u", play);
        r = sd_bus_message_append(m, "o", path);
        if (r < 0)
                return r;
        return kind == TELL_END ? sd_bus_message_append(m, "a{sv}", 0)
                                : sd_bus_message_append(m, "s", member_string(body, "label"));
}

int tell_call(sd_bus *bus, enum tell_kind kind, unsigned play, json_object *body, tell_answer answer, void *userdata,
              sd_bus_slot **ret_slot, const char **ret_error)
{
        static const char *const members[] = { "SetContent", "Begin", "End", "Mark" };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        struct call *c;
        int r;

        *ret_error = check(kind, body);
        if (*ret_error)
                return -EINVAL;
        r = sd_bus_message_new_method_call(bus, &m, REACTIONS, REACTIONS_PATH, REACTIONS ".Manager", members[kind]);
        if (r >= 0)
                r = append(m, kind, play, body);
        if (r < 0)
                return r;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (struct call){ kind, answer, userdata };
        r = sd_bus_call_async(bus, ret_slot, m, on_answer, c, CALL_USEC);
        if (r < 0) {
                free(c);
                return r;
        }
        return sd_bus_slot_set_destroy_callback(*ret_slot, free);
}
