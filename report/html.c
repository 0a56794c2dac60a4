/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "basic/macro.h"
#include "report/html-text.h"
#include "report/html.h"
#include "report/report-json.h"
#include "report/svg.h"

#define CHART_WIDTH 640.0
#define CHART_HEIGHT 240.0
#define LEFT 44.0
#define RIGHT 10.0
#define TOP 26.0
#define BOTTOM 34.0
#define POINTS_MAX 256

static const char style[] =
        ":root{color-scheme:light dark;--ink:#1b1f24;--soft:#4d5560;--line:#c9ced6;--back:#fff;--one:#0b5cad;"
        "--band:#0b5cad33;--note:#f3f5f8}"
        "@media(prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#aab2bd;--line:#454c56;--back:#15181c;"
        "--one:#7db8f5;--band:#7db8f544;--note:#20252b}}"
        "@media print{:root{--ink:#000;--soft:#333;--line:#999;--back:#fff;--one:#000;--band:#0002;--note:#fff}"
        "section{break-inside:avoid}details>*{display:block}}"
        "body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);margin:0 auto;max-width:60rem;"
        "padding:1rem}h1{font-size:1.6rem;margin:.5rem 0}h2{font-size:1.25rem;margin:2rem 0 .5rem;overflow-wrap:anywhere}"
        "h3{font-size:1rem;margin:1.2rem 0 .3rem}p{margin:.4rem 0}.soft{color:var(--soft)}"
        "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
        "th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:right;vertical-align:top}"
        "th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}th{font-weight:600}"
        ".words{text-align:left}figure{margin:.5rem 0}svg{width:100%;height:auto;max-width:44rem}"
        ".scroll{overflow-x:auto}.note{background:var(--note);border-left:4px solid var(--one);padding:.5rem .8rem}"
        "summary{cursor:pointer}";

/* === Members === */

static double number(json_object *o)
{
        return o ? json_object_get_double(o) : NAN;
}

static double value_of(json_object *o, const char *key)
{
        return number(report_member(o, key));
}

static bool flag(json_object *o, const char *key)
{
        return json_object_get_boolean(report_member(o, key));
}

/* === Facts === */

enum kind {
        COUNT,
        SECONDS,
        PERCENT,
        POINTS, /* of a score from 0 to 100 */
        PLAIN,
};

static void amount(FILE *f, enum kind kind, double d)
{
        if (isnan(d))
                fputs("–", f);
        else if (kind == COUNT)
                fprintf(f, "%.0f", d);
        else if (kind == SECONDS)
                fprintf(f, "%.1f s", d);
        else if (kind == PERCENT)
                fprintf(f, "%.1f %%", 100 * d);
        else if (kind == POINTS)
                fprintf(f, "%.1f", 100 * d);
        else
                fprintf(f, "%.2f", d);
}

static void fact_row(FILE *f, const char *name, enum kind kind, double value, double low, double high)
{
        fprintf(f, "<tr><td>%s<td>", name);
        amount(f, kind, value);
        fputs("<td>", f);
        if (!isnan(low) && !isnan(high)) {
                amount(f, kind, low);
                fputs(" to ", f);
                amount(f, kind, high);
        }
        fputs("</tr>\n", f);
}

static void count_row(FILE *f, json_object *o, const char *key, const char *name, enum kind kind)
{
        fact_row(f, name, kind, value_of(o, key), NAN, NAN);
}

static void estimate_row(FILE *f, json_object *o, const char *key, const char *name, enum kind kind)
{
        json_object *e = report_member(o, key);

        if (e)
                fact_row(f, name, kind, value_of(e, "value"), value_of(e, "low"), value_of(e, "high"));
}

static void facts(FILE *f, json_object *c)
{
        json_object *smile = report_member(c, "smile");

        fputs("<div class=scroll><table><thead><tr><th scope=col>Figure<th scope=col>Value<th scope=col>95 % interval"
              "</thead><tbody>\n",
              f);
        count_row(f, c, "plays", "Plays", COUNT);
        count_row(f, c, "seconds_shown", "Time shown", SECONDS);
        count_row(f, c, "seconds_observed", "of it observed", SECONDS);
        count_row(f, c, "viewers", "Viewers (in view for 1 s or longer)", COUNT);
        count_row(f, c, "watchers", "Watchers (turned to the screen for 1 s or longer)", COUNT);
        count_row(f, c, "watchers_2s", "… for 2 s or longer", COUNT);
        estimate_row(f, c, "watched", "Share of viewers who watched", PERCENT);
        count_row(f, c, "dwell_seconds", "Mean time in view", SECONDS);
        count_row(f, c, "attention_seconds", "Mean time turned to the screen", SECONDS);
        estimate_row(f, c, "attraction", "Attention per time in view", PERCENT);
        estimate_row(f, c, "watchers_at_once", "Mean watchers at once", PLAIN);
        estimate_row(f, smile, "ever", "Viewers who smiled at some time", PERCENT);
        estimate_row(f, smile, "mean", "Smile, mean over viewers (0 to 100)", POINTS);
        estimate_row(f, smile, "max", "Smile, strongest moment of a viewer", POINTS);
        estimate_row(f, smile, "end", "Smile in the last 2 seconds", POINTS);
        estimate_row(f, smile, "change", "Change against the viewer's own baseline", POINTS);
        count_row(f, smile, "without_baseline", "Viewers without a baseline", COUNT);
        if (report_member(smile, "peak_seconds"))
                count_row(f, smile, "peak_seconds", "Time of the highest point of the curve", SECONDS);
        fputs("</tbody></table></div>\n", f);
}

