/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <syslog.h>

#include "daemon/capture/source.h"
#include "daemon/settings-table.h"
#include "daemon/vision/pipeline.h"

#define AT(member) offsetof(struct settings, member)
#define NUMBER(group, name, type, min, max, def, member)                 \
        {                                                                \
                group, name, type, min, max, NULL, def, NULL, AT(member) \
        }
#define WORD(group, name, words, def, member)                               \
        {                                                                   \
                group, name, KEY_CHOICE, 0, 0, words, def, NULL, AT(member) \
        }
#define TEXT(group, name, type, def, member)                      \
        {                                                         \
                group, name, type, 0, 0, NULL, 0, def, AT(member) \
        }

static const char *const policies[] = { [CAMERA_ON_DEMAND] = "on-demand", [CAMERA_ALWAYS] = "always", NULL };
static const char *const paces[] = { [SOURCE_PACE_REAL] = "real", [SOURCE_PACE_FAST] = "fast", NULL };
static const char *const formats[] = { "auto", "MJPG", "YUYV", "NV12", "GREY", NULL };
static const char *const layouts[] = { "auto", "nchw", "nhwc", NULL };
static const char *const channels[] = { "auto", "gray", "rgb", "bgr", NULL };
static const char *const outputs[] = { "auto", "probabilities", "logits", NULL };

enum { LEVEL_ERROR, LEVEL_WARNING, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG };
static const char *const levels[] = {
        [LEVEL_ERROR] = "error", [LEVEL_WARNING] = "warning", [LEVEL_NOTICE] = "notice",
        [LEVEL_INFO] = "info",   [LEVEL_DEBUG] = "debug",     NULL,
};
static const int log_levels[] = {
        [LEVEL_ERROR] = LOG_ERR, [LEVEL_WARNING] = LOG_WARNING, [LEVEL_NOTICE] = LOG_NOTICE,
        [LEVEL_INFO] = LOG_INFO, [LEVEL_DEBUG] = LOG_DEBUG,
};

