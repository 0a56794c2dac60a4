/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The systemd unit behind the service. The bus alone cannot tell why a service does not come: it waits until its time is
 * up. Where systemd is not on the bus, all of this does nothing.
 */

#include <stdbool.h>
#include <stddef.h>

#include "cli/ctl.h"

/**
 * unit_check() - has the service started if it is not there, and watches that
 * @c: connected; waits for @c->timeout_usec at most
 * Return: 0: it is there, or who calls it will hear why not; else an exit status, after saying why it cannot start.
 */
int unit_check(struct ctl *c);

/* Why the service is not there, as a sentence, if systemd knows: masked or failed. Return: whether it does. */
bool unit_tells(struct ctl *c, char *ret, size_t size);