/* === The curve === */

struct chart {
        struct svg *svg;
        double seconds, top;
};

static double chart_x(const struct chart *c, double seconds)
{
        return LEFT + (CHART_WIDTH - LEFT - RIGHT) * seconds / c->seconds;
}

static double chart_y(const struct chart *c, double value)
{
        return TOP + (CHART_HEIGHT - TOP - BOTTOM) * (1 - value / c->top);
}

static double point(json_object *curve, const char *key, size_t i)
{
        return number(json_object_array_get_idx(report_member(curve, key), i));
}

static void axes(const struct chart *c)
{
        double step = c->seconds <= 15 ? 1 : c->seconds <= 60 ? 5 : c->seconds <= 300 ? 30 : 300;
        char label[24];

        for (int i = 0; i <= 4; i++) {
                double v = c->top * i / 4;

                svg_line(c->svg, LEFT, chart_y(c, v), CHART_WIDTH - RIGHT, chart_y(c, v), "var(--line)", 1);
                snprintf(label, sizeof(label), "%.0f", 100 * v);
                svg_text(c->svg, LEFT - 6, chart_y(c, v) + 4, 12, SVG_END, "var(--soft)", label);
        }
        for (double t = 0; t <= c->seconds; t += step) {
                snprintf(label, sizeof(label), "%.0f", t);
                svg_text(c->svg, chart_x(c, t), CHART_HEIGHT - BOTTOM + 16, 12, SVG_MIDDLE, "var(--soft)", label);
        }
        svg_text(c->svg, CHART_WIDTH - RIGHT, CHART_HEIGHT - 4, 12, SVG_END, "var(--soft)", "seconds");
}

/* Stretches without a gap: the band of each as one shape, its edges as lines, too, for who sees no shades. */
static void draw_band(const struct chart *c, json_object *curve, size_t n, double step)
{
        double shape[2 * POINTS_MAX][2];
        size_t k = 0;

        for (size_t i = 0; i <= n; i++) {
                bool there = i < n && !isnan(point(curve, "mean", i));

                if (there) {
                        shape[k][0] = chart_x(c, ((double)i + 0.5) * step);
                        shape[k++][1] = chart_y(c, point(curve, "high", i));
                        continue;
                }
                for (size_t j = 0; j < k; j++) {
                        size_t from = i - 1 - j;

                        shape[k + j][0] = shape[k - 1 - j][0];
                        shape[k + j][1] = chart_y(c, point(curve, "low", from));
                }
                if (k > 1) {
                        svg_polygon(c->svg, (const double(*)[2])shape, 2 * k, "var(--band)");
                        svg_polyline(c->svg, (const double(*)[2])shape, k, "var(--one)", 0.7);
                        svg_polyline(c->svg, (const double(*)[2])(shape + k), k, "var(--one)", 0.7);
                }
                k = 0;
        }
}

static void draw_marks(const struct chart *c, json_object *marks)
{
        for (size_t i = 0; marks && i < json_object_array_length(marks); i++) {
                json_object *m = json_object_array_get_idx(marks, i);
                double t = value_of(m, "seconds");

                if (!(t >= 0 && t <= c->seconds))
                        continue;
                svg_line(c->svg, chart_x(c, t), TOP - 8, chart_x(c, t), CHART_HEIGHT - BOTTOM, "var(--soft)", 1);
                svg_text(c->svg, chart_x(c, t) + 3, TOP - 10, 11, t > 0.8 * c->seconds ? SVG_END : SVG_START,
                         "var(--soft)", report_string(m, "label"));
        }
}

