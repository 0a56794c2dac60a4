/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "daemon/manager-dbus.h"
#include "tests/unit/fake-worker.h"

/* The manager and its bus face; a client talks to them over a socket pair, and the worker is made of variables. */

struct heard {
        size_t n;
        char member[32], first[32], second[32], path[64];
        bool state_changed;
};

struct place {
        sd_event *event;
        sd_bus *server, *client;
        struct worker worker;
        struct settings *settings;
        struct manager *manager;
        struct bus_face *face;
        sd_bus_message *reply;
        struct heard heard;
        char folder[64], config[128];
};

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct place *p = userdata;
        const char *from, *to;
        uint32_t face;

        if (!sd_bus_message_is_signal(m, NULL, NULL))
                return 0;
        p->heard.n++;
        snprintf(p->heard.member, sizeof(p->heard.member), "%s", sd_bus_message_get_member(m));
        snprintf(p->heard.path, sizeof(p->heard.path), "%s", sd_bus_message_get_path(m));
        if (sd_bus_message_is_signal(m, BUS_IFACE_MANAGER, "EmotionChanged")) {
                assert_true(sd_bus_message_read(m, "uss", &face, &from, &to) > 0);
                snprintf(p->heard.first, sizeof(p->heard.first), "%s", from);
                snprintf(p->heard.second, sizeof(p->heard.second), "%s", to);
        }
        if (sd_bus_message_is_signal(m, BUS_IFACE_MANAGER, "AttentionChanged")) {
                int facing;
                double yaw;

                assert_true(sd_bus_message_read(m, "ub", &face, &facing) > 0);
                snprintf(p->heard.first, sizeof(p->heard.first), "%s", facing ? "facing" : "turned");
                assert_true(sd_bus_message_skip(m, "t") > 0);
                assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
                assert_true(sd_bus_message_skip(m, "{sv}") > 0); /* the box */
                assert_true(sd_bus_message_read(m, "{sv}", &from, "d", &yaw) > 0);
                assert_string_equal(from, "yaw");
                assert_float_equal(yaw, 12, 1e-6);
        }
        return 0;
}

static void run(struct place *p)
{
        for (int i = 0; i < 200; i++)
                if (sd_event_run(p->event, 500) == 0)
                        break;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        struct place *p = userdata;

        sd_bus_message_unref(p->reply);
        p->reply = sd_bus_message_ref(m);
        return 0;
}

static void finish(struct place *p)
{
        for (int i = 0; i < 1000 && !p->reply; i++)
                assert_true(sd_event_run(p->event, 10000) >= 0);
        assert_non_null(p->reply);
}

static sd_bus_message *method(struct place *p, const char *member)
{
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(p->client, &m, NULL, BUS_PATH, BUS_IFACE_MANAGER, member) >= 0);
        return m;
}

static void start_call(struct place *p, sd_bus_message *m)
{
        p->reply = sd_bus_message_unref(p->reply);
        assert_true(sd_bus_call_async(p->client, NULL, m, on_reply, p, 0) >= 0);
        sd_bus_message_unref(m);
}

/* Sends @m; holds the reply against @error ("" for none). */
static void call(struct place *p, sd_bus_message *m, const char *error)
{
        const sd_bus_error *e;

        start_call(p, m);
        finish(p);
        e = sd_bus_message_get_error(p->reply);
        if (strcmp(e ? e->name : "", error) != 0)
                fail_msg("\"%s\" (%s), wanted \"%s\"", e ? e->name : "", e ? e->message : "", error);
}

static void call_plain(struct place *p, const char *member, const char *error)
{
        call(p, method(p, member), error);
}

#define CLAIM(p, error, ...) \
        do { \
                sd_bus_message *_m = method(p, "Claim"); \
                assert_true(sd_bus_message_append(_m, __VA_ARGS__) >= 0); \
                call(p, _m, error); \
        } while (0)
#define INVALID BUS_NAME ".Error.InvalidOption"

