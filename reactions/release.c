/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>
#include <time.h>

#include "reactions/release.h"
#include "reactions/stats-compare.h"
#include "reactions/stats-power.h"

#define SEED 20260101 /* one report is the same each time it is made */

static inline void json_putp(json_object **o)
{
        json_object_put(*o);
}

uint64_t release_count(uint64_t n, unsigned group)
{
        if (n < group)
                return 0;
        return n < 20 ? (n + 2) / 5 * 5 : n;
}

/* === Small pieces of JSON === */

static void add(json_object *o, const char *key, json_object *value)
{
        json_object_object_add(o, key, value);
}

static json_object *number(double d)
{
        char s[32];

        if (!isfinite(d))
                return NULL;
        snprintf(s, sizeof(s), "%.6g", d);
        return json_object_new_double_s(d, s);
}

static json_object *count(uint64_t n)
{
        return json_object_new_int64((int64_t)n);
}

static json_object *estimate(const struct stats_estimate *e)
{
        json_object *o = json_object_new_object();

        add(o, "value", number(e->value));
        add(o, "low", number(e->low));
        add(o, "high", number(e->high));
        return o;
}

static json_object *utc(int64_t usec)
{
        time_t t = usec / 1000000;
        struct tm tm;
        char s[32];

        if (!gmtime_r(&t, &tm))
                return NULL;
        strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%SZ", &tm);
        return json_object_new_string(s);
}

/* === One content === */

/* The histogram over all blocks. */
static void collapse(const struct sums *s, enum sums_kind kind, double *values, uint64_t *counts)
{
        for (size_t i = 0; i < SUMS_CELLS; i++) {
                values[i] = sums_cell_value(kind, i);
                counts[i] = 0;
                for (size_t b = 0; b < SUMS_BLOCKS; b++)
                        counts[i] += s->histograms[kind][b][i];
        }
}

static int add_mean(json_object *o, const char *key, const struct sums *s, enum sums_kind kind, unsigned group,
                    struct stats_random *random)
{
        double values[SUMS_CELLS];
        uint64_t counts[SUMS_CELLS], n;
        struct stats_estimate e;
        json_object *entry;
        int r;

        collapse(s, kind, values, counts);
        n = stats_sample_size(&(struct stats_sample){ values, counts, SUMS_CELLS });
        if (n < group)
                return 0;
        r = stats_mean(&(struct stats_sample){ values, counts, SUMS_CELLS }, random, &e);
        if (r < 0)
                return r;
        entry = estimate(&e);
        add(entry, "viewers", count(release_count(n, group)));
        add(o, key, entry);
        return 0;
}

static json_object *numbers(const double *v, size_t n)
{
        json_object *a = json_object_new_array();

        for (size_t i = 0; i < n; i++)
                json_object_array_add(a, number(v[i]));
        return a;
}

static int add_curve(json_object *smile, const struct sums *s, unsigned group, struct stats_random *random)
{
        double mean[SUMS_POINTS_MAX], half[SUMS_POINTS_MAX], low[SUMS_POINTS_MAX], high[SUMS_POINTS_MAX];
        json_object *curve, *viewers;
        size_t n = s->curve.n_points, peak = 0;
        int r;

        if (!s->step_ms || s->viewers < group)
                return 0;
        r = stats_curve_band(&s->curve, group, random, mean, half);
        if (r < 0)
                return r;
        curve = json_object_new_object();
        viewers = json_object_new_array();
        for (size_t i = 0; i < n; i++) {
                low[i] = MAX(mean[i] - half[i], 0.0);
                high[i] = MIN(mean[i] + half[i], 1.0);
                if (isnan(mean[i]))
                        low[i] = high[i] = NAN;
                if (isnan(mean[peak]) || mean[i] > mean[peak])
                        peak = i;
                json_object_array_add(viewers, count(release_count((uint64_t)s->curve.both[i * n + i], group)));
        }
        add(curve, "step_ms", count(s->step_ms));
        add(curve, "mean", numbers(mean, n));
        add(curve, "low", numbers(low, n));
        add(curve, "high", numbers(high, n));
        add(curve, "viewers", viewers);
        add(smile, "curve", curve);
        if (!isnan(mean[peak]))
                add(smile, "peak_seconds", number((double)(peak * s->step_ms) / 1000));
        return 0;
}

static int add_smile(json_object *o, const struct sums *s, unsigned group, struct stats_random *random)
{
        json_object *smile = json_object_new_object();
        struct stats_estimate ever = stats_share(s->smilers, s->viewers);
        int r;

        add(o, "smile", smile);
        add(smile, "ever", estimate(&ever));
        add(smile, "without_baseline", count(release_count(s->no_baseline, group)));
        r = add_mean(smile, "mean", s, SUMS_SMILE_MEAN, group, random);
        if (r == 0)
                r = add_mean(smile, "max", s, SUMS_SMILE_MAX, group, random);
        if (r == 0)
                r = add_mean(smile, "end", s, SUMS_SMILE_END, group, random);
        if (r == 0)
                r = add_mean(smile, "change", s, SUMS_CHANGE, group, random);
        return r < 0 ? r : add_curve(smile, s, group, random);
}

