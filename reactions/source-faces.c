/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "basic/log.h"
#include "reactions/source.h"

#define SERVICE "org.emotiond.Emotion1"
#define ROOT "/org/emotiond/Emotion1"
#define MANAGER SERVICE ".Manager"
#define LOOK_USEC 200000
#define RETRY_USEC 2000000
#define FACES_MAX 64

struct source {
        sd_bus *bus;
        const struct source_ops *ops;
        void *userdata;
        sd_event_source *timer;
        sd_bus_slot *call; /* the one answer that is waited for */
        bool wanted, claimed, refused_said;
        char labels[512];
        size_t n_labels; /* with "unsure" */
        int smile;
};

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void lose(struct source *s, const sd_bus_error *e)
{
        if (s->claimed || !s->refused_said)
                log_warning("emotiond does not let us see: %s", e && e->message ? e->message : "no answer");
        s->refused_said = true;
        s->claimed = false;
        s->ops->blind(s->userdata);
}

static int ask(struct source *s, const char *path, const char *interface, const char *member,
               sd_bus_message_handler_t answer, const char *argument)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(s->bus, &m, SERVICE, path, interface, member);

        if (r >= 0 && argument)
                r = sd_bus_message_append(m, "s", argument);
        if (r >= 0 && strcmp(member, "Claim") == 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        s->call = sd_bus_slot_unref(s->call);
        return r < 0 ? r : sd_bus_call_async(s->bus, &s->call, m, answer, s, 10 * 1000000);
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

static int read_scores(sd_bus_message *m, struct crowd_face *f)
{
        const char *label;
        double score;
        int r = sd_bus_message_enter_container(m, 'v', "a{sd}");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{sd}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{sd}", &label, &score)) > 0)
                if (is_smile(label) && isfinite(score))
                        f->smile = CLAMP(score, 0.0, 1.0);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_entry(struct source *s, sd_bus_message *m, const char *key, struct crowd_face *f)
{
        const char *label;
        int flag, r;

        if (strcmp(key, "face") == 0)
                return sd_bus_message_read(m, "v", "u", &f->id);
        if (strcmp(key, "scores") == 0)
                return read_scores(m, f);
        if (strcmp(key, "emotion") == 0) {
                r = sd_bus_message_read(m, "v", "s", &label);
                f->label = r < 0 ? -1 : label_index(s, label);
                return r;
        }
        if (strcmp(key, "attention") != 0 && strcmp(key, "static") != 0)
                return sd_bus_message_skip(m, "v");
        r = sd_bus_message_read(m, "v", "b", &flag);
        if (r >= 0 && key[0] == 'a')
                f->attention = flag;
        else if (r >= 0)
                f->is_static = flag;
        return r;
}

/* Return: 1 a face; 0 no more; negative errno. */
static int read_face(struct source *s, sd_bus_message *m, struct crowd_face *ret)
{
        const char *key;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        if (r <= 0)
                return r;
        *ret = (struct crowd_face){ .label = -1, .smile = NAN };
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
        return r < 0 ? r : 1;
}

static int on_faces(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct source *s = userdata;
        struct crowd_face faces[FACES_MAX];
        size_t n = 0;
        int r;

        s->call = sd_bus_slot_unref(s->call);
        if (sd_bus_message_is_method_error(m, NULL)) {
                lose(s, sd_bus_message_get_error(m));
                return 0;
        }
        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && n < FACES_MAX && (r = read_face(s, m, &faces[n])) > 0)
                n++;
        if (r >= 0)
                s->ops->faces(s->userdata, now_ms(), faces, n);
        else
                lose(s, NULL);
        explicit_bzero(faces, sizeof(faces));
        return 0;
}

/* === What the model is === */

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
        return 0;
}

static int on_claimed(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct source *s = userdata;

        s->call = sd_bus_slot_unref(s->call);
        if (sd_bus_message_is_method_error(m, NULL))
                lose(s, sd_bus_message_get_error(m));
        else if (ask(s, ROOT, "org.freedesktop.DBus.Properties", "GetAll", on_properties, MANAGER) < 0)
                lose(s, NULL);
        return 0;
}

/* === The clock of it === */

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata)
{
        struct source *s = userdata;
        int r = 0;

        if (s->wanted && !s->call)
                r = s->claimed ? ask(s, ROOT, MANAGER, "GetFaces", on_faces, NULL)
                               : ask(s, ROOT, MANAGER, "Claim", on_claimed, NULL);
        if (r < 0)
                lose(s, NULL);
        sd_event_source_set_time_relative(timer, s->claimed || s->call ? LOOK_USEC : RETRY_USEC);
        return sd_event_source_set_enabled(timer, s->wanted ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

int source_new(sd_bus *bus, sd_event *event, const struct source_ops *ops, void *userdata, struct source **ret)
{
        _cleanup_(source_freep) struct source *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        *s = (struct source){ .bus = sd_bus_ref(bus), .ops = ops, .userdata = userdata, .smile = -1 };
        r = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, 0, 10000, on_timer, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        *ret = STEAL(s);
        return 0;
}

struct source *source_free(struct source *s)
{
        if (!s)
                return NULL;
        sd_bus_slot_unref(s->call);
        sd_event_source_disable_unref(s->timer);
        sd_bus_unref(s->bus);
        free(s);
        return NULL;
}

void source_want(struct source *s, bool wanted)
{
        if (s->wanted == wanted)
                return;
        s->wanted = wanted;
        if (wanted) {
                (void)sd_event_source_set_time_relative(s->timer, 0);
                (void)sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT);
                return;
        }
        s->call = sd_bus_slot_unref(s->call);
        if (s->claimed)
                (void)sd_bus_call_method_async(s->bus, NULL, SERVICE, ROOT, MANAGER, "Release", NULL, NULL, NULL);
        s->claimed = false;
        s->ops->blind(s->userdata);
}

bool source_sees(const struct source *s)
{
        return s->claimed;
}
