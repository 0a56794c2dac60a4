/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Pictures of clients, decoded by a process of its own (decode/answer.h), so that the one that has the camera never parses
 * them. What comes back is bounded before it is believed: that process may be in a stranger's hand by then.
 */

#include "picture/picture.h"

struct decode_request {
        const char *program;    /* emotion-decode */
        int fd;                 /* of the file; stays the caller's */
        bool colour;            /* BGR, too */
        uint64_t deadline_usec; /* CLOCK_MONOTONIC; then the process is killed */
};

struct decoded {
        struct picture *gray, *bgr; /* owned, at most DECODE_MAX_PIXELS each; @bgr NULL unless asked for */
};

/**
 * decoder_process_run() - let a picture be decoded
 *
 * Waits until that process is gone, which may be for ever if it reads from a file system that hangs. For any thread.
 * Return: 0; an error of picture_decode_fd(); -ETIMEDOUT the file was not read by then; -ETIME it was, and decoding took
 * too long; -ENOMEM; -EPIPE the process was ended while it decoded: by its limits, or by what it did; -ELIBACC
 * @program cannot be run, which was logged.
 */
int decoder_process_run(const struct decode_request *q, struct decoded *ret);
