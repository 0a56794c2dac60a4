/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bus/options.h"
#include "daemon/options-dbus.h"

static int read_camera(sd_bus_message *m, void *to, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        struct cameras *cs = manager_get_cameras(f->manager);
        char known[BUS_CAMERA_PATH_MAX];
        const char *path;
        int r = sd_bus_message_read(m, "v", "o", &path);

        if (r < 0)
                return r;
        for (size_t i = 0; i < cs->n; i++) {
                bus_camera_path(cs->list[i]->number, known, sizeof(known));
                if (strcmp(path, known) == 0) {
                        *(unsigned *)to = cs->list[i]->number;
                        return 0;
                }
        }
        return bus_error_set(error, SERVICE_INVALID_OPTION, "camera: there is no %.128s", path);
}

static bool is_label(const struct engine_report *r, const char *word)
{
        if (strcmp(word, "unsure") == 0)
                return true;
        for (size_t i = 0; r && i < r->n_labels; i++)
                if (strcmp(r->labels[i], word) == 0)
                        return true;
        return false;
}

/* Says which there are. */
static int refuse_emotion(const struct engine_report *r, const char *word, sd_bus_error *error)
{
        char known[256] = "";
        size_t n = 0;

        for (size_t i = 0; r && i < r->n_labels && n < sizeof(known); i++)
                n += (size_t)snprintf(known + n, sizeof(known) - n, "%s, ", r->labels[i]);
        return bus_error_set(error, SERVICE_INVALID_OPTION, "emotions: there is no \"%.64s\", only %sunsure", word,
                             known);
}

/* @to: the whole of the options. */
static int read_emotions(sd_bus_message *m, void *to, void *userdata, sd_bus_error *error)
{
        struct bus_face *f = userdata;
        struct claim_options *o = to;
        const char *word;
        int r = sd_bus_message_enter_container(m, 'v', "as");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        o->n_emotions = 0;
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &word)) > 0) {
                if (!is_label(manager_get_report(f->manager), word) || strlen(word) >= CLAIM_LABEL_MAX)
                        return refuse_emotion(manager_get_report(f->manager), word, error);
                if (o->n_emotions >= CLAIM_MAX_FILTER)
                        return bus_error_set(error, SERVICE_INVALID_OPTION, "emotions: more than %d", CLAIM_MAX_FILTER);
                snprintf(o->emotions[o->n_emotions++], CLAIM_LABEL_MAX, "%s", word);
        }
        if (r >= 0 && o->n_emotions == 0)
                return bus_error_set(error, SERVICE_INVALID_OPTION, "emotions: the list is empty");
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

#define AT(member) offsetof(struct claim_options, member)

static const struct bus_option claim_table[] = {
        { "min-confidence", "d", 0, 1, AT(min_confidence), NULL },
        { "max-rate-hz", "d", 0.1, 10, AT(max_rate_hz), NULL },
        { "min-hold-ms", "u", 0, 60000, AT(min_hold_ms), NULL },
        { "summary-ms", "u", 200, 10000, AT(summary_ms), NULL },
        { "camera", "o", 0, 0, AT(camera), read_camera },
        { "emotions", "as", 0, 0, 0, read_emotions },
};

int bus_read_claim_options(sd_bus_message *m, struct bus_face *f, struct claim_options *ret, sd_bus_error *error)
{
        claim_options_init(ret);
        return bus_read_options(m, claim_table, ARRAY_LEN(claim_table), ret, f, error);
}

int bus_read_no_options(sd_bus_message *m, sd_bus_error *error)
{
        return bus_read_options(m, NULL, 0, NULL, NULL, error);
}

int bus_read_picture_options(sd_bus_message *m, double *ret_min_confidence, sd_bus_error *error)
{
        static const struct bus_option table[] = { { "min-confidence", "d", 0, 1, 0, NULL } };

        *ret_min_confidence = -1;
        return bus_read_options(m, table, ARRAY_LEN(table), ret_min_confidence, NULL, error);
}
