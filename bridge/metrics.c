/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>

#include "bridge/metrics.h"
#include "config.h"

static void head(FILE *f, const char *name, const char *type, const char *help)
{
        fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void gauge(FILE *f, const char *name, const char *help, uint64_t value)
{
        head(f, name, "gauge", help);
        fprintf(f, "%s %" PRIu64 "\n", name, value);
}

static void counter(FILE *f, const char *name, const char *help, uint64_t value)
{
        head(f, name, "counter", help);
        fprintf(f, "%s %" PRIu64 "\n", name, value);
}

static void seconds(FILE *f, const char *name, const char *help, uint64_t usec)
{
        head(f, name, "counter", help);
        fprintf(f, "%s %.3f\n", name, (double)usec * 1e-6);
}

/* The value of a label: backslash, quote and line feed are escaped. */
static void label(FILE *f, const char *text)
{
        for (; *text; text++)
                if (*text == '\\' || *text == '"')
                        fprintf(f, "\\%c", *text);
                else if (*text == '\n')
                        fputs("\\n", f);
                else
                        fputc(*text, f);
}

static void print_view(FILE *f, const struct view *v)
{
        head(f, "emotiond_info", "gauge", "Version of emotiond and the model it runs.");
        fputs("emotiond_info{version=\"", f);
        label(f, v->version);
        fputs("\",model=\"", f);
        label(f, v->model);
        fputs("\"} 1\n", f);
        gauge(f, "emotiond_up", "Whether emotiond is on the message bus.", v->service);
        gauge(f, "emotiond_camera_in_use", "Whether the camera is open.", v->in_use);
        gauge(f, "emotiond_camera_failed", "Whether a camera is wanted and none works.",
              strcmp(v->state, "no-camera") == 0 || strcmp(v->state, "error") == 0);
        gauge(f, "emotiond_watching", "Whether the bridge holds a claim; without one the figures below stand still.",
              v->claimed);
        gauge(f, "emotiond_faces", "Faces in view now.", v->n_faces);
        gauge(f, "emotiond_faces_attentive", "Faces in view that are turned to the screen.", view_attentive(v));
        counter(f, "emotiond_faces_seen_total", "Faces that came into view.", v->totals.faces);
        counter(f, "emotiond_turns_total", "Times that a face turned to the screen.", v->totals.turns);
        counter(f, "emotiond_expression_changes_total", "Changes of expression.", v->totals.changes);
        seconds(f, "emotiond_watched_seconds_total", "Time for which the bridge held a claim.", v->totals.watched_usec);
        seconds(f, "emotiond_occupied_seconds_total", "Time with a face in view.", v->totals.occupied_usec);
        seconds(f, "emotiond_dwell_seconds_total", "Time in view, summed over faces.", v->totals.dwell_usec);
        seconds(f, "emotiond_attention_seconds_total", "Time turned to the screen, summed over faces.",
                v->totals.attention_usec);
        head(f, "emotiond_expression_seconds_total", "counter", "Time in view by expression, summed over faces.");
        for (size_t i = 0; i < v->totals.n_labels; i++) {
                fputs("emotiond_expression_seconds_total{emotion=\"", f);
                label(f, v->totals.labels[i].name);
                fprintf(f, "\"} %.3f\n", (double)v->totals.labels[i].usec * 1e-6);
        }
}

static void print_showing(FILE *f, const struct showing *s)
{
        gauge(f, "emotiond_content_shown", "Whether a player says that it shows something.", s->content[0] != 0);
        head(f, "emotiond_plays_total", "counter", "Plays begun, by content; \"(other)\" is all after the first 50.");
        for (size_t i = 0; i < s->n; i++) {
                fputs("emotiond_plays_total{content=\"", f);
                label(f, s->contents[i].content);
                fprintf(f, "\"} %" PRIu64 "\n", s->contents[i].plays);
        }
        fprintf(f, "emotiond_plays_total{content=\"(other)\"} %" PRIu64 "\n", s->other_plays);
}

static void print_http(FILE *f, const struct http_counts *h)
{
        gauge(f, "emotion_bridge_streams", "Pages that listen to events now.", h->streams);
        gauge(f, "emotion_bridge_connections", "Connections open now.", h->connections);
        head(f, "emotion_bridge_answers_total", "counter", "Answers over HTTP by class of status.");
        for (int i = 1; i < 6; i++)
                fprintf(f, "emotion_bridge_answers_total{class=\"%dxx\"} %" PRIu64 "\n", i, h->answers[i]);
        counter(f, "emotion_bridge_slow_readers_total", "Streams dropped because nothing was read.", h->slow_readers);
        counter(f, "emotion_bridge_slow_senders_total", "Connections dropped because no request came.",
                h->slow_senders);
        counter(f, "emotion_bridge_gaps_total", "Times that a page missed events and was told the state anew.",
                h->gaps);
}

static void print_mqtt(FILE *f, const struct mqtt_counts *m)
{
        gauge(f, "emotion_bridge_mqtt_up", "Whether the broker is connected.", m->up);
        counter(f, "emotion_bridge_mqtt_connects_total", "Times that the broker was connected.", m->connects);
        counter(f, "emotion_bridge_mqtt_refused_total", "Commands that were none, or retained.", m->refused);
        gauge(f, "emotion_bridge_windows_queued", "Windows that wait for the broker on disk.", m->queued);
        counter(f, "emotion_bridge_windows_total", "Windows made.", m->windows);
        counter(f, "emotion_bridge_windows_acknowledged_total", "Windows that the broker has.", m->acknowledged);
        counter(f, "emotion_bridge_windows_dropped_total", "Windows given up because the queue was full.", m->dropped);
        counter(f, "emotion_bridge_windows_lost_total", "Windows that could not be written to disk.", m->lost);
}

static void print_process(FILE *f)
{
        struct rusage u;
        unsigned long pages = 0;
        FILE *statm = fopen("/proc/self/statm", "re");

        if (statm && fscanf(statm, "%*u %lu", &pages) != 1)
                pages = 0;
        if (statm)
                fclose(statm);
        gauge(f, "process_resident_memory_bytes", "Memory of the bridge.",
              (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE));
        getrusage(RUSAGE_SELF, &u);
        seconds(f, "process_cpu_seconds_total", "CPU time of the bridge.",
                (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
                        (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec));
}

char *metrics_text(const struct view *view, const struct showing *showing, const struct http_counts *http,
                   const struct mqtt_counts *mqtt, uint64_t n_events)
{
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        head(f, "emotion_bridge_info", "gauge", "Version of the bridge.");
        fprintf(f, "emotion_bridge_info{version=\"%s\"} 1\n", PACKAGE_VERSION);
        print_view(f, view);
        print_showing(f, showing);
        counter(f, "emotion_bridge_events_total", "Events that pages were told of.", n_events);
        if (http)
                print_http(f, http);
        if (mqtt)
                print_mqtt(f, mqtt);
        print_process(f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