static void expect_state(struct place *p, const char *state, const char *last_error)
{
        assert_string_equal(manager_state_name(manager_get_view(p->manager)->state), state);
        assert_string_equal(service_error_name(manager_get_view(p->manager)->last_error), last_error);
}

static sd_bus *connect_bus(struct place *p, int fd, bool server)
{
        sd_bus *b = NULL;

        assert_true(sd_bus_new(&b) >= 0);
        assert_true(sd_bus_set_fd(b, fd, fd) >= 0);
        if (server)
                assert_true(sd_bus_set_server(b, true, SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 10, 11, 12,
                                                                     13, 14, 15, 16)) >= 0);
        assert_true(sd_bus_set_anonymous(b, false) >= 0);
        assert_true(sd_bus_negotiate_fds(b, true) >= 0);
        assert_true(sd_bus_start(b) >= 0);
        assert_true(sd_bus_attach_event(b, p->event, 0) >= 0);
        return b;
}

static int make(void **state)
{
        struct place *p = calloc(1, sizeof(*p));
        struct manager_config config = { .override = { .replay_pace = -1, .replay_loop = -1 } };
        struct settings_error error;
        int fds[2];

        strcpy(p->folder, "/tmp/test-manager-XXXXXX");
        assert_non_null(mkdtemp(p->folder));
        snprintf(p->config, sizeof(p->config), "%s/emotiond.conf", p->folder);
        config.config_file = p->config;
        config.config_optional = true;
        config.state_dir = p->folder;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        assert_true(sd_event_new(&p->event) >= 0);
        p->server = connect_bus(p, fds[0], true);
        p->client = connect_bus(p, fds[1], false);
        assert_true(sd_bus_add_filter(p->client, NULL, on_message, p) >= 0);
        assert_int_equal(settings_load(NULL, true, NULL, &p->settings, &error), 0);
        assert_int_equal(manager_new(&config, p->settings, &p->manager), 0);
        assert_int_equal(bus_face_new(p->server, p->event, p->manager, &p->face), 0);
        p->worker.report = fake_report(p->settings, 1);
        manager_set_worker(p->manager, &p->worker);
        manager_dispatch(p->manager);
        run(p);
        p->heard = (struct heard) { 0 };
        *state = p;
        return 0;
}

static int destroy(void **state)
{
        struct place *p = *state;
        char command[128];

        manager_set_worker(p->manager, NULL);
        bus_face_free(p->face);
        manager_free(p->manager);
        sd_bus_message_unref(p->reply);
        sd_bus_flush_close_unref(p->client);
        sd_bus_flush_close_unref(p->server);
        sd_event_unref(p->event);
        engine_report_free(p->worker.report);
        settings_unref(p->worker.settings);
        settings_unref(p->settings);
        for (size_t i = p->worker.n_answered; i < p->worker.n_jobs; i++)
                fd_close(p->worker.jobs[i].fd);
        snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
        free(p);
        return system(command);
}

static void stream(struct place *p, enum stream_state state, int error)
{
        p->worker.snapshot.state = state;
        p->worker.snapshot.error = error;
        manager_dispatch(p->manager);
}

static void test_states(void **state)
{
        struct place *p = *state;

        expect_state(p, "idle", "");
        assert_false(p->worker.wish.watch);
        CLAIM(p, "", "a{sv}", 0);
        assert_true(p->worker.wish.watch);
        expect_state(p, "starting", "");
        stream(p, STREAM_STREAMING, 0);
        expect_state(p, "watching", "");
        assert_true(manager_get_view(p->manager)->in_use);
        stream(p, STREAM_BUSY, -EBUSY);
        expect_state(p, "no-camera", BUS_NAME ".Error.CameraBusy");
        assert_false(manager_get_view(p->manager)->in_use);
        stream(p, STREAM_ERROR, -ENODEV);
        expect_state(p, "no-camera", BUS_NAME ".Error.NoCamera");
        run(p);
        assert_string_equal(p->heard.member, "PropertiesChanged");
        call_plain(p, "Disable", "");
        expect_state(p, "disabled", "");
        assert_false(p->worker.wish.watch);
        CLAIM(p, BUS_NAME ".Error.Disabled", "a{sv}", 0);
        call_plain(p, "Enable", "");
        assert_true(p->worker.wish.watch); /* the claim stayed */
        call_plain(p, "Release", "");
        assert_false(p->worker.wish.watch);
        call_plain(p, "Release", BUS_NAME ".Error.NotClaimed");
}