const struct settings_row settings_rows[] = {
        TEXT("camera", "device", KEY_DEVICE, "auto", camera.device),
        WORD("camera", "policy", policies, CAMERA_ON_DEMAND, camera.policy),
        NUMBER("camera", "width", KEY_INT, 0, 7680, 640, camera.width_px),
        NUMBER("camera", "height", KEY_INT, 0, 4320, 480, camera.height_px),
        NUMBER("camera", "frame_rate", KEY_FLOAT, 0, 240, 15, camera.frame_rate_hz),
        WORD("camera", "pixel_format", formats, 0, camera.pixel_format),
        NUMBER("camera", "stall_ms", KEY_INT, 500, 60000, 5000, camera.stall_ms),
        NUMBER("camera", "rotate", KEY_ANGLE, 0, 270, 0, camera.rotate_deg),
        NUMBER("camera", "mirror", KEY_BOOL, 0, 1, 0, camera.mirror),
        TEXT("camera", "closed_hours", KEY_HOURS, "", camera.closed_hours),
        TEXT("camera", "replay", KEY_FILE, "", camera.replay),
        WORD("camera", "replay_pace", paces, SOURCE_PACE_REAL, camera.replay_pace),
        NUMBER("camera", "replay_loop", KEY_BOOL, 0, 1, 1, camera.replay_loop),
        TEXT("vision", "detector", KEY_PLUGIN, "auto", vision.detector),
        TEXT("vision", "aligner", KEY_PLUGIN, "auto", vision.aligner),
        NUMBER("vision", "detect_fps", KEY_FLOAT, 0.1, 240, 5, vision.detect_fps),
        NUMBER("vision", "idle_fps", KEY_FLOAT, 0.1, 240, 4, vision.idle_fps),
        NUMBER("vision", "keep_ms", KEY_INT, 0, 60000, 1000, vision.keep_ms),
        NUMBER("vision", "min_face_px", KEY_INT, 16, 2000, 50, vision.min_face_px),
        NUMBER("vision", "max_faces", KEY_INT, 1, PIPELINE_MAX_FACES, 8, vision.max_faces),
        NUMBER("vision", "landmark_confidence", KEY_FLOAT, 0, 1, 0.5, vision.landmark_confidence),
        NUMBER("attention", "max_yaw", KEY_FLOAT, 0, 90, 25, attention.max_yaw_deg),
        NUMBER("attention", "max_pitch", KEY_FLOAT, 0, 90, 20, attention.max_pitch_deg),
        NUMBER("attention", "hold_ms", KEY_INT, 100, 60000, 300, attention.hold_ms),
        TEXT("classifier", "model", KEY_MODEL, "auto", classifier.model),
        NUMBER("classifier", "threads", KEY_INT, 1, 64, 1, classifier.threads),
        NUMBER("classifier", "faces_per_frame", KEY_INT, 1, PIPELINE_MAX_FACES, 4, classifier.faces_per_frame),
        NUMBER("classifier", "mirror", KEY_BOOL, 0, 1, 1, classifier.mirror),
        TEXT("classifier", "labels", KEY_TEXT, "", classifier.labels),
        WORD("classifier", "layout", layouts, 0, classifier.layout),
        WORD("classifier", "channels", channels, 0, classifier.channels),
        TEXT("classifier", "size", KEY_TEXT, "", classifier.size),
        TEXT("classifier", "normalisation", KEY_TEXT, "", classifier.normalisation),
        WORD("classifier", "output", outputs, 0, classifier.output),
        TEXT("classifier", "template", KEY_TEXT, "", classifier.face_template),
        NUMBER("decision", "smoothing_ms", KEY_INT, 0, 10000, 300, decision.smoothing_ms),
        NUMBER("decision", "min_confidence", KEY_FLOAT, 0, 1, 0.45, decision.min_confidence),
        NUMBER("decision", "min_quality", KEY_FLOAT, 0, 1, 0.3, decision.min_quality),
        NUMBER("decision", "sensitivity", KEY_FLOAT, 0.1, 10, 1, decision.sensitivity),
        NUMBER("decision", "hysteresis", KEY_FLOAT, 0, 1, 0.1, decision.hysteresis),
        NUMBER("decision", "min_hold_ms", KEY_INT, 0, 60000, 300, decision.min_hold_ms),
        NUMBER("privacy", "allow_preview", KEY_BOOL, 0, 1, 0, privacy.allow_preview),
        NUMBER("service", "max_claims", KEY_INT, 1, PIPELINE_MAX_LISTENERS - 1, 16, service.max_claims),
        NUMBER("service", "max_claims_per_user", KEY_INT, 1, PIPELINE_MAX_LISTENERS - 1, 8,
               service.max_claims_per_user),
        NUMBER("service", "max_pictures", KEY_INT, 1, 64, 8, service.max_pictures),
        TEXT("service", "reserved_user", KEY_USER, "", service.reserved_user),
        WORD("service", "log_level", levels, LEVEL_INFO, service.log_level),
};
const size_t settings_n_rows = ARRAY_LEN(settings_rows);

bool settings_group_known(const char *group)
{
        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].group, group) == 0)
                        return true;
        return false;
}

const struct settings_row *settings_row_find(const char *group, const char *name)
{
        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].group, group) == 0 && strcmp(settings_rows[i].name, name) == 0)
                        return &settings_rows[i];
        return NULL;
}

int settings_word_index(const char *const *words, const char *word)
{
        for (int i = 0; words[i]; i++)
                if (strcmp(words[i], word) == 0)
                        return i;
        return -EINVAL;
}

/* "one|two|three" */
static void join_words(const char *const *words, char *ret, size_t size)
{
        size_t n = 0;

        *ret = '\0';
        for (size_t i = 0; words[i] && n < size; i++)
                n += (size_t)snprintf(ret + n, size - n, "%s%s", i ? "|" : "", words[i]);
}

static void store_number(const struct settings_row *row, double v, struct settings *s)
{
        char *at = (char *)s + row->offset;

        switch (row->type) {
        case KEY_BOOL:
                *(bool *)(void *)at = v != 0;
                break;
        case KEY_FLOAT:
                *(double *)(void *)at = v;
                break;
        default:
                *(int *)(void *)at = (int)v;
        }
}

static const char *unless_auto(const char *const *words, int i)
{
        return i ? words[i] : NULL;
}

const char *settings_layout(const struct settings *s)
{
        return unless_auto(layouts, s->classifier.layout);
}

const char *settings_channels(const struct settings *s)
{
        return unless_auto(channels, s->classifier.channels);
}

const char *settings_output(const struct settings *s)
{
        return unless_auto(outputs, s->classifier.output);
}

