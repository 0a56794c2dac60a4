/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "basic/utf8.h"
#include "tests/unit/manager-place.h"

/* The cameras as the manager and the bus see them: which is opened for whom, what is shown, and by what name. */

static const struct camera_device two[] = { { "/dev/a", "A" }, { "/dev/b", "B" } };
static const char *const camera_1 = BUS_CAMERA_PATH "/1", *const camera_2 = BUS_CAMERA_PATH "/2";

/* The reply to org.freedesktop.DBus.Properties.Get, inside its variant. */
static void get(struct place *p, const char *path, const char *property, const char *type)
{
        sd_bus_message *m = NULL;

        assert_true(sd_bus_message_new_method_call(p->client, &m, NULL, path, "org.freedesktop.DBus.Properties",
                                                   "Get") >= 0);
        assert_true(sd_bus_message_append(m, "ss", BUS_IFACE_CAMERA, property) >= 0);
        call(p, m, "");
        assert_true(sd_bus_message_enter_container(p->reply, 'v', type) > 0);
}

static uint64_t get_counter(struct place *p, const char *path, const char *property)
{
        uint64_t v;

        get(p, path, property, "t");
        assert_true(sd_bus_message_read(p->reply, "t", &v) > 0);
        return v;
}

static void expect_text(struct place *p, const char *property, const char *text)
{
        const char *v;

        get(p, camera_1, property, "s");
        assert_true(sd_bus_message_read(p->reply, "s", &v) > 0);
        assert_string_equal(v, text);
}

static void test_cameras(void **state)
{
        struct place *p = *state;

        assert_int_equal(manager_set_devices(p->manager, two, 1), 0);
        stream(p, STREAM_BUSY, -EBUSY); /* of "auto": there is but one */
        assert_int_equal(manager_get_cameras(p->manager)->list[0]->state, STREAM_BUSY);
        stream(p, STREAM_CLOSED, 0);
        assert_int_equal(manager_get_cameras(p->manager)->list[0]->state, STREAM_CLOSED);
        run(p);
        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        run(p);
        assert_int_equal(p->heard.n_added, 2);
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
        assert_int_equal(p->heard.n_removed, 1);
        assert_int_equal(manager_get_cameras(p->manager)->n, 1);
        p->worker.snapshot.state = STREAM_ERROR;
        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        assert_null(cameras_find(manager_get_cameras(p->manager), 2)); /* a number is never used again */
        assert_non_null(cameras_find(manager_get_cameras(p->manager), 3));
}

static struct claim *claim_of(struct place *p, const char *owner, unsigned camera)
{
        struct claim_options o;
        struct claim *c;

        claim_options_init(&o);
        o.camera = camera;
        assert_true(manager_claim(p->manager, owner, 7, &o, &c) >= 0);
        return c;
}

/* A claim whose camera is gone opens no other one, and is not left without a word. */
static void test_claimed_camera_is_gone(void **state)
{
        struct place *p = *state;

        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        CLAIM(p, "", "a{sv}", 1, "camera", "o", camera_2);
        assert_true(p->worker.wish.watch);
        strcpy(p->worker.snapshot.info.device, "/dev/b");
        stream(p, STREAM_STREAMING, 0);
        expect_state(p, "watching", "");
        assert_int_equal(manager_set_devices(p->manager, two, 1), 0);
        assert_false(p->worker.wish.watch);
        expect_state(p, "no-camera", BUS_NAME ".Error.NoCamera");
        run(p);
        assert_string_equal(p->heard.member, "PropertiesChanged");

        claim_of(p, ":1.7", 0); /* whoever takes any camera still gets one */
        assert_true(p->worker.wish.watch);
        assert_string_equal(p->worker.wish.device, "");
        assert_int_equal(manager_release(p->manager, ":1.7"), 0);
        assert_false(p->worker.wish.watch);
        call_plain(p, "Release", "");
        expect_state(p, "idle", "");
}

