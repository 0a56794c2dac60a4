/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Who calls. The bus is asked once for each connection and never waited for: while a question is answered synchronously
 * sd-bus reads all that comes, with its descriptors, and anybody could make the service run out of them. A peer is
 * remembered while a call of it waits or is under way, and while it holds a claim; when it leaves the bus it is said so.
 */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"

/* Connections that are known at a time, and calls of one that wait for the bus to say who it is: more are refused. */
#define PEERS_MAX 256u
#define PEER_MAX_WAITING 16u

struct peers;

struct peer {
        const char *name; /* unique bus name; "peer" on a connection without a broker */
        uid_t uid;        /* (uid_t)-1: the bus cannot say */
        pid_t pid;        /* 0: the bus cannot say */
};

/* What a method does once its caller is known. Return: as a handler of sd-bus; an error is sent to the caller. */
typedef int (*peer_method)(sd_bus_message *m, const struct peer *peer, void *userdata, sd_bus_error *error);

/**
 * peers_new()
 * @gone: a peer left the bus; it is forgotten after the call
 * @userdata: for @gone and the methods
 */
int peers_new(sd_bus *bus, void (*gone)(void *userdata, const char *name), void *userdata, struct peers **ret);
struct peers *peers_free(struct peers *ps);
DEFINE_CLEANUP(struct peers *, peers_free)

/**
 * peers_call() - has @method answer @m when it is known who sent it; calls of one peer are answered in their order
 * Return: as a handler of sd-bus.
 */
int peers_call(struct peers *ps, sd_bus_message *m, peer_method method, sd_bus_error *error);

/* Keeps the peer @name, whose call is being answered, known until peers_release(). Each hold is counted. */
void peers_hold(struct peers *ps, const char *name);
void peers_release(struct peers *ps, const char *name);

/* Root, or the user that the service runs as. */
bool peer_is_trusted(const struct peer *peer);

/* The name of the sender of @m, as in struct peer. */
const char *peer_name_of(sd_bus_message *m);
