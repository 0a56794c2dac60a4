/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Calls to the service. Functions that return int give 0 or a value of enum ctl_exit; they have then told the user on
 * standard error what went wrong and what to do about it.
 */

#include "cli/ctl.h"

/* Opens the connection if it is not open yet and, but for @c->waits, makes sure that the service can start. */
int ctl_connect(struct ctl *c);

/* A method call to the service, not yet sent; @ret: owned by the caller. Return: 0 or negative errno, in silence. */
int ctl_new_call(struct ctl *c, const char *path, const char *interface, const char *method, sd_bus_message **ret);

/* Sends @m and waits. @ret_reply may be NULL; else owned by the caller. */
int ctl_send(struct ctl *c, sd_bus_message *m, sd_bus_message **ret_reply);

/* A call without arguments. */
int ctl_call(struct ctl *c, const char *path, const char *interface, const char *method, sd_bus_message **ret_reply);

/* All properties of an object as { name: value }; @ret: owned by the caller, json_object_put(). */
int ctl_get_all(struct ctl *c, const char *path, const char *interface, json_object **ret);

/* The Camera objects as [ { "Path": path, property: value, ... } ], in the order of their numbers. */
int ctl_get_cameras(struct ctl *c, json_object **ret);
/* What is wrong with a camera, in the service's own words; NULL if with none. Borrowed of @cameras. */
const char *ctl_camera_trouble(json_object *cameras);

/* The same from an answer of GetManagedObjects. */
int ctl_read_cameras(sd_bus_message *reply, json_object **ret);

/* What GetFaces answers, as JSON. */
int ctl_get_faces(struct ctl *c, json_object **ret);

/**
 * ctl_find_camera() - the object path that the user means
 * @word: "0", "camera/0", an object path or a device, for example "/dev/video0"
 * @ret: owned by the caller, free(). CTL_NOT_FOUND if no camera answers to @word.
 */
int ctl_find_camera(struct ctl *c, const char *word, char **ret);

/* The one of @cameras that answers to @word, borrowed; NULL if none does. */
json_object *ctl_pick_camera(json_object *cameras, const char *word);

/* Says that there is no such camera. Return: CTL_NOT_FOUND. */
int ctl_no_camera(const char *word);

/* True if @e says that nobody owns the service's name and that nobody could be started. */
bool ctl_error_is_absent(const sd_bus_error *e);

/* Explains @e (or, if it is not set, errno @r) and returns the exit status that goes with it. @about: a file's name or
 * the like, put before the sentence; NULL for none. */
int ctl_fail(const sd_bus_error *e, int r, const char *about);

/* As ctl_fail(), for what root alone may do: who may watch may not yet steer or see, so the advice differs. */
int ctl_fail_admin(const sd_bus_error *e, int r);

/* A sentence for a name of org.emotiond.Emotion1.Error; NULL if it is not one that needs explaining. */
const char *ctl_error_sentence(const char *name);
