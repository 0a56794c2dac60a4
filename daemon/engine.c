/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/find-file.h"
#include "daemon/engine.h"
#include "basic/utf8.h"
#include "daemon/vision/classifier.h"
#include "daemon/vision/plugin-host.h"
#include "nn/emotion-nn.h"
#include "picture/picture.h"

/* What classifier.model "auto" stands for: one network in two forms. */
#define MODEL_FLOAT "emotion-default.onnx"
#define MODEL_8BIT "emotion-default-int8.onnx"

/* Copies for the other thread. */
static int copy_text(char **ret, const char *text)
{
        if (!text)
                return 0;
        *ret = strdup(text);
        if (!*ret)
                return -ENOMEM;
        utf8_clean(*ret);
        return 0;
}

static int copy_plugin(struct worker_plugin *p, const struct plugin_info *info)
{
        int r = copy_text(&p->file, info->file);

        if (r >= 0)
                r = copy_text(&p->name, info->name);
        if (r >= 0)
                r = copy_text(&p->version, info->version);
        if (r >= 0)
                r = copy_text(&p->description, info->description);
        if (r >= 0)
                r = copy_text(&p->licence, info->licence);
        if (r >= 0)
                r = copy_text(&p->error, info->error);
        p->detector = info->detector;
        p->aligner = info->aligner;
        p->used_detector = info->used_detector;
        p->used_aligner = info->used_aligner;
        p->third_party = info->third_party;
        return r;
}

static int report_plugins(struct engine_report *report, const struct plugin_host *host)
{
        size_t n = MIN(plugin_host_n_plugins(host), (size_t)WORKER_MAX_PLUGINS);
        int r = 0;

        report->plugins = calloc(n ? n : 1, sizeof(*report->plugins));
        if (!report->plugins)
                return -ENOMEM;
        report->n_plugins = n;
        for (size_t i = 0; i < n && r >= 0; i++)
                r = copy_plugin(&report->plugins[i], plugin_host_plugin(host, i));
        return r;
}

static int report_model(struct engine_report *report, const struct classifier_info *info)
{
        int r = copy_text(&report->model_file, info->file);

        if (r >= 0)
                r = copy_text(&report->model_name, info->name);
        if (r >= 0)
                r = copy_text(&report->model_licence, info->licence);
        if (r >= 0)
                r = copy_text(&report->model_sha256, info->sha256);
        if (r >= 0)
                r = copy_text(&report->model_measured, info->measured);
        report->model_accuracy = info->accuracy;
        report->n_decisions = info->n_decisions;
        memcpy(report->decisions, info->decisions, sizeof(report->decisions));
        for (unsigned i = 0; i < info->n_labels && r >= 0; i++)
                r = copy_text(&report->labels[i], info->labels[i]);
        if (r < 0)
                return r;
        report->n_labels = info->n_labels;
        report->model_width_px = info->width_px;
        report->model_height_px = info->height_px;
        return 0;
}

static void fail(struct engine_report *report, enum engine_failure failure, const char *text)
{
        if (report->failure != ENGINE_OK)
                return;
        report->failure = failure;
        snprintf(report->failure_text, sizeof(report->failure_text), "%s", text);
        utf8_clean(report->failure_text);
}

/* The file of setting classifier.model; whether it is there is for who opens it to say. */
static int find_model(const struct engine_config *config, const char *model, char *ret, size_t size)
{
        bool is_auto = strcmp(model, "auto") == 0;
        int r;

        if (is_auto && nn_bytes_are_fast() && find_file(config->model_dirs, MODEL_8BIT, ret, size) == 0)
                return 0;
        r = find_file(config->model_dirs, is_auto ? MODEL_FLOAT : model, ret, size);
        return r == -ENOENT ? 0 : r;
}

static int load_plugins(const struct engine_config *config, struct engine *e, struct engine_report *report)
{
        struct plugin_host_config c = {
                .folder = config->plugin_dir,
                .model_dirs = config->model_dirs,
                .detector = e->settings->vision.detector,
                .aligner = e->settings->vision.aligner,
                .settings = e->settings->plugins,
                .record = config->record,
                .stamp = e->settings->stamp,
        };
        int r = plugin_host_new(&c, &e->host);

        if (r < 0)
                return r;
        if (plugin_host_error(e->host))
                fail(report, ENGINE_PLUGIN_FAILED, plugin_host_error(e->host));
        return report_plugins(report, e->host);
}

static int load_model(const struct engine_config *config, struct engine *e, struct engine_report *report)
{
        const struct settings *s = e->settings;
        struct nn_form_text form = { .labels = s->classifier.labels,
                                     .layout = settings_layout(s),
                                     .channels = settings_channels(s),
                                     .size = s->classifier.size,
                                     .normalisation = s->classifier.normalisation,
                                     .output = settings_output(s),
                                     .face_template = s->classifier.face_template };
        struct classifier_error error = { "" };
        char path[4096];
        int r = find_model(config, e->settings->classifier.model, path, sizeof(path));

        if (r >= 0)
                r = classifier_new(path, &form, (unsigned)e->settings->vision.max_faces,
                                   (unsigned)e->settings->classifier.threads, &e->classifier, &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                fail(report, ENGINE_MODEL_INVALID, error.text[0] ? error.text : strerror(-r));
                return 0;
        }
        classifier_set_mirror(e->classifier, e->settings->classifier.mirror);
        return report_model(report, classifier_get_info(e->classifier));
}

