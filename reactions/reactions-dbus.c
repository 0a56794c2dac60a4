/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/log.h"
#include "reactions/reactions-dbus.h"

#define OPEN SD_BUS_VTABLE_UNPRIVILEGED /* the bus policy decides who may call */

struct reactions_face {
        struct reactions_parts parts;
        sd_bus_slot *manager, *play, *owners;
        struct query *query;        /* the one report that is being made */
        sd_bus_message *query_call; /* who waits for it */
};

/* === Errors === */

static const struct {
        int r;
        const char *name, *text;
} failures[] = {
        { -EINVAL, REACTIONS_ERROR("InvalidContent"),
          "an identifier is UTF-8 of 1 to 256 bytes without control characters, a play-id a UUID" },
        { -ERANGE, REACTIONS_ERROR("InvalidTime"), "start-usec is more than 5 seconds off" },
        { -EALREADY, REACTIONS_ERROR("PlayEnded"), "a play of this id has ended" },
        { -EAGAIN, REACTIONS_ERROR("TooManyPlays"), "too many plays begin in too short a time" },
        { -EUSERS, REACTIONS_ERROR("TooManyPlays"), "20,000 plays in a day are the limit" },
        { -EDQUOT, REACTIONS_ERROR("TooManyContents"), "10,000 contents, and 100 marks in a play, are the limit" },
        { -ENOSPC, REACTIONS_ERROR("StoreFull"), "the store or its disk is full" },
        { -ENOENT, REACTIONS_ERROR("NoSuchPlay"), "nothing of that name is or was shown" },
};

static int fail(sd_bus_error *error, int r)
{
        for (size_t i = 0; i < ARRAY_LEN(failures); i++)
                if (failures[i].r == r)
                        return sd_bus_error_set(error, failures[i].name, failures[i].text);
        return sd_bus_error_setf(error, REACTIONS_ERROR("StoreFailed"), "the store failed: %s", strerror(-r));
}

/* === Options: a{sv} by a table === */

struct option_row {
        const char *name;
        char type; /* s, u, t, b; 'S' for as */
        void *place;
};

/* Texts of an array into a query's contents. */
static int read_names(sd_bus_message *m, struct release_query *q, sd_bus_error *error)
{
        const char *name;
        int r = sd_bus_message_enter_container(m, 'v', "as");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &name)) > 0) {
                if (!plays_text_is_good(name))
                        return fail(error, -EINVAL);
                if (q->n_contents == RELEASE_CONTENTS_MAX)
                        return sd_bus_error_setf(error, REACTIONS_ERROR("InvalidOption"),
                                                 "at most %d contents in one report", RELEASE_CONTENTS_MAX);
                snprintf(q->contents[q->n_contents++], sizeof(*q->contents), "%s", name);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_option(sd_bus_message *m, const struct option_row *rows, size_t n, sd_bus_error *error)
{
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        for (size_t i = 0; i < n && r >= 0; i++) {
                char type[2] = { rows[i].type, 0 };
                const char *contents;

                if (strcmp(name, rows[i].name) != 0)
                        continue;
                r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r >= 0 && strcmp(contents, type[0] == 'S' ? "as" : type) != 0)
                        return sd_bus_error_setf(error, REACTIONS_ERROR("InvalidOption"), "%s is of type %s", name,
                                                 type[0] == 'S' ? "as" : type);
                if (r < 0)
                        return r;
                return type[0] == 'S' ? read_names(m, rows[i].place, error)
                                      : sd_bus_message_read(m, "v", type, rows[i].place);
        }
        return r < 0 ? r : sd_bus_error_setf(error, REACTIONS_ERROR("InvalidOption"), "there is no option %.64s", name);
}