static void test_options(void **state)
{
        struct place *p = *state;

        CLAIM(p, INVALID, "a{sv}", 1, "min-confidence", "d", 1.01);
        CLAIM(p, INVALID, "a{sv}", 1, "min-confidence", "d", -0.0001);
        CLAIM(p, INVALID, "a{sv}", 1, "min-confidence", "d", (double)NAN);
        CLAIM(p, INVALID, "a{sv}", 1, "min-confidence", "u", 1);
        CLAIM(p, INVALID, "a{sv}", 1, "min-hold-ms", "u", 60001);
        CLAIM(p, INVALID, "a{sv}", 1, "min-hold-ms", "i", 1);
        CLAIM(p, INVALID, "a{sv}", 1, "max-rate-hz", "d", 0.0);
        CLAIM(p, INVALID, "a{sv}", 1, "max-rate-hz", "d", 11.0);
        CLAIM(p, INVALID, "a{sv}", 1, "emotions", "as", 1, "boredom");
        CLAIM(p, INVALID, "a{sv}", 1, "emotions", "as", 0);
        CLAIM(p, INVALID, "a{sv}", 1, "emotions", "s", "happiness");
        CLAIM(p, INVALID, "a{sv}", 1, "camera", "o", "/org/emotiond/Emotion1/camera/7");
        CLAIM(p, INVALID, "a{sv}", 1, "camera", "s", "camera/7");
        CLAIM(p, INVALID, "a{sv}", 1, "colour", "s", "blue");
        assert_int_equal(claims_count(manager_get_claims(p->manager)), 0);
        CLAIM(p, "", "a{sv}", 4, "min-confidence", "d", 0.75, "min-hold-ms", "u", 100, "max-rate-hz", "d", 2.0, "emotions",
              "as", 2, "happiness", "unsure");
        assert_true(p->worker.wish.listeners[1].rules.min_confidence > 0.74);
        assert_int_equal(p->worker.wish.listeners[1].rules.min_hold_usec, 100000);
        assert_true(p->worker.wish.listeners[1].claim > 0);
        CLAIM(p, "", "a{sv}", 0); /* replaced */
        assert_int_equal(claims_count(manager_get_claims(p->manager)), 1);
        assert_true(p->worker.wish.listeners[1].rules.min_confidence < 0.5);
}

static void add_event(struct place *p, enum face_event_kind kind, uint64_t claim, int from, int to)
{
        p->worker.events[p->worker.n_events++] = (struct worker_event) {
                .engine_serial = 1,
                .claim = claim,
                .event = { .kind = kind, .face = 5, .from = from, .to = to, .confidence = 0.5 },
                .has_scores = true,
        };
}

static void test_signals(void **state)
{
        struct place *p = *state;
        uint64_t claim;

        add_event(p, FACE_APPEARED, 0, 0, 0);
        manager_dispatch(p->manager);
        run(p);
        assert_int_equal(p->heard.n, 0); /* nobody asked */
        CLAIM(p, "", "a{sv}", 0);
        claim = p->worker.wish.listeners[1].claim;
        run(p);
        p->heard.n = 0;
        add_event(p, FACE_EMOTION_CHANGED, claim + 1, EMOTION_UNSURE, 0); /* of a claim that ended */
        manager_dispatch(p->manager);
        run(p);
        assert_int_equal(p->heard.n, 0);
        add_event(p, FACE_EMOTION_CHANGED, claim, EMOTION_UNSURE, 1);
        manager_dispatch(p->manager);
        run(p);
        assert_int_equal(p->heard.n, 1);
        assert_string_equal(p->heard.member, "EmotionChanged");
        assert_string_equal(p->heard.first, "unsure");
        assert_string_equal(p->heard.second, "sadness");
        add_event(p, FACE_ATTENTION_CHANGED, 0, 0, 0);
        p->worker.events[p->worker.n_events - 1].event.facing = true;
        p->worker.events[p->worker.n_events - 1].event.pose = (struct face_pose) { true, 12, -3, 1 };
        manager_dispatch(p->manager);
        run(p);
        assert_string_equal(p->heard.member, "AttentionChanged");
        assert_string_equal(p->heard.first, "facing");
        add_event(p, FACE_VANISHED, 0, 0, 0);
        manager_dispatch(p->manager);
        run(p);
        assert_string_equal(p->heard.member, "FaceVanished");
}

