/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "daemon/manager.h"
#include "daemon/messages.h"

/**
 * check_run() - do what a start would do, short of the bus, and print a line for each thing that was looked at
 *
 * It is done in a process of its own, since a plugin may crash or call exit(), and by root as the service's user, who is
 * the one that has to be able to read all that. A camera is looked for, but not opened: another may use it.
 *
 * Return: 0 all is well; -EINVAL something is wrong, and was printed.
 */
int check_run(const struct manager_config *manager, const struct engine_config *engine);
