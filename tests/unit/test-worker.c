/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "daemon/vision/classifier.h"
#include "daemon/vision/plugin-host.h"
#include "daemon/worker.h"
#include "nn/emotion-nn.h"
#include "picture/picture.h"

/* The worker with a camera, plugins and a pipeline made of these variables. */
static struct fake {
        atomic_int open_error; /* of source_open() */
        atomic_int next_error; /* of source_next(), once */
        atomic_bool stall;     /* no frame comes */
        atomic_bool unseen;    /* the face is only remembered */
        atomic_bool model_fails;
        atomic_bool mirror; /* as the classifier was last told */
        atomic_bool nobody; /* the pipeline wants no frames */
        atomic_int n_open, n_opens, n_pipelines;
        atomic_int events_per_frame;
        atomic_int listener_sets, listener_drops;
        atomic_int hold_usec;   /* of the rules set last */
        atomic_int model_error; /* negative errno of making the classifier */
} fake;

struct source {
        struct source_info info;
        struct source_stats stats;
        bool rests;
};

int source_open(const struct source_config *config, struct source **ret, struct source_error *error)
{
        int r = atomic_load(&fake.open_error);
        struct source *s;

        if (r < 0) {
                snprintf(error->text, sizeof(error->text), "%s: refused \xff", config->device);
                return r;
        }
        s = calloc(1, sizeof(*s));
        snprintf(s->info.device, sizeof(s->info.device), "%s", config->device);
        strcpy(s->info.name, "fake");
        strcpy(s->info.format, "GREY");
        s->info.width_px = 4;
        s->info.height_px = 2;
        s->info.frame_rate_hz = 100;
        atomic_fetch_add(&fake.n_open, 1);
        atomic_fetch_add(&fake.n_opens, 1);
        *ret = s;
        return 0;
}

struct source *source_free(struct source *s)
{
        if (s)
                atomic_fetch_sub(&fake.n_open, 1);
        free(s);
        return NULL;
}

int source_next(struct source *s, int wake_fd, uint64_t timeout_usec, struct frame *ret, struct source_error *error)
{
        static const uint8_t pixels[8];
        struct pollfd p = { .fd = wake_fd, .events = POLLIN };
        int r = atomic_exchange(&fake.next_error, 0);

        if (r < 0)
                return r;
        if (poll(&p, 1, 2) > 0)
                return -ECANCELED;
        if (atomic_load(&fake.stall))
                return 0;
        s->stats.n_frames++;
        *ret = (struct frame){
                .width_px = 4, .height_px = 2, .gray = s->rests ? NULL : pixels, .gray_stride_bytes = 4
        };
        return 1;
}

void source_release(struct source *s, struct frame *f)
{
}

void source_rest_until(struct source *s, uint64_t timestamp_usec)
{
        s->rests = timestamp_usec > 0;
}

const struct source_info *source_get_info(const struct source *s)
{
        return &s->info;
}

struct source_stats source_get_stats(const struct source *s)
{
        return s->stats;
}

struct plugin_host {
        int unused;
};

int plugin_host_new(const struct plugin_host_config *config, struct plugin_host **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return 0;
}

struct plugin_host *plugin_host_free(struct plugin_host *h)
{
        free(h);
        return NULL;
}

const char *plugin_host_error(const struct plugin_host *h)
{
        return NULL;
}

size_t plugin_host_n_plugins(const struct plugin_host *h)
{
        return 1;
}

const struct plugin_info *plugin_host_plugin(const struct plugin_host *h, size_t i)
{
        static const struct plugin_info info = { .file = "/x/y.so", .name = "y", .version = "1\xc3", .detector = true };

        return &info;
}

struct classifier {
        int unused;
};

bool nn_bytes_are_fast(void)
{
        return true;
}

int classifier_new(const char *path, const struct nn_form_text *text, unsigned max_batch, unsigned threads,
                   struct classifier **ret, struct classifier_error *error)
{
        if (atomic_load(&fake.model_error) < 0)
                return atomic_load(&fake.model_error);
        if (atomic_load(&fake.model_fails)) {
                snprintf(error->text, sizeof(error->text), "%.200s: bad", path);
                return -EBADMSG;
        }
        *ret = calloc(1, sizeof(**ret));
        return 0;
}