void settings_row_set_default(const struct settings_row *row, struct settings *s)
{
        if (row->text)
                snprintf((char *)s + row->offset, SETTINGS_TEXT_MAX, "%s", row->text);
        else
                store_number(row, row->number, s);
}

/* What is wrong with @value as a string of this type; NULL if nothing is. */
static const char *text_complaint(const struct settings_row *row, const char *value)
{
        if (strlen(value) >= SETTINGS_TEXT_MAX)
                return "is longer than 255 bytes";
        for (const char *c = value; *c; c++)
                if ((unsigned char)*c < 0x20 || *c == 0x7f)
                        return "has a control character";

        switch (row->type) {
        case KEY_DEVICE:
                return strcmp(value, "auto") == 0 || value[0] == '/' ? NULL
                                                                     : "is neither \"auto\" nor an absolute path";
        case KEY_MODEL:
                return *value && (value[0] == '/' || !strchr(value, '/')) && strcmp(value, ".") && strcmp(value, "..")
                               ? NULL
                               : "is neither a file's name nor an absolute path";
        case KEY_PLUGIN:
                return *value && strlen(value) <= 32 &&
                                       strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(value)
                               ? NULL
                               : "is not a plugin's name (1 to 32 of a-z, 0-9 and -)";
        default:
                return NULL;
        }
}

int settings_row_set_text(const struct settings_row *row, const char *value, struct settings *s, char *why,
                          size_t why_size)
{
        const char *complaint;
        char words[128];
        int i;

        if (row->type == KEY_CHOICE) {
                i = settings_word_index(row->words, value);
                if (i < 0) {
                        join_words(row->words, words, sizeof(words));
                        snprintf(why, why_size, "\"%.64s\" is not one of %s", value, words);
                        return -EINVAL;
                }
                store_number(row, i, s);
                return 0;
        }
        complaint = text_complaint(row, value);
        if (complaint) {
                snprintf(why, why_size, "\"%.64s\" %s", value, complaint);
                return -EINVAL;
        }
        if (row->type == KEY_HOURS && hours_parse(value, &s->closed, why, why_size) < 0)
                return -EINVAL;
        snprintf((char *)s + row->offset, SETTINGS_TEXT_MAX, "%s", value);
        return 0;
}

static const char *type_name(int type)
{
        switch (type) {
        case CONFIG_TYPE_INT:
        case CONFIG_TYPE_INT64:
                return "an integer";
        case CONFIG_TYPE_FLOAT:
                return "a number with a decimal point";
        case CONFIG_TYPE_STRING:
                return "a string";
        case CONFIG_TYPE_BOOL:
                return "a boolean";
        case CONFIG_TYPE_GROUP:
                return "a group";
        default:
                return "a list";
        }
}

static const char *wanted_name(const struct settings_row *row)
{
        switch (row->type) {
        case KEY_BOOL:
                return "true or false";
        case KEY_INT:
        case KEY_ANGLE:
                return "an integer";
        case KEY_FLOAT:
                return "a number";
        default:
                return "a string";
        }
}

static int set_number(const struct settings_row *row, double v, struct settings *s, char *why, size_t why_size)
{
        if (row->type == KEY_ANGLE && v != 0 && v != 90 && v != 180 && v != 270) {
                snprintf(why, why_size, "%.10g is not one of 0, 90, 180 and 270", v);
                return -EINVAL;
        }
        /* written so that a NaN is refused, too */
        if (!(v >= row->min && v <= row->max)) {
                snprintf(why, why_size, "%.10g is outside %g..%g", v, row->min, row->max);
                return -EINVAL;
        }
        store_number(row, v, s);
        return 0;
}

