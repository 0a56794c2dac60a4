/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What was found when an engine was made, for whoever shows it. */

#include "daemon/settings.h"
#include "daemon/vision/decision.h"
#include "daemon/vision/face.h"

struct worker_plugin {
        char *file, *name, *version, *description, *licence, *error; /* NULL: unknown or none */
        bool detector, aligner, used_detector, used_aligner, third_party;
};

enum engine_failure {
        ENGINE_OK,
        ENGINE_PLUGIN_FAILED,
        ENGINE_MODEL_INVALID,
        ENGINE_FAILED,
};

/**
 * What was loaded for one set of settings. When loading failed and there is an older engine that works, that one goes
 * on: @kept is true, and of this report only the failure matters, all else stays as the report before said.
 */
struct engine_report {
        uint64_t serial;          /* raised with each engine */
        uint64_t settings_serial; /* which set it is about, as worker_set_settings() said */
        enum engine_failure failure;
        char failure_text[256];
        bool kept;
        struct settings *settings;
        bool ready;                                                   /* an engine stands */
        char *model_file, *model_name, *model_licence, *model_sha256; /* NULL: no model */
        unsigned model_width_px, model_height_px;
        size_t n_labels;
        char *labels[EMOTION_MAX];
        double model_accuracy; /* 0: unknown */
        char *model_measured;  /* on what */
        size_t n_decisions;    /* 0: unknown */
        uint32_t decisions[EMOTION_MAX * (EMOTION_MAX + 1)];
        size_t n_plugins;
        struct worker_plugin *plugins;
};
struct engine_report *engine_report_free(struct engine_report *r);
DEFINE_CLEANUP(struct engine_report *, engine_report_free)
/* The thresholds of the settings; a claim may have others. */
struct decision_rules decision_rules_of(const struct settings *s);
/* Label @i, "unsure" for EMOTION_UNSURE and whatever is not a label. @r may be NULL. */
const char *engine_report_label(const struct engine_report *r, int i);
