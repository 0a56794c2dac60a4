/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What the files of HTTP share. */

#include <microhttpd.h>

#include "bridge/http.h"
#include "bridge/request.h"

struct list {
        struct list *next, **place;
};

/* A connection: it has until @deadline_usec for its next request, unless @exempt. */
struct http_connection {
        struct list list;
        int fd;
        uint64_t deadline_usec;
        bool exempt;
};

struct http_stream {
        struct list list;
        struct http *http;
        struct MHD_Connection *connection;
        uint64_t next;          /* number of the event that it gets next; 0: the state first */
        uint64_t progress_usec; /* when it last took something */
        char *text;             /* what it is given now, @size bytes from @done on are left */
        size_t size, done;
        bool sleeping, ping, closing;
};

/* One request. */
struct http_request {
        struct list list;
        struct http *http;
        struct MHD_Connection *connection;
        struct request_head head;
        struct request request;
        int status; /* of the answer, once it is known */
        json_object *answer;
        sd_bus_slot *call; /* what is asked of the bus meanwhile */
        bool sleeping;
        size_t size;
        char body[REQUEST_BODY_MAX + 1];
};

struct http_file {
        char *text;
        size_t size;
};

struct http {
        struct http_parts parts;
        struct {
                struct MHD_Daemon *daemon;
                sd_event_source *io;
        } listeners[2];
        sd_event_source *timer;
        struct list *connections, *streams, *requests;
        struct http_file board, script;
        struct {
                double left;
                uint64_t usec;
        } rates[BRIDGE_PAGES_MAX];
        struct http_counts counts;
        bool closing;
};

void list_add(struct list **head, struct list *l);
void list_remove(struct list *l);

/* http-answer.c: replies with JSON, a text or a page; takes @text or @o. */
enum MHD_Result http_answer_json(struct http_request *q, int status, json_object *o);
enum MHD_Result http_answer_text(struct http_request *q, int status, const char *type, char *text, size_t size);
enum MHD_Result http_queue(struct http_request *q, int status, struct MHD_Response *response);

/* http-request.c: the callbacks of libmicrohttpd. */
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls);
void http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code);
/* Ends those that wait for the bus. */
void http_end_requests(struct http *h);

/* http-stream.c */
enum MHD_Result http_stream_open(struct http_request *q, const char *last_id);
void http_stream_wake(struct http_stream *s);
void http_stream_tick(struct http_stream *s, uint64_t now_usec);

/* http.c */
struct http_connection *http_connection_of(struct MHD_Connection *connection);
