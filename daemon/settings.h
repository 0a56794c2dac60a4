/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The configuration: one plain structure, filled from defaults, the file, its drop-ins and the command line.
 *
 * Syntax is libconfig's. Every key is one row of the table in settings-table.c (path, type, limits, default, place), and
 * whatever is not in the table is an error that names file, line and key. A set that was loaded never changes; two
 * threads may read it.
 */

#include <libconfig.h>
#include <stdint.h>

#include "basic/macro.h"
#include "daemon/capture/source.h"
#include "daemon/hours.h"
#include "daemon/vision/zones.h"

#define SETTINGS_MAX_FILE_BYTES (256u << 10)
#define SETTINGS_MAX_DROPINS 256u
#define SETTINGS_TEXT_MAX 256 /* bytes of a string value, with its NUL */

enum camera_policy {
        CAMERA_ON_DEMAND, /* open while somebody holds a claim */
        CAMERA_ALWAYS,
};

struct settings {
        struct {
                char device[SETTINGS_TEXT_MAX]; /* "auto" or a path */
                int policy;                     /* enum camera_policy */
                int width_px, height_px;        /* 0: the driver's choice */
                double frame_rate_hz;           /* 0: the driver's choice */
                int pixel_format;               /* index: settings_pixel_format() */
                char replay[SETTINGS_TEXT_MAX]; /* "" for a camera */
                int replay_pace;                /* enum source_pace */
                bool replay_loop;
                int stall_ms;   /* no frame for so long: open again */
                int rotate_deg; /* 0, 90, 180, 270: clockwise */
                bool mirror;
                char closed_hours[SETTINGS_TEXT_MAX];
        } camera;
        struct {
                char detector[SETTINGS_TEXT_MAX], aligner[SETTINGS_TEXT_MAX];
                double detect_fps, idle_fps;
                int keep_ms, min_face_px, max_faces;
                double landmark_confidence;
        } vision;
        struct {
                double max_yaw_deg, max_pitch_deg;
                int hold_ms;
        } attention;
        struct {
                char model[SETTINGS_TEXT_MAX]; /* bare name or absolute path */
                int threads, faces_per_frame;
                bool mirror;
                /* what the file does not say, or says wrongly; "" and 0: as the file says */
                char labels[SETTINGS_TEXT_MAX], size[SETTINGS_TEXT_MAX], normalisation[SETTINGS_TEXT_MAX];
                char face_template[SETTINGS_TEXT_MAX];
                int layout, channels, output; /* indices: settings_layout() and so on */
        } classifier;
        struct {
                int smoothing_ms;
                double min_confidence, hysteresis, min_quality, sensitivity;
                int min_hold_ms;
        } decision;
        struct {
                bool allow_preview;
        } privacy;
        struct {
                int max_claims, max_claims_per_user, max_pictures;
                char reserved_user[SETTINGS_TEXT_MAX]; /* "": root alone */
                int log_level;                         /* index: settings_log_level() */
        } service;

        /* Group "plugins", merged from all files; NULL if there is none. */
        const config_setting_t *plugins;
        uint64_t stamp; /* another one when a file has other text */

        struct source_control controls[SOURCE_MAX_CONTROLS]; /* camera.controls, in the order of the file */
        size_t n_controls;
        struct hours closed; /* of camera.closed_hours */
        struct zones zones;  /* group "zones", merged from all files */
        uid_t reserved_uid;  /* of service.reserved_user; (uid_t)-1: none */

        /* private */
        unsigned n_refs;
        config_t plugins_tree;
        char **file_names;
        size_t n_file_names;
};

/* What the command line says; wins over every file. */
struct settings_override {
        const char *replay;    /* NULL: as the files say */
        int replay_pace;       /* enum source_pace, -1 */
        int replay_loop;       /* 0, 1, -1 */
        const char *log_level; /* NULL, or one of the words of service.log_level */
};

struct settings_error {
        char text[512]; /* "FILE:LINE: KEY: what is wrong" */
};

/**
 * settings_load() - defaults, @file, @file.d/ *.conf by name, @override
 * @file: NULL for defaults alone
 * @optional: a missing @file is no error
 * @override: may be NULL
 *
 * Return: 0; -ENOENT and errno of open(2); -EFBIG beyond SETTINGS_MAX_FILE_BYTES; -EINVAL for anything wrong inside;
 * -ENOMEM. @error is filled.
 */
int settings_load(const char *file, bool optional, const struct settings_override *override, struct settings **ret,
                  struct settings_error *error);

/* Atomic counter: a set is shared by the two threads. unref accepts NULL and returns NULL. */
struct settings *settings_ref(struct settings *s);
struct settings *settings_unref(struct settings *s);
DEFINE_CLEANUP(struct settings *, settings_unref)

/* Can the camera stay open when @b replaces @a? Each setting of group camera is looked at, but those that change nothing
 * of how it is opened. */
bool settings_same_camera(const struct settings *a, const struct settings *b);
/* For how long a source that gives @frame_rate_hz (0: unknown) may give no frame before it is opened again. */
uint64_t settings_stall_usec(const struct settings *s, double frame_rate_hz);
/* "auto" or a fourcc, as struct source_config wants it. */
const char *settings_pixel_format(const struct settings *s);
/* The words of classifier.layout, .channels and .output; NULL for "auto". */
const char *settings_layout(const struct settings *s);
const char *settings_channels(const struct settings *s);
const char *settings_output(const struct settings *s);
/* Priority of syslog.h. */
int settings_log_level(const struct settings *s);
/* The same for a word; -EINVAL for others. */
int settings_log_level_from_string(const char *word);

/* The rows of the table, for tests: the path ("camera.device") and the default as it would stand in a file. */
size_t settings_key_count(void);
void settings_key(size_t i, char *ret_path, char *ret_default, size_t size);
/* The value of row @i in @s, written the same way. */
void settings_format(const struct settings *s, size_t i, char *ret, size_t size);
