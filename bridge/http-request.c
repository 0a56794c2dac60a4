/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "bridge/http-private.h"
#include "bridge/tell.h"
#include "bus/json.h"

#define REQUEST_USEC 20000000
/* A page's requests: so many a second, and so many at once. */
#define RATE 50.0
#define BURST 300.0

static enum MHD_Result refuse(struct http_request *q, int status, const char *error, const char *message)
{
        return http_answer_json(q, status, tell_error(error, message));
}

static bool may_ask(struct http *h, const struct bridge_page *page)
{
        size_t i = (size_t)(page - h->parts.settings->pages);
        uint64_t now_usec = clock_usec();
        double more = h->rates[i].usec ? (double)(now_usec - h->rates[i].usec) * 1e-6 * RATE : BURST;

        h->rates[i].usec = now_usec;
        h->rates[i].left = MIN(h->rates[i].left + more, BURST);
        if (h->rates[i].left < 1)
                return false;
        h->rates[i].left -= 1;
        return true;
}

/* === What it asks for === */

static enum MHD_Result answer_file(struct http_request *q, const struct http_file *f, const char *type)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(f->size, f->text, MHD_RESPMEM_PERSISTENT);

        if (!response)
                return MHD_NO;
        MHD_add_response_header(response, "Content-Type", type);
        return http_queue(q, MHD_HTTP_OK, response);
}

static void on_told(void *userdata, int status, json_object *answer)
{
        struct http_request *q = userdata;

        q->call = sd_bus_slot_unref(q->call);
        q->status = status;
        q->answer = answer;
        q->sleeping = false;
        MHD_resume_connection(q->connection);
}

static enum MHD_Result tell(struct http_request *q)
{
        static const enum tell_kind kinds[] = {
                [REQUEST_CONTENT] = TELL_CONTENT,
                [REQUEST_BEGIN] = TELL_BEGIN,
                [REQUEST_END] = TELL_END,
                [REQUEST_MARK] = TELL_MARK,
        };
        _cleanup_(json_putp) json_object *body = NULL;
        struct json_tokener *parser = json_tokener_new_ex(4);
        const char *error = "the body is no JSON object";
        int r;

        if (!parser)
                return MHD_NO;
        json_tokener_set_flags(parser, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        /* what ends a call may say nothing more than that */
        body = q->size ? json_tokener_parse_ex(parser, q->body, (int)q->size + 1) : json_object_new_object();
        r = json_tokener_get_error(parser) == json_tokener_success && json_object_is_type(body, json_type_object) &&
                            strlen(q->body) == q->size
                    ? 0
                    : -EINVAL;
        json_tokener_free(parser);
        if (r == 0 && !q->request.page) {
                int status =
                        request_token(q->http->parts.settings, &q->head, member_string(body, "token"), &q->request);

                if (status)
                        return refuse(q, status, q->request.error, q->request.message);
        }
        if (q->request.page && !may_ask(q->http, q->request.page))
                return refuse(q, 429, "TooMany", "too many requests of this page");
        if (r == 0)
                r = tell_call(q->http->parts.bus, kinds[q->request.route], q->request.play, body, on_told, q, &q->call,
                              &error);
        if (r == -EINVAL)
                return refuse(q, q->request.page ? 400 : 401, "BadRequest", error);
        if (r < 0)
                return refuse(q, 503, "BusAway", "the message bus does not answer");
        q->sleeping = true;
        MHD_suspend_connection(q->connection);
        return MHD_YES;
}

static enum MHD_Result answer(struct http_request *q)
{
        struct http *h = q->http;
        char *text;

        if (q->request.page && q->head.method[0] == 'G' && !may_ask(h, q->request.page))
                return refuse(q, 429, "TooMany", "too many requests of this page");
        switch (q->request.route) {
        case REQUEST_PREFLIGHT:
                return http_queue(q, MHD_HTTP_NO_CONTENT,
                                  MHD_create_response_from_buffer(0, (char *)"", MHD_RESPMEM_PERSISTENT));
        case REQUEST_BOARD:
                return answer_file(q, &h->board, "text/html; charset=utf-8");
        case REQUEST_SCRIPT:
                return answer_file(q, &h->script, "text/javascript; charset=utf-8");
        case REQUEST_EVENTS:
                return http_stream_open(q,
                                        MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, "Last-Event-ID"));
        case REQUEST_STATE:
                h->parts.asked(h->parts.userdata);
                return http_answer_json(q, 200, h->parts.state(h->parts.userdata));
        case REQUEST_METRICS:
                text = h->parts.metrics(h->parts.userdata);
                return text ? http_answer_text(q, 200, "text/plain; version=0.0.4; charset=utf-8", text, strlen(text))
                            : MHD_NO;
        default:
                return tell(q);
        }
}

/* === How it comes === */

static enum MHD_Result begin(struct http *h, struct MHD_Connection *connection, const char *url, const char *method,
                             void **con_cls)
{
        struct http_request *q = calloc(1, sizeof(*q));
        int status;

        if (!q)
                return MHD_NO;
        *con_cls = q;
        q->http = h;
        q->connection = connection;
        list_add(&h->requests, &q->list);
        /* all of this lives in the memory of the connection, as long as the request */
        q->head = (struct request_head){
                .method = method,
                .url = url,
                .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"),
                .origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Origin"),
                .authorization = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization"),
                .length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length"),
                .has_query = MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0,
        };
        status = request_check(h->parts.settings, &q->head, &q->request);
        return status ? refuse(q, status, q->request.error, q->request.message) : MHD_YES;
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls)
{
        struct http_request *q = *con_cls;

        if (!q)
                return begin(cls, connection, url, method, con_cls);
        if (*upload_data_size) {
                /* a body that told no length: there is no way to refuse it politely, and none is owed */
                if (q->size + *upload_data_size > REQUEST_BODY_MAX)
                        return MHD_NO;
                memcpy(q->body + q->size, upload_data, *upload_data_size);
                q->size += *upload_data_size;
                *upload_data_size = 0;
                return MHD_YES;
        }
        if (q->status)
                return http_answer_json(q, q->status, STEAL(q->answer));
        return answer(q);
}

void http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                       enum MHD_RequestTerminationCode code)
{
        struct http_request *q = *con_cls;
        struct http_connection *c = http_connection_of(connection);

        *con_cls = NULL;
        if (c) {
                c->exempt = false;
                c->deadline_usec = clock_usec() + REQUEST_USEC;
        }
        if (!q)
                return;
        list_remove(&q->list);
        sd_bus_slot_unref(q->call);
        json_object_put(q->answer);
        explicit_bzero(q->body, sizeof(q->body));
        free(q);
}

void http_end_requests(struct http *h)
{
        for (struct list *l = h->requests; l; l = l->next) {
                struct http_request *q = (struct http_request *)l;

                if (q->sleeping)
                        on_told(q, 503, tell_error("Ending", "the bridge is ending"));
        }
}
