/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus/error.h"
#include "basic/utf8.h"

static const char *const names[] = {
        [SERVICE_OK] = "",
        [SERVICE_NO_CAMERA] = BUS_NAME ".Error.NoCamera",
        [SERVICE_CAMERA_BUSY] = BUS_NAME ".Error.CameraBusy",
        [SERVICE_DISABLED] = BUS_NAME ".Error.Disabled",
        [SERVICE_NOT_CLAIMED] = BUS_NAME ".Error.NotClaimed",
        [SERVICE_INVALID_OPTION] = BUS_NAME ".Error.InvalidOption",
        [SERVICE_INVALID_IMAGE] = BUS_NAME ".Error.InvalidImage",
        [SERVICE_IMAGE_TIMEOUT] = BUS_NAME ".Error.ImageTimeout",
        [SERVICE_INVALID_CONFIGURATION] = BUS_NAME ".Error.InvalidConfiguration",
        [SERVICE_PLUGIN_FAILED] = BUS_NAME ".Error.PluginFailed",
        [SERVICE_MODEL_INVALID] = BUS_NAME ".Error.ModelInvalid",
        [SERVICE_TOO_MANY_CLAIMS] = BUS_NAME ".Error.TooManyClaims",
        [SERVICE_PREVIEW_FORBIDDEN] = BUS_NAME ".Error.PreviewForbidden",
        [SERVICE_LIMITS_EXCEEDED] = SD_BUS_ERROR_LIMITS_EXCEEDED,
        [SERVICE_FAILED] = SD_BUS_ERROR_FAILED,
};

const char *service_error_name(enum service_error e)
{
        return (size_t)e < ARRAY_LEN(names) ? names[e] : SD_BUS_ERROR_FAILED;
}

static int _printf_(3, 0) set_error(sd_bus_error *error, enum service_error e, const char *format, va_list ap)
{
        char text[512];

        vsnprintf(text, sizeof(text), format, ap);
        /* else the error could not be sent, and the caller would wait for ever */
        utf8_clean(text);
        return sd_bus_error_set(error, service_error_name(e), text);
}

int bus_error_set(sd_bus_error *error, enum service_error e, const char *format, ...)
{
        va_list ap;
        int r;

        va_start(ap, format);
        r = set_error(error, e, format, ap);
        va_end(ap);
        return r;
}

int bus_error_reply(sd_bus_message *call, enum service_error e, const char *format, ...)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        va_list ap;

        va_start(ap, format);
        set_error(&error, e, format, ap);
        va_end(ap);
        return sd_bus_reply_method_error(call, &error);
}