/* A claimant that never reads costs a bounded queue, and the rest is counted. */
static void test_deaf_claimant(void **state)
{
        struct place *p = *state;
        struct claim_change change = { .face = 1, .from = "unsure", .to = "neutral" };
        struct claim *c;
        uint64_t n = 0;

        CLAIM(p, "", "a{sv}", 0);
        c = claims_at(manager_get_claims(p->manager), 0);
        for (int i = 0; i < 20000; i++)
                bus_send_change(p->face, c, &change);
        assert_true(sd_bus_get_n_queued_write(p->server, &n) >= 0);
        assert_true(n <= BUS_MAX_QUEUED);
        assert_true(p->face->n_lost > 0);
}

static void test_cameras(void **state)
{
        struct place *p = *state;
        struct camera_device two[] = { { "/dev/a", "A" }, { "/dev/b", "B" } };

        assert_int_equal(manager_set_devices(p->manager, two, 1), 0);
        stream(p, STREAM_BUSY, -EBUSY); /* of "auto": there is but one */
        assert_int_equal(manager_get_cameras(p->manager)->list[0]->state, STREAM_BUSY);
        stream(p, STREAM_CLOSED, 0);
        assert_int_equal(manager_get_cameras(p->manager)->list[0]->state, STREAM_CLOSED);
        run(p);
        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        run(p);
        assert_string_equal(p->heard.member, "InterfacesAdded");
        CLAIM(p, "", "a{sv}", 1, "camera", "o", "/org/emotiond/Emotion1/camera/2");
        assert_string_equal(p->worker.wish.device, "/dev/b");
        strcpy(p->worker.snapshot.info.device, "/dev/b");
        strcpy(p->worker.snapshot.info.format, "MJPG");
        p->worker.snapshot.info.width_px = 640;
        stream(p, STREAM_STREAMING, 0);
        assert_int_equal(manager_camera_number(p->manager), 2);
        run(p);
        assert_string_equal(p->heard.path, "/org/emotiond/Emotion1/camera/2");
        assert_int_equal(manager_set_devices(p->manager, two, 1), 0);
        run(p);
        assert_string_equal(p->heard.member, "InterfacesRemoved");
        assert_int_equal(manager_get_cameras(p->manager)->n, 1);
        p->worker.snapshot.state = STREAM_ERROR;
        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        assert_null(cameras_find(manager_get_cameras(p->manager), 2)); /* a number is never used again */
        assert_non_null(cameras_find(manager_get_cameras(p->manager), 3));
}

static void classify(struct place *p, int fd, const char *error)
{
        sd_bus_message *m = method(p, "ClassifyImage");

        assert_true(sd_bus_message_append(m, "ha{sv}", fd, 0) >= 0);
        if (error)
                call(p, m, error);
        else
                start_call(p, m);
        close(fd);
}

