/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The service as a whole: what it is asked to do (claims, enabled, settings), what it wishes of the worker, and what
 * it tells. Knows no bus: manager-dbus.c is its face there and is called back through struct manager_face.
 */

#include "bus/error.h"
#include "daemon/camera.h"
#include "daemon/claims.h"
#include "daemon/settings.h"
#include "daemon/worker.h"

enum manager_property {
        MANAGER_STATE = 1 << 0,
        MANAGER_LAST_ERROR = 1 << 1,
        MANAGER_ENABLED = 1 << 2,
        MANAGER_IN_USE = 1 << 3,
        MANAGER_EMOTIONS = 1 << 4,
        MANAGER_MODEL = 1 << 5,
        MANAGER_PLUGINS = 1 << 6,
        MANAGER_TAINTED = 1 << 7,
        MANAGER_ZONES = 1 << 8,
        MANAGER_CLOSED_HOURS = 1 << 9,
        MANAGER_LAST_ERROR_TEXT = 1 << 10,
};

enum manager_state {
        MANAGER_DISABLED,
        MANAGER_IDLE,
        MANAGER_CLOSED, /* by camera.closed_hours */
        MANAGER_NO_CAMERA,
        MANAGER_STARTING,
        MANAGER_WATCHING,
        MANAGER_ERROR,
};

struct manager;

/* What happened, for whoever shows it. All are called from the manager's functions, on the main thread. */
struct manager_face {
        void (*changed)(void *userdata, unsigned properties); /* enum manager_property */
        void (*emotion_changed)(void *userdata, struct claim *c, const struct claim_change *change);
        void (*face_came)(void *userdata, struct claim *c, const struct face_event *event, unsigned camera);
        void (*face_went)(void *userdata, struct claim *c, const struct face_event *event, unsigned camera);
        void (*face_turned)(void *userdata, struct claim *c, const struct face_event *event, unsigned camera);
        /* @camera: 0 if it is gone */
        void (*summary)(void *userdata, struct claim *c, const struct summary_note *note, unsigned camera);
        void (*picture_done)(void *userdata, const struct picture_job *job);
        void (*preview_done)(void *userdata,
                             const struct preview_job *job); /* its descriptor is closed after the call */
        /* of each manager_reload() that gave @serial or a lower one, and was not yet answered */
        void (*reload_done)(void *userdata, uint64_t serial, enum service_error error, const char *text);
        struct camera_changes cameras; /* its userdata is used for these three */
        void *userdata;
};

/* What the bus shows; compared to tell what changed. */
struct manager_view {
        enum manager_state state;
        enum service_error last_error;
        bool enabled, in_use, tainted;
        char last_error_text[256]; /* a sentence; "" without last_error; zeros behind it */
};

/* Properties of which changes are told: one row each in manager-properties.c. */
struct manager_property_row {
        const char *name;          /* on the bus */
        unsigned bit;              /* enum manager_property */
        size_t offset, size_bytes; /* of its member of struct manager_view; 0 bytes: whoever changes it says so */
};
extern const struct manager_property_row manager_properties[];
extern const size_t manager_n_properties;

/* Of which properties do @a and @b differ? */
unsigned manager_view_changes(const struct manager_view *a, const struct manager_view *b);
/* The member of @v that the property @name shows, if it is of @size_bytes; else NULL. */
const void *manager_view_member(const struct manager_view *v, const char *name, size_t size_bytes);

struct manager_config {
        const char *config_file; /* NULL: defaults */
        bool config_optional;
        struct settings_override override;
        const char *state_dir; /* NULL: Disable() is forgotten at the next start */
};

/**
 * manager_new() - logic without a worker; manager_set_worker() adds it
 * @config: strings are borrowed for the manager's life
 */
int manager_new(const struct manager_config *config, struct settings *settings, struct manager **ret);
struct manager *manager_free(struct manager *m);
DEFINE_CLEANUP(struct manager *, manager_free)

void manager_set_face(struct manager *m, const struct manager_face *face);
/* Borrowed; NULL takes it away. */
void manager_set_worker(struct manager *m, struct worker *w);
/* The worker's descriptor was readable: fetches everything and tells. */
void manager_dispatch(struct manager *m);
/* Fetches the newest numbers; tells nothing. */
const struct worker_snapshot *manager_snapshot(struct manager *m);

/* A device came or went, or nothing is known: the cameras that are there now. */
int manager_set_devices(struct manager *m, const struct camera_device *devices, size_t n);
/* A file is played instead of a camera. */
bool manager_replays(const struct manager *m);

/* Claims. Return: 1 a new one, 0 replaced, -EUSERS, -EDQUOT, -EPERM while disabled, -ENOMEM. */
int manager_claim(struct manager *m, const char *owner, uid_t uid, const struct claim_options *options,
                  struct claim **ret);
/* Tells a claim of the faces that are in view: each came, and turned to the camera if it faces it. For a new one, after
 * its answer. */
void manager_tell_view(struct manager *m, struct claim *c);
/* Return: 0 or -ENOENT. */
int manager_release(struct manager *m, const char *owner);
/* Sends changes that waited, and opens and closes the camera by its hours; manager_next_usec() says when (UINT64_MAX:
 * nothing waits). */
void manager_run(struct manager *m);
uint64_t manager_next_usec(const struct manager *m);

/* Return: 0, or errno of keeping it in the state directory (the switch is made all the same). */
int manager_set_enabled(struct manager *m, bool enabled);

/**
 * manager_reload() - read the configuration and, if it is sound, load engine and camera anew
 * Return: 1 without a worker: it is done; 0 and *@ret_serial, face->reload_done() follows; negative errno of
 * settings_load(), @error filled, all stays as it was.
 */
int manager_reload(struct manager *m, uint64_t *ret_serial, struct settings_error *error);

/* A reload was begun and is not yet done. */
bool manager_is_reloading(const struct manager *m);

/* How many pictures of one user may wait. */
unsigned manager_picture_share(const struct manager *m, uid_t uid);
/* @fd is taken over on success. Return: 0 and *@ret_id; -ENOBUFS too many wait; -ENODEV no engine. */
int manager_classify(struct manager *m, uid_t uid, int fd, double min_confidence, uint64_t *ret_id);

/**
 * manager_preview() - ask for the next picture of the camera; face->preview_done() follows
 * @ret_id: NULL if the caller has no room for an answer
 * Return: 0; -EACCES the settings do not allow it; -EPERM switched off; -ENODEV no picture flows; -ENOBUFS; -ENOMEM.
 */
int manager_preview(struct manager *m, uint64_t *ret_id);

/* For the watchdog, every @tick_usec, @now of CLOCK_MONOTONIC: did the worker answer since the last tick, and do frames
 * flow if they should? A source may pause for as long as the worker would bear it, and one tick more. */
bool manager_check_alive(struct manager *m, uint64_t now, uint64_t tick_usec);

const struct manager_view *manager_get_view(const struct manager *m);
const char *manager_state_name(enum manager_state s);
const struct settings *manager_get_settings(const struct manager *m);
/* NULL before the first one. */
const struct engine_report *manager_get_report(const struct manager *m);
struct cameras *manager_get_cameras(struct manager *m);
/* Brings the counters of the camera that is watched up to now. */
void manager_count_frames(struct manager *m);
struct claims *manager_get_claims(struct manager *m);
uint64_t manager_n_events(const struct manager *m);
uint64_t manager_n_events_lost(const struct manager *m);
/* Number of the camera that is watched, 0 if none. */
unsigned manager_camera_number(const struct manager *m);
