/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/log.h"
#include "bus/names.h"
#include "reactions/source.h"

/* Short, for a play's first and last bin are only known as a share. */
#define BIN_MS 200
/* Refused, or gone: so long until the next try. Without a bin for so long the camera sees nothing. */
#define RETRY_USEC 2000000
#define FACES_MAX 64 /* in a bin; emotiond cuts it before there are more */

struct source {
        sd_bus *bus;
        const struct source_ops *ops;
        void *userdata;
        sd_event_source *timer;
        sd_bus_slot *call; /* the one answer that is waited for */
        sd_bus_slot *bins, *properties, *owners;
        char *owner; /* unique name of who took the claim; NULL: there is none */
        bool wanted, claimed, refused_said;
        bool changed; /* the model, perhaps, since it was asked for */
        bool heard;   /* a bin, since the last turn of the timer */
        bool sees;
        char labels[512];
        size_t n_labels; /* with "unsure" */
        int smile;
};

static void be_blind(struct source *s)
{
        s->sees = false;
        s->ops->blind(s->userdata);
}

static void forget_owner(struct source *s)
{
        s->claimed = false;
        free(s->owner);
        s->owner = NULL;
}

static void lose(struct source *s, const sd_bus_error *e)
{
        if (s->claimed || !s->refused_said)
                log_warning("emotiond does not let us see: %s", e && e->message ? e->message : "no answer");
        s->refused_said = true;
        forget_owner(s);
        be_blind(s);
}

/* Anybody on the bus may send a signal to anybody: only who took the claim is believed. */
static bool is_from_owner(const struct source *s, sd_bus_message *m)
{
        const char *sender = sd_bus_message_get_sender(m);

        return s->owner && sender && strcmp(sender, s->owner) == 0;
}

static int claim(struct source *s, sd_bus_message_handler_t answer)
{
        s->call = sd_bus_slot_unref(s->call);
        return sd_bus_call_method_async(s->bus, &s->call, BUS_NAME, BUS_PATH, BUS_IFACE_MANAGER, "Claim", answer, s,
                                        "a{sv}", 1, "summary-ms", "u", (uint32_t)BIN_MS);
}

/* === What a face is === */

/* The index of a label; -1: unknown. */
static int label_index(const struct source *s, const char *label)
{
        const char *p = s->labels;
        size_t n = strlen(label);

        for (int i = 0; i < (int)s->n_labels; i++) {
                size_t length = strcspn(p, "|");

                if (length == n && strncmp(p, label, n) == 0)
                        return i;
                p += length + (p[length] != 0);
        }
        return -1;
}

static bool is_smile(const char *label)
{
        return strcmp(label, "happiness") == 0 || strcmp(label, "happy") == 0 || strcmp(label, "smile") == 0;
}

/* Scores add up to 1; of the time before a face's first ones all are 0, so that their sum is the share of time that has
 * any. Return: 0; negative errno. */