int settings_row_set(const struct settings_row *row, const config_setting_t *value, struct settings *s, char *why,
                     size_t why_size)
{
        int type = config_setting_type(value);
        bool integer = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
        char words[128];

        /* libconfig's own lookups answer "absent" for a wrong type, or cut 2.5 to 2: the type is looked at first */
        if (row->type == KEY_BOOL && type == CONFIG_TYPE_BOOL)
                return set_number(row, config_setting_get_bool(value), s, why, why_size);
        if ((row->type == KEY_INT || row->type == KEY_ANGLE || row->type == KEY_FLOAT) && integer)
                return set_number(row, (double)config_setting_get_int64(value), s, why, why_size);
        if (row->type == KEY_FLOAT && type == CONFIG_TYPE_FLOAT)
                return set_number(row, config_setting_get_float(value), s, why, why_size);
        if (row->type >= KEY_CHOICE && type == CONFIG_TYPE_STRING)
                return settings_row_set_text(row, config_setting_get_string(value), s, why, why_size);

        if (row->type == KEY_ANGLE)
                snprintf(why, why_size, "is %s; one of 0, 90, 180 and 270 is wanted", type_name(type));
        else if (row->type == KEY_INT || row->type == KEY_FLOAT)
                snprintf(why, why_size, "is %s; %s in %g..%g is wanted", type_name(type), wanted_name(row), row->min,
                         row->max);
        else if (row->type == KEY_CHOICE) {
                join_words(row->words, words, sizeof(words));
                snprintf(why, why_size, "is %s; one of %s is wanted", type_name(type), words);
        } else
                snprintf(why, why_size, "is %s; %s is wanted", type_name(type), wanted_name(row));
        return -EINVAL;
}

const char *settings_pixel_format(const struct settings *s)
{
        return formats[s->camera.pixel_format];
}

int settings_log_level(const struct settings *s)
{
        return log_levels[s->service.log_level];
}

int settings_log_level_from_string(const char *word)
{
        int i = settings_word_index(levels, word);

        return i < 0 ? i : log_levels[i];
}

size_t settings_key_count(void)
{
        return settings_n_rows;
}

static void format_number(const struct settings_row *row, double v, char *ret, size_t size)
{
        if (row->type == KEY_BOOL)
                snprintf(ret, size, "%s", v != 0 ? "true" : "false");
        else if (row->type == KEY_CHOICE)
                snprintf(ret, size, "\"%s\"", row->words[(int)v]);
        else if (row->type == KEY_FLOAT && v == floor(v))
                snprintf(ret, size, "%.1f", v);
        else
                snprintf(ret, size, "%.10g", v);
}

void settings_format(const struct settings *s, size_t i, char *ret, size_t size)
{
        const struct settings_row *row = &settings_rows[i];
        const char *at = (const char *)s + row->offset;

        switch (row->type) {
        case KEY_BOOL:
                format_number(row, *(const bool *)(const void *)at, ret, size);
                break;
        case KEY_FLOAT:
                format_number(row, *(const double *)(const void *)at, ret, size);
                break;
        case KEY_INT:
        case KEY_ANGLE:
        case KEY_CHOICE:
                format_number(row, *(const int *)(const void *)at, ret, size);
                break;
        default:
                snprintf(ret, size, "\"%s\"", at);
        }
}

void settings_key(size_t i, char *ret_path, char *ret_default, size_t size)
{
        const struct settings_row *row = &settings_rows[i];

        snprintf(ret_path, size, "%s.%s", row->group, row->name);
        if (row->text)
                snprintf(ret_default, size, "\"%s\"", row->text);
        else
                format_number(row, row->number, ret_default, size);
}

static bool same_value(const struct settings_row *row, const struct settings *a, const struct settings *b)
{
        char first[SETTINGS_TEXT_MAX + 2], second[SETTINGS_TEXT_MAX + 2];
        size_t i = (size_t)(row - settings_rows);

        settings_format(a, i, first, sizeof(first));
        settings_format(b, i, second, sizeof(second));
        return strcmp(first, second) == 0;
}

/* A frame is turned after it was taken, and whether the camera is on is another question than how. */
static bool applies_while_open(const struct settings_row *row)
{
        static const char *const names[] = { "rotate", "mirror", "closed_hours" };

        for (size_t i = 0; i < ARRAY_LEN(names); i++)
                if (strcmp(row->name, names[i]) == 0)
                        return true;
        return false;
}

static bool same_controls(const struct settings *a, const struct settings *b)
{
        for (size_t i = 0; i < a->n_controls && i < b->n_controls; i++)
                if (strcmp(a->controls[i].name, b->controls[i].name) != 0 ||
                    a->controls[i].value != b->controls[i].value)
                        return false;
        return a->n_controls == b->n_controls;
}

bool settings_same_camera(const struct settings *a, const struct settings *b)
{
        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].group, "camera") == 0 && !applies_while_open(&settings_rows[i]) &&
                    !same_value(&settings_rows[i], a, b))
                        return false;
        return same_controls(a, b);
}
