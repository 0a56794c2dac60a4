/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/engine-report.h"

struct engine_report *engine_report_free(struct engine_report *r)
{
        if (!r)
                return NULL;
        for (size_t i = 0; i < r->n_plugins; i++) {
                struct worker_plugin *p = &r->plugins[i];

                free(p->file);
                free(p->name);
                free(p->version);
                free(p->description);
                free(p->licence);
                free(p->error);
        }
        free(r->plugins);
        for (size_t i = 0; i < EMOTION_MAX; i++)
                free(r->labels[i]);
        free(r->model_file);
        free(r->model_name);
        free(r->model_licence);
        free(r->model_sha256);
        free(r->model_measured);
        settings_unref(r->settings);
        free(r);
        return NULL;
}

const char *engine_report_label(const struct engine_report *r, int i)
{
        return r && i >= 0 && (size_t)i < r->n_labels ? r->labels[i] : "unsure";
}

struct decision_rules decision_rules_of(const struct settings *s)
{
        return (struct decision_rules){
                .min_confidence = s->decision.min_confidence,
                .hysteresis = s->decision.hysteresis,
                .min_hold_usec = (uint64_t)s->decision.min_hold_ms * 1000,
        };
}
