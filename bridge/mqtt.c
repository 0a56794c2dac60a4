/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "bridge/discovery.h"
#include "bridge/link.h"
#include "bridge/mqtt.h"
#include "bridge/queue.h"
#include "bridge/window.h"
#include "bus/json.h"

#define IN_FLIGHT_MAX 20
#define REOPEN_TICKS 60
#define STATE_TICKS 60 /* told again although nothing changed */
#define TOPIC_MAX 192

struct mqtt {
        struct mqtt_parts parts;
        struct link *link;
        struct queue *queue; /* NULL: it cannot be used; tried again */
        struct window window;
        struct mqtt_counts counts;
        char *state, *audience; /* as told last; NULL: tell */
        bool may_watch, queue_said;
        unsigned ticks, state_ticks;

        int64_t sent; /* windows up to here are on their way, or were */
        size_t n_in_flight, n_done;
        struct {
                int64_t sequence;
                int mid;
        } in_flight[IN_FLIGHT_MAX];
        int64_t done[IN_FLIGHT_MAX]; /* acknowledged, not yet removed from the disk */
};

static int publish(struct mqtt *m, const char *tail, const char *text, bool sure, bool retain, int *ret_mid)
{
        char topic[TOPIC_MAX];

        if (!m->counts.up)
                return -ENOTCONN;
        snprintf(topic, sizeof(topic), "%s/%s/%s", m->parts.settings->prefix, m->parts.settings->device, tail);
        return link_publish(m->link, topic, text, sure, retain, ret_mid);
}

/* === Windows === */

static void count_queue(struct mqtt *m)
{
        m->counts.queued = m->queue ? queue_length(m->queue) : 0;
        m->counts.dropped = m->queue ? queue_dropped(m->queue) : 0;
}

static void open_queue(struct mqtt *m)
{
        const char *folder = getenv("STATE_DIRECTORY");
        _cleanup_(freep) char *path = NULL;
        int r = -ENOMEM;

        if (m->queue || asprintf(&path, "%s/queue.sqlite", folder ?: "") < 0)
                return;
        if (folder && *folder)
                r = queue_open(path, (size_t)m->parts.settings->queue_windows, &m->queue);
        else
                r = -ENOENT;
        if (r < 0 && !m->queue_said)
                log_error("the queue %s cannot be used, windows are lost until it can: %s", path,
                          r == -EPROTONOSUPPORT ? "a newer version wrote it" : strerror(-r));
        if (r == 0 && m->queue_said)
                log_info("the queue %s is used again", path);
        m->queue_said = r < 0;
}

static int send_one(void *userdata, const struct queue_item *item)
{
        struct mqtt *m = userdata;
        int mid, r = publish(m, "window", item->body, true, false, &mid);

        if (r < 0)
                return r;
        m->in_flight[m->n_in_flight].sequence = item->sequence;
        m->in_flight[m->n_in_flight++].mid = mid;
        m->sent = item->sequence;
        return 1;
}

static void send_windows(struct mqtt *m)
{
        int r = 1;

        while (r > 0 && m->queue && m->counts.up && m->n_in_flight < IN_FLIGHT_MAX && m->n_done == 0)
                r = queue_after(m->queue, m->sent, send_one, m);
        if (r < 0 && r != -ENOTCONN)
                log_warning_errno(r, "a window was not sent: %m");
}

static void lose(struct mqtt *m, int error)
{
        m->counts.lost++;
        if (!m->queue_said)
                log_error_errno(error, "a window cannot be kept on disk, and is lost: %m");
        m->queue_said = true;
}

/* Who made it, and its place, so that whoever counts sees what is missing. */
static int address(struct mqtt *m, json_object *window)
{
        char id[UUID_MAX];

        uuid7_make(id);
        return json_object_object_add(window, "schema", json_object_new_string("emotiond.window/1.0")) |
               json_object_object_add(window, "id", json_object_new_string(id)) |
               json_object_object_add(window, "device", json_object_new_string(m->parts.settings->device)) |
               json_object_object_add(window, "queue", json_object_new_string(queue_id(m->queue))) |
               json_object_object_add(window, "sequence", json_object_new_int64(queue_next_sequence(m->queue))) |
               json_object_object_add(window, "dropped", json_object_new_uint64(queue_dropped(m->queue))) |
               json_object_object_add(window, "lost", json_object_new_uint64(m->counts.lost));
}

