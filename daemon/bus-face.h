/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What the files of the service's face on the bus share: the state of it, and how news are told. For *-dbus.c, and for
 * service.c, which wakes it.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "bus/error.h"
#include "bus/names.h"
#include "daemon/manager.h"
#include "daemon/peers-dbus.h"
#include "daemon/shares-dbus.h"

/* Messages of ours that may wait in the connection; beyond it signals are dropped and counted. */
#define BUS_MAX_QUEUED 1024u

#define BUS_MAX_RELOADS 16u

struct bus_face {
        sd_bus *bus;
        sd_event *event;
        struct manager *manager;
        struct peers *peers;
        struct shares *shares;
        sd_bus_slot *manager_slot, *objects_slot;
        sd_event_source *flush, *timer;
        unsigned dirty; /* enum manager_property, not yet told */
        uint64_t n_sent, n_lost;
        size_t n_reloads;
        struct {
                uint64_t serial;
                sd_bus_message *message;
        } reloads[BUS_MAX_RELOADS];
        struct {
                uint64_t id;
                sd_bus_message *message; /* NULL: free */
                uid_t uid;
        } pictures[WORKER_MAX_PICTURES];
        struct {
                uint64_t id;
                sd_bus_message *message;
                uid_t uid;
                pid_t pid;
        } previews[WORKER_MAX_PREVIEWS];
        struct {
                uint64_t n, n_of_sender; /* given, ever and to the last sender */
                uint64_t told_usec;      /* the journal */
                char sender[64];
        } preview;
};

/* Arranges that what changed is told once, at the end of this round of the loop. */
void bus_face_mark(struct bus_face *f, unsigned properties);
/* Root alone may. Return: 0; else @error is filled. */
int bus_check_trusted(const struct peer *peer, sd_bus_error *error);
/* Says which properties have changed; @names ends with NULL. */
void bus_emit_changed(sd_bus *bus, const char *path, const char *interface, const char *const *names);
/* Arms the timer for signals that wait. */
void bus_face_arm(struct bus_face *f);