void classifier_set_mirror(struct classifier *c, bool mirror)
{
        atomic_store(&fake.mirror, mirror);
}

struct classifier *classifier_free(struct classifier *c)
{
        free(c);
        return NULL;
}

const struct classifier_info *classifier_get_info(const struct classifier *c)
{
        static const struct classifier_info info = {
                .file = "/m.onnx",
                .name = "",
                .licence = "",
                .n_labels = 2,
                .labels = { "happiness", "neutral" },
        };

        return &info;
}

struct pipeline {
        struct face face;
        struct face_event events[PIPELINE_MAX_EVENTS];
        struct pipeline_stats stats;
        bool there;
};

int pipeline_new(const struct pipeline_config *config, struct plugin_host *host, struct classifier *classifier,
                 struct pipeline **ret)
{
        *ret = calloc(1, sizeof(**ret));
        atomic_fetch_add(&fake.n_pipelines, 1);
        return 0;
}

struct pipeline *pipeline_free(struct pipeline *p)
{
        free(p);
        return NULL;
}

bool pipeline_wants_bgr(const struct pipeline *p)
{
        return false;
}

int pipeline_process(struct pipeline *p, const struct frame *f, struct pipeline_result *ret)
{
        size_t n = (size_t)atomic_load(&fake.events_per_frame);

        p->stats.n_frames++;
        p->face = (struct face){ .id = 7, .scores = { 0.25f, 0.75f }, .seen_usec = atomic_load(&fake.unseen) ? 1 : 0 };
        for (size_t i = 0; i < n; i++)
                p->events[i] = (struct face_event){ .kind = FACE_EMOTION_CHANGED, .listener = 1, .face = 7 };
        if (!p->there)
                p->events[n++] = (struct face_event){ .kind = FACE_APPEARED, .face = 7 };
        p->there = true;
        *ret = (struct pipeline_result){ .n_faces = 1, .faces = &p->face, .n_events = n, .events = p->events };
        return 0;
}

void pipeline_flush(struct pipeline *p, uint64_t now_usec, struct pipeline_result *ret)
{
        *ret = (struct pipeline_result){ .events = p->events };
        if (!p->there)
                return;
        p->there = false;
        p->events[0] = (struct face_event){ .kind = FACE_VANISHED, .face = 7 };
        ret->n_events = 1;
}

uint64_t pipeline_rests_until(const struct pipeline *p)
{
        return atomic_load(&fake.nobody) ? UINT64_MAX : 0;
}

int pipeline_set_listener(struct pipeline *p, unsigned listener, const struct decision_rules *rules)
{
        atomic_store(&fake.hold_usec, (int)rules->min_hold_usec);
        atomic_fetch_add(&fake.listener_sets, 1);
        return 0;
}

void pipeline_drop_listener(struct pipeline *p, unsigned listener)
{
        atomic_fetch_add(&fake.listener_drops, 1);
}

int pipeline_classify_image(struct pipeline *p, const struct frame *f, const struct decision_rules *rules,
                            struct face *ret, size_t max)
{
        ret[0] = (struct face){ .emotion = 1, .confidence = rules->min_confidence };
        return 1;
}

struct pipeline_stats pipeline_get_stats(const struct pipeline *p)
{
        return p->stats;
}

/* === Tests === */

struct place {
        struct worker *w;
        struct settings *s;
        struct engine_report *report;
        struct worker_wish wish;
        unsigned n_appeared, n_vanished, n_changed;
        uint64_t last_claim;
};

