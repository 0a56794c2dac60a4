/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

#include "basic/clock.h"
#include "basic/utf8.h"
#include "cli/bus.h"
#include "cli/canvas.h"
#include "cli/text.h"
#include "picture/picture.h"

#define PERIOD_MS 250
/* How long a camera that was closed may take to give a picture. */
#define PATIENCE_MS 8000
/* Of a picture that we are ready to take. */
#define MAX_SIDE_PX 16384u
#define MAX_BYTES (64u << 20)
/* Below this quality a box is red: the configuration's default for "unsure". */
#define POOR 0.3

/* One run of "emotionctl preview". */
struct preview {
        struct ctl *c;
        char *camera; /* object path of --camera; NULL: any */
        int signals;  /* signalfd */
        bool claimed, screen;
        uint64_t n, begin_ms, end_ms; /* end: of --seconds; 0: none */
};

struct shot {
        unsigned width_px, height_px;
        uint8_t *gray;
        json_object *faces, *details;
};

static void shot_done(struct shot *s)
{
        free(s->gray);
        json_object_put(s->faces);
        json_object_put(s->details);
        *s = (struct shot){ 0 };
}

static uint64_t now_ms(void)
{
        return clock_usec() / 1000;
}

/* ---- the service ----------------------------------------------------------------------------------------------- */

static int claim(struct preview *p)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = ctl_new_call(p->c, BUS_PATH, BUS_IFACE_MANAGER, "Claim", &m);

        if (r >= 0)
                r = p->camera ? sd_bus_message_append(m, "a{sv}", 1, "camera", "o", p->camera)
                              : sd_bus_message_append(m, "a{sv}", 0);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        p->claimed = true;
        return ctl_send(p->c, m, NULL);
}

