/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <sys/random.h>

#include "basic/macro.h"
#include "daemon/vision/assignment.h"
#include "daemon/vision/tracks.h"

/* A found box moves the track by the share that passes in this time: long enough to calm the jitter of a detector
 * (a few percent of the face from frame to frame), short against any movement of a head. */
#define POSITION_TAU_USEC 60000u
/* The size jitters more and changes more slowly. */
#define SIZE_TAU_USEC 150000u
/* The speed of a face that is not found dies away with this time constant: a walker goes on for some steps, nobody
 * flies out of the picture. */
#define SPEED_TAU_USEC 600000u
/* Face widths a second: more than a person who runs past a camera a few steps away. */
#define MAX_SPEED_WIDTHS 12.0
/* A box may lie this many face widths from the way that its track may have gone, and that many more for each second
 * since it was last seen; sides may differ by this factor. */
#define GATE_WIDTHS 0.7
#define GATE_WIDTHS_PER_SECOND 0.8
#define GATE_SCALE 2.0
/* Of two faces at one place the one that was seen a moment ago is in front, and the box is its own: what a second of
 * hiding costs, in face widths. */
#define HIDDEN_COST_PER_SECOND 3.0
#define HIDDEN_COST_MAX 0.6
/* The share of the smaller box that another must cover to be the same face. */
#define SAME_FACE_OVERLAP 0.5

static double sec(uint64_t usec)
{
        return (double)usec * 1e-6;
}

int tracks_new_id(const struct tracks *t, uint32_t *ret)
{
        for (;;) {
                uint32_t id;
                bool taken = false;
                ssize_t n = getrandom(&id, sizeof(id), 0);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n != (ssize_t)sizeof(id))
                        return n < 0 ? -errno : -EIO;
                for (size_t i = 0; i < ARRAY_LEN(t->items); i++)
                        taken = taken || (t->items[i].used && t->items[i].face.id == id);
                if (id && !taken) {
                        *ret = id;
                        return 0;
                }
        }
}

size_t tracks_count(const struct tracks *t)
{
        size_t n = 0;

        for (size_t i = 0; i < ARRAY_LEN(t->items); i++)
                n += t->items[i].used;
        return n;
}

double box_overlap(const struct emo_box *a, const struct emo_box *b)
{
        double w = fmin((double)a->x + a->width, (double)b->x + b->width) - fmax(a->x, b->x);
        double h = fmin((double)a->y + a->height, (double)b->y + b->height) - fmax(a->y, b->y);
        double smaller = fmin((double)a->width * a->height, (double)b->width * b->height);

        return w > 0 && h > 0 && smaller > 0 ? w * h / smaller : 0;
}

static void axis_predict(struct track_axis *a, double dt_sec, double decay)
{
        a->value += a->speed * dt_sec;
        a->speed *= decay;
}

void tracks_predict(struct tracks *t, uint64_t now_usec)
{
        for (size_t i = 0; i < ARRAY_LEN(t->items); i++) {
                struct track *k = &t->items[i];

                if (!k->used)
                        continue;
                uint64_t dt_usec = now_usec > k->moved_usec ? now_usec - k->moved_usec : 0;
                /* where it was found a moment ago it goes on as it went; the longer ago, the less */
                double decay = exp(-sec(dt_usec) / sec(SPEED_TAU_USEC));
                double travel_sec = sec(SPEED_TAU_USEC) * (1 - decay);

                axis_predict(&k->x, travel_sec, decay);
                axis_predict(&k->y, travel_sec, decay);
                axis_predict(&k->log_width, travel_sec, decay);
                axis_predict(&k->log_height, travel_sec, decay);
                k->moved_usec = now_usec;
                k->found = k->scored = false;
        }
}

struct emo_box track_box(const struct track *t)
{
        double w = exp(t->log_width.value), h = exp(t->log_height.value);

        return (struct emo_box){ .x = (float)(t->x.value - w / 2),
                                 .y = (float)(t->y.value - h / 2),
                                 .width = (float)w,
                                 .height = (float)h,
                                 .confidence = t->box_confidence };
}

/* Alpha-beta filter whose gain follows from the time since the last correction (Benedict and Bordner 1962 for the
 * relation of the two gains). */
static void axis_correct(struct track_axis *a, double measured, double dt_sec, uint64_t tau_usec, double max_speed)
{
        double alpha = smoothing_gain((uint64_t)(dt_sec * 1e6), tau_usec);
        double beta = alpha * alpha / (2 - alpha);
        double residual = measured - a->value;

        a->value += alpha * residual;
        if (dt_sec > 0)
                a->speed = fmin(fmax(a->speed + beta * residual / dt_sec, -max_speed), max_speed);
}

/* The second sight of a face gives its speed at once: a walker would be lost before a filter had found it out. */
static void axis_start(struct track_axis *a, double measured, double dt_sec, double max_speed)
{
        if (dt_sec > 0)
                a->speed = fmin(fmax((measured - a->value) / dt_sec, -max_speed), max_speed);
        a->value = measured;
}

static void correct_axes(struct track *t, const struct emo_box *box, double x, double y, double dt_sec)
{
        double max_speed = MAX_SPEED_WIDTHS * (double)box->width;

        if (t->n_found == 1) {
                /* from where it was found, not from where the prediction has it */
                t->x = t->seen_x;
                t->y = t->seen_y;
                axis_start(&t->x, x, dt_sec, max_speed);
                axis_start(&t->y, y, dt_sec, max_speed);
        } else {
                axis_correct(&t->x, x, dt_sec, POSITION_TAU_USEC, max_speed);
                axis_correct(&t->y, y, dt_sec, POSITION_TAU_USEC, max_speed);
        }
        axis_correct(&t->log_width, log(box->width), dt_sec, SIZE_TAU_USEC, 1);
        axis_correct(&t->log_height, log(box->height), dt_sec, SIZE_TAU_USEC, 1);
}

