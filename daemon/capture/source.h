/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A source gives frames: a V4L2 camera or a replayed file, behind one small interface. One thread owns a source.
 */

#include <stdint.h>

#include "basic/macro.h"

/* A picture and when it was taken. The planes are the source's: valid until source_release(). */
struct frame {
        unsigned width_px, height_px;
        const uint8_t *gray; /* luma, full range 0..255; NULL if the source rests, see source_rest_until() */
        size_t gray_stride_bytes;
        const uint8_t *bgr; /* NULL unless asked for by want_bgr; 3 bytes a pixel */
        size_t bgr_stride_bytes;
        /* CLOCK_MONOTONIC at capture; a replay counts media time on from the moment it was opened, never backwards,
         * also when it loops and whatever its pace */
        uint64_t timestamp_usec;
        uint32_t sequence; /* counted by the driver; a jump means frames lost before they reached us */
        int buffer;        /* the source's own */
};

enum source_pace {
        SOURCE_PACE_REAL, /* one frame when its time has come */
        SOURCE_PACE_FAST, /* as fast as they are taken */
};

#define SOURCE_MAX_CONTROLS 32u

/* One control of a camera, such as its gain. */
struct source_control {
        char name[32];
        int value;
};

struct source_config {
        /* "auto" (the first capture device), a device node, or for a replay a Motion-JPEG AVI, a Y4M file, or a
         * folder of JPEG and PNG pictures in name order */
        const char *device;
        bool replay;
        /* wanted; 0: the driver's choice. The nearest that the camera offers is taken. */
        unsigned width_px, height_px;
        double frame_rate_hz;
        /* "auto" (cheapest to turn into luma at the wanted size and rate), "MJPG", "YUYV", "NV12" or "GREY" */
        const char *pixel_format;
        bool want_bgr;
        /* camera only: set in this order before it streams; one that it has not, or refuses, is an error */
        const struct source_control *controls;
        size_t n_controls;
        /* replay only */
        enum source_pace pace;
        bool loop;
};

/* What a source is; constant once opened. Owned by the source. */
struct source_info {
        char device[256]; /* node or file that was opened */
        char name[64];    /* V4L2 card, or the file's name */
        char format[8];   /* fourcc, "Y4M", "JPEG", ... */
        unsigned width_px, height_px;
        double frame_rate_hz; /* nominal; 0 if unknown */
};

struct source_stats {
        uint64_t n_frames;  /* handed out */
        uint64_t n_dropped; /* lost in the driver (sequence jumps), or replaced by newer ones before they were taken */
        uint64_t n_corrupt; /* flagged by the driver, or undecodable */
};

struct source_error {
        char text[256]; /* a sentence for the administrator: what, and what to do */
};

struct source;

/**
 * source_open() - open and start streaming
 * Return: 0; -ENOENT, -ENODEV no such device; -EBUSY another program holds it; -EACCES; -ENOTTY not a camera;
 * -EOPNOTSUPP no format that we read; -EBADMSG a broken file; others as the kernel says. @error is filled.
 */
int source_open(const struct source_config *config, struct source **ret, struct source_error *error);

/* Stops, unmaps, closes. Accepts NULL; returns NULL. */
struct source *source_free(struct source *s);
DEFINE_CLEANUP(struct source *, source_free)

/**
 * source_next() - wait for the newest frame
 * @wake_fd: returns early with -ECANCELED once this is readable (it is not read); -1 for none
 * @timeout_usec: how long to wait
 * Return: 1 a frame in *@ret (call source_release() before the next source_next()); 0 timeout; -ECANCELED;
 * -ENODATA the replay has ended; -ENODEV the camera is gone; -EIO and others: reopen. Corrupt frames are
 * counted and skipped. With SOURCE_PACE_REAL and cameras older queued frames are dropped for the newest.
 */
int source_next(struct source *s, int wake_fd, uint64_t timeout_usec, struct frame *ret, struct source_error *error);
void source_release(struct source *s, struct frame *f);

/**
 * source_rest_until() - frames taken before @timestamp_usec come without a picture, since nobody would look at it
 * They cost next to nothing, and still tell that the source lives. 0, as at first: every frame has one.
 */
void source_rest_until(struct source *s, uint64_t timestamp_usec);

const struct source_info *source_get_info(const struct source *s);
struct source_stats source_get_stats(const struct source *s);
