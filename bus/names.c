/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "bus/names.h"

void bus_camera_path(unsigned number, char *ret, size_t size)
{
        snprintf(ret, size, BUS_CAMERA_PATH "/%u", number);
}
