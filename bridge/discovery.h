/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What Home Assistant wants to be told of a device, so that it finds it by itself: https://www.home-assistant.io/integrations/mqtt/ */

#include <json.h>

#include "bridge/bridge-settings.h"
#include "bridge/view.h"

#define DISCOVERY_MAX 7
#define DISCOVERY_TOPIC_MAX 256

/**
 * discovery_entity() - the @i-th entity
 * @ret_topic: where its configuration goes, retained
 * @ret: json_object_put(); NULL with @ret_topic set: to be forgotten, an empty message
 * Return: 1; 0 there are no more; -ENOMEM.
 */
int discovery_entity(const struct bridge_mqtt *s, const struct view *view, size_t i,
                     char ret_topic[static DISCOVERY_TOPIC_MAX], json_object **ret);