/* The settings name the camera: a claim for another one would be deaf, so none is opened for it. */
static void test_claim_beside_the_settings(void **state)
{
        struct place *p = *state;

        strcpy(p->settings->camera.device, "/dev/a");
        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        CLAIM(p, "", "a{sv}", 1, "camera", "o", camera_2);
        assert_false(p->worker.wish.watch);
        expect_state(p, "no-camera", BUS_NAME ".Error.NoCamera");
        claim_of(p, ":1.7", 1);
        assert_true(p->worker.wish.watch);
        assert_string_equal(p->worker.wish.device, ""); /* the settings' */
        expect_state(p, "starting", "");
}

static void test_camera_is_always_on(void **state)
{
        struct place *p = *state;

        p->settings->camera.policy = CAMERA_ALWAYS;
        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        claim_of(p, ":1.7", 2);
        assert_int_equal(manager_set_devices(p->manager, two, 1), 0);
        assert_true(p->worker.wish.watch);
        assert_string_equal(p->worker.wish.device, "");
}

/* Of two claims that name cameras the older one has its way, wherever it stands in the table. */
static void test_oldest_claim_chooses(void **state)
{
        struct place *p = *state;

        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        claim_of(p, ":1.1", 0);
        claim_of(p, ":1.2", 2);
        assert_int_equal(manager_release(p->manager, ":1.1"), 0);
        claim_of(p, ":1.3", 1); /* in the place of the first */
        assert_string_equal(p->worker.wish.device, "/dev/b");
        assert_int_equal(manager_set_devices(p->manager, two, 1), 0);
        assert_string_equal(p->worker.wish.device, "/dev/a");
}

/* Who asks gets the numbers of now, though nothing was told since the camera was opened. */
static void test_counters(void **state)
{
        struct place *p = *state;
        struct worker_snapshot *s = &p->worker.snapshot;
        double fps;

        assert_int_equal(manager_set_devices(p->manager, two, 2), 0);
        s->stats = (struct source_stats){ .n_frames = 1000, .n_dropped = 10 };
        strcpy(s->info.device, "/dev/a");
        CLAIM(p, "", "a{sv}", 0);
        stream(p, STREAM_STREAMING, 0);
        s->stats = (struct source_stats){ .n_frames = 1042, .n_dropped = 13 };
        s->measured_fps = 24;
        assert_int_equal(get_counter(p, camera_1, "Frames"), 42);
        assert_int_equal(get_counter(p, camera_1, "FramesDropped"), 3);
        get(p, camera_1, "MeasuredFrameRate", "d");
        assert_true(sd_bus_message_read(p->reply, "d", &fps) > 0);
        assert_float_equal(fps, 24, 1e-9);
        assert_int_equal(get_counter(p, camera_2, "Frames"), 0);
        /* the worker has another one already: its frames are not this one's */
        strcpy(s->info.device, "/dev/b");
        s->stats.n_frames = 2000;
        assert_int_equal(get_counter(p, camera_1, "Frames"), 42);
        manager_dispatch(p->manager);
        s->stats.n_frames = 2005;
        assert_int_equal(get_counter(p, camera_1, "Frames"), 42);
        assert_int_equal(get_counter(p, camera_2, "Frames"), 5);
}

