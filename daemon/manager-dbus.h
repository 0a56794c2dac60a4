/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The bus face of the manager and its cameras: reads and checks what comes in, calls manager.h, writes what goes out.
 * The interfaces are documented in daemon/org.emotiond.Emotion1.*.xml.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "daemon/manager.h"

/* Messages of ours that may wait in the connection; beyond it signals are dropped and counted. */
#define BUS_MAX_QUEUED 1024u

struct bus_face;

/**
 * bus_face_new() - put the objects on @bus and become the face of @m
 *
 * @bus is attached to @event. The name is not requested: that is the caller's, last. A connection without a broker
 * (tests) is served, too: its peer is the one owner of claims.
 */
int bus_face_new(sd_bus *bus, sd_event *event, struct manager *m, struct bus_face **ret);
struct bus_face *bus_face_free(struct bus_face *f);
DEFINE_CLEANUP(struct bus_face *, bus_face_free)

/* private to the files of the bus face */

#define BUS_MAX_RELOADS 16u

struct bus_face {
        sd_bus *bus;
        sd_event *event;
        struct manager *manager;
        sd_bus_slot *manager_slot, *objects_slot;
        sd_event_source *flush, *timer;
        unsigned dirty; /* enum manager_property, not yet told */
        bool flushing;
        uint64_t n_sent, n_lost;
        size_t n_reloads;
        struct {
                uint64_t serial;
                sd_bus_message *message;
        } reloads[BUS_MAX_RELOADS];
        struct {
                uint64_t id;
                sd_bus_message *message; /* NULL: free */
        } pictures[WORKER_MAX_PICTURES], previews[WORKER_MAX_PREVIEWS];
        struct {
                uint64_t n, n_of_sender; /* given, ever and to the last sender */
                uint64_t told_usec;      /* the journal */
                char sender[64];
        } preview;
};

extern const sd_bus_vtable manager_vtable[];
extern const sd_bus_vtable camera_vtable[];

/* Arranges that what changed is told once, at the end of this round of the loop. */
void bus_face_mark(struct bus_face *f, unsigned properties);
/* Arms the timer for signals that wait. */
void bus_face_arm(struct bus_face *f);

int bus_camera_added(struct bus_face *f, struct camera *c);
void bus_camera_removed(struct bus_face *f, struct camera *c);
void bus_camera_changed(struct bus_face *f, struct camera *c, unsigned properties);
void bus_camera_flush(struct bus_face *f, struct camera *c);
/* "/org/emotiond/Emotion1/camera/N" */
void bus_camera_path(unsigned number, char *ret, size_t size);
#define BUS_CAMERA_PATH_MAX 64

/* Parts of messages. All return 0 or a negative errno. */
int bus_append_scores(sd_bus_message *m, const struct engine_report *r, const float *scores, size_t n);
int bus_append_box(sd_bus_message *m, const struct emo_box *box);
/* "yaw", "pitch", "roll" d in degrees, if they are known. */
int bus_append_pose(sd_bus_message *m, const struct face_pose *pose);
int bus_append_camera(sd_bus_message *m, unsigned number);
/* One a{sv} of GetFaces (@tracked) or ClassifyImage. */
int bus_append_face(sd_bus_message *m, const struct engine_report *r, const struct face *face, bool tracked,
                    unsigned camera);

/* Signals to one claimant. */
void bus_send_change(struct bus_face *f, struct claim *c, const struct claim_change *change);
void bus_send_attention(struct bus_face *f, struct claim *c, const struct face_event *event, unsigned camera);
void bus_send_presence(struct bus_face *f, struct claim *c, const char *signal, const struct face_event *event,
                       unsigned camera);

/* Reads options; an error is set and negative errno returned for anything unknown or out of range. */
int bus_read_claim_options(sd_bus_message *m, struct bus_face *f, struct claim_options *ret, sd_bus_error *error);
/* For methods that know none yet. */
int bus_read_no_options(sd_bus_message *m, sd_bus_error *error);
int bus_read_picture_options(sd_bus_message *m, double *ret_min_confidence, sd_bus_error *error);

int bus_method_preview(sd_bus_message *m, void *userdata, sd_bus_error *error);
void bus_preview_done(struct bus_face *f, const struct preview_job *job);

int bus_get_model(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                  void *userdata, sd_bus_error *error);
int bus_get_plugins(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error);
int bus_get_statistics(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error);
