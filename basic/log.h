/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <errno.h>
#include <stdarg.h>
#include <syslog.h>

#include "basic/macro.h"

/**
 * The log: one line per call on standard error, with a "<N>" priority prefix when standard error is the
 * journal (see sd-daemon(3)), without it on a terminal. Thread safe. Never log pixels.
 */

/* Lines less urgent than @level (LOG_ERR..LOG_DEBUG of syslog.h; default LOG_INFO) are dropped. */
void log_set_level(int level);
int log_get_level(void);

void log_vfull(int level, int error, const char *format, va_list ap) _printf_(3, 0);

/**
 * log_full() - write one line
 * @error: 0, or an errno of either sign that "%m" in @format stands for
 * Return: -|@error|, so that a caller can `return log_error_errno(r, ...)`.
 */
int log_full(int level, int error, const char *format, ...) _printf_(3, 4);

#define log_error_errno(r, ...) log_full(LOG_ERR, (r), __VA_ARGS__)
#define log_warning_errno(r, ...) log_full(LOG_WARNING, (r), __VA_ARGS__)
#define log_info_errno(r, ...) log_full(LOG_INFO, (r), __VA_ARGS__)
#define log_debug_errno(r, ...) log_full(LOG_DEBUG, (r), __VA_ARGS__)
#define log_error(...) ((void)log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...) ((void)log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...) ((void)log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...) ((void)log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...) ((void)log_full(LOG_DEBUG, 0, __VA_ARGS__))