static void add_expressions(json_object *o, const struct sums *s, const struct store_summary *summary,
                            const struct release_model *model, unsigned group, struct stats_random *random)
{
        struct stats_decisions d = { model->n_classes, model->n_decisions, model->decisions };
        struct stats_estimate corrected[STATS_CLASSES_MAX];
        bool known = model->n_classes && model->n_decisions == s->n_labels && s->times.n >= group &&
                     stats_mixture(&s->times, &d, random, corrected) == 0;
        _cleanup_(freep) char *labels = strdup(summary->labels);
        json_object *list = json_object_new_array();
        char *save = NULL;
        double total = 0;

        add(o, "expressions", list);
        add(o, "expressions_corrected", json_object_new_boolean(known));
        for (size_t i = 0; i < s->n_labels; i++)
                total += s->times.sum[i];
        if (!labels || s->times.n < group || !(total > 0))
                return;
        for (size_t i = 0; i < s->n_labels; i++) {
                json_object *entry = json_object_new_object();
                char *label = strtok_r(i ? NULL : labels, "|", &save);

                add(entry, "label", label ? json_object_new_string(label) : NULL);
                add(entry, "decided", number(s->times.sum[i] / total));
                if (known && i < model->n_classes) {
                        add(entry, "share", estimate(&corrected[i]));
                        add(entry, "evidence", json_object_new_boolean(corrected[i].low >= STATS_NO_EVIDENCE));
                }
                json_object_array_add(list, entry);
        }
}

static int add_mark(void *userdata, const char *label, uint64_t at_ms)
{
        json_object *mark = json_object_new_object();

        add(mark, "label", json_object_new_string(label));
        add(mark, "seconds", number((double)at_ms / 1000));
        json_object_array_add(userdata, mark);
        return 0;
}

static void add_totals(json_object *o, const struct sums *s, const struct store_summary *summary, unsigned group)
{
        struct stats_estimate watched = stats_share(s->watchers, s->viewers), attraction = stats_ratio(&s->attraction),
                              audience = stats_ratio(&s->audience);

        add(o, "from", utc(summary->begin_usec));
        add(o, "to", utc(summary->end_usec));
        add(o, "plays", count(s->plays));
        add(o, "seconds_shown", number((double)s->shown_ms / 1000));
        add(o, "seconds_observed", number((double)s->observed_ms / 1000));
        add(o, "viewers", count(release_count(s->viewers, group)));
        add(o, "watchers", count(release_count(s->watchers, group)));
        add(o, "watchers_2s", count(release_count(s->watchers_2s, group)));
        add(o, "dwell_seconds", number(s->attraction.n > 0 ? s->attraction.x / s->attraction.n : NAN));
        add(o, "attention_seconds", number(s->attraction.n > 0 ? s->attraction.y / s->attraction.n : NAN));
        add(o, "watched", estimate(&watched));
        add(o, "attraction", estimate(&attraction));
        add(o, "watchers_at_once", estimate(&audience));
}

static int add_content(struct store *store, const struct release_query *q, const char *name, struct sums *s,
                       json_object *list)
{
        struct stats_random random;
        struct store_summary summary;
        json_object *o, *marks;
        int r = store_read(store, name, q->from_usec, q->to_usec, q->group, s, &summary);

        if (r < 0)
                return r;
        stats_random_seed(&random, SEED);
        o = json_object_new_object();
        json_object_array_add(list, o);
        add(o, "content", json_object_new_string(name));
        add(o, "suppressed", json_object_new_boolean(summary.suppressed));
        if (s->viewers < q->group)
                return 0;
        add_totals(o, s, &summary, q->group);
        r = add_smile(o, s, q->group, &random);
        if (r < 0)
                return r;
        add_expressions(o, s, &summary, &q->model, q->group, &random);
        marks = json_object_new_array();
        add(o, "marks", marks);
        return store_marks(store, name, add_mark, marks);
}

/* === Pairs === */

