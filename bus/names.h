/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Names of the bus: the service, its objects, interfaces and errors. */

#include <stddef.h>

#define BUS_NAME "org.emotiond.Emotion1"
#define BUS_PATH "/org/emotiond/Emotion1"
#define BUS_CAMERA_PATH BUS_PATH "/camera"
#define BUS_CAMERA_PREFIX BUS_CAMERA_PATH "/"
#define BUS_IFACE_MANAGER BUS_NAME ".Manager"
#define BUS_IFACE_CAMERA BUS_NAME ".Camera"
#define BUS_IFACE_OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define BUS_ERROR(name) BUS_NAME ".Error." name

/* "/org/emotiond/Emotion1/camera/N" */
void bus_camera_path(unsigned number, char *ret, size_t size);
#define BUS_CAMERA_PATH_MAX 64
