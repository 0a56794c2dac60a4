/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <time.h>

#include "basic/log.h"
#include "daemon/vision/crop.h"
#include "daemon/vision/stage.h"

uint64_t pipeline_clock_nsec(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool pipeline_wants_bgr(const struct pipeline *p)
{
        return p->model->colour || plugin_host_format(p->host, PLUGIN_DETECTOR) == EMO_BGR24 ||
               plugin_host_format(p->host, PLUGIN_ALIGNER) == EMO_BGR24;
}

int pipeline_image(const struct frame *f, enum emo_pixel_format format, struct emo_image *ret)
{
        const uint8_t *data = format == EMO_BGR24 ? f->bgr : f->gray;
        size_t stride_bytes = format == EMO_BGR24 ? f->bgr_stride_bytes : f->gray_stride_bytes;

        if (!data || !f->width_px || !f->height_px ||
            stride_bytes < (size_t)f->width_px * (format == EMO_BGR24 ? 3 : 1))
                return -EINVAL;
        *ret = (struct emo_image){ .format = format,
                                   .width_px = f->width_px,
                                   .height_px = f->height_px,
                                   .stride_bytes = stride_bytes,
                                   .data = data };
        return 0;
}

int pipeline_check_frame(const struct pipeline *p, const struct frame *f)
{
        struct emo_image image;
        int r = pipeline_image(f, EMO_GRAY8, &image);

        if (r >= 0 && pipeline_wants_bgr(p))
                r = pipeline_image(f, EMO_BGR24, &image);
        return r;
}

int pipeline_crop(const struct pipeline *p, const struct frame *f, const struct emo_alignment *a, unsigned i,
                  double *ret_side_px)
{
        const struct classifier_info *m = p->model;
        float *planes = classifier_planes(p->classifier, i);
        int r = crop_face(&m->face_template, f, a, m->width_px, m->height_px, classifier_input(p->classifier, i),
                          ret_side_px);

        if (r >= 0 && planes)
                r = crop_colour(&m->face_template, f, a, m->width_px, m->height_px, planes);
        return r;
}

int pipeline_classify(struct pipeline *p, unsigned n)
{
        int r = classifier_run(p->classifier, n, p->scores);

        for (unsigned i = 0; r >= 0 && i < n && p->config.sensitivity > 0; i++)
                decision_weigh(p->scores[i], p->model->n_labels, p->neutral, p->config.sensitivity);
        return r;
}

void pipeline_begin_stages(struct pipeline *p)
{
        for (size_t i = 0; i < N_STAGES; i++) {
                struct stage_state *s = &p->stages[i];

                *s = (struct stage_state){ .failing = s->used ? s->failed : s->failing };
        }
}

int pipeline_stage_result(struct pipeline *p, enum stage stage, int r, const struct emo_error *error)
{
        static const char *const names[N_STAGES] = { "detector", "aligner", "classifier" };
        struct stage_state *s = &p->stages[stage];

        s->used = true;
        if (r < 0) {
                p->stats.n_plugin_errors++;
                (void)log_full(s->failing || s->failed ? LOG_DEBUG : LOG_WARNING, 0, "%s failed: %s", names[stage],
                               error && *error->text ? error->text : strerror(-r));
                s->failed = true;
        }
        return r;
}

uint64_t pipeline_due_usec(const struct pipeline *p)
{
        double fps = tracks_count(&p->tracks) ? p->config.detect_fps : p->config.idle_fps;

        /* a frame that comes a millisecond early by the clock of its camera is not put off to the next */
        return p->started ? p->last_look_usec + (uint64_t)fmax(ceil(1e6 / fps) - 1000, 0) : 0;
}