static void pump(struct place *p, int timeout_ms)
{
        struct pollfd f = { .fd = worker_get_fd(p->w), .events = POLLIN };
        struct engine_report *r;
        struct worker_event e;

        poll(&f, 1, timeout_ms);
        worker_clear_fd(p->w);
        while (worker_pop_event(p->w, &e)) {
                p->n_appeared += e.event.kind == FACE_APPEARED;
                p->n_vanished += e.event.kind == FACE_VANISHED;
                p->n_changed += e.event.kind == FACE_EMOTION_CHANGED;
                if (e.event.kind == FACE_EMOTION_CHANGED)
                        p->last_claim = e.claim;
        }
        r = worker_take_report(p->w);
        if (r) {
                engine_report_free(p->report);
                p->report = r;
        }
}

#define WAIT_FOR(p, condition)                                     \
        do {                                                       \
                int _i = 0;                                        \
                while (!(condition)) {                             \
                        if (++_i > 2000)                           \
                                fail_msg("never: %s", #condition); \
                        pump(p, 10);                               \
                }                                                  \
        } while (0)

static const struct worker_snapshot *snap(struct place *p)
{
        return worker_get_snapshot(p->w);
}

static void wish(struct place *p, bool watch)
{
        p->wish.watch = watch;
        p->wish.serial = worker_set_wish(p->w, &p->wish);
}

static int make(void **state)
{
        static const char *const dirs[] = { "/nonexistent", NULL };
        const char *build = getenv("EMO_BUILDDIR");
        char decoder[4096];
        struct engine_config config = { "/nonexistent", dirs, decoder };
        struct place *p = calloc(1, sizeof(*p));
        struct settings_error error;

        snprintf(decoder, sizeof(decoder), "%s/emotion-decode", build ? build : ".");
        memset(&fake, 0, sizeof(fake));
        if (settings_load(NULL, true, NULL, &p->s, &error) < 0)
                return -1;
        strcpy(p->s->camera.device, "/dev/fake");
        p->s->camera.stall_ms = 60;
        if (worker_new(&config, p->s, &p->w) < 0)
                return -1;
        WAIT_FOR(p, p->report);
        *state = p;
        return 0;
}

static int destroy(void **state)
{
        struct place *p = *state;

        worker_free(p->w);
        engine_report_free(p->report);
        settings_unref(p->s);
        free(p);
        return atomic_load(&fake.n_open); /* the camera is closed in the end */
}

static void test_opens_and_closes(void **state)
{
        struct place *p = *state;

        assert_true(p->report->ready);
        assert_string_equal(engine_report_label(p->report, 1), "neutral");
        assert_string_equal(engine_report_label(p->report, EMOTION_UNSURE), "unsure");
        assert_string_equal(engine_report_label(p->report, 2), "unsure");
        assert_string_equal(p->report->plugins[0].version, "1?"); /* the bus takes UTF-8 only */
        assert_int_equal(atomic_load(&fake.n_opens), 0);
        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING && snap(p)->stats.n_frames > 3 && snap(p)->n_faces == 1);
        assert_string_equal(snap(p)->info.device, "/dev/fake");
        WAIT_FOR(p, p->n_appeared == 1);
        wish(p, false);
        WAIT_FOR(p, snap(p)->state == STREAM_CLOSED && p->n_vanished == 1);
        assert_int_equal(atomic_load(&fake.n_open), 0);
        assert_int_equal(snap(p)->n_faces, 0);
}

/* With nobody in view frames come without a picture: they count, and a picture that is asked for comes all the same. */
static void test_rests(void **state)
{
        struct place *p = *state;
        struct preview_job shown = { 0 };
        uint64_t frames, seen;

        wish(p, true);
        WAIT_FOR(p, snap(p)->n_faces == 1);
        atomic_store(&fake.nobody, true);
        frames = snap(p)->stats.n_frames;
        WAIT_FOR(p, snap(p)->stats.n_frames > frames + 2);
        seen = snap(p)->pipeline.n_frames;
        frames = snap(p)->stats.n_frames;
        WAIT_FOR(p, snap(p)->stats.n_frames > frames + 5);
        assert_int_equal(snap(p)->pipeline.n_frames, seen);
        assert_int_equal(snap(p)->state, STREAM_STREAMING);
        assert_int_equal(worker_push_preview(p->w, 8), 0);
        WAIT_FOR(p, worker_pop_preview(p->w, &shown));
        assert_int_equal(shown.result, 0);
        close(shown.fd);
        atomic_store(&fake.nobody, false);
        WAIT_FOR(p, snap(p)->pipeline.n_frames > seen + 3);
}

