/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Which request is it, and may it be made? Decided by its head alone, before a byte of its body is read. Knows no
 * sockets; all that it looks at comes from strangers.
 */

#include <stdbool.h>

#include "bridge/bridge-settings.h"

#define REQUEST_BODY_MAX 4096

enum request_route {
        REQUEST_NONE,
        REQUEST_PREFLIGHT,
        REQUEST_BOARD,
        REQUEST_SCRIPT,
        REQUEST_EVENTS,
        REQUEST_STATE,
        REQUEST_METRICS,
        REQUEST_CONTENT,
        REQUEST_BEGIN,
        REQUEST_END,
        REQUEST_MARK,
};

/* Header fields; NULL: not there. @url: without its query, as it came. */
struct request_head {
        const char *method, *url, *host, *origin, *authorization, *length;
        bool has_query;
};

struct request {
        enum request_route route;
        unsigned play;                  /* of REQUEST_END and REQUEST_MARK */
        const struct bridge_page *page; /* NULL: nobody's, or the token is in the body */
        bool origin_known;              /* some page is of this origin: a browser may read the answer */
        const char *allow;              /* of 405: the method that would do */
        const char *error, *message;    /* of a refusal: a word for programs, a sentence for people */
};

/* @ret: filled in any case. Return: 0, or the status of HTTP by which it is refused. */
int request_check(const struct bridge_settings *s, const struct request_head *head, struct request *ret);
/* The same for a token from the body of a POST (navigator.sendBeacon sends no headers). @token: NULL if there is none. */
int request_token(const struct bridge_settings *s, const struct request_head *head, const char *token,
                  struct request *request);