static int read_options(sd_bus_message *m, const struct option_row *rows, size_t n, sd_bus_error *error)
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_option(m, rows, n, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* === Plays === */

static void play_path(const struct reactions_face *f, char ret[static 64])
{
        snprintf(ret, 64, REACTIONS_PATH "/play/%lld", (long long)plays_current(f->parts.plays)->number);
}

void reactions_face_changed(struct reactions_face *f)
{
        source_want(f->parts.source, true);
        (void)sd_bus_emit_properties_changed(f->parts.bus, REACTIONS_PATH, REACTIONS_MANAGER, "Current", NULL);
}

/* @id and the like: NULL if absent. */
static int begin(struct reactions_face *f, sd_bus_message *m, sd_bus_error *error)
{
        struct plays_request q = { .owner = sd_bus_message_get_sender(m) ?: "" };
        uint32_t duration_ms = 0, position = 0;
        int stay = 0;
        const struct option_row rows[] = {
                { "campaign", 's', &q.campaign },     { "duration-ms", 'u', &duration_ms },
                { "screen", 's', &q.screen },         { "stay", 'b', &stay },
                { "position", 'u', &position },       { "play-id", 's', &q.id },
                { "start-usec", 't', &q.begin_usec },
        };
        int r = sd_bus_message_read(m, "s", &q.content);

        if (r >= 0)
                r = read_options(m, rows, ARRAY_LEN(rows), error);
        if (r < 0)
                return r;
        if (!f->parts.settings->notice[0])
                return sd_bus_error_set(error, REACTIONS_ERROR("NoticeMissing"),
                                        "privacy.notice in reactions.conf does not say where people are told");
        q.duration_ms = duration_ms;
        q.owner = stay ? "" : q.owner;
        r = plays_begin(f->parts.plays, &q);
        if (r < 0)
                return fail(error, r);
        reactions_face_changed(f);
        return 0;
}

static int on_begin(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        char path[64];
        int r = begin(f, m, error);

        if (r < 0)
                return r;
        play_path(f, path);
        return sd_bus_reply_method_return(m, "o", path);
}

/* Return: 0; negative after setting @error: the play does not run, or is another client's. */
static int check_owner(struct reactions_face *f, sd_bus_message *m, const char *path, sd_bus_error *error)
{
        const struct plays_current *c = plays_current(f->parts.plays);
        char current[64];

        play_path(f, current);
        if (!c->running || strcmp(path, current) != 0)
                return fail(error, -ENOENT);
        if (c->owner[0] && strcmp(c->owner, sd_bus_message_get_sender(m) ?: "") != 0)
                return sd_bus_error_set(error, REACTIONS_ERROR("NotYourPlay"), "another client began this play");
        return 0;
}

static int end_and_reply(struct reactions_face *f, sd_bus_message *m, sd_bus_error *error)
{
        struct plays_end e;
        int r = plays_end(f->parts.plays, "ended", &e);

        reactions_face_changed(f);
        if (r < 0)
                return fail(error, r);
        return sd_bus_reply_method_return(m, "a{sv}", 4, "reason", "s", e.reason, "shown-ms", "t", e.shown_ms,
                                          "observed-ms", "t", e.observed_ms, "viewers", "u", (uint32_t)e.viewers);
}

static int on_end(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        const char *path;
        int r = sd_bus_message_read(m, "o", &path);

        if (r >= 0)
                r = read_options(m, NULL, 0, error);
        if (r >= 0)
                r = check_owner(f, m, path, error);
        return r < 0 ? r : end_and_reply(f, m, error);
}

static int on_play_end(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        int r = check_owner(f, m, sd_bus_message_get_path(m), error);

        return r < 0 ? r : end_and_reply(f, m, error);
}

static int on_set_content(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        const char *content;
        int r = sd_bus_message_read(m, "s", &content);

        if (r < 0)
                return r;
        if (*content) {
                r = sd_bus_message_rewind(m, true);
                r = r < 0 ? r : begin(f, m, error);
                return r < 0 ? r : sd_bus_reply_method_return(m, NULL);
        }
        r = read_options(m, NULL, 0, error);
        if (r < 0)
                return r;
        r = plays_end(f->parts.plays, "ended", NULL);
        reactions_face_changed(f);
        return r < 0 && r != -ENOENT ? fail(error, r) : sd_bus_reply_method_return(m, NULL);
}

static int on_mark(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        const char *path, *label;
        int r = sd_bus_message_read(m, "os", &path, &label);

        if (r >= 0)
                r = check_owner(f, m, path, error);
        if (r < 0)
                return r;
        r = plays_mark(f->parts.plays, label);
        return r < 0 ? fail(error, r) : sd_bus_reply_method_return(m, NULL);
}

/* === Reports === */

static void on_report(void *userdata, int r, int fd)
{
        struct reactions_face *f = userdata;
        _cleanup_(closep) int report = fd;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = STEAL(f->query_call);
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        if (r < 0) {
                fail(&error, r);
                (void)sd_bus_reply_method_error(m, &error);
        } else
                (void)sd_bus_reply_method_return(m, "h", report);
        f->query = query_free(f->query);
}

static int on_query(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        struct release_query q = { .to_usec = INT64_MAX, .group = (unsigned)f->parts.settings->minimum_group };
        int compare = 0, r;
        const struct option_row rows[] = {
                { "contents", 'S', &q },
                { "from-usec", 't', &q.from_usec },
                { "to-usec", 't', &q.to_usec },
                { "compare", 'b', &compare },
        };

        r = read_options(m, rows, ARRAY_LEN(rows), error);
        if (r < 0)
                return r;
        if (f->query)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "another report is being made");
        q.compare = compare;
        q.to_usec = q.to_usec < 0 ? INT64_MAX : q.to_usec;
        q.from_usec = MAX(q.from_usec, 0);
        snprintf(q.notice, sizeof(q.notice), "%s", f->parts.settings->notice);
        q.model = *f->parts.model;
        r = store_close_cells(f->parts.store, q.group);
        if (r == 0)
                r = query_new(f->parts.event, f->parts.store_path, &q, on_report, f, &f->query);
        if (r < 0)
                return fail(error, r);
        f->query_call = sd_bus_message_ref(m);
        return 1;
}

/* === Properties === */