static json_object *comparison(const char *a, const char *b, const struct stats_comparison *c, double p_adjusted,
                               unsigned group)
{
        json_object *o = json_object_new_object();
        bool enough = c->n_a >= group && c->n_b >= group;
        struct stats_estimate none = { NAN, NAN, NAN };

        add(o, "a", json_object_new_string(a));
        add(o, "b", json_object_new_string(b));
        add(o, "measure", json_object_new_string("smile mean"));
        add(o, "difference", estimate(enough ? &c->difference : &none));
        add(o, "p", number(enough ? c->p : NAN));
        add(o, "p_adjusted", number(enough ? p_adjusted : NAN));
        add(o, "shown", json_object_new_boolean(enough && p_adjusted <= 1 - STATS_LEVEL));
        add(o, "viewers_a", count(release_count(c->n_a, group)));
        add(o, "viewers_b", count(release_count(c->n_b, group)));
        if (enough) {
                add(o, "least_difference", number(stats_power_least(c->spread, (double)c->n_a, (double)c->n_b)));
                add(o, "viewers_for_5_points", number(stats_power_viewers_mean(c->spread, 0.05)));
        }
        return o;
}

static int compare_two(const struct sums *a, const struct sums *b, struct stats_random *random,
                       struct stats_comparison *ret)
{
        struct stats_block blocks[SUMS_BLOCKS];
        double values[SUMS_CELLS];

        for (size_t i = 0; i < SUMS_CELLS; i++)
                values[i] = sums_cell_value(SUMS_SMILE_MEAN, i);
        for (size_t i = 0; i < SUMS_BLOCKS; i++)
                blocks[i] =
                        (struct stats_block){ a->histograms[SUMS_SMILE_MEAN][i], b->histograms[SUMS_SMILE_MEAN][i] };
        return stats_compare(values, SUMS_CELLS, blocks, SUMS_BLOCKS, random, ret);
}

static int add_comparisons(const struct release_query *q, const char (*names)[257], const struct sums *sums, size_t n,
                           json_object *report)
{
        size_t n_pairs = n * (n - 1) / 2, k = 0;
        _cleanup_(freep) struct stats_comparison *pairs = calloc(MAX(n_pairs, 1u), sizeof(*pairs));
        _cleanup_(freep) double *p = calloc(MAX(n_pairs, 1u), sizeof(*p));
        json_object *list = json_object_new_array();
        struct stats_random random;

        add(report, "comparisons", list);
        if (!pairs || !p)
                return -ENOMEM;
        stats_random_seed(&random, SEED);
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++, k++) {
                        int r = compare_two(&sums[i], &sums[j], &random, &pairs[k]);

                        if (r < 0)
                                return r;
                        p[k] = pairs[k].p;
                }
        (void)stats_holm(p, n_pairs);
        k = 0;
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++, k++)
                        json_object_array_add(list, comparison(names[i], names[j], &pairs[k], p[k], q->group));
        return 0;
}

/* === The whole === */

struct names {
        char (*names)[257];
        size_t n;
};

static int take_name(void *userdata, const char *content, uint64_t duration_ms)
{
        struct names *t = userdata;

        if (t->n < RELEASE_CONTENTS_MAX)
                snprintf(t->names[t->n++], sizeof(*t->names), "%s", content);
        return 0;
}

static json_object *about(const struct release_query *q)
{
        json_object *o = json_object_new_object(), *model = json_object_new_object();

        add(o, "schema", json_object_new_string(RELEASE_SCHEMA));
        add(o, "generated", utc((int64_t)time(NULL) * 1000000));
        add(o, "level", number(STATS_LEVEL));
        add(o, "minimum_group", json_object_new_int((int)q->group));
        add(o, "notice", json_object_new_string(q->notice));
        add(o, "measurement", json_object_new_string("face-based, not MRC-accredited"));
        add(o, "model", model);
        add(model, "name", json_object_new_string(q->model.name));
        add(model, "sha256", json_object_new_string(q->model.sha256));
        return o;
}

int release_report(struct store *s, const struct release_query *q, json_object **ret)
{
        _cleanup_(json_putp) json_object *report = about(q);
        _cleanup_(freep) char(*names)[257] = calloc(RELEASE_CONTENTS_MAX, sizeof(*names));
        _cleanup_(freep) struct sums *sums = calloc(RELEASE_CONTENTS_MAX, sizeof(*sums));
        struct names all = { names, 0 };
        json_object *list = json_object_new_array();
        int r = 0;

        add(report, "contents", list);
        if (!names || !sums)
                return -ENOMEM;
        if (q->n_contents)
                memcpy(names, q->contents, sizeof(q->contents));
        else
                r = store_contents(s, take_name, &all);
        for (size_t i = 0; i < (q->n_contents ?: all.n) && r == 0; i++)
                r = add_content(s, q, names[i], &sums[i], list);
        if (r == 0 && q->compare)
                r = add_comparisons(q, names, sums, q->n_contents ?: all.n, report);
        for (size_t i = 0; i < RELEASE_CONTENTS_MAX; i++)
                sums_done(&sums[i]);
        if (r == 0)
                *ret = STEAL(report);
        return r;
}
