/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Has the files that clients pass read and decoded, by a process each (decoder-process.h) that a short-lived thread waits
 * for. A file may lie on a file system whose server does not answer; then not even a process that was killed ends. One that
 * takes too long is given up: its job is answered, and the thread is left to end when the kernel lets it, and to free what
 * is its own.
 */

#include "daemon/decoder-process.h"
#include "daemon/mailbox.h"
#include "daemon/messages.h"

#define PICTURE_READER_TIMEOUT_USEC 5000000u /* for the process */
#define PICTURE_READER_GRACE_USEC 500000u    /* and so much more to see it end */
/* Files that are being read, and pictures that are decoded and not yet released: the others wait, so that memory is
 * bounded. Of one user only one, so that nobody waits for another user's large ones. */
#define PICTURE_READER_MAX_OPEN 2u
/* Threads that were given up and have not ended. While so many hang nothing is read. */
#define PICTURE_READER_MAX_STUCK 8u

struct loaded_picture {
        struct picture_job *job; /* its descriptor is closed; freed by picture_reader_release() unless taken away */
        int result;              /* 0; an error of decoder_process_run(), and nothing of what follows */
        struct decoded decoded;
};

/* As decoder_process_run(). */
typedef int (*picture_load)(const struct decode_request *q, struct decoded *ret);

struct picture_reader;

/**
 * picture_reader_new()
 * @news: is rung when there is something to pop; must live as long as the reader
 * @program: emotion-decode
 * @load: NULL for decoder_process_run(); tests have others
 */
int picture_reader_new(struct bell *news, const char *program, picture_load load, struct picture_reader **ret);
/* Waits for nobody. Accepts NULL; returns NULL. */
struct picture_reader *picture_reader_free(struct picture_reader *r);

/* From any thread. Takes over @job->fd on success. Return: 0; -ENOBUFS when WORKER_MAX_PICTURES wait or
 * PICTURE_READER_MAX_STUCK hang; -ENOMEM. */
int picture_reader_push(struct picture_reader *r, const struct picture_job *job);

/* What is read, or was given up by @now_usec (CLOCK_MONOTONIC); NULL if there is none. To be released by the caller. */
struct loaded_picture *picture_reader_pop(struct picture_reader *r, uint64_t now_usec);
void picture_reader_release(struct picture_reader *r, struct loaded_picture *p);

/* Whether pictures that are started from here on come with colour. */
void picture_reader_set_colour(struct picture_reader *r, bool colour);

/* When the next one is to be given up; UINT64_MAX: nothing is being read. */
uint64_t picture_reader_next_usec(struct picture_reader *r);