/* The descriptor is the service's to make: it is read, with its length checked, and not mapped. */
static int read_picture(int fd, struct shot *s)
{
        size_t size = (size_t)s->width_px * s->height_px, done = 0;

        if (!s->width_px || !s->height_px || s->width_px > MAX_SIDE_PX || s->height_px > MAX_SIDE_PX ||
            size > MAX_BYTES)
                return -EBADMSG;
        s->gray = malloc(size);
        if (!s->gray)
                return -ENOMEM;
        while (done < size) {
                ssize_t n = pread(fd, s->gray + done, size - done, (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EBADMSG;
                done += (size_t)n;
        }
        return 0;
}

static int read_shot(sd_bus_message *reply, struct shot *s)
{
        int fd, r = sd_bus_message_read(reply, "huu", &fd, &s->width_px, &s->height_px);

        if (r >= 0)
                r = read_picture(fd, s);
        if (r >= 0)
                r = json_from_value(reply, &s->faces);
        if (r >= 0)
                r = json_from_value(reply, &s->details);
        return r;
}

static bool is_early(const struct preview *p)
{
        return now_ms() - p->begin_ms < PATIENCE_MS;
}

static bool may_come(const struct preview *p, const sd_bus_error *e)
{
        /* no picture came yet: the camera opens */
        return p->n == 0 && is_early(p) &&
               (sd_bus_error_has_name(e, BUS_ERROR("NoCamera")) || sd_bus_error_has_name(e, BUS_ERROR("CameraBusy")));
}

/* The service looks through one camera at a time, and another client may have chosen it. Return: as take(). */
static int check_camera(const struct preview *p, const struct shot *s)
{
        if (!p->camera || strcmp(member_string(s->details, "camera"), p->camera) == 0)
                return 0;
        if (is_early(p))
                return -EAGAIN; /* it was open when we came, and ours may follow */
        ctl_say("Another camera is in use, and emotiond opens one at a time; \"emotionctl cameras\" shows which.");
        return CTL_FAILED;
}

/* Return: 0 a picture; -EAGAIN ask again; a value of enum ctl_exit after saying why. */
static int take(struct preview *p, struct shot *s)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = ctl_new_call(p->c, BUS_PATH, BUS_IFACE_MANAGER, "Preview", &m);

        if (r >= 0)
                r = sd_bus_message_append(m, "a{sv}", 0);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        r = sd_bus_call(p->c->bus, m, 0, &error, &reply);
        if (r < 0 && may_come(p, &error)) {
                /* only now that it is known to be allowed the camera is opened */
                r = p->claimed ? 0 : claim(p);
                return r ?: -EAGAIN;
        }
        if (r < 0)
                return ctl_fail_admin(&error, r);
        /* a camera that is open for others would be closed under our eyes when they leave */
        r = p->claimed ? 0 : claim(p);
        if (r)
                return r;
        r = read_shot(reply, s);
        return r < 0 ? ctl_fail(NULL, r, "the answer of emotiond") : check_camera(p, s);
}

/* ---- drawing --------------------------------------------------------------------------------------------------- */

static double number_at(json_object *array, size_t i)
{
        return json_object_is_type(array, json_type_array) ? json_object_get_double(json_object_array_get_idx(array, i))
                                                           : NAN;
}

static struct canvas_colour colour_of(json_object *face)
{
        if (member(face, "quality") && member_double(face, "quality") < POOR)
                return (struct canvas_colour){ 255, 64, 64 };
        if (member_bool(face, "static"))
                return (struct canvas_colour){ 160, 160, 160 };
        if (!member(face, "attention"))
                return (struct canvas_colour){ 64, 224, 255 };
        return member_bool(face, "attention") ? (struct canvas_colour){ 64, 255, 96 }
                                              : (struct canvas_colour){ 255, 208, 64 };
}

static size_t n_faces(const struct shot *s)
{
        return json_object_is_type(s->faces, json_type_array) ? json_object_array_length(s->faces) : 0;
}

static void draw_face(struct canvas *c, const struct shot *s, json_object *face)
{
        double sx = (double)c->width_px / s->width_px, sy = (double)c->height_px / s->height_px;
        json_object *box = member(face, "box"), *points = member(face, "landmarks");
        struct canvas_colour colour = colour_of(face);

        for (size_t i = 0; json_object_is_type(points, json_type_array) && i < json_object_array_length(points); i++) {
                json_object *at = json_object_array_get_idx(points, i);

                canvas_point(c, (number_at(at, 0) + 0.5) * sx - 0.5, (number_at(at, 1) + 0.5) * sy - 0.5,
                             (struct canvas_colour){ 255, 255, 255 });
        }
        canvas_box(c, (number_at(box, 0) + 0.5) * sx - 0.5, (number_at(box, 1) + 0.5) * sy - 0.5,
                   number_at(box, 2) * sx, number_at(box, 3) * sy, colour);
}

static void draw_line(struct canvas *c, const double *from, const double *to, struct canvas_colour colour)
{
        double dx = (to[0] - from[0]) * c->width_px, dy = (to[1] - from[1]) * c->height_px;
        unsigned n = (unsigned)fmax(fabs(dx), fabs(dy)) + 1;

        for (unsigned i = 0; i <= n; i++)
                canvas_point(c, from[0] * c->width_px + dx * i / n - 0.5, from[1] * c->height_px + dy * i / n - 0.5,
                             colour);
}

/* What is not looked at. */
static void draw_zone(struct canvas *c, json_object *points)
{
        size_t n = json_object_is_type(points, json_type_array) ? json_object_array_length(points) : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *a = json_object_array_get_idx(points, i);
                json_object *b = json_object_array_get_idx(points, (i + 1) % n);
                double from[] = { number_at(a, 0), number_at(a, 1) }, to[] = { number_at(b, 0), number_at(b, 1) };

                if (from[0] >= 0 && from[0] <= 1 && from[1] >= 0 && from[1] <= 1 && to[0] >= 0 && to[0] <= 1 &&
                    to[1] >= 0 && to[1] <= 1)
                        draw_line(c, from, to, (struct canvas_colour){ 255, 64, 255 });
        }
}

static size_t n_zones(const struct shot *s)
{
        json_object *zones = member(s->details, "zones");

        return json_object_is_type(zones, json_type_array) ? json_object_array_length(zones) : 0;
}

static json_object *zone_at(const struct shot *s, size_t i)
{
        return json_object_array_get_idx(member(s->details, "zones"), i);
}