static int read_means(sd_bus_message *m, struct crowd_face *f)
{
        double score, smile = 0, sum = 0;
        const char *label;
        int r = sd_bus_message_enter_container(m, 'v', "a{sd}");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sd}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{sd}", &label, &score)) > 0) {
                sum += score;
                smile += is_smile(label) ? score : 0;
        }
        if (r >= 0 && isfinite(sum) && sum > 0.01)
                f->smile = CLAMP(smile / sum, 0.0, 1.0);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_emotions(const struct source *s, sd_bus_message *m, struct crowd_face *f)
{
        const char *label;
        uint32_t ms;
        int r = sd_bus_message_enter_container(m, 'v', "a{su}");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{su}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{su}", &label, &ms)) > 0) {
                int i = label_index(s, label);

                if (i >= 0)
                        f->labels_ms[i] = ms;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_entry(const struct source *s, sd_bus_message *m, const char *key, struct crowd_face *f)
{
        int flag, r;

        if (strcmp(key, "face") == 0)
                return sd_bus_message_read(m, "v", "u", &f->id);
        if (strcmp(key, "present-ms") == 0)
                return sd_bus_message_read(m, "v", "u", &f->present_ms);
        if (strcmp(key, "attention-ms") == 0)
                return sd_bus_message_read(m, "v", "u", &f->attention_ms);
        if (strcmp(key, "emotion-ms") == 0)
                return read_emotions(s, m, f);
        if (strcmp(key, "score-means") == 0)
                return read_means(m, f);
        if (strcmp(key, "static") != 0)
                return sd_bus_message_skip(m, "v");
        r = sd_bus_message_read(m, "v", "b", &flag);
        if (r >= 0)
                f->is_static = flag;
        return r;
}

/* Return: 1 a face; 0 no more; negative errno. */
static int read_face(const struct source *s, sd_bus_message *m, uint64_t bin_ms, struct crowd_face *ret)
{
        const char *key;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        if (r <= 0)
                return r;
        *ret = (struct crowd_face){ .smile = NAN };
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = read_entry(s, m, key, ret);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        ret->present_ms = (uint32_t)MIN((uint64_t)ret->present_ms, bin_ms);
        ret->attention_ms = MIN(ret->attention_ms, ret->present_ms);
        return r < 0 ? r : 1;
}

static int on_bin(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct source *s = userdata;
        struct crowd_face faces[FACES_MAX];
        uint64_t begin_usec, end_usec;
        const char *camera;
        size_t n = 0;
        int r;

        if (!s->claimed || !is_from_owner(s, m))
                return 0;
        r = sd_bus_message_read(m, "tto", &begin_usec, &end_usec, &camera);
        if (r < 0 || end_usec <= begin_usec)
                return 0;
        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && n < FACES_MAX && (r = read_face(s, m, (end_usec - begin_usec) / 1000, &faces[n])) > 0)
                n++;
        if (r >= 0) {
                s->heard = s->sees = true;
                s->ops->bin(s->userdata, begin_usec / 1000, end_usec / 1000, faces, n);
        }
        explicit_bzero(faces, sizeof(faces));
        return 0;
}

/* === What the service says of itself === */

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error);

static void look(struct source *s)
{
        int r;

        s->changed = false;
        s->call = sd_bus_slot_unref(s->call);
        r = sd_bus_call_method_async(s->bus, &s->call, s->owner, BUS_PATH, "org.freedesktop.DBus.Properties", "GetAll",
                                     on_properties, s, "s", BUS_IFACE_MANAGER);
        if (r < 0)
                lose(s, NULL);
}

static void add_label(struct source *s, const char *label)
{
        size_t used = strlen(s->labels), length = strlen(label);

        if (s->n_labels == SOURCE_LABELS_MAX || used + length + 2 > sizeof(s->labels) || strchr(label, '|'))
                return;
        if (is_smile(label))
                s->smile = (int)s->n_labels;
        snprintf(s->labels + used, sizeof(s->labels) - used, "%s%s", used ? "|" : "", label);
        s->n_labels++;
}

static int read_labels(struct source *s, sd_bus_message *m)
{
        const char *label;
        int r = sd_bus_message_enter_container(m, 'v', "as");

        s->labels[0] = 0;
        s->n_labels = 0;
        s->smile = -1;
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &label)) > 0)
                add_label(s, label);
        add_label(s, "unsure");
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_model(struct source *s, sd_bus_message *m)
{
        const char *key, *name = "", *sha256 = "", *text;
        const void *decisions = NULL;
        size_t bytes = 0;
        int r = sd_bus_message_enter_container(m, 'v', "a{sv}");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0 && (strcmp(key, "name") == 0 || strcmp(key, "sha256") == 0)) {
                        r = sd_bus_message_read(m, "v", "s", &text);
                        *(key[0] == 'n' ? &name : &sha256) = r < 0 ? "" : text;
                } else if (r >= 0 && strcmp(key, "decisions") == 0) {
                        r = sd_bus_message_enter_container(m, 'v', "au");
                        if (r >= 0)
                                r = sd_bus_message_read_array(m, 'u', &decisions, &bytes);
                        if (r >= 0)
                                r = sd_bus_message_exit_container(m);
                } else if (r >= 0)
                        r = sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                s->ops->model(s->userdata, name, sha256, decisions, bytes / sizeof(uint32_t));
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_properties(struct source *s, sd_bus_message *m)
{
        const char *key;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &key);
                if (r >= 0)
                        r = strcmp(key, "Emotions") == 0 ? read_labels(s, m)
                            : strcmp(key, "Model") == 0  ? read_model(s, m)
                                                         : sd_bus_message_skip(m, "v");
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct source *s = userdata;

        s->call = sd_bus_slot_unref(s->call);
        if (sd_bus_message_is_method_error(m, NULL) || read_properties(s, m) < 0) {
                lose(s, sd_bus_message_get_error(m));
                return 0;
        }
        s->ops->labels(s->userdata, s->labels, s->n_labels, s->smile);
        s->claimed = true;
        s->refused_said = false;
        if (s->changed)
                look(s);
        return 0;
}