static void end_window(struct mqtt *m)
{
        _cleanup_(json_putp) json_object *window = NULL;
        const char *text = NULL;
        int r;

        if (!m->parts.settings->window_s)
                return;
        m->parts.advance(m->parts.userdata);
        r = window_close(&m->window, &window);
        if (r == 0 && !window)
                return;
        m->counts.windows++;
        if (r == 0 && !m->queue)
                r = -ENODEV;
        if (r == 0 && !address(m, window))
                text = json_object_to_json_string_ext(window, JSON_C_TO_STRING_PLAIN);
        if (r == 0)
                r = text ? queue_add(m->queue, text) : -ENOMEM;
        if (r < 0)
                lose(m, r);
        else
                m->queue_said = false;
        count_queue(m);
        send_windows(m);
}

/* === State === */

static json_object *make_audience(const struct mqtt *m)
{
        const struct view *v = m->parts.view;
        json_object *o = json_object_new_object();

        json_object_object_add(o, "viewers", json_object_new_uint64(v->n_faces));
        json_object_object_add(o, "attentive", json_object_new_uint64(view_attentive(v)));
        return o;
}

static json_object *make_state(const struct mqtt *m)
{
        const struct view *v = m->parts.view;
        json_object *o = make_audience(m);
        /* what is on its way does not wait */
        size_t on_way = m->counts.up ? m->n_in_flight + m->n_done : 0;
        size_t queued = m->counts.queued - MIN(on_way, m->counts.queued);
        bool problem = !v->service || strcmp(v->state, "no-camera") == 0 || strcmp(v->state, "error") == 0;

        json_object_object_add(o, "service", json_object_new_boolean(v->service));
        json_object_object_add(o, "watching", json_object_new_boolean(v->claimed));
        json_object_object_add(o, "may-watch", json_object_new_boolean(m->may_watch));
        json_object_object_add(o, "in-use", json_object_new_boolean(v->in_use));
        json_object_object_add(o, "problem", json_object_new_boolean(problem));
        json_object_object_add(o, "state", json_object_new_string(v->state));
        json_object_object_add(o, "error", json_object_new_string(v->last_error));
        json_object_object_add(o, "content", json_object_new_string(v->content));
        json_object_object_add(o, "version", json_object_new_string(v->version));
        json_object_object_add(o, "model", json_object_new_string(v->model));
        json_object_object_add(o, "model-sha256", json_object_new_string(v->model_sha256));
        json_object_object_add(o, "queued", json_object_new_uint64(queued));
        json_object_object_add(o, "dropped", json_object_new_uint64(m->counts.dropped));
        json_object_object_add(o, "lost", json_object_new_uint64(m->counts.lost));
        return o;
}

/* Tells what is not as it was told. Return: whether it is told. */
static bool tell_new(struct mqtt *m, json_object *o, char **told, const char *tail, bool retain)
{
        const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);

        if (!text || (*told && strcmp(text, *told) == 0) || publish(m, tail, text, false, retain, NULL) < 0)
                return false;
        free(*told);
        *told = strdup(text);
        return true;
}

static void tell_state(struct mqtt *m)
{
        _cleanup_(json_putp) json_object *state = NULL, *audience = make_audience(m);

        count_queue(m);
        state = make_state(m);
        if (tell_new(m, state, &m->state, "state", true))
                m->state_ticks = 0;
        json_object_object_add(audience, "event", json_object_new_string("audience"));
        (void)tell_new(m, audience, &m->audience, "event", false);
}

static void forget_told(struct mqtt *m)
{
        free(m->state);
        free(m->audience);
        m->state = m->audience = NULL;
}

static void tell_discovery(struct mqtt *m)
{
        char topic[DISCOVERY_TOPIC_MAX];

        for (size_t i = 0; m->parts.settings->discovery && i < DISCOVERY_MAX; i++) {
                _cleanup_(json_putp) json_object *o = NULL;
                int r = discovery_entity(m->parts.settings, m->parts.view, i, topic, &o);

                if (r > 0)
                        r = link_publish(m->link, topic,
                                         o ? json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN) : "", false,
                                         true, NULL);
                if (r < 0)
                        log_debug_errno(r, "an entity was not told to Home Assistant: %m");
        }
}

