/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * What the files of the pipeline share: its state, and the stages in the order in which a frame passes.
 */

#include "daemon/vision/assignment.h"
#include "daemon/vision/classifier.h"
#include "daemon/vision/pipeline.h"
#include "daemon/vision/plugin-host.h"
#include "daemon/vision/tracks.h"

/* A face that was last found so long ago is no longer aligned and classified where it should be: a hand may be there by
 * now. */
#define BLIND_USEC 200000u

/* Whose calls can fail. */
enum stage {
        STAGE_DETECTOR,
        STAGE_ALIGNER,
        STAGE_CLASSIFIER,
        N_STAGES,
};

struct stage_state {
        bool used, failed; /* in this frame */
        bool failing;      /* it failed in the last frame that used it: the next failure is not news */
};

/* A face of this frame that an aligner has found. */
struct candidate {
        struct track *track;
        struct emo_alignment alignment;
};

struct pipeline {
        struct pipeline_config config;
        struct plugin_host *host;
        struct classifier *classifier;
        const struct classifier_info *model;
        int neutral; /* that label, or -1 */

        struct tracks tracks;
        struct life_places places; /* of things */
        bool listening[PIPELINE_MAX_LISTENERS];
        struct decision_rules rules[PIPELINE_MAX_LISTENERS];

        bool started;            /* has seen a frame, and has looked */
        uint64_t sequence;       /* of the stream, for the plugins */
        uint64_t last_usec;      /* of the last frame */
        uint64_t last_look_usec; /* at the whole picture */
        struct stage_state stages[N_STAGES];

        struct emo_box boxes[ASSIGNMENT_MAX]; /* found in this frame */
        size_t n_boxes;
        struct candidate candidates[PIPELINE_MAX_FACES];
        size_t n_candidates;
        struct track *batch[PIPELINE_MAX_FACES]; /* whose crops wait in the classifier */
        float scores[PIPELINE_MAX_FACES][EMOTION_MAX];
        struct face faces[PIPELINE_MAX_FACES];
        struct face_event events[PIPELINE_MAX_EVENTS];
        size_t n_events;
        unsigned width_px, height_px; /* of this frame */
        uint64_t n_events_lost;
        struct pipeline_stats stats;
};

/* CPU time of this thread. */
uint64_t pipeline_clock_nsec(void);

/* The picture in a plugin's format. Return: 0; -EINVAL if the frame has none. */
int pipeline_image(const struct frame *f, enum emo_pixel_format format, struct emo_image *ret);

/* Has the frame what plugins and classifier want? Return: 0 or -EINVAL. */
int pipeline_check_frame(const struct pipeline *p, const struct frame *f);

/* The next picture begins: what failed in the last one is known by now. */
void pipeline_begin_stages(struct pipeline *p);

/* Cuts a face out of the frame as input @i of the classifier. Return: 0 or negative errno. */
int pipeline_crop(const struct pipeline *p, const struct frame *f, const struct emo_alignment *a, unsigned i,
                  double *ret_side_px);

/* The classifier's answers to @n faces, at p->scores, weighed by the configured sensitivity. */
int pipeline_classify(struct pipeline *p, unsigned n);

/* A stage answered @r: failures are counted, and the first of a row of frames is logged. Return: @r. */
int pipeline_stage_result(struct pipeline *p, enum stage stage, int r, const struct emo_error *error);

/* When the next look at the whole picture is due; 0: now. */
uint64_t pipeline_due_usec(const struct pipeline *p);

/* look.c: finds faces in this frame, in the whole picture when it is time, else about the known faces, and brings the
 * tracks up to date. Return: 0; a negative errno if no new track could be made. */
int pipeline_look(struct pipeline *p, const struct frame *f, uint64_t now_usec);
/* Boxes of the whole picture at @p->boxes. Return: 0 or the plugin's error. */
int pipeline_look_everywhere(struct pipeline *p, const struct emo_image *image);

/* Does the centre of @box lie where nothing is analysed? */
static inline bool pipeline_in_zone(const struct pipeline *p, const struct emo_box *box)
{
        return p->config.zones.n > 0 && zones_hold(&p->config.zones, box, p->width_px, p->height_px);
}

/* recognise.c: aligns, crops and classifies the tracked faces. */
void pipeline_recognise(struct pipeline *p, const struct frame *f, uint64_t now_usec);
