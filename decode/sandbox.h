/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What a process gives up before it looks at bytes of strangers. In a build with AddressSanitizer the limits of memory and
 * system calls are left out: its run time needs both.
 */

#include <stddef.h>

/**
 * sandbox_prepare() - limits, and all the memory that there will be
 * @heap_bytes: what malloc() may still give; more ends the process
 * @cpu_seconds: of computing, then the process is ended
 *
 * To be called before anything is allocated. No descriptor but the standard ones stays open, no program is ever run with
 * other rights, nothing is dumped, and the process ends with the thread that made it.
 * Return: 0, or a negative errno.
 */
int sandbox_prepare(size_t heap_bytes, unsigned cpu_seconds);

/* From here on read(2), write(2) and the end are what is left (seccomp): anything else, more memory too, ends the
 * process. Return: 0; -errno where the kernel cannot do that. */
int sandbox_enter(void);

_Noreturn void sandbox_exit(int status);