/* === What the link says === */

static void on_up(void *userdata)
{
        struct mqtt *m = userdata;

        m->counts.up = true;
        m->counts.connects++;
        publish(m, "status", "online", false, true, NULL);
        tell_discovery(m);
        forget_told(m);
        tell_state(m);
        send_windows(m);
}

static void on_down(void *userdata)
{
        struct mqtt *m = userdata;

        m->counts.up = false;
}

static void on_acknowledged(void *userdata, int mid)
{
        struct mqtt *m = userdata;

        for (size_t i = 0; i < m->n_in_flight; i++)
                if (m->in_flight[i].mid == mid) {
                        m->done[m->n_done++] = m->in_flight[i].sequence;
                        m->in_flight[i] = m->in_flight[--m->n_in_flight];
                        m->counts.acknowledged++;
                        return;
                }
}

/* What cannot be removed now is removed with the next, or sent again by the next start. */
static void on_drained(void *userdata)
{
        struct mqtt *m = userdata;
        int r = m->n_done && m->queue ? queue_remove(m->queue, m->done, m->n_done) : 0;

        if (r < 0)
                log_warning_errno(r, "windows that the broker has are not removed from the queue yet: %m");
        else
                m->n_done = 0;
        count_queue(m);
        send_windows(m);
}

static void on_heard(void *userdata, const char *text, bool retained)
{
        struct mqtt *m = userdata;
        bool on = strcmp(text, "ON") == 0;

        /* what was left there before may be of anybody, and of any time */
        if (retained || (!on && strcmp(text, "OFF") != 0)) {
                if (m->counts.refused++ == 0)
                        log_warning("mqtt: a command is ignored: %s", retained ? "it is retained" : "not ON or OFF");
                return;
        }
        if (m->may_watch != on)
                log_notice("mqtt: watching is switched %s", on ? "on" : "off");
        m->may_watch = on;
}

/* === Start, end, time === */

int mqtt_new(const struct mqtt_parts *parts, struct mqtt **ret)
{
        const struct bridge_mqtt *s = parts->settings;
        _cleanup_(mqtt_freep) struct mqtt *m = calloc(1, sizeof(*m));
        char status[TOPIC_MAX], command[TOPIC_MAX];
        const struct link_parts link = { s,          parts->event, status,  s->allow_switch ? command : NULL,
                                         m,          on_up,        on_down, on_acknowledged,
                                         on_drained, on_heard };
        int r;

        if (!m)
                return -ENOMEM;
        m->parts = *parts;
        m->may_watch = true;
        snprintf(status, sizeof(status), "%s/%s/status", s->prefix, s->device);
        snprintf(command, sizeof(command), "%s/%s/watch/set", s->prefix, s->device);
        open_queue(m);
        window_init(&m->window, parts->view, (unsigned)s->minimum_group);
        r = link_new(&link, &m->link);
        if (r < 0)
                return r;
        *ret = STEAL(m);
        return 0;
}

struct mqtt *mqtt_free(struct mqtt *m)
{
        if (!m)
                return NULL;
        if (m->link)
                end_window(m);
        m->link = link_free(m->link);
        m->queue = queue_free(m->queue);
        forget_told(m);
        free(m);
        return NULL;
}

void mqtt_content_changed(struct mqtt *m)
{
        _cleanup_(json_putp) json_object *o = json_object_new_object();

        end_window(m);
        json_object_object_add(o, "event", json_object_new_string("content"));
        json_object_object_add(o, "content", json_object_new_string(m->parts.view->content));
        (void)publish(m, "event", json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), false, false, NULL);
        tell_state(m);
}

void mqtt_tick(struct mqtt *m)
{
        if (m->ticks++ % REOPEN_TICKS == 0)
                open_queue(m);
        if (m->parts.settings->window_s &&
            window_age_usec(&m->window) >= (uint64_t)m->parts.settings->window_s * 1000000)
                end_window(m);
        if (++m->state_ticks >= STATE_TICKS)
                forget_told(m);
        tell_state(m);
        on_drained(m);
}

bool mqtt_lets_watch(const struct mqtt *m)
{
        return m->may_watch;
}

const struct mqtt_counts *mqtt_counts(const struct mqtt *m)
{
        return &m->counts;
}
