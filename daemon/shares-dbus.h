/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A share for each caller while more calls come than can be answered: whoever calls more often than its share is refused
 * at little cost, so that the calls of others do not wait behind. Nobody is held to it while there is time for all.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/macro.h"

struct shares;

/* Looks at every call that comes over @bus from now on; @bus is attached to @event. */
int shares_new(sd_bus *bus, sd_event *event, struct shares **ret);
struct shares *shares_free(struct shares *s);
DEFINE_CLEANUP(struct shares *, shares_free)

/* Calls that were refused, ever. */
uint64_t shares_n_refused(const struct shares *s);
