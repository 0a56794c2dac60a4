/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/options-dbus.h"

/* Options of methods, a{sv}: what is unknown, of another type or out of range is refused by name. */

/* Reads the variant that comes next, which has to be of the basic type @signature. */
static int read_variant(sd_bus_message *m, const char *name, const char *signature, void *ret, sd_bus_error *error)
{
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r < 0)
                return r;
        if (strcmp(contents, signature) != 0)
                return bus_error_set(error, SERVICE_INVALID_OPTION, "%s: type %s is wanted, not %.32s", name, signature,
                                     contents);
        return sd_bus_message_read(m, "v", signature, ret);
}

static int read_double(sd_bus_message *m, const char *name, double min, double max, double *ret, sd_bus_error *error)
{
        double v;
        int r = read_variant(m, name, "d", &v, error);

        if (r < 0)
                return r;
        if (!(v >= min && v <= max)) /* a NaN is outside, too */
                return bus_error_set(error, SERVICE_INVALID_OPTION, "%s: %g is outside %g..%g", name, v, min, max);
        *ret = v;
        return 0;
}

static int read_hold(sd_bus_message *m, int64_t *ret, sd_bus_error *error)
{
        uint32_t v;
        int r = read_variant(m, "min-hold-ms", "u", &v, error);

        if (r < 0)
                return r;
        if (v > 60000)
                return bus_error_set(error, SERVICE_INVALID_OPTION, "min-hold-ms: %u is outside 0..60000", v);
        *ret = v;
        return 0;
}

static int read_camera(sd_bus_message *m, struct bus_face *f, unsigned *ret, sd_bus_error *error)
{
        const char *path;
        char known[BUS_CAMERA_PATH_MAX];
        struct cameras *cs = manager_get_cameras(f->manager);
        int r = read_variant(m, "camera", "o", &path, error);

        if (r < 0)
                return r;
        for (size_t i = 0; i < cs->n; i++) {
                bus_camera_path(cs->list[i]->number, known, sizeof(known));
                if (strcmp(path, known) == 0) {
                        *ret = cs->list[i]->number;
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

static int read_emotions(sd_bus_message *m, struct bus_face *f, struct claim_options *o, sd_bus_error *error)
{
        const char *contents, *word;
        char type;
        int r = sd_bus_message_peek_type(m, &type, &contents);

        if (r < 0)
                return r;
        if (strcmp(contents, "as") != 0)
                return bus_error_set(error, SERVICE_INVALID_OPTION, "emotions: type as is wanted, not %.32s", contents);
        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "s");
        o->n_emotions = 0;
        while (r >= 0 && (r = sd_bus_message_read(m, "s", &word)) > 0) {
                if (!is_label(manager_get_report(f->manager), word) || strlen(word) >= CLAIM_LABEL_MAX)
                        return bus_error_set(error, SERVICE_INVALID_OPTION,
                                             "emotions: \"%.64s\" is neither an emotion of the model nor unsure", word);
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

static int read_claim_option(sd_bus_message *m, struct bus_face *f, const char *name, struct claim_options *o,
                             sd_bus_error *error)
{
        if (strcmp(name, "min-confidence") == 0)
                return read_double(m, name, 0, 1, &o->min_confidence, error);
        if (strcmp(name, "max-rate-hz") == 0)
                return read_double(m, name, 0.1, 10, &o->max_rate_hz, error);
        if (strcmp(name, "min-hold-ms") == 0)
                return read_hold(m, &o->min_hold_ms, error);
        if (strcmp(name, "camera") == 0)
                return read_camera(m, f, &o->camera, error);
        if (strcmp(name, "emotions") == 0)
                return read_emotions(m, f, o, error);
        return bus_error_set(error, SERVICE_INVALID_OPTION, "there is no option \"%.64s\"", name);
}

int bus_read_claim_options(sd_bus_message *m, struct bus_face *f, struct claim_options *ret, sd_bus_error *error)
{
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        claim_options_init(ret);
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_claim_option(m, f, name, ret, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int bus_read_no_options(sd_bus_message *m, sd_bus_error *error)
{
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'e', "sv");
        if (r > 0)
                r = sd_bus_message_read(m, "s", &name);
        if (r > 0)
                return bus_error_set(error, SERVICE_INVALID_OPTION, "there is no option \"%.64s\"", name);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

int bus_read_picture_options(sd_bus_message *m, double *ret_min_confidence, sd_bus_error *error)
{
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        *ret_min_confidence = -1;
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0 && strcmp(name, "min-confidence") != 0)
                        return bus_error_set(error, SERVICE_INVALID_OPTION, "there is no option \"%.64s\"", name);
                if (r >= 0)
                        r = read_double(m, name, 0, 1, ret_min_confidence, error);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}