static void curve_table(FILE *f, json_object *curve, size_t n, double step)
{
        fputs("<details><summary>The curve as a table</summary><div class=scroll><table><thead><tr><th scope=col>From second"
              "<th scope=col>Smile<th scope=col>95 % band<th scope=col>Viewers</thead><tbody>\n",
              f);
        for (size_t i = 0; i < n; i++) {
                double mean = point(curve, "mean", i);

                fprintf(f, "<tr><td>%g<td>", (double)i * step);
                if (isnan(mean))
                        fputs("too few<td><td>", f);
                else
                        fprintf(f, "%.1f<td>%.1f to %.1f<td>%.0f", 100 * mean, 100 * point(curve, "low", i),
                                100 * point(curve, "high", i), point(curve, "viewers", i));
                fputs("</tr>\n", f);
        }
        fputs("</tbody></table></div></details>\n", f);
}

static int curve_chart(FILE *f, json_object *content)
{
        json_object *curve = report_member(report_member(content, "smile"), "curve");
        size_t n = curve ? MIN(json_object_array_length(report_member(curve, "mean")), (size_t)POINTS_MAX) : 0;
        double step = value_of(curve, "step_ms") / 1000, line[POINTS_MAX][2], top = 0.2;
        struct chart c;
        int r;

        if (!n || !(step > 0))
                return 0;
        for (size_t i = 0; i < n; i++)
                top = fmax(top, point(curve, "high", i));
        c = (struct chart){ .seconds = (double)n * step, .top = fmin(ceil(top * 5) / 5, 1) };
        fputs("<h3>Smile over the content</h3><figure>\n", f);
        r = svg_inline(f, CHART_WIDTH, CHART_HEIGHT, "Mean smile of the viewers by second, with its 95 % band", &c.svg);
        if (r < 0)
                return r;
        axes(&c);
        draw_band(&c, curve, n, step);
        for (size_t i = 0; i < n; i++) {
                line[i][0] = chart_x(&c, ((double)i + 0.5) * step);
                line[i][1] = chart_y(&c, point(curve, "mean", i));
        }
        svg_polyline(c.svg, (const double(*)[2])line, n, "var(--one)", 2.5);
        draw_marks(&c, report_member(content, "marks"));
        r = svg_finish(c.svg);
        svg_free(c.svg);
        fputs("<figcaption class=soft>Line: mean over the viewers in view. Band: the whole true curve lies in it in 95 of 100 "
              "cases. Seconds with too few viewers are blank.</figcaption></figure>\n",
              f);
        curve_table(f, curve, n, step);
        return r;
}

/* === Expressions === */

static void expressions(FILE *f, json_object *content)
{
        json_object *list = report_member(content, "expressions");
        bool corrected = flag(content, "expressions_corrected");

        if (!list || !json_object_array_length(list))
                return;
        fputs("<h3>Expressions, share of the time in view</h3>\n", f);
        if (!corrected)
                fputs("<p class=note>Not corrected: the model does not say how often it takes one expression for another, and "
                      "such raw shares mislead where an expression is rare.</p>\n",
                      f);
        fprintf(f,
                "<div class=scroll><table><thead><tr><th scope=col>Expression<th scope=col>As decided%s</thead><tbody>\n",
                corrected ? "<th scope=col>Corrected<th scope=col>95 % interval" : "");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *e = json_object_array_get_idx(list, i), *share = report_member(e, "share");

                fputs("<tr><td>", f);
                html_text(f, report_string(e, "label"));
                fprintf(f, "<td>%.1f %%", 100 * value_of(e, "decided"));
                if (share && flag(e, "evidence"))
                        fprintf(f, "<td>%.1f %%<td>%.1f to %.1f %%", 100 * value_of(share, "value"),
                                100 * value_of(share, "low"), 100 * value_of(share, "high"));
                else if (share)
                        fprintf(f, "<td>no evidence<td>up to %.1f %%", 100 * value_of(share, "high"));
                else if (corrected)
                        fputs("<td><td>", f);
                fputs("</tr>\n", f);
        }
        fputs("</tbody></table></div>\n", f);
}

/* === Contents and pairs === */

static int content_section(FILE *f, json_object *c)
{
        int r;

        fputs("<section><h2>", f);
        html_text(f, report_string(c, "content"));
        fputs("</h2>\n", f);
        if (!report_member(c, "viewers")) {
                fputs("<p class=note>Too few viewers so far: nothing can be told of it.</p></section>\n", f);
                return 0;
        }
        fprintf(f, "<p class=soft>%s to %s</p>\n", report_string(c, "from"), report_string(c, "to"));
        if (flag(c, "suppressed"))
                fputs("<p>The latest viewers are too few to be told of, and are left out.</p>\n", f);
        facts(f, c);
        r = curve_chart(f, c);
        expressions(f, c);
        fputs("</section>\n", f);
        return r;
}