static int on_claimed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct source *s = userdata;

        s->call = sd_bus_slot_unref(s->call);
        if (sd_bus_message_is_method_error(m, NULL)) {
                lose(s, sd_bus_message_get_error(m));
                return 0;
        }
        free(s->owner);
        s->owner = strdup(sd_bus_message_get_sender(m) ?: "");
        if (s->owner)
                look(s);
        else
                lose(s, NULL);
        return 0;
}

/* Another model has other labels. */
static int on_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct source *s = userdata;

        if (!is_from_owner(s, m))
                return 0;
        s->changed = true;
        if (s->claimed && !s->call)
                look(s);
        return 0;
}

/* === The clock of it === */

static void try_soon(struct source *s, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(s->timer, usec);
        (void)sd_event_source_set_enabled(s->timer, s->wanted ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        struct source *s = userdata;

        if (s->claimed && !s->heard && s->sees)
                be_blind(s);
        s->heard = false;
        if (s->wanted && !s->call && !s->claimed && claim(s, on_claimed) < 0)
                lose(s, NULL);
        try_soon(s, RETRY_USEC);
        return 0;
}

static int on_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct source *s = userdata;
        const char *name, *old, *new;

        if (sd_bus_message_read(m, "sss", &name, &old, &new) < 0)
                return 0;
        if (s->owner && strcmp(s->owner, old) == 0) {
                s->call = sd_bus_slot_unref(s->call);
                forget_owner(s);
                be_blind(s);
        }
        if (*new && s->wanted && !s->claimed && !s->call)
                try_soon(s, 0);
        return 0;
}

static int hear(struct source *s)
{
        int r = sd_bus_match_signal_async(s->bus, &s->bins, NULL, BUS_PATH, BUS_IFACE_MANAGER, "Summary", on_bin, NULL,
                                          s);

        if (r >= 0)
                r = sd_bus_add_match_async(s->bus, &s->properties,
                                           "type='signal',path='" BUS_PATH "',member='PropertiesChanged',"
                                           "interface='org.freedesktop.DBus.Properties',arg0='" BUS_IFACE_MANAGER "'",
                                           on_changed, NULL, s);
        if (r >= 0)
                r = sd_bus_add_match_async(s->bus, &s->owners,
                                           "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                                           "arg0='" BUS_NAME "'",
                                           on_owner_changed, NULL, s);
        return r;
}

int source_new(sd_bus *bus, sd_event *event, const struct source_ops *ops, void *userdata, struct source **ret)
{
        _cleanup_(source_freep) struct source *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (struct source){ .bus = sd_bus_ref(bus), .ops = ops, .userdata = userdata, .smile = -1 };
        r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 100000, on_timer, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = hear(s);
        if (r < 0)
                return r;
        *ret = STEAL(s);
        return 0;
}

struct source *source_free(struct source *s)
{
        if (!s)
                return NULL;
        sd_bus_slot_unref(s->owners);
        sd_bus_slot_unref(s->properties);
        sd_bus_slot_unref(s->bins);
        sd_bus_slot_unref(s->call);
        sd_event_source_disable_unref(s->timer);
        sd_bus_unref(s->bus);
        free(s->owner);
        free(s);
        return NULL;
}

void source_want(struct source *s, bool wanted)
{
        if (s->wanted == wanted)
                return;
        s->wanted = wanted;
        try_soon(s, 0);
        if (wanted)
                return;
        s->call = sd_bus_slot_unref(s->call);
        if (s->owner)
                (void)sd_bus_call_method_async(s->bus, NULL, s->owner, BUS_PATH, BUS_IFACE_MANAGER, "Release", NULL,
                                               NULL, NULL);
        forget_owner(s);
        be_blind(s);
}

bool source_sees(const struct source *s)
{
        return s->sees;
}
