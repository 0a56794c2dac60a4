/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/bus-error.h"

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

int bus_error_set(sd_bus_error *error, enum service_error e, const char *format, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return sd_bus_error_set(error, service_error_name(e), text);
}
