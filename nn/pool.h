/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A small pool of threads that sleep between jobs (no spinning: a kiosk's other programs need the cores).
 */

struct nn_pool;

/**
 * nn_pool_new() - start @threads - 1 workers; the caller of nn_pool_run() is the remaining one
 * @threads: 2..64
 * Return: 0; -EINVAL; -ENOMEM or -EAGAIN if a thread cannot be started (none is left running).
 */
int nn_pool_new(unsigned threads, struct nn_pool **ret);
/* Joins the workers. Accepts NULL; returns NULL. */
struct nn_pool *nn_pool_free(struct nn_pool *p);

/* Threads including the caller; 1 for NULL. */
unsigned nn_pool_threads(const struct nn_pool *p);

/**
 * nn_pool_run() - call fn(userdata, i, thread) once for each i in 0..n_parts-1 and return when all are done
 * @fn: `thread` is 0..threads-1, distinct among the calls that run at one time: the index of a scratch
 *
 * One caller at a time. With @p NULL the calls are made in order by the caller, with thread 0.
 */
void nn_pool_run(struct nn_pool *p, unsigned n_parts, void (*fn)(void *userdata, unsigned part, unsigned thread),
                 void *userdata);
