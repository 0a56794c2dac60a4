/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <string.h>

#include "basic/macro.h"
#include "bridge/request.h"

static const struct {
        const char *url, *method;
        enum request_route route;
} routes[] = {
        { "/", "GET", REQUEST_BOARD },           { "/emotion.js", "GET", REQUEST_SCRIPT },
        { "/metrics", "GET", REQUEST_METRICS },  { "/v1/content", "POST", REQUEST_CONTENT },
        { "/v1/events", "GET", REQUEST_EVENTS }, { "/v1/plays", "POST", REQUEST_BEGIN },
        { "/v1/state", "GET", REQUEST_STATE },
};

static int refuse(struct request *q, int status, const char *error, const char *message)
{
        q->error = error;
        q->message = message;
        return status;
}

/* "/v1/plays/17/end": the number, and what follows it. Return: NULL if it is not of this form. */
static const char *split_play(const char *url, unsigned *ret)
{
        static const char prefix[] = "/v1/plays/";
        const char *p = url + sizeof(prefix) - 1;
        unsigned n = 0;

        if (strncmp(url, prefix, sizeof(prefix) - 1) != 0 || *p < '1' || *p > '9')
                return NULL;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(n, 10u, &n) || __builtin_add_overflow(n, (unsigned)(*p - '0'), &n))
                        return NULL;
        *ret = n;
        return p;
}

static int find_route(const struct request_head *head, struct request *q)
{
        const char *rest = split_play(head->url, &q->play), *wanted = "POST";

        if (rest)
                q->route = strcmp(rest, "/end") == 0    ? REQUEST_END
                           : strcmp(rest, "/mark") == 0 ? REQUEST_MARK
                                                        : REQUEST_NONE;
        for (size_t i = 0; i < ARRAY_LEN(routes); i++)
                if (strcmp(head->url, routes[i].url) == 0) {
                        q->route = routes[i].route;
                        wanted = routes[i].method;
                }
        if (q->route == REQUEST_NONE)
                return refuse(q, 404, "NotFound", "there is nothing here");
        if (strcmp(head->method, "OPTIONS") == 0) {
                q->route = REQUEST_PREFLIGHT;
                return 0;
        }
        if (strcmp(head->method, wanted) == 0)
                return 0;
        q->allow = wanted;
        return refuse(q, 405, "MethodNotAllowed", "another method is wanted here");
}

/* A name that leads to another address today may lead here tomorrow: only our own are answered to. */
static bool is_our_host(const struct bridge_settings *s, const char *host)
{
        static const char *const names[] = { "127.0.0.1", "localhost", "[::1]" };
        char with_port[32];

        for (size_t i = 0; host && i < ARRAY_LEN(names); i++) {
                snprintf(with_port, sizeof(with_port), "%s:%d", names[i], s->port);
                if (strcasecmp(host, with_port) == 0 || (s->port == 80 && strcasecmp(host, names[i]) == 0))
                        return true;
        }
        return false;
}

static bool is_own_origin(const struct request_head *head)
{
        return strncmp(head->origin, "http://", 7) == 0 && strcasecmp(head->origin + 7, head->host) == 0;
}

static bool has_origin(const struct bridge_page *p, const char *origin)
{
        for (size_t i = 0; i < p->n_origins; i++)
                if (strcmp(p->origins[i], origin) == 0)
                        return true;
        return false;
}

/* Takes the same time wherever they differ. */
static bool is_equal(const char *a, const char *b)
{
        size_t n = strlen(a);
        volatile unsigned char different = 0;

        if (strlen(b) != n)
                return false;
        for (size_t i = 0; i < n; i++)
                different |= (unsigned char)(a[i] ^ b[i]);
        return !different;
}

static bool is_post(enum request_route route)
{
        return route == REQUEST_CONTENT || route == REQUEST_BEGIN || route == REQUEST_END || route == REQUEST_MARK;
}

int request_token(const struct bridge_settings *s, const struct request_head *head, const char *token,
                  struct request *q)
{
        const struct bridge_page *page = NULL;

        for (size_t i = 0; token && i < s->n_pages; i++)
                if (is_equal(s->pages[i].token, token))
                        page = &s->pages[i];
        if (!page)
                return refuse(q, 401, "Unauthorized", "the token is missing or not known");
        if (head->origin && !is_own_origin(head) && !has_origin(page, head->origin))
                return refuse(q, 403, "OriginForbidden", "this token is not for pages of this origin");
        if (is_post(q->route) ? !page->tell : !page->watch)
                return refuse(q, 403, "Forbidden", "this token is not for that");
        q->page = page;
        return 0;
}

static int check_length(const struct request_head *head, struct request *q)
{
        uint64_t n = 0;

        for (const char *p = head->length ?: "0"; *p; p++) {
                if (*p < '0' || *p > '9')
                        return refuse(q, 400, "BadRequest", "Content-Length is no number");
                n = MIN(n * 10 + (uint64_t)(*p - '0'), (uint64_t)1 << 40);
        }
        return n > REQUEST_BODY_MAX ? refuse(q, 413, "TooLarge", "a body has 4096 bytes at most") : 0;
}

int request_check(const struct bridge_settings *s, const struct request_head *head, struct request *q)
{
        const char *bearer = "Bearer ";
        int r;

        *q = (struct request){ 0 };
        if (!is_our_host(s, head->host))
                return refuse(q, 403, "HostForbidden", "ask by 127.0.0.1, [::1] or localhost, and the port");
        for (size_t i = 0; head->origin && i < s->n_pages; i++)
                q->origin_known |= has_origin(&s->pages[i], head->origin);
        if (head->has_query)
                return refuse(q, 400, "NoParameters", "nothing is taken from a URL, least of all a token");
        r = find_route(head, q);
        if (r == 0)
                r = check_length(head, q);
        if (r)
                return r;
        if (q->route == REQUEST_PREFLIGHT)
                return q->origin_known ? 0 : refuse(q, 403, "OriginForbidden", "no page is of this origin");
        if (q->route == REQUEST_BOARD || q->route == REQUEST_SCRIPT)
                return 0;
        if (!head->authorization && is_post(q->route))
                return 0;
        if (!head->authorization || strncasecmp(head->authorization, bearer, strlen(bearer)) != 0)
                return request_token(s, head, NULL, q);
        return request_token(s, head, head->authorization + strlen(bearer), q);
}