static int get_current(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        const struct plays_current *c = plays_current(f->parts.plays);
        char current[64];

        play_path(f, current);
        if (!c->running)
                return sd_bus_message_append(reply, "a{sv}", 0);
        return sd_bus_message_append(reply, "a{sv}", 4, "play", "o", current, "content", "s", c->content, "screen", "s",
                                     c->screen, "begin-usec", "t", (uint64_t)c->begin_usec);
}

static int get_number(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                      void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        const struct reactions_settings *s = f->parts.settings;

        if (strcmp(property, "MinimumGroup") == 0)
                return sd_bus_message_append(reply, "u", (uint32_t)s->minimum_group);
        if (strcmp(property, "Retention") == 0)
                return sd_bus_message_append(reply, "(uu)", (uint32_t)s->keep_curve_days, (uint32_t)s->keep_total_days);
        if (strcmp(property, "PlaysNotStored") == 0)
                return sd_bus_message_append(reply, "t", plays_n_failed(f->parts.plays));
        if (strcmp(property, "Notice") == 0)
                return sd_bus_message_append(reply, "s", s->notice);
        return sd_bus_message_append(reply, "s",
                                     !s->notice[0]                             ? "no-notice"
                                     : !plays_current(f->parts.plays)->running ? "idle"
                                     : source_sees(f->parts.source)            ? "watching"
                                                                               : "blind");
}

static int get_play(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        const struct plays_current *c = plays_current(f->parts.plays);

        if (strcmp(property, "Content") == 0)
                return sd_bus_message_append(reply, "s", c->content);
        if (strcmp(property, "Screen") == 0)
                return sd_bus_message_append(reply, "s", c->screen);
        if (strcmp(property, "Id") == 0)
                return sd_bus_message_append(reply, "s", c->id);
        if (strcmp(property, "Begin") == 0)
                return sd_bus_message_append(reply, "t", (uint64_t)c->begin_usec);
        return sd_bus_message_append(reply, "u", plays_viewers_now(f->parts.plays));
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("State", "s", get_number, 0, 0),
        SD_BUS_PROPERTY("Current", "a{sv}", get_current, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("MinimumGroup", "u", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Retention", "(uu)", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Notice", "s", get_number, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("PlaysNotStored", "t", get_number, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("Begin", SD_BUS_ARGS("s", content, "a{sv}", options), SD_BUS_RESULT("o", play),
                                on_begin, OPEN),
        SD_BUS_METHOD_WITH_ARGS("End", SD_BUS_ARGS("o", play, "a{sv}", options), SD_BUS_RESULT("a{sv}", result), on_end,
                                OPEN),
        SD_BUS_METHOD_WITH_ARGS("SetContent", SD_BUS_ARGS("s", content, "a{sv}", options), SD_BUS_NO_RESULT,
                                on_set_content, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Mark", SD_BUS_ARGS("o", play, "s", label), SD_BUS_NO_RESULT, on_mark, OPEN),
        SD_BUS_METHOD_WITH_ARGS("Query", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("h", report), on_query, OPEN),
        SD_BUS_VTABLE_END,
};

static const sd_bus_vtable play_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Content", "s", get_play, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Screen", "s", get_play, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Id", "s", get_play, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Begin", "t", get_play, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Viewers", "u", get_play, 0, 0),
        SD_BUS_METHOD_WITH_ARGS("End", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", result), on_play_end, OPEN),
        SD_BUS_VTABLE_END,
};

/* === Life === */

static int find_play(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret,
                     sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        char current[64];

        play_path(f, current);
        *ret = f;
        return plays_current(f->parts.plays)->running && strcmp(path, current) == 0;
}

/* A player that leaves the bus shows nothing any more. */
static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct reactions_face *f = userdata;
        const struct plays_current *c = plays_current(f->parts.plays);
        const char *name, *old, *new;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) >= 0 && !*new && c->running &&
            strcmp(name, c->owner) == 0) {
                log_info("the player of \"%s\" left the bus; its play ends", c->content);
                (void)plays_end(f->parts.plays, "lost", NULL);
                reactions_face_changed(f);
        }
        return 0;
}

int reactions_face_new(const struct reactions_parts *parts, struct reactions_face **ret)
{
        _cleanup_(reactions_face_freep) struct reactions_face *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->parts = *parts;
        r = sd_bus_add_object_vtable(parts->bus, &f->manager, REACTIONS_PATH, REACTIONS_MANAGER, manager_vtable, f);
        if (r >= 0)
                r = sd_bus_add_fallback_vtable(parts->bus, &f->play, REACTIONS_PATH "/play", REACTIONS_PLAY,
                                               play_vtable, find_play, f);
        if (r >= 0)
                r = sd_bus_match_signal(parts->bus, &f->owners, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "NameOwnerChanged", on_owner_changed, f);
        if (r < 0)
                return r;
        *ret = STEAL(f);
        return 0;
}

struct reactions_face *reactions_face_free(struct reactions_face *f)
{
        if (!f)
                return NULL;
        query_free(f->query);
        sd_bus_message_unref(f->query_call);
        sd_bus_slot_unref(f->owners);
        sd_bus_slot_unref(f->play);
        sd_bus_slot_unref(f->manager);
        free(f);
        return NULL;
}