static void test_failures_are_tried_again(void **state)
{
        struct place *p = *state;
        uint64_t frames;

        atomic_store(&fake.open_error, -EBUSY);
        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_BUSY);
        assert_string_equal(snap(p)->error_text, "/dev/fake: refused ?");
        atomic_store(&fake.open_error, -ENOENT);
        p->wish.hotplug++; /* wakes it at once, and it finds another reason */
        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_MISSING && snap(p)->error == -ENOENT);
        atomic_store(&fake.open_error, 0);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING); /* by itself */
        assert_string_equal(snap(p)->error_text, "");

        WAIT_FOR(p, p->n_appeared == 1);
        frames = snap(p)->stats.n_frames;
        atomic_store(&fake.next_error, -ENODEV);
        WAIT_FOR(p, snap(p)->state == STREAM_MISSING);
        WAIT_FOR(p, p->n_vanished == 1); /* nobody stays in view of a camera that is gone */
        p->wish.hotplug++;
        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING && snap(p)->n_opens == 2);
        WAIT_FOR(p, snap(p)->stats.n_frames > frames); /* counters go on over a new opening */
}

static void test_stall(void **state)
{
        struct place *p = *state;

        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING);
        atomic_store(&fake.stall, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STALLED && snap(p)->error == -ETIMEDOUT);
        assert_non_null(strstr(snap(p)->error_text, "no frame for 60 ms"));
}

static void test_end_of_replay(void **state)
{
        struct place *p = *state;

        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING);
        atomic_store(&fake.next_error, -ENODATA);
        WAIT_FOR(p, snap(p)->state == STREAM_ENDED);
        wish(p, true);
        WAIT_FOR(p, snap(p)->wish_serial == p->wish.serial);
        assert_int_equal(snap(p)->state, STREAM_ENDED);
        wish(p, false);
        WAIT_FOR(p, snap(p)->state == STREAM_CLOSED);
        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING);
}

static void test_events_are_bounded(void **state)
{
        struct place *p = *state;

        p->wish.listeners[1].claim = 42;
        wish(p, true);
        atomic_store(&fake.events_per_frame, 100);
        for (int i = 0; i < 2000 && worker_get_events_lost(p->w) == 0; i++)
                poll(NULL, 0, 5); /* nobody takes them */
        assert_true(worker_get_events_lost(p->w) > 0);
        atomic_store(&fake.events_per_frame, 0);
        WAIT_FOR(p, p->n_changed > 0);
        assert_true(p->n_changed <= WORKER_MAX_EVENTS + 100);
        assert_int_equal(p->last_claim, 42);
        assert_int_equal(atomic_load(&fake.listener_sets), 1);
        p->wish.listeners[1].claim = 43; /* same place, another claim */
        wish(p, true);
        WAIT_FOR(p, atomic_load(&fake.listener_sets) == 2);
}

static void test_reload(void **state)
{
        struct place *p = *state;
        uint64_t serial = p->report->serial;

        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING);
        assert_true(atomic_load(&fake.mirror));
        p->s->classifier.mirror = false;
        worker_set_settings(p->w, p->s);
        WAIT_FOR(p, p->report->serial > serial);
        assert_true(p->report->ready);
        assert_false(atomic_load(&fake.mirror));
        WAIT_FOR(p, snap(p)->engine_serial == p->report->serial);
        assert_int_equal(atomic_load(&fake.n_opens), 1); /* the camera did not even blink */
        assert_int_equal(atomic_load(&fake.n_pipelines), 2);

        atomic_store(&fake.model_fails, true);
        worker_set_settings(p->w, p->s);
        WAIT_FOR(p, p->report->failure == ENGINE_MODEL_INVALID);
        assert_true(p->report->kept);
        assert_int_equal(snap(p)->state, STREAM_STREAMING); /* what works goes on */
}