static void test_pictures(void **state)
{
        struct place *p = *state;
        int max = p->settings->service.max_pictures;

        for (int i = 0; i < max; i++)
                classify(p, memfd_create("x", MFD_CLOEXEC), NULL);
        run(p);
        assert_int_equal(p->worker.n_jobs, max);
        classify(p, memfd_create("x", MFD_CLOEXEC), SD_BUS_ERROR_LIMITS_EXCEEDED);
        p->reply = sd_bus_message_unref(p->reply);
        for (int i = 0; i < max; i++)
                p->worker.jobs[i].result = 1;
        p->worker.n_answers = (size_t)max;
        manager_dispatch(p->manager);
        finish(p);
        assert_null(sd_bus_message_get_error(p->reply));
        assert_string_equal(sd_bus_message_get_signature(p->reply, true), "aa{sv}");
        run(p);
        classify(p, memfd_create("x", MFD_CLOEXEC), NULL); /* there is room again */
        run(p);
        assert_int_equal(p->worker.n_jobs, max + 1);
        p->worker.jobs[max].result = -EBADMSG;
        p->worker.jobs[max].image_failed = true;
        p->worker.n_answers++;
        manager_dispatch(p->manager);
        finish(p);
        assert_string_equal(sd_bus_message_get_error(p->reply)->name, BUS_NAME ".Error.InvalidImage");
        classify(p, memfd_create("x", MFD_CLOEXEC), NULL);
        run(p);
        p->reply = sd_bus_message_unref(p->reply);
        p->worker.jobs[max + 1].result = -ETIMEDOUT;
        p->worker.jobs[max + 1].image_failed = true;
        p->worker.n_answers++;
        manager_dispatch(p->manager);
        finish(p);
        assert_string_equal(sd_bus_message_get_error(p->reply)->name, BUS_NAME ".Error.ImageTimeout");
}

/* A user's claims are counted beside all claims; replacing one is always possible. */
static void test_claims_of_a_user(void **state)
{
        struct place *p = *state;
        const char *too_many = BUS_NAME ".Error.TooManyClaims";
        struct claim_options o;
        struct claim *c;

        claim_options_init(&o);
        p->settings->service.max_claims_per_user = 2;
        p->settings->service.max_claims = 4;
        assert_int_equal(manager_claim(p->manager, ":1.1", getuid(), &o, &c), 1);
        CLAIM(p, "", "a{sv}", 0);
        assert_int_equal(manager_claim(p->manager, ":1.2", getuid(), &o, &c), -EDQUOT);
        CLAIM(p, "", "a{sv}", 0);
        call_plain(p, "Release", "");
        assert_int_equal(manager_claim(p->manager, ":1.2", getuid(), &o, &c), 1);
        CLAIM(p, too_many, "a{sv}", 0);
        assert_int_equal(manager_claim(p->manager, ":1.3", getuid() + 1, &o, &c), 1);
        assert_int_equal(manager_claim(p->manager, ":1.4", getuid() + 2, &o, &c), 1);
        assert_int_equal(manager_claim(p->manager, ":1.5", getuid() + 2, &o, &c), -EUSERS);
}

static sd_bus_message *preview(struct place *p)
{
        sd_bus_message *m = method(p, "Preview");

        assert_true(sd_bus_message_append(m, "a{sv}", 0) >= 0);
        return m;
}

/* Whether it is allowed is said first; then whether there is a picture; and no more wait than there is room for. */
static void test_preview(void **state)
{
        struct place *p = *state;
        const sd_bus_error *e;

        call(p, preview(p), BUS_NAME ".Error.PreviewForbidden");
        p->settings->privacy.allow_preview = true;
        call(p, preview(p), BUS_NAME ".Error.NoCamera");
        CLAIM(p, "", "a{sv}", 0);
        stream(p, STREAM_BUSY, -EBUSY);
        call(p, preview(p), BUS_NAME ".Error.CameraBusy");
        stream(p, STREAM_STREAMING, 0);
        p->worker.preview = (struct preview_job) { .fd = memfd_create("p", MFD_CLOEXEC), .width_px = 4, .height_px = 2 };
        for (unsigned i = 0; i < WORKER_MAX_PREVIEWS; i++) {
                start_call(p, preview(p));
                run(p);
        }
        call(p, preview(p), SD_BUS_ERROR_LIMITS_EXCEEDED);
        p->reply = sd_bus_message_unref(p->reply);
        p->worker.n_to_show = 1;
        manager_dispatch(p->manager);
        finish(p);
        assert_null(sd_bus_message_get_error(p->reply));
        assert_string_equal(sd_bus_message_get_signature(p->reply, true), "huuaa{sv}a{sv}");
        /* what was asked for before the setting was taken back is not given after it */
        p->settings->privacy.allow_preview = false;
        p->reply = sd_bus_message_unref(p->reply);
        p->worker.n_to_show = 2;
        manager_dispatch(p->manager);
        finish(p);
        e = sd_bus_message_get_error(p->reply);
        assert_string_equal(e ? e->name : "", BUS_NAME ".Error.PreviewForbidden");
        close(p->worker.preview.fd);
        p->worker.preview.fd = -1;
}

