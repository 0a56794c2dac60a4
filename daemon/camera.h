/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The cameras that are there, or the one file that is replayed: what the bus shows of each. One is watched at a time.
 */

#include "basic/macro.h"
#include "daemon/messages.h"

#define CAMERAS_MAX 32u

enum camera_property {
        CAMERA_NAME = 1 << 0,
        CAMERA_STATE = 1 << 1,
        CAMERA_FORMAT = 1 << 2,
        CAMERA_SIZE = 1 << 3,
        CAMERA_FRAME_RATE = 1 << 4,
        CAMERA_LAST_ERROR = 1 << 5,
};

struct camera {
        unsigned number;           /* from 1; never used twice */
        char device[256];          /* as it is opened: a file's name may hold any bytes */
        char shown[256], name[64]; /* @device, and what it calls itself, as UTF-8 */
        enum stream_state state;
        char format[8]; /* and the following: "" and 0 while closed */
        unsigned width_px, height_px;
        double frame_rate_hz, measured_fps;
        uint64_t n_frames, n_dropped; /* since the service started; cameras_count() brings the last of them */
        char last_error[256];
        bool present; /* private */
        bool counted; /* private: the base of the worker's counters is known */
        uint64_t frames_base, dropped_base;
        void *userdata; /* the bus face's */
};

struct cameras {
        unsigned last_number;
        size_t n;
        struct camera *list[CAMERAS_MAX];
        struct camera *active; /* the one that the worker has, or NULL */
};

/* One device, as an enumeration gives it. */
struct camera_device {
        char device[256], name[64];
};

struct camera_changes {
        void (*added)(void *userdata, struct camera *c);
        void (*removed)(void *userdata, struct camera *c);                      /* freed after the call */
        void (*changed)(void *userdata, struct camera *c, unsigned properties); /* enum camera_property */
        void *userdata;
};

void cameras_done(struct cameras *cs);
/* Makes the list equal to @devices. Return: 0 or -ENOMEM. */
int cameras_update(struct cameras *cs, const struct camera_device *devices, size_t n_devices,
                   const struct camera_changes *tell);
/* Takes over what the worker says of the camera that it has. */
void cameras_follow(struct cameras *cs, const struct worker_snapshot *snapshot, const struct camera_changes *tell);
/* Takes over no more than the counters: what nobody is told of while frames flow. */
void cameras_count(struct cameras *cs, const struct worker_snapshot *snapshot);
struct camera *cameras_find(struct cameras *cs, unsigned number);
/* By its node, or a link that udev keeps to it. */
struct camera *cameras_find_device(struct cameras *cs, const char *device);

/* "closed", "starting", "streaming", "busy", "error", "ended". */
const char *stream_state_name(enum stream_state s);
