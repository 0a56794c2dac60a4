/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Signals to one claimant. */

#include "daemon/bus-face.h"

void bus_send_change(struct bus_face *f, struct claim *c, const struct claim_change *change);
void bus_send_attention(struct bus_face *f, struct claim *c, const struct face_event *event, unsigned camera);
void bus_send_presence(struct bus_face *f, struct claim *c, const char *signal, const struct face_event *event,
                       unsigned camera);
/* @camera: 0 if it is gone; the path is "/" then. */
void bus_send_summary(struct bus_face *f, struct claim *c, const struct summary_note *note, unsigned camera);