static void test_reload(void **state)
{
        struct place *p = *state;
        FILE *f = fopen(p->config, "w");

        fputs("service: { max_claims = 0; };", f);
        fclose(f);
        call_plain(p, "Reload", BUS_NAME ".Error.InvalidConfiguration");
        assert_null(p->worker.settings);
        f = fopen(p->config, "w");
        fputs("service: { max_claims = 3; };", f);
        fclose(f);
        start_call(p, method(p, "Reload"));
        run(p);
        assert_null(p->reply); /* answered when it is loaded */
        assert_non_null(p->worker.settings);
        p->worker.report = fake_report(p->worker.settings, 2);
        manager_dispatch(p->manager);
        finish(p);
        assert_null(sd_bus_message_get_error(p->reply));
        assert_int_equal(manager_get_settings(p->manager)->service.max_claims, 3);

        /* sound, but its model does not load: what was there goes on, the caller learns why */
        start_call(p, method(p, "Reload"));
        run(p);
        p->worker.report = fake_report(p->settings, 2);
        p->worker.report->failure = ENGINE_MODEL_INVALID;
        p->worker.report->kept = true;
        manager_dispatch(p->manager);
        finish(p);
        assert_string_equal(sd_bus_message_get_error(p->reply)->name, BUS_NAME ".Error.ModelInvalid");
        assert_int_equal(manager_get_settings(p->manager)->service.max_claims, 3);
}

static void test_disabled_is_kept(void **state)
{
        struct place *p = *state;
        struct manager_config config = { .state_dir = p->folder };
        struct manager *m;

        call_plain(p, "Disable", "");
        assert_int_equal(manager_new(&config, p->settings, &m), 0);
        assert_false(manager_get_view(m)->enabled);
        manager_free(m);
        call_plain(p, "Enable", "");
        assert_int_equal(manager_new(&config, p->settings, &m), 0);
        assert_true(manager_get_view(m)->enabled);
        manager_free(m);
}

static void test_watchdog(void **state)
{
        struct place *p = *state;
        struct worker_snapshot *s = &p->worker.snapshot;

        assert_true(manager_check_alive(p->manager));
        assert_false(manager_check_alive(p->manager)); /* it was asked and did not answer */
        s->wish_serial = p->worker.wish.serial;
        assert_true(manager_check_alive(p->manager));
        s->wish_serial = p->worker.wish.serial;
        s->state = STREAM_STREAMING;
        s->n_opens = 1;
        assert_true(manager_check_alive(p->manager)); /* opened since */
        s->wish_serial = p->worker.wish.serial;
        assert_false(manager_check_alive(p->manager)); /* no frame since */
        s->wish_serial = p->worker.wish.serial;
        s->stats.n_frames++;
        assert_true(manager_check_alive(p->manager));
        s->wish_serial = p->worker.wish.serial;
        s->state = STREAM_ERROR;
        assert_true(manager_check_alive(p->manager)); /* known to be absent */
}

/* === The interface as documented, held against the live one === */

/* The tag with its attributes in an order of ours. */
static size_t write_tag(const char *tag, size_t len, char *ret, size_t size)
{
        static const char *const attributes[] = { " name=\"", " type=\"", " direction=\"", " access=\"", " value=\"" };
        size_t n = (size_t)snprintf(ret, size, "%.*s", (int)strcspn(tag, " >"), tag);

        for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
                const char *a = memmem(tag, len, attributes[i], strlen(attributes[i]));

                if (a)
                        n += (size_t)snprintf(ret + n, size - n, "%s%.*s\"", attributes[i],
                                              (int)strcspn(a + strlen(attributes[i]), "\""), a + strlen(attributes[i]));
        }
        return n + (size_t)snprintf(ret + n, size - n, ">\n");
}