static void verdict(FILE *f, json_object *p)
{
        if (flag(p, "shown"))
                fprintf(f, "a difference is shown: the %s is higher",
                        value_of(report_member(p, "difference"), "value") > 0 ? "second" : "first");
        else
                fprintf(f,
                        "no difference shown; these viewers would show one of %.1f points, %.0f viewers each one of 5 points",
                        100 * value_of(p, "least_difference"), value_of(p, "viewers_for_5_points"));
}

static void pair_row(FILE *f, json_object *p)
{
        json_object *d = report_member(p, "difference");
        double chance = value_of(p, "p_adjusted");

        fputs("<tr><td>", f);
        html_text(f, report_string(p, "a"));
        fputs(" → ", f);
        html_text(f, report_string(p, "b"));
        fputs("<td>", f);
        amount(f, POINTS, value_of(d, "value"));
        fputs("<td>", f);
        amount(f, POINTS, value_of(d, "low"));
        fputs(" to ", f);
        amount(f, POINTS, value_of(d, "high"));
        fputs(chance < 0.001 ? "<td>&lt; 0.001" : "<td>", f);
        if (chance >= 0.001)
                fprintf(f, "%.3f", chance);
        fputs("<td class=words>", f);
        verdict(f, p);
        fputs("</tr>\n", f);
}

static void comparisons(FILE *f, json_object *report)
{
        json_object *list = report_member(report, "comparisons");
        size_t n = list ? json_object_array_length(list) : 0, n_apart = 0;

        if (!n)
                return;
        fputs("<section><h2>Comparisons</h2><p>Mean smile, second less first, among viewers of the same hour of the same kind "
              "of day; p by permutation, adjusted for the number of pairs (Holm).</p><div class=scroll><table><thead><tr>"
              "<th scope=col>Pair<th scope=col>Difference<th scope=col>95 % interval<th scope=col>p"
              "<th scope=col class=words>Result</thead><tbody>\n",
              f);
        for (size_t i = 0; i < n; i++) {
                json_object *p = json_object_array_get_idx(list, i);

                if (isnan(value_of(report_member(p, "difference"), "value")))
                        n_apart++;
                else
                        pair_row(f, p);
        }
        fputs("</tbody></table></div>\n", f);
        if (n_apart)
                fprintf(f,
                        "<p>%zu of %zu pairs cannot be compared: they were not shown in the same hours to enough viewers.</p>\n",
                        n_apart, n);
        fputs("</section>\n", f);
}

static void honesty(FILE *f, json_object *report)
{
        json_object *model = report_member(report, "model");
        const char *name = report_string(model, "name"), *sha256 = report_string(model, "sha256");

        fputs("<section><h2>How far this can be trusted</h2><ul>\n<li>A face shows an expression; what a person feels is not "
              "measured.\n<li>Level of measurement: ",
              f);
        html_text(f, report_string(report, "measurement"));
        fputs(". Faces are counted, not bodies, and a person who comes back is another viewer.\n<li>Model: ", f);
        html_text(f, *name ? name : "not known in this run of the service");
        if (*sha256) {
                fputs("; sha256 <span style=\"overflow-wrap:anywhere\">", f);
                html_text(f, sha256);
                fputs("</span>", f);
        }
        fprintf(f,
                ".\n<li>Groups of fewer than %.0f viewers are left out; counts below 20 are rounded to 5.\n<li>People are "
                "told: ",
                value_of(report, "minimum_group"));
        html_text(f, report_string(report, "notice"));
        fputs(".\n<li>Every interval covers the truth in 95 of 100 cases, if the model's scores are taken as they are: its own "
              "mistakes come on top.\n</ul></section>\n",
              f);
}

int html_report(FILE *f, json_object *report)
{
        json_object *contents = report_list(report, "contents");
        int r = report_check(report);

        if (r < 0)
                return r;
        fprintf(f,
                "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
                "<meta name=viewport content=\"width=device-width,initial-scale=1\">"
                "<meta http-equiv=Content-Security-Policy content=\"default-src 'none';style-src 'unsafe-inline'\">"
                "<title>Reactions</title><style>%s</style></head><body>\n<h1>Reactions to what was shown</h1>\n"
                "<p class=soft>Made %s.</p>\n",
                style, report_string(report, "generated"));
        if (!json_object_array_length(contents))
                fputs("<p class=note>Nothing has been shown yet.</p>\n", f);
        for (size_t i = 0; i < json_object_array_length(contents) && r == 0; i++)
                r = content_section(f, json_object_array_get_idx(contents, i));
        comparisons(f, report);
        honesty(f, report);
        fputs("</body></html>\n", f);
        return r < 0 ? r : ferror(f) ? -EIO : 0;
}
