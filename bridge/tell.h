/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What a player said over HTTP, made a call of org.emotiond.Reactions1. Knows no HTTP but its status numbers. */

#include <json.h>
#include <systemd/sd-bus.h>

enum tell_kind { TELL_CONTENT, TELL_BEGIN, TELL_END, TELL_MARK };

/* @status: of HTTP; @answer: owned by the callee. */
typedef void (*tell_answer)(void *userdata, int status, json_object *answer);

/**
 * tell_call() - ask emotion-reactions
 * @play: of TELL_END and TELL_MARK: the number in the play's path
 * @body: members as in bridge.md; those of @kind and no others, "token" beside them
 * @ret_slot: give it up by sd_bus_slot_unref() and no answer comes
 * @ret_error: a sentence for 400, static
 * Return: 0, and @answer comes later; -EINVAL with @ret_error; another negative errno.
 */
int tell_call(sd_bus *bus, enum tell_kind kind, unsigned play, json_object *body, tell_answer answer, void *userdata,
              sd_bus_slot **ret_slot, const char **ret_error);

/* {"error": @name, "message": @message}; NULL when there is no memory. */
json_object *tell_error(const char *name, const char *message);
