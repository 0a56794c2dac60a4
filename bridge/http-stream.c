/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/socket.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "bridge/http-private.h"

#define BLOCK_BYTES 2048
#define PING_USEC 15000000

/* The state, as an event with the id of the last one that it contains. */
static char *state_text(struct http *h)
{
        json_object *state = h->parts.state(h->parts.userdata);
        char *text, id[EVENTS_ID_MAX];

        events_id(h->parts.events, events_next(h->parts.events) - 1, id);
        if (asprintf(&text, "id: %s\nevent: state\ndata: %s\n\n", id,
                     json_object_to_json_string_ext(state, JSON_C_TO_STRING_PLAIN)) < 0)
                text = NULL;
        json_object_put(state);
        return text;
}

/* What comes next; NULL: nothing for now. */
static char *next_text(struct http_stream *s)
{
        struct events *e = s->http->parts.events;
        const char *event;

        if (s->next && s->next == events_next(e)) {
                bool ping = s->ping;

                s->ping = false;
                return ping ? strdup(":\n\n") : NULL;
        }
        event = s->next ? events_get(e, s->next) : NULL;
        if (event) {
                s->next++;
                return strdup(event);
        }
        s->http->counts.gaps += s->next != 0;
        s->next = events_next(e);
        return state_text(s->http);
}

static ssize_t on_read(void *cls, uint64_t pos, char *buffer, size_t max)
{
        struct http_stream *s = cls;
        size_t n;

        if (s->closing)
                return MHD_CONTENT_READER_END_OF_STREAM;
        s->progress_usec = clock_usec();
        if (s->done == s->size) {
                free(s->text);
                s->text = next_text(s);
                s->size = s->text ? strlen(s->text) : 0;
                s->done = 0;
        }
        if (!s->text) {
                s->sleeping = true;
                MHD_suspend_connection(s->connection);
                return 0;
        }
        n = MIN(max, s->size - s->done);
        memcpy(buffer, s->text + s->done, n);
        s->done += n;
        return (ssize_t)n;
}

static void on_free(void *cls)
{
        struct http_stream *s = cls;

        list_remove(&s->list);
        s->http->counts.streams--;
        free(s->text);
        free(s);
}

void http_stream_wake(struct http_stream *s)
{
        if (!s->sleeping)
                return;
        s->sleeping = false;
        s->progress_usec = clock_usec();
        MHD_resume_connection(s->connection);
}

void http_stream_tick(struct http_stream *s, uint64_t now_usec)
{
        const struct http_connection *c = http_connection_of(s->connection);

        if (s->sleeping && now_usec - s->progress_usec > PING_USEC) {
                s->ping = true; /* so that both ends see when the other has gone */
                http_stream_wake(s);
        } else if (!s->sleeping && c &&
                   now_usec - s->progress_usec > (uint64_t)s->http->parts.settings->slow_s * 1000000) {
                s->progress_usec = now_usec;
                s->http->counts.slow_readers++;
                log_info("a page that stopped reading events is dropped");
                shutdown(c->fd, SHUT_RDWR);
        }
}

enum MHD_Result http_stream_open(struct http_request *q, const char *last_id)
{
        struct http *h = q->http;
        struct http_stream *s = calloc(1, sizeof(*s));
        struct http_connection *c = http_connection_of(q->connection);
        struct MHD_Response *response;

        if (!s)
                return MHD_NO;
        *s = (struct http_stream){ .http = h, .connection = q->connection, .progress_usec = clock_usec() };
        if (!last_id || !events_after(h->parts.events, last_id, &s->next))
                s->next = 0;
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, s, on_free);
        if (!response) {
                free(s);
                return MHD_NO;
        }
        list_add(&h->streams, &s->list);
        h->counts.streams++;
        if (c)
                c->exempt = true;
        MHD_add_response_header(response, "Content-Type", "text/event-stream");
        h->parts.asked(h->parts.userdata);
        return http_queue(q, MHD_HTTP_OK, response);
}
