/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "basic/clock.h"
#include "bridge/window.h"

static int64_t wall_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void begin_expressions(struct window *w)
{
        w->expressions_at_begin = w->view->totals;
        w->expressions_faces = w->view->n_faces;
        w->expressions_begin_ms = wall_ms();
}

void window_begin(struct window *w)
{
        w->at_begin = w->view->totals;
        w->begin_usec = clock_usec();
        w->begin_ms = wall_ms();
        snprintf(w->content, sizeof(w->content), "%s", w->view->content);
}

void window_init(struct window *w, const struct view *view, unsigned minimum_group)
{
        *w = (struct window){ .view = view, .minimum_group = minimum_group };
        window_begin(w);
        begin_expressions(w);
}

uint64_t window_age_usec(const struct window *w)
{
        return clock_usec() - w->begin_usec;
}

static int add_number(json_object *o, const char *key, uint64_t n)
{
        return json_object_object_add(o, key, json_object_new_uint64(n));
}

static int add_ms(json_object *o, const char *key, uint64_t before, uint64_t after)
{
        return add_number(o, key, (after - before) / 1000);
}

/* Times by expression, if as many faces as wanted are in them; otherwise they go on. */
static int add_expressions(struct window *w, json_object *o, int64_t end_ms)
{
        const struct view_totals *now = &w->view->totals;
        uint64_t faces = w->expressions_faces + now->faces - w->expressions_at_begin.faces;
        json_object *e, *times;
        int r;

        if (faces < w->minimum_group)
                return 0;
        e = json_object_new_object();
        times = view_emotions_json(&w->expressions_at_begin, now);
        r = json_object_object_add(o, "expressions", e) | add_number(e, "faces", faces) |
            json_object_object_add(e, "begin", json_object_new_int64(w->expressions_begin_ms)) |
            json_object_object_add(e, "end", json_object_new_int64(end_ms)) | json_object_object_add(e, "ms", times);
        begin_expressions(w);
        return r;
}

static int fill(struct window *w, json_object *o)
{
        const struct view_totals *b = &w->at_begin, *now = &w->view->totals;
        /* by the clock that is not set: a window never ends before it begins */
        int64_t end_ms = w->begin_ms + (int64_t)window_age_usec(w) / 1000;
        int r = json_object_object_add(o, "begin", json_object_new_int64(w->begin_ms)) |
                json_object_object_add(o, "end", json_object_new_int64(end_ms)) |
                json_object_object_add(o, "content", json_object_new_string(w->content)) |
                json_object_object_add(o, "version", json_object_new_string(w->view->version)) |
                json_object_object_add(o, "model", json_object_new_string(w->view->model)) |
                json_object_object_add(o, "model-sha256", json_object_new_string(w->view->model_sha256)) |
                add_ms(o, "watched-ms", b->watched_usec, now->watched_usec) |
                add_ms(o, "occupied-ms", b->occupied_usec, now->occupied_usec) |
                add_ms(o, "dwell-ms", b->dwell_usec, now->dwell_usec) |
                add_ms(o, "attention-ms", b->attention_usec, now->attention_usec) |
                add_number(o, "faces", now->faces - b->faces) | add_number(o, "turns", now->turns - b->turns);

        return r | add_expressions(w, o, end_ms);
}

int window_close(struct window *w, json_object **ret)
{
        json_object *o = NULL;
        int r = 0;

        *ret = NULL;
        if ((w->view->totals.watched_usec - w->at_begin.watched_usec) / 1000) {
                o = json_object_new_object();
                r = o ? fill(w, o) : -1;
        }
        window_begin(w);
        if (r) {
                json_object_put(o);
                return -ENOMEM;
        }
        *ret = o;
        return 0;
}