/* Writes each <interface>, <method>, <arg>, <property>, <signal> of interface @name with its attributes, one a line,
 * and each annotation that the file writes; comments are left out. */
static void outline(const char *xml, const char *name, char *ret, size_t size)
{
        char start[128];
        const char *p, *end;
        size_t n = 0;

        snprintf(start, sizeof(start), "<interface name=\"%s\"", name);
        p = strstr(xml, start);
        assert_non_null(p);
        end = strstr(p, "</interface>");
        assert_non_null(end);
        ret[0] = '\0';
        while ((p = strchr(p, '<')) && p < end) {
                size_t len = strcspn(p, ">");

                if (strncmp(p, "<!--", 4) == 0) {
                        p = strstr(p, "-->");
                        continue;
                }
                while (len > 0 && (p[len - 1] == '/' || p[len - 1] == ' '))
                        len--;
                /* sd-bus adds who may call; the file does not speak of it */
                if (p[1] != '/' && !memmem(p, len, "Privileged", 10))
                        n += write_tag(p, len, ret + n, size - n);
                p += len + 1;
        }
}

static void compare_interface(struct place *p, const char *path, const char *interface)
{
        static char documented[32768], want[32768], have[32768];
        char file[512];
        const char *xml;
        sd_bus_message *m;
        size_t n;
        FILE *f;

        snprintf(file, sizeof(file), "%s/daemon/%s.xml", getenv("EMO_SRCDIR"), interface);
        f = fopen(file, "r");
        assert_non_null(f);
        n = fread(documented, 1, sizeof(documented) - 1, f);
        documented[n] = '\0';
        fclose(f);
        assert_true(sd_bus_message_new_method_call(p->client, &m, NULL, path, "org.freedesktop.DBus.Introspectable",
                                                   "Introspect") >= 0);
        call(p, m, "");
        assert_true(sd_bus_message_read(p->reply, "s", &xml) > 0);
        outline(documented, interface, want, sizeof(want));
        outline(xml, interface, have, sizeof(have));
        assert_int_equal(strlen(want), strlen(have));
        /* the order is free: each line of one is in the other; members are unique by name and type */
        for (char *line = strtok(want, "\n"); line; line = strtok(NULL, "\n"))
                if (!strstr(have, line))
                        fail_msg("documented, but not there: %s", line);
}

static void test_introspection(void **state)
{
        struct place *p = *state;
        struct camera_device one = { "/dev/a", "A" };

        assert_int_equal(manager_set_devices(p->manager, &one, 1), 0);
        compare_interface(p, BUS_PATH, BUS_IFACE_MANAGER);
        compare_interface(p, BUS_CAMERA_PATH "/1", BUS_IFACE_CAMERA);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_states, make, destroy),
                cmocka_unit_test_setup_teardown(test_options, make, destroy),
                cmocka_unit_test_setup_teardown(test_signals, make, destroy),
                cmocka_unit_test_setup_teardown(test_deaf_claimant, make, destroy),
                cmocka_unit_test_setup_teardown(test_cameras, make, destroy),
                cmocka_unit_test_setup_teardown(test_pictures, make, destroy),
                cmocka_unit_test_setup_teardown(test_claims_of_a_user, make, destroy),
                cmocka_unit_test_setup_teardown(test_preview, make, destroy),
                cmocka_unit_test_setup_teardown(test_reload, make, destroy),
                cmocka_unit_test_setup_teardown(test_disabled_is_kept, make, destroy),
                cmocka_unit_test_setup_teardown(test_watchdog, make, destroy),
                cmocka_unit_test_setup_teardown(test_introspection, make, destroy),
        };

        return cmocka_run_group_tests_name("manager", tests, NULL, NULL);
}
