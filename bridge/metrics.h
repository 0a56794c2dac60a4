/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What the bridge knows, as text in Prometheus's exposition format 0.0.4. No figure is about one face by name. */

#include "bridge/http.h"
#include "bridge/mqtt.h"
#include "bridge/showing.h"
#include "bridge/view.h"

/* @http, @mqtt: NULL while there is none. Return: malloc'ed; NULL when there is no memory. */
char *metrics_text(const struct view *view, const struct showing *showing, const struct http_counts *http,
                   const struct mqtt_counts *mqtt, uint64_t n_events);