void track_correct(struct track *t, const struct emo_box *box, uint64_t now_usec)
{
        double dt_sec = sec(now_usec > t->seen_usec ? now_usec - t->seen_usec : 0);
        double x = (double)box->x + box->width / 2.0, y = (double)box->y + box->height / 2.0;

        if (!t->n_found) {
                t->x.value = x;
                t->y.value = y;
                t->log_width.value = log(box->width);
                t->log_height.value = log(box->height);
        } else {
                correct_axes(t, box, x, y, dt_sec);
        }
        t->seen_x = t->x;
        t->seen_y = t->y;
        t->box_confidence = box->confidence;
        t->seen_usec = t->moved_usec = now_usec;
        t->found = true;
        t->n_found++;
}

/* Distance of (@x, @y) from the way between where the face was last found and where it would be had it gone on at its
 * speed: it may have slowed down on it, or stopped. */
static double distance_from_way(const struct track *t, double x, double y, double dt_sec)
{
        double wx = t->seen_x.speed * dt_sec, wy = t->seen_y.speed * dt_sec;
        double px = x - t->seen_x.value, py = y - t->seen_y.value, length2 = wx * wx + wy * wy;
        double share = length2 > 0 ? fmin(fmax((px * wx + py * wy) / length2, 0), 1) : 0;

        return hypot(px - share * wx, py - share * wy);
}

/* Face widths from the way and from the likeliest place on it, the logarithm of the size ratio, and what it costs to
 * have been hidden; forbidden outside the gate. */
static float cost_of(const struct track *t, const struct emo_box *b, uint64_t now_usec)
{
        struct emo_box a = track_box(t);
        double width = (double)(a.width + b->width) / 2, unseen_sec = sec(now_usec - t->seen_usec);
        double x = (double)b->x + b->width / 2.0, y = (double)b->y + b->height / 2.0;
        double off_way = distance_from_way(t, x, y, unseen_sec) / width;
        double distance = hypot(x - t->x.value, y - t->y.value) / width;
        double ratio = fabs(log((double)a.width / (double)b->width));

        if (fmin(off_way, distance) > GATE_WIDTHS + GATE_WIDTHS_PER_SECOND * unseen_sec || ratio > log(GATE_SCALE))
                return ASSIGNMENT_FORBIDDEN;
        return (float)(0.5 * off_way + 0.5 * distance + ratio +
                       fmin(HIDDEN_COST_PER_SECOND * unseen_sec, HIDDEN_COST_MAX));
}

/* True if a track that was found in this frame has the face of box @b. */
static bool is_taken(const struct tracks *t, const struct emo_box *b)
{
        for (size_t i = 0; i < ARRAY_LEN(t->items); i++) {
                struct emo_box a = track_box(&t->items[i]);

                if (t->items[i].used && t->items[i].found && box_overlap(&a, b) > SAME_FACE_OVERLAP)
                        return true;
        }
        return false;
}

static int add_track(struct tracks *t, const struct emo_box *b, uint64_t now_usec, unsigned n_confirm)
{
        struct track *k = NULL;
        uint32_t id;
        int r;

        if (tracks_count(t) >= t->max)
                return 0;
        for (size_t i = 0; !k; i++)
                if (!t->items[i].used)
                        k = &t->items[i];
        r = tracks_new_id(t, &id);
        if (r < 0)
                return r;
        memset(k, 0, sizeof(*k));
        k->used = true;
        k->face.id = id;
        k->face.emotion = EMOTION_UNSURE;
        k->first_usec = now_usec;
        for (size_t i = 0; i < PIPELINE_MAX_LISTENERS; i++)
                decision_init(&k->decisions[i]);
        track_correct(k, b, now_usec);
        k->confirmed = k->n_found >= n_confirm;
        return 0;
}

int tracks_match(struct tracks *t, const struct emo_box *boxes, size_t n, uint64_t now_usec, bool may_add,
                 unsigned n_confirm)
{
        float cost[PIPELINE_MAX_FACES][ASSIGNMENT_MAX] = { { 0 } };
        size_t rows[PIPELINE_MAX_FACES], n_rows = 0;
        bool given[ASSIGNMENT_MAX] = { false };
        int column_of[PIPELINE_MAX_FACES] = { 0 };

        n = MIN(n, (size_t)ASSIGNMENT_MAX);
        for (size_t i = 0; i < ARRAY_LEN(t->items); i++)
                if (t->items[i].used && !t->items[i].found)
                        rows[n_rows++] = i;
        for (size_t i = 0; i < n_rows; i++)
                for (size_t j = 0; j < n; j++)
                        cost[i][j] = cost_of(&t->items[rows[i]], &boxes[j], now_usec);
        assignment_solve(&cost[0][0], ASSIGNMENT_MAX, n_rows, n, column_of);
        for (size_t i = 0; i < n_rows; i++) {
                struct track *k = &t->items[rows[i]];

                if (column_of[i] < 0)
                        continue;
                given[column_of[i]] = true;
                k->missed = false;
                track_correct(k, &boxes[column_of[i]], now_usec);
                k->confirmed = k->confirmed || k->n_found >= n_confirm;
        }
        for (size_t j = 0; may_add && j < n; j++) {
                int r = given[j] || is_taken(t, &boxes[j]) ? 0 : add_track(t, &boxes[j], now_usec, n_confirm);

                if (r < 0)
                        return r;
        }
        return 0;
}