static int load_pipeline(struct engine *e, struct engine_report *report)
{
        const struct settings *s = e->settings;
        struct pipeline_config c = {
                .detect_fps = s->vision.detect_fps,
                .idle_fps = s->vision.idle_fps,
                .keep_usec = (uint64_t)s->vision.keep_ms * 1000,
                .smoothing_usec = (uint64_t)s->decision.smoothing_ms * 1000,
                .min_face_px = (unsigned)s->vision.min_face_px,
                .max_faces = (unsigned)s->vision.max_faces,
                .min_align_confidence = s->vision.landmark_confidence,
                .min_quality = s->decision.min_quality,
                .sensitivity = s->decision.sensitivity,
                .faces_per_frame = (unsigned)s->classifier.faces_per_frame,
                .attention = { .max_yaw_deg = s->attention.max_yaw_deg,
                               .max_pitch_deg = s->attention.max_pitch_deg,
                               .hold_usec = (uint64_t)s->attention.hold_ms * 1000 },
                .rules = decision_rules_of(s),
                .zones = s->zones,
        };
        int r = pipeline_new(&c, e->host, e->classifier, &e->pipeline);

        if (r < 0 && r != -ENOMEM) {
                fail(report, ENGINE_FAILED, strerror(-r));
                return 0;
        }
        return r;
}

static int load_parts(const struct engine_config *config, struct engine *e, struct engine_report *report)
{
        int r = load_plugins(config, e, report);

        if (r >= 0)
                r = load_model(config, e, report);
        if (r >= 0 && report->failure == ENGINE_OK)
                r = load_pipeline(e, report);
        return r;
}

int engine_load(const struct engine_config *config, struct settings *settings, struct engine **ret,
                struct engine_report **ret_report)
{
        _cleanup_(engine_report_freep) struct engine_report *report = calloc(1, sizeof(*report));
        _cleanup_(engine_freep) struct engine *e = calloc(1, sizeof(*e));
        int r = -ENOMEM;

        if (!report)
                return r;
        report->settings = settings_ref(settings);
        if (e) {
                e->settings = settings_ref(settings);
                r = load_parts(config, e, report);
        }
        if (r < 0)
                fail(report, ENGINE_FAILED, strerror(-r));
        report->ready = report->failure == ENGINE_OK;
        *ret = report->ready ? STEAL(e) : NULL;
        *ret_report = STEAL(report);
        return 0;
}

struct engine *engine_free(struct engine *e)
{
        if (!e)
                return NULL;
        pipeline_free(e->pipeline);
        classifier_free(e->classifier);
        plugin_host_free(e->host);
        settings_unref(e->settings);
        free(e);
        return NULL;
}

/* Places in a picture that was decoded to a share of its size, in the whole one. */
static void enlarge(struct face *f, float by)
{
        f->box.x *= by;
        f->box.y *= by;
        f->box.width *= by;
        f->box.height *= by;
        for (unsigned i = 0; i < f->n_points; i++) {
                f->points[i][0] *= by;
                f->points[i][1] *= by;
        }
}

void engine_classify(struct engine *e, const struct loaded_picture *p)
{
        struct picture_job *job = p->job;
        const struct picture *gray = p->decoded.gray, *bgr = p->decoded.bgr;
        struct decision_rules rules = { 0 };
        struct frame f = { .buffer = -1 };
        int r = p->result;

        job->result = -ENODEV;
        if (!e)
                return;
        job->engine_serial = e->serial;
        /* it was decoded for the plugins that were there before */
        if (r >= 0 && !bgr && pipeline_wants_bgr(e->pipeline))
                r = -EAGAIN;
        if (r < 0) {
                job->result = r;
                job->image_failed = true;
                return;
        }
        f.width_px = gray->width_px;
        f.height_px = gray->height_px;
        f.gray = gray->data;
        f.gray_stride_bytes = gray->stride_bytes;
        f.bgr = bgr ? bgr->data : NULL;
        f.bgr_stride_bytes = bgr ? bgr->stride_bytes : 0;
        rules.min_confidence = job->min_confidence >= 0 ? job->min_confidence : e->settings->decision.min_confidence;
        job->result = pipeline_classify_image(e->pipeline, &f, &rules, job->faces,
                                              MIN((size_t)e->settings->vision.max_faces, ARRAY_LEN(job->faces)));
        for (int i = 0; i < job->result && gray->shrink > 1; i++)
                enlarge(&job->faces[i], (float)gray->shrink);
}

bool engine_wants_bgr(const struct engine *e)
{
        return e && pipeline_wants_bgr(e->pipeline);
}
