/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What faces and properties look like in messages. */

#include "daemon/bus-face.h"

/* Parts of messages. All return 0 or a negative errno. */
int bus_append_scores(sd_bus_message *m, const struct engine_report *r, const float *scores, size_t n);
int bus_append_box(sd_bus_message *m, const struct emo_box *box);
/* "yaw", "pitch", "roll" d in degrees, if they are known. */
int bus_append_pose(sd_bus_message *m, const struct face_pose *pose);
/* a(sa(dd)) */
int bus_append_zones(sd_bus_message *m, const struct zones *zs);
int bus_append_camera(sd_bus_message *m, unsigned number);
/* Counters; @all: those from which people could be told, too. */
int bus_append_statistics(sd_bus_message *m, struct bus_face *f, bool all);
/* One a{sv} of GetFaces (@tracked) or ClassifyImage. */
int bus_append_face(sd_bus_message *m, const struct engine_report *r, const struct face *face, bool tracked,
                    unsigned camera);

int bus_get_model(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                  void *userdata, sd_bus_error *error);
int bus_get_plugins(sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                    void *userdata, sd_bus_error *error);
int bus_get_statistics(sd_bus *bus, const char *path, const char *interface, const char *property,
                       sd_bus_message *reply, void *userdata, sd_bus_error *error);