/* A reload brings other rules for the claims that are there. */
static void test_rules_of_a_claim_change(void **state)
{
        struct place *p = *state;

        p->wish.listeners[1].claim = 42;
        p->wish.listeners[1].rules.min_hold_usec = 100;
        wish(p, true);
        WAIT_FOR(p, snap(p)->wish_serial == p->wish.serial);
        assert_int_equal(atomic_load(&fake.listener_sets), 1);
        worker_set_settings(p->w, p->s);
        WAIT_FOR(p, atomic_load(&fake.listener_sets) == 2);
        wish(p, true); /* nothing new */
        WAIT_FOR(p, snap(p)->wish_serial == p->wish.serial);
        assert_int_equal(atomic_load(&fake.listener_sets), 2);
        p->wish.listeners[1].rules.min_hold_usec = 200;
        wish(p, true);
        WAIT_FOR(p, snap(p)->wish_serial == p->wish.serial);
        assert_int_equal(atomic_load(&fake.listener_sets), 3);
        assert_int_equal(atomic_load(&fake.hold_usec), 200);
        assert_int_equal(atomic_load(&fake.listener_drops), 0); /* what was decided stays */
        p->wish.listeners[1].claim = 43;
        wish(p, true);
        WAIT_FOR(p, snap(p)->wish_serial == p->wish.serial);
        assert_int_equal(atomic_load(&fake.listener_drops), 1);
}

/* Waits for a report. */
static struct engine_report *next_report(struct place *p)
{
        struct engine_report *r = NULL;

        for (int i = 0; i < 2000 && !r; i++) {
                poll(NULL, 0, 5);
                r = worker_take_report(p->w);
        }
        assert_non_null(r);
        return r;
}

/* Each set is answered by a report that says which it was, and none of them is lost. */
static void test_reports(void **state)
{
        struct place *p = *state;
        struct engine_report *r;
        uint64_t last = 1;

        assert_int_equal(p->report->settings_serial, last);
        /* a new engine, and then one that fails, before anybody takes a report */
        assert_int_equal(worker_set_settings(p->w, p->s), ++last);
        for (int i = 0; i < 2000 && snap(p)->engine_serial != 2; i++)
                poll(NULL, 0, 5);
        atomic_store(&fake.model_error, -ENOMEM);
        assert_int_equal(worker_set_settings(p->w, p->s), ++last);
        poll(NULL, 0, 50);
        r = next_report(p);
        assert_int_equal(r->settings_serial, 2);
        assert_int_equal(r->serial, 2);
        assert_false(r->kept);
        engine_report_free(r);
        r = next_report(p);
        assert_int_equal(r->settings_serial, 3);
        assert_true(r->kept);
        assert_int_equal(r->failure, ENGINE_FAILED); /* no memory is a reason, too */
        engine_report_free(r);

        /* more than there is room for while nobody takes them: they wait, and the last set is answered */
        for (unsigned i = 0; i < WORKER_MAX_REPORTS + 2; i++) {
                assert_int_equal(worker_set_settings(p->w, p->s), ++last);
                poll(NULL, 0, 20);
        }
        for (uint64_t told = 3; told < last;) {
                r = next_report(p);
                assert_in_range(r->settings_serial, told + 1, last);
                told = r->settings_serial;
                engine_report_free(r);
        }
}

static void test_picture(void **state)
{
        struct place *p = *state;
        struct picture_job job = { .id = 1, .min_confidence = 0.5, .uid = PICTURE_UID_UNKNOWN }, done = { 0 };
        uint8_t pixels[64] = { 0 }, *jpeg = NULL;
        struct picture picture = { PICTURE_GRAY8, 8, 8, 8, pixels };
        size_t size = 0;

        assert_int_equal(picture_encode_jpeg(&picture, 90, &jpeg, &size), 0);
        job.fd = memfd_create("picture", MFD_CLOEXEC);
        assert_int_equal(write(job.fd, jpeg, size), size);
        free(jpeg);
        assert_int_equal(worker_push_picture(p->w, &job), 0);
        WAIT_FOR(p, worker_pop_picture(p->w, &done));
        assert_int_equal(done.result, 1);
        assert_int_equal(done.id, 1);
        assert_true(done.faces[0].confidence > 0.49 && done.faces[0].confidence < 0.51);

        job.fd = memfd_create("nonsense", MFD_CLOEXEC);
        assert_int_equal(write(job.fd, "nonsense", 8), 8);
        assert_int_equal(worker_push_picture(p->w, &job), 0);
        WAIT_FOR(p, worker_pop_picture(p->w, &done));
        assert_true(done.result < 0);
        assert_true(done.image_failed);
}