static void test_utf8(void **state)
{
        static const char *const cases[][2] = {
                { "", "" },
                { "plain 09 ~", "plain 09 ~" },
                { "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80", "f\xc3\xbcr \xe2\x82\xac \xf0\x9f\x98\x80" },
                { "cut \xc3", "cut ?" },
                { "cut \xe2\x82", "cut ??" },
                { "cut \xf0\x9f\x98 x", "cut ??? x" },
                { "\xfc"
                  "ber \xff",
                  "?ber ?" },
                { "\x80\xbf", "??" },
                /* too long for what they are */
                { "\xc0\xaf \xc1\xbf \xe0\x9f\xbf \xf0\x8f\xbf\xbf", "?? ?? ??? ????" },
                { "\xed\xa0\x80 \xf4\x90\x80\x80 \xf8\x88\x80\x80\x80", "??? ???? ?????" },
                /* set aside as no characters, and their neighbours */
                { "\xef\xbf\xbf \xef\xb7\x90 \xf0\x9f\xbf\xbe", "??? ??? ????" },
                { "\xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbd \xf4\x8f\xbf\xbd",
                  "\xed\x9f\xbf \xee\x80\x80 \xef\xbf\xbd \xf4\x8f\xbf\xbd" },
                { "a\tb\nc\x7f \xc2\x85", "a?b?c? ??" },
                /* what turns the direction of writing, ends a line or hides text; joiners are part of words */
                { "\xe2\x80\xaegpj.exe \xe2\x81\xa6 \xd8\x9c \xe2\x80\xa8", "???gpj.exe ??? ?? ???" },
                { "\xef\xbb\xbf \xf3\xa0\x81\x81 \xe2\x80\x8d", "??? ???? \xe2\x80\x8d" },
        };
        struct place *p = *state;
        char text[64];

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                sd_bus_message *m = method(p, "Nothing");

                snprintf(text, sizeof(text), "%s", cases[i][0]);
                utf8_clean(text);
                assert_string_equal(text, cases[i][1]);
                assert_true(sd_bus_message_append(m, "s", text) >= 0); /* what is left the bus takes */
                sd_bus_message_unref(m);
        }
}

/* Whatever a camera or a file calls itself: its object is shown, and all others are. */
static void test_names(void **state)
{
        struct place *p = *state;
        struct camera_device d = { "/tmp/\xfc"
                                   "ber.avi",
                                   "Kamera f\xc3\xbcr den K\xc3" };
        sd_bus_message *m = NULL;

        assert_int_equal(manager_set_devices(p->manager, &d, 1), 0);
        run(p);
        assert_int_equal(p->heard.n_added, 1);
        assert_true(sd_bus_message_new_method_call(p->client, &m, NULL, BUS_PATH, "org.freedesktop.DBus.ObjectManager",
                                                   "GetManagedObjects") >= 0);
        call(p, m, "");
        expect_text(p, "Device", "/tmp/?ber.avi");
        expect_text(p, "Name", "Kamera f\xc3\xbcr den K?");
        assert_int_equal(manager_set_devices(p->manager, &d, 1), 0);
        assert_non_null(cameras_find(manager_get_cameras(p->manager), 1)); /* still the same one */
        strcpy(p->worker.snapshot.info.device, d.device);
        stream(p, STREAM_STREAMING, 0);
        assert_int_equal(manager_camera_number(p->manager), 1);
        expect_text(p, "State", "streaming");
        CLAIM(p, "", "a{sv}", 1, "camera", "o", camera_1);
        assert_string_equal(p->worker.wish.device, d.device); /* opened by its own bytes */
}

static void test_name_comes_later(void **state)
{
        struct place *p = *state;
        struct camera_device d = { "/dev/a", "" };

        assert_int_equal(manager_set_devices(p->manager, &d, 1), 0);
        strcpy(p->worker.snapshot.info.device, d.device);
        strcpy(p->worker.snapshot.info.name, "Kamera K\xc3");
        stream(p, STREAM_STREAMING, 0);
        expect_text(p, "Name", "Kamera K?");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_cameras, make, destroy),
                cmocka_unit_test_setup_teardown(test_claimed_camera_is_gone, make, destroy),
                cmocka_unit_test_setup_teardown(test_claim_beside_the_settings, make, destroy),
                cmocka_unit_test_setup_teardown(test_camera_is_always_on, make, destroy),
                cmocka_unit_test_setup_teardown(test_oldest_claim_chooses, make, destroy),
                cmocka_unit_test_setup_teardown(test_counters, make, destroy),
                cmocka_unit_test_setup_teardown(test_utf8, make, destroy),
                cmocka_unit_test_setup_teardown(test_names, make, destroy),
                cmocka_unit_test_setup_teardown(test_name_comes_later, make, destroy),
        };

        return cmocka_run_group_tests_name("cameras", tests, NULL, NULL);
}
