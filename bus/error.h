/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Errors of the service by their names on the bus, told by those who answer, known by those who ask.
 */

#include <stdarg.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "bus/names.h"

/* What a client can be told; the reason why the code that decides does not know the bus. */
enum service_error {
        SERVICE_OK,
        SERVICE_NO_CAMERA,
        SERVICE_CAMERA_BUSY,
        SERVICE_DISABLED,
        SERVICE_NOT_CLAIMED,
        SERVICE_INVALID_OPTION,
        SERVICE_INVALID_IMAGE,
        SERVICE_IMAGE_TIMEOUT,
        SERVICE_INVALID_CONFIGURATION,
        SERVICE_PLUGIN_FAILED,
        SERVICE_MODEL_INVALID,
        SERVICE_TOO_MANY_CLAIMS,
        SERVICE_PREVIEW_FORBIDDEN,
        SERVICE_LIMITS_EXCEEDED,
        SERVICE_FAILED,
};

/* "org.emotiond.Emotion1.Error.NoCamera"; "" for SERVICE_OK. */
const char *service_error_name(enum service_error e);

/* Fills @error with the name of @e and a sentence. Return: what a handler of sd-bus returns then. */
int bus_error_set(sd_bus_error *error, enum service_error e, const char *format, ...) _printf_(3, 4);
/* The same for a call that is answered later. Return: 0 or more, or a negative errno of sending. */
int bus_error_reply(sd_bus_message *call, enum service_error e, const char *format, ...) _printf_(3, 4);