static void print_zones(const struct shot *s)
{
        for (size_t i = 0; i < n_zones(s); i++) {
                json_object *zone = zone_at(s, i), *name = json_object_array_get_idx(zone, 0);
                _cleanup_(freep) char *clean = utf8_clean_dup(json_object_get_string(name) ?: "");

                printf("%s%s", i ? ", " : "; not looked at: ", clean ?: "");
        }
}

static int draw(const struct shot *s, unsigned width_px, unsigned height_px, struct canvas **ret)
{
        int r = canvas_new(s->gray, s->width_px, s->height_px, width_px, height_px, ret);

        for (size_t i = 0; r >= 0 && i < n_zones(s); i++)
                draw_zone(*ret, json_object_array_get_idx(zone_at(s, i), 1));
        for (size_t i = 0; r >= 0 && i < n_faces(s); i++)
                draw_face(*ret, s, json_object_array_get_idx(s->faces, i));
        return r;
}

static int write_png(const struct preview *p, const struct shot *s)
{
        _cleanup_(canvas_freep) struct canvas *c = NULL;
        struct picture picture = { .format = PICTURE_BGR24,
                                   .width_px = s->width_px,
                                   .height_px = s->height_px,
                                   .stride_bytes = (size_t)3 * s->width_px };
        int r = draw(s, s->width_px, s->height_px, &c);
        mode_t mask;

        for (size_t i = 0; r >= 0 && i < (size_t)s->width_px * s->height_px; i++) {
                uint8_t red = c->pixels[i][0];

                c->pixels[i][0] = c->pixels[i][2];
                c->pixels[i][2] = red;
        }
        if (r >= 0) {
                picture.data = &c->pixels[0][0];
                /* whoever is to see people's faces is the user's to say */
                mask = umask(0077);
                r = picture_write_png(p->c->png, &picture);
                (void)umask(mask);
        }
        return r < 0 ? ctl_fail(NULL, r, p->c->png) : 0;
}

/* Columns and lines of the terminal, or what the environment says. */
static void screen_size(unsigned *ret_columns, unsigned *ret_lines)
{
        struct winsize w = { 0 };
        uint64_t n;

        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
        *ret_columns = w.ws_col;
        *ret_lines = w.ws_row;
        if (!w.ws_col)
                *ret_columns = text_parse_u64(getenv("COLUMNS") ?: "", 1, 1000, &n) ? (unsigned)n : 80;
        if (!w.ws_row)
                *ret_lines = text_parse_u64(getenv("LINES") ?: "", 1, 1000, &n) ? (unsigned)n : 24;
}

static enum canvas_depth depth(void)
{
        const char *term = getenv("COLORTERM") ?: "", *no_color = getenv("NO_COLOR");
        bool plain = no_color && *no_color;

        return !plain && (strcmp(term, "truecolor") == 0 || strcmp(term, "24bit") == 0) ? CANVAS_TRUE : CANVAS_GREY;
}

static void print_face(json_object *face, const char *end)
{
        _cleanup_(freep) char *emotion = utf8_clean_dup(member_string(face, "emotion"));
        json_object *box = member(face, "box");

        printf("%.0fx%.0f px, quality %.0f%%, %s %.0f%%", number_at(box, 2), number_at(box, 3),
               100 * member_double(face, "quality"), emotion ?: "", 100 * member_double(face, "confidence"));
        if (member(face, "yaw"))
                printf(", turned %.0f %.0f%s", member_double(face, "yaw"), member_double(face, "pitch"),
                       member_bool(face, "attention") ? ", facing" : "");
        if (member_bool(face, "static"))
                fputs(", a thing", stdout);
        fputs(end, stdout);
}

/* The picture, and a line for each face as far as there is room. */
static int print_picture(struct preview *p, const struct shot *s)
{
        _cleanup_(canvas_freep) struct canvas *c = NULL;
        const char *end = p->screen ? "\033[K\n" : "\n";
        unsigned columns, lines, width, height, room;
        int r;

        screen_size(&columns, &lines);
        room = lines > 8 ? 4 : 1;
        canvas_fit(s->width_px, s->height_px, columns, 2 * (lines > room + 1 ? lines - room - 1 : 1), &width, &height);
        r = draw(s, width, height, &c);
        if (r < 0)
                return ctl_fail(NULL, r, NULL);
        if (p->screen)
                fputs("\033[H", stdout);
        canvas_print(c, depth(), p->screen, stdout);
        printf("%ux%u, %zu in view", s->width_px, s->height_px, n_faces(s));
        print_zones(s);
        fputs(end, stdout);
        for (size_t i = 0; i + 1 < room && i < n_faces(s); i++)
                print_face(json_object_array_get_idx(s->faces, i), end);
        if (p->screen)
                fputs("\033[J", stdout);
        return 0;
}