static void test_preview(void **state)
{
        struct place *p = *state;
        struct preview_job shown = { 0 };
        uint8_t pixels[9];
        uint64_t frames;

        assert_int_equal(worker_push_preview(p->w, 5), 0); /* the camera is closed */
        WAIT_FOR(p, worker_pop_preview(p->w, &shown));
        assert_int_equal(shown.id, 5);
        assert_int_equal(shown.result, -ENODEV);
        assert_int_equal(shown.fd, -1);
        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING);
        assert_int_equal(worker_push_preview(p->w, 6), 0);
        WAIT_FOR(p, worker_pop_preview(p->w, &shown));
        assert_int_equal(shown.id, 6);
        assert_int_equal(shown.result, 0);
        assert_int_equal(shown.width_px, 4);
        assert_int_equal(shown.height_px, 2);
        assert_int_equal(shown.n_faces, 1);
        assert_int_equal(shown.faces[0].id, 7);
        assert_int_equal(pread(shown.fd, pixels, sizeof(pixels), 0), 8);
        assert_int_equal(write(shown.fd, pixels, 1), -1); /* sealed */
        close(shown.fd);
        atomic_store(&fake.unseen, true);
        frames = snap(p)->stats.n_frames;
        WAIT_FOR(p, snap(p)->stats.n_frames > frames + 1);
        assert_int_equal(worker_push_preview(p->w, 7), 0);
        WAIT_FOR(p, worker_pop_preview(p->w, &shown));
        assert_int_equal(shown.n_faces, 0);
        close(shown.fd);
        /* no more wait than there is room for, and those that wait are answered when the camera closes, or freed */
        atomic_store(&fake.stall, true);
        pump(p, 20);
        for (unsigned i = 0; i < WORKER_MAX_PREVIEWS; i++)
                assert_int_equal(worker_push_preview(p->w, 10 + i), 0);
        assert_int_equal(worker_push_preview(p->w, 99), -ENOBUFS);
        wish(p, false);
        for (unsigned i = 0; i < WORKER_MAX_PREVIEWS; i++) {
                WAIT_FOR(p, worker_pop_preview(p->w, &shown));
                assert_int_equal(shown.id, 10 + i);
                if (shown.fd >= 0) /* a frame was on its way */
                        close(shown.fd);
                else
                        assert_int_equal(shown.result, -ENODEV);
        }
        atomic_store(&fake.stall, false);
        wish(p, true);
        WAIT_FOR(p, snap(p)->state == STREAM_STREAMING);
        assert_int_equal(worker_push_preview(p->w, 100), 0); /* nobody takes it */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_opens_and_closes, make, destroy),
                cmocka_unit_test_setup_teardown(test_rests, make, destroy),
                cmocka_unit_test_setup_teardown(test_failures_are_tried_again, make, destroy),
                cmocka_unit_test_setup_teardown(test_stall, make, destroy),
                cmocka_unit_test_setup_teardown(test_end_of_replay, make, destroy),
                cmocka_unit_test_setup_teardown(test_events_are_bounded, make, destroy),
                cmocka_unit_test_setup_teardown(test_reload, make, destroy),
                cmocka_unit_test_setup_teardown(test_rules_of_a_claim_change, make, destroy),
                cmocka_unit_test_setup_teardown(test_reports, make, destroy),
                cmocka_unit_test_setup_teardown(test_picture, make, destroy),
                cmocka_unit_test_setup_teardown(test_preview, make, destroy),
        };

        return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
