/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "tests/unit/manager-place.h"

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
        /* the texts quote 64 bytes of it, which end in the middle of a character: the caller gets its answer */
        CLAIM(p, INVALID, "a{sv}", 1, "xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxxxxxxxx xxx\xc3\xbc", "s",
              "");
        assert_int_equal(claims_count(manager_get_claims(p->manager)), 0);
        CLAIM(p, "", "a{sv}", 4, "min-confidence", "d", 0.75, "min-hold-ms", "u", 100, "max-rate-hz", "d", 2.0,
              "emotions", "as", 2, "happiness", "unsure");
        assert_true(p->worker.wish.listeners[1].rules.min_confidence > 0.74);
        assert_int_equal(p->worker.wish.listeners[1].rules.min_hold_usec, 100000);
        assert_true(p->worker.wish.listeners[1].claim > 0);
        CLAIM(p, "", "a{sv}", 0); /* replaced */
        assert_int_equal(claims_count(manager_get_claims(p->manager)), 1);
        assert_true(p->worker.wish.listeners[1].rules.min_confidence < 0.5);
}

static void add_event(struct place *p, enum face_event_kind kind, uint64_t claim, int from, int to)
{
        p->worker.events[p->worker.n_events++] = (struct worker_event){
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
        p->worker.snapshot.n_faces = 1;
        p->worker.snapshot.faces[0] = (struct face){ .id = 5 };
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
        p->worker.events[p->worker.n_events - 1].event.pose = (struct face_pose){ true, 12, -3, 1 };
        manager_dispatch(p->manager);
        run(p);
        assert_string_equal(p->heard.member, "AttentionChanged");
        assert_string_equal(p->heard.first, "facing");
        add_event(p, FACE_VANISHED, 0, 0, 0);
        manager_dispatch(p->manager);
        run(p);
        assert_string_equal(p->heard.member, "FaceVanished");
}

/* Who claims late hears at once of the faces in view, after the answer, and of each news once. */
static void test_late_claimant(void **state)
{
        struct place *p = *state;

        p->worker.snapshot.n_faces = 2;
        p->worker.snapshot.faces[0] = (struct face){ .id = 5, .facing = true, .pose = { true, 12, 0, 0 } };
        p->worker.snapshot.faces[1] = (struct face){ .id = 6 };
        CLAIM(p, "", "a{sv}", 0);
        run(p);
        assert_int_equal(p->heard.n_news, 3);
        /* what was announced before reaches it no second time */
        add_event(p, FACE_APPEARED, 0, 0, 0);
        add_event(p, FACE_ATTENTION_CHANGED, 0, 0, 0);
        p->worker.events[p->worker.n_events - 1].event.facing = true;
        manager_dispatch(p->manager);
        run(p);
        assert_int_equal(p->heard.n_news, 3);
        add_event(p, FACE_VANISHED, 0, 0, 0);
        add_event(p, FACE_VANISHED, 0, 0, 0);
        manager_dispatch(p->manager);
        run(p);
        assert_int_equal(p->heard.n_news, 4);
        assert_string_equal(p->heard.member, "FaceVanished");
        /* other options for the same claim tell nothing anew */
        CLAIM(p, "", "a{sv}", 1, "max-rate-hz", "d", 1.0);
        run(p);
        assert_int_equal(p->heard.n_news, 4);
}

static void hand_summary(struct place *p, uint64_t claim)
{
        struct summary_note *note = calloc(1, sizeof(*note) + sizeof(note->faces[0]));

        *note = (struct summary_note){ .claim = claim, .end_usec = 1000000, .n_labels = 1, .n_faces = 1 };
        strcpy(note->device, "/dev/none");
        strcpy(note->labels[0], "happiness");
        note->faces[0] = (struct summary_face){ .face = 5, .present_ms = 1000, .emotion_ms = { 1000 } };
        p->worker.summary = note;
        p->heard.n_news = 0;
        manager_dispatch(p->manager);
        run(p);
}

/* Sums go to the claim that asked, also after it asked for something else; a camera that is gone has no path. */
static void test_summary(void **state)
{
        struct place *p = *state;
        uint64_t claim;

        CLAIM(p, INVALID, "a{sv}", 1, "summary-ms", "u", 199);
        CLAIM(p, "", "a{sv}", 1, "summary-ms", "u", 500);
        claim = p->worker.wish.listeners[1].summary_claim;
        assert_int_equal(p->worker.wish.listeners[1].summary_ms, 500);
        hand_summary(p, claim);
        assert_int_equal(p->heard.n_news, 1);
        assert_string_equal(p->heard.member, "Summary");
        assert_string_equal(p->heard.first, "/");
        hand_summary(p, claim + 1);
        assert_int_equal(p->heard.n_news, 0);
        CLAIM(p, "", "a{sv}", 2, "summary-ms", "u", 500, "min-confidence", "d", 0.9);
        assert_int_equal(p->worker.wish.listeners[1].summary_claim, claim);
        assert_int_not_equal(p->worker.wish.listeners[1].claim, claim);
        hand_summary(p, claim);
        assert_int_equal(p->heard.n_news, 1);
        CLAIM(p, "", "a{sv}", 0);
        assert_int_equal(p->worker.wish.listeners[1].summary_ms, 0);
}

/* The getter answers for its own properties, and each row's member has a size that a getter reads. */
static void test_properties(void **state)
{
        struct manager_view a = { .state = MANAGER_IDLE }, b = a;
        const bool *flag;

        assert_int_equal(manager_view_changes(&a, &b), 0);
        b.tainted = true;
        assert_int_equal(manager_view_changes(&a, &b), MANAGER_TAINTED);
        b.enabled = true;
        b.last_error = SERVICE_NO_CAMERA;
        assert_int_equal(manager_view_changes(&a, &b), MANAGER_TAINTED | MANAGER_ENABLED | MANAGER_LAST_ERROR);
        flag = manager_view_member(&b, "Tainted", sizeof(bool));
        assert_true(flag && *flag);
        flag = manager_view_member(&b, "InUse", sizeof(bool));
        assert_true(flag && !*flag);
        assert_null(manager_view_member(&b, "State", sizeof(bool)));
        assert_null(manager_view_member(&b, "Model", sizeof(bool)));
        assert_null(manager_view_member(&b, "NoSuch", sizeof(bool)));
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
        for (int i = 0; i < max; i++) {
                p->worker.jobs[i].result = 1;
                p->worker.jobs[i].engine_serial = 1;
        }
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

/* What was classified by a model that has been replaced cannot be told in the labels of the new one. */
static void test_picture_of_another_model(void **state)
{
        struct place *p = *state;

        for (uint64_t serial = 1; serial <= 2; serial++) {
                classify(p, memfd_create("x", MFD_CLOEXEC), NULL);
                run(p);
                p->worker.jobs[serial - 1].result = 1;
                p->worker.jobs[serial - 1].engine_serial = serial;
        }
        p->worker.report = fake_report(p->settings, 2);
        p->reply = sd_bus_message_unref(p->reply);
        p->worker.n_answers = 1;
        manager_dispatch(p->manager);
        finish(p);
        assert_string_equal(sd_bus_message_get_error(p->reply)->name, SD_BUS_ERROR_FAILED);
        p->reply = sd_bus_message_unref(p->reply);
        p->worker.n_answers = 2;
        manager_dispatch(p->manager);
        finish(p);
        assert_null(sd_bus_message_get_error(p->reply));
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
        p->worker.preview = (struct preview_job){ .fd = memfd_create("p", MFD_CLOEXEC), .width_px = 4, .height_px = 2 };
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
        p->worker.report->settings_serial = p->worker.settings_serial;
        manager_dispatch(p->manager);
        finish(p);
        assert_null(sd_bus_message_get_error(p->reply));
        assert_int_equal(manager_get_settings(p->manager)->service.max_claims, 3);

        /* sound, but its model does not load: what was there goes on, the caller learns why */
        start_call(p, method(p, "Reload"));
        run(p);
        p->worker.report = fake_report(p->settings, 2);
        p->worker.report->settings_serial = p->worker.settings_serial;
        p->worker.report->failure = ENGINE_MODEL_INVALID;
        strcpy(p->worker.report->failure_text, "model \xfc: bad");
        p->worker.report->kept = true;
        manager_dispatch(p->manager);
        finish(p);
        assert_string_equal(sd_bus_message_get_error(p->reply)->name, BUS_NAME ".Error.ModelInvalid");
        assert_int_equal(manager_get_settings(p->manager)->service.max_claims, 3);
}

static int on_second_reply(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        sd_bus_message **ret = userdata;

        *ret = sd_bus_message_ref(m);
        return 0;
}

/* Two calls, and the second set comes while the first is being loaded: each caller hears of its own. */
static void test_reloads_apart(void **state)
{
        struct place *p = *state;
        sd_bus_message *second = NULL, *m = method(p, "Reload");

        start_call(p, method(p, "Reload"));
        run(p);
        assert_true(sd_bus_call_async(p->client, NULL, m, on_second_reply, &second, 0) >= 0);
        sd_bus_message_unref(m);
        run(p);
        assert_int_equal(p->worker.settings_serial, 2);
        p->worker.report = fake_report(p->settings, 2);
        p->worker.report->settings_serial = 1;
        manager_dispatch(p->manager);
        run(p);
        assert_non_null(p->reply);
        assert_null(sd_bus_message_get_error(p->reply));
        assert_null(second);
        assert_true(manager_is_reloading(p->manager));
        p->worker.report = fake_report(p->settings, 2);
        p->worker.report->settings_serial = 2;
        p->worker.report->kept = true;
        p->worker.report->failure = ENGINE_PLUGIN_FAILED;
        manager_dispatch(p->manager);
        run(p);
        assert_non_null(second);
        assert_string_equal(sd_bus_message_get_error(second)->name, BUS_NAME ".Error.PluginFailed");
        assert_false(manager_is_reloading(p->manager));
        sd_bus_message_unref(second);
}

/* One set was replaced before the worker looked at it: the report of the next answers both. Two reports at once: both
 * are used. */
static void test_reloads_together(void **state)
{
        struct place *p = *state;
        sd_bus_message *second = NULL, *m = method(p, "Reload");

        start_call(p, method(p, "Reload"));
        assert_true(sd_bus_call_async(p->client, NULL, m, on_second_reply, &second, 0) >= 0);
        sd_bus_message_unref(m);
        run(p);
        p->worker.report = fake_report(p->settings, 2);
        p->worker.report->settings_serial = 2;
        p->worker.next_report = fake_report(p->settings, 2);
        p->worker.next_report->settings_serial = 3;
        p->worker.next_report->kept = true;
        p->worker.next_report->failure = ENGINE_FAILED;
        manager_dispatch(p->manager);
        run(p);
        assert_non_null(p->reply);
        assert_non_null(second);
        assert_null(sd_bus_message_get_error(p->reply));
        assert_null(sd_bus_message_get_error(second));
        assert_null(p->worker.report);
        assert_int_equal(manager_get_report(p->manager)->serial, 2);
        sd_bus_message_unref(second);
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
        /* when it cannot be known, the camera stays closed */
        fclose(fopen(p->config, "w"));
        config.state_dir = p->config;
        assert_int_equal(manager_new(&config, p->settings, &m), 0);
        assert_false(manager_get_view(m)->enabled);
        manager_free(m);
}

#define TICK_USEC 10000000u

/* A tick later, does the watchdog find the worker alive? @answered: it obeyed the last wish. */
static bool alive(struct place *p, uint64_t *now, bool answered)
{
        *now += TICK_USEC;
        if (answered)
                p->worker.snapshot.wish_serial = p->worker.wish.serial;
        return manager_check_alive(p->manager, *now, TICK_USEC);
}

static void test_watchdog(void **state)
{
        struct place *p = *state;
        struct worker_snapshot *s = &p->worker.snapshot;
        uint64_t now = 1000000000;

        p->settings->camera.stall_ms = 2000;
        assert_true(alive(p, &now, true));
        assert_false(alive(p, &now, false)); /* it was asked and did not answer */
        assert_true(alive(p, &now, true));
        s->state = STREAM_STREAMING;
        s->n_opens = 1;
        assert_true(alive(p, &now, true));  /* opened since */
        assert_true(alive(p, &now, true));  /* a frame may have come and gone wrong just after that tick */
        assert_false(alive(p, &now, true)); /* but then the worker would have seen that none comes */
        s->stats.n_frames++;
        assert_true(alive(p, &now, true));
        s->state = STREAM_ERROR;
        for (int i = 0; i < 5; i++)
                assert_true(alive(p, &now, true)); /* known to be absent */
}

/* A source may be slow, and a pause as long as the settings allow it: the worker bears it, so the watchdog does. */
static void test_watchdog_is_patient(void **state)
{
        struct place *p = *state;
        struct worker_snapshot *s = &p->worker.snapshot;
        uint64_t now = 1000000000;

        s->state = STREAM_STREAMING;
        for (int slow = 0; slow < 2; slow++) {
                p->settings->camera.stall_ms = slow ? 2000 : 60000;
                s->info.frame_rate_hz = slow ? 0.05 : 30;
                s->stats.n_frames++;
                for (int i = 0; i <= 7; i++) /* 70 s: 60 and a tick */
                        assert_true(alive(p, &now, true));
                assert_false(alive(p, &now, true));
        }
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
                /* sd-bus adds who may call; the file tells GLib's generator of code where a descriptor is handed over */
                if (p[1] != '/' && !memmem(p, len, "Privileged", 10) && !memmem(p, len, "org.gtk.GDBus.C.", 16))
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
                cmocka_unit_test_setup_teardown(test_summary, make, destroy),
                cmocka_unit_test_setup_teardown(test_states, make, destroy),
                cmocka_unit_test_setup_teardown(test_options, make, destroy),
                cmocka_unit_test_setup_teardown(test_signals, make, destroy),
                cmocka_unit_test_setup_teardown(test_late_claimant, make, destroy),
                cmocka_unit_test(test_properties),
                cmocka_unit_test_setup_teardown(test_deaf_claimant, make, destroy),
                cmocka_unit_test_setup_teardown(test_pictures, make, destroy),
                cmocka_unit_test_setup_teardown(test_picture_of_another_model, make, destroy),
                cmocka_unit_test_setup_teardown(test_claims_of_a_user, make, destroy),
                cmocka_unit_test_setup_teardown(test_preview, make, destroy),
                cmocka_unit_test_setup_teardown(test_reload, make, destroy),
                cmocka_unit_test_setup_teardown(test_reloads_apart, make, destroy),
                cmocka_unit_test_setup_teardown(test_reloads_together, make, destroy),
                cmocka_unit_test_setup_teardown(test_disabled_is_kept, make, destroy),
                cmocka_unit_test_setup_teardown(test_watchdog, make, destroy),
                cmocka_unit_test_setup_teardown(test_watchdog_is_patient, make, destroy),
                cmocka_unit_test_setup_teardown(test_introspection, make, destroy),
        };

        return cmocka_run_group_tests_name("manager", tests, NULL, NULL);
}