static void print_json(const struct preview *p, const struct shot *s)
{
        _cleanup_(json_putp) json_object *o = json_object_new_object();

        json_object_object_add(o, "width", json_object_new_int64(s->width_px));
        json_object_object_add(o, "height", json_object_new_int64(s->height_px));
        json_object_object_add(o, "timestamp_usec", json_object_new_uint64(member_u64(s->details, "timestamp")));
        json_object_object_add(o, "faces", json_object_get(s->faces));
        if (member(s->details, "zones"))
                json_object_object_add(o, "zones", json_object_get(member(s->details, "zones")));
        json_print(p->c, o);
}

/* ---- the loop -------------------------------------------------------------------------------------------------- */

static int show(struct preview *p, const struct shot *s)
{
        int r = 0;

        if (p->c->png)
                r = write_png(p, s);
        if (!r && p->c->json != CTL_JSON_OFF)
                print_json(p, s);
        else if (!r && !p->c->png) {
                if (p->n == 0 && isatty(STDOUT_FILENO)) {
                        /* the other screen of the terminal, without a cursor */
                        fputs("\033[?1049h\033[?25l", stdout);
                        p->screen = true;
                }
                r = print_picture(p, s);
        }
        if (fflush(stdout) < 0)
                return CTL_FAILED; /* main() says why */
        return r;
}

/* Waits, and throws away what else the bus brings. Return: true if the user or --seconds ends it. */
static bool pause_is_end(struct preview *p, int ms)
{
        struct pollfd f = { .fd = p->signals, .events = POLLIN };

        while (sd_bus_process(p->c->bus, NULL) > 0)
                ;
        if (p->end_ms)
                ms = (int)MIN((uint64_t)ms, p->end_ms > now_ms() ? p->end_ms - now_ms() : 0);
        if (poll(&f, 1, ms) > 0)
                return true;
        return p->end_ms && now_ms() >= p->end_ms;
}

static int run(struct preview *p)
{
        uint64_t count = p->c->count;

        if (!count && p->c->png && !p->end_ms)
                count = 1; /* a file is looked at once */

        for (;;) {
                _cleanup_(shot_done) struct shot s = { 0 };
                int r = take(p, &s);

                if (r == 0) {
                        r = show(p, &s);
                        if (r)
                                return r;
                        if (++p->n == count)
                                return CTL_OK;
                } else if (r != -EAGAIN)
                        return r;
                if (pause_is_end(p, r == -EAGAIN ? 100 : PERIOD_MS))
                        return p->c->count && p->n < p->c->count && p->end_ms && now_ms() >= p->end_ms ? CTL_FAILED
                                                                                                       : CTL_OK;
        }
}

static int catch_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int verb_preview(struct ctl *c, int argc, char **argv)
{
        _cleanup_(freep) char *camera = NULL;
        _cleanup_(closep) int signals = -1;
        struct preview p = { .c = c, .begin_ms = now_ms() };
        int r;

        if (!c->png && c->json == CTL_JSON_OFF && isatty(STDOUT_FILENO) &&
            strcmp(getenv("TERM") ?: "dumb", "dumb") == 0) {
                ctl_say("This terminal cannot show a picture; \"emotionctl preview --png=FILE\" writes one.");
                return CTL_FAILED;
        }
        r = ctl_connect(c);
        if (!r && c->camera)
                r = ctl_find_camera(c, c->camera, &camera);
        if (r)
                return r;
        signals = catch_signals();
        if (signals < 0)
                return ctl_fail(NULL, -errno, NULL);
        p.camera = camera;
        p.signals = signals;
        p.end_ms = c->seconds > 0 ? p.begin_ms + (uint64_t)(c->seconds * 1000) : 0;
        r = run(&p);
        if (p.screen)
                fputs("\033[?25h\033[?1049l", stdout);
        return r;
}
