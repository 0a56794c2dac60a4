/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bridge/http-private.h"

/* The board may load nothing but itself and ask nobody but us. */
static const char policy[] =
        "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void add_cors(const struct http_request *q, struct MHD_Response *response)
{
        MHD_add_response_header(response, "Vary", "Origin");
        /* a script without secrets: any page may load it as a module */
        if (q->request.route == REQUEST_SCRIPT) {
                MHD_add_response_header(response, "Access-Control-Allow-Origin", "*");
                return;
        }
        if (!q->head.origin || !q->request.origin_known)
                return;
        MHD_add_response_header(response, "Access-Control-Allow-Origin", q->head.origin);
        if (q->request.route != REQUEST_PREFLIGHT)
                return;
        MHD_add_response_header(response, "Access-Control-Allow-Methods", "GET, POST");
        MHD_add_response_header(response, "Access-Control-Allow-Headers", "Authorization, Content-Type, Last-Event-ID");
        MHD_add_response_header(response, "Access-Control-Allow-Private-Network", "true");
        MHD_add_response_header(response, "Access-Control-Max-Age", "600");
}

enum MHD_Result http_queue(struct http_request *q, int status, struct MHD_Response *response)
{
        enum MHD_Result r;

        if (!response)
                return MHD_NO;
        add_cors(q, response);
        MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
        MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
        if (q->request.route != REQUEST_SCRIPT)
                MHD_add_response_header(response, "Cache-Control", "no-store");
        if (q->request.allow)
                MHD_add_response_header(response, "Allow", q->request.allow);
        if (q->request.route == REQUEST_BOARD)
                MHD_add_response_header(response, "Content-Security-Policy", policy);
        if (status == MHD_HTTP_UNAUTHORIZED)
                MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
        r = MHD_queue_response(q->connection, (unsigned)status, response);
        MHD_destroy_response(response);
        if (r == MHD_YES)
                q->http->counts.answers[CLAMP(status / 100, 0, 5)]++;
        return r;
}

enum MHD_Result http_answer_text(struct http_request *q, int status, const char *type, char *text, size_t size)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);

        if (!response) {
                free(text);
                return MHD_NO;
        }
        MHD_add_response_header(response, "Content-Type", type);
        return http_queue(q, status, response);
}

enum MHD_Result http_answer_json(struct http_request *q, int status, json_object *o)
{
        char *text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
                                    ?: "null");

        json_object_put(o);
        return text ? http_answer_text(q, status, "application/json", text, strlen(text)) : MHD_NO;
}
