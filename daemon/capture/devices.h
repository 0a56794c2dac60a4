/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/**
 * The cameras of this machine.
 */

#define SOURCE_MAX_DEVICES 64

struct source_device {
        char node[64]; /* "/dev/video0" */
        char name[64]; /* V4L2 card */
        char bus[64];  /* where it is plugged in, "usb-0000:00:14.0-1"; stays the same over replugging there */
};

/**
 * source_list_devices() - V4L2 capture devices, by their number
 * @ret: room for @max devices
 *
 * Opens each node for a moment, which switches no camera on. Metadata and output nodes, and what cannot be
 * opened, are left out. Return: how many were written; negative errno when /dev cannot be read.
 */
int source_list_devices(struct source_device *ret, size_t max);
