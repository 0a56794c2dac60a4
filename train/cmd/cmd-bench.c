/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn bench: how long a pass of a model takes. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/resource.h>

#include "basic/clock.h"
#include "nn/plan.h"
#include "train/cmd/cmd.h"
#include "train/cmd/shapes.h"
#include "train/model/model-size.h"

#define MAX_RUNS 2000
#define LEAST_RUNS 20

struct result {
        double median_us, min_us, gflops, load_ms;
        long peak_kb;
};

struct own {
        struct nn_plan_options plan;
        double seconds;
        bool json;
        struct shapes shapes;
};

static int read_weights(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        struct own *own = into;

        if (strcmp(text, "8") != 0 && strcmp(text, "16") != 0 && strcmp(text, "32") != 0)
                return cmd_fail(c, "--%s: \"%s\" is not 8, 16 or 32", o->name, text);
        own->plan.weight_bits = (unsigned)strtoul(text, NULL, 10);
        return 0;
}

#define AT(member) .at = offsetof(struct own, member)

static const struct cmd_option rows[] = {
        { .name = "batch",
          .kind = CMD_COUNT,
          .value = "N",
          AT(plan.batch),
          1,
          65536,
          .help = "images a pass (default 1)" },
        { .name = "shape",
          .kind = CMD_OTHER,
          .value = "NAME=SHAPE",
          AT(shapes),
          .read = shapes_read,
          .help = "shape of an input, such as input=1x3x480x640, also instead of one that the file fixes; once for each "
                  "input" },
        CMD_THREADS(AT(plan.threads)),
        { .name = "weights",
          .kind = CMD_OTHER,
          .value = "N",
          .read = read_weights,
          .help = "bits of the weights of fully connected layers: 8, 16 or 32 (default: as in the file)" },
        { .name = "measure",
          AT(plan.measure),
          .help = "choose the way to compute each convolution by trying them, see emotion-nn show" },
        { .name = "seconds",
          .kind = CMD_REAL,
          .value = "X",
          AT(seconds),
          0,
          86400,
          .help = "how long to measure each model (default 1)" },
        { .name = "json", AT(json), .help = "print an array of objects instead of a table" },
        { 0 },
};

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

/* Any values but zeros, which some CPUs multiply faster. */
static void fill_inputs(struct nn_plan *p)
{
        struct nn_tensor *t;

        for (size_t i = 0; (t = nn_plan_input(p, i)); i++)
                for (int64_t k = 0; t->type == NN_FLOAT32 && k < nn_tensor_n_elements(t); k++)
                        nn_f32(t)[k] = (float)((k * 2654435761u) % 1000) / 1000;
}

static int measure(struct nn_plan *p, double seconds, struct result *ret)
{
        static double us[MAX_RUNS];
        double end, macs = 0;
        size_t n = 0;
        int r;

        fill_inputs(p);
        for (int i = 0; i < 3; i++)
                if ((r = nn_plan_run(p)) < 0)
                        return r;
        end = clock_seconds() + seconds;
        while (n < MAX_RUNS && (n < LEAST_RUNS || clock_seconds() < end)) {
                double start = clock_seconds();

                if ((r = nn_plan_run(p)) < 0)
                        return r;
                us[n++] = 1e6 * (clock_seconds() - start);
        }
        qsort(us, n, sizeof(*us), by_value);
        for (size_t i = 0; i < p->n_steps; i++)
                macs += p->steps[i].macs;
        ret->median_us = us[n / 2];
        ret->min_us = us[0];
        ret->gflops = 2 * macs / ret->median_us / 1e3;
        return 0;
}

static int bench(const char *path, struct own *how, struct result *ret)
{
        struct nn_error error = { { 0 } };
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        double start = clock_seconds();
        struct rusage usage;
        struct nn_plan_options own = how->plan;
        struct nn_tensor size;
        int r = nn_model_load(path, &m, &error);

        if (r == 0 && model_size(m, own.batch, &size))
                own.inputs = &size;
        if (r == 0 && shapes_apply(&cmd_bench, &how->shapes, m, &own) < 0) {
                nn_model_free(m);
                return -EINVAL;
        }
        if (r == 0)
                r = nn_plan_new(m, &own, &p, &error);
        ret->load_ms = 1e3 * (clock_seconds() - start);
        if (r == 0)
                r = measure(p, how->seconds, ret);
        if (r < 0)
                cmd_fail(&cmd_bench, "%s: %s", path, *error.text ? error.text : strerror(-r));
        nn_plan_free(p);
        nn_model_free(m);
        getrusage(RUSAGE_SELF, &usage);
        ret->peak_kb = usage.ru_maxrss;
        return r;
}

static void add_json(struct json_object *array, const char *path, const struct nn_plan_options *o,
                     const struct result *r)
{
        struct json_object *j = json_object_new_object();

        json_object_object_add(j, "model", json_object_new_string(path));
        json_object_object_add(j, "batch", json_object_new_int((int)o->batch));
        json_object_object_add(j, "threads", json_object_new_int((int)o->threads));
        json_object_object_add(j, "median_us", json_object_new_double(r->median_us));
        json_object_object_add(j, "min_us", json_object_new_double(r->min_us));
        json_object_object_add(j, "gflops", json_object_new_double(r->gflops));
        json_object_object_add(j, "load_ms", json_object_new_double(r->load_ms));
        json_object_object_add(j, "peak_kb", json_object_new_int64(r->peak_kb));
        json_object_array_add(array, j);
}

static int bench_all(int n, char **paths, struct own *how)
{
        const struct nn_plan_options *options = &how->plan;
        bool json = how->json;
        struct json_object *array = json ? json_object_new_array() : NULL;
        int result = 0;

        if (!json)
                printf("%-40s %5s %7s %10s %10s %8s %8s %8s\n", "model", "batch", "threads", "median_us", "min_us",
                       "gflops", "load_ms", "peak_kb");
        for (int i = 0; i < n; i++) {
                struct result r = { 0 };

                if (bench(paths[i], how, &r) < 0) {
                        result = -EINVAL;
                        continue;
                }
                if (json)
                        add_json(array, paths[i], options, &r);
                else
                        printf("%-40s %5u %7u %10.1f %10.1f %8.1f %8.2f %8ld\n", paths[i], options->batch,
                               options->threads, r.median_us, r.min_us, r.gflops, r.load_ms, r.peak_kb);
        }
        if (json)
                printf("%s\n", json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY));
        json_object_put(array);
        return result;
}

static int run(int argc, char **argv)
{
        struct own own = { .plan = { .batch = 1, .threads = 1 }, .seconds = 1 };
        struct cmd_operands models;
        int r = cmd_parse(&cmd_bench, argc, argv, &own, &models);

        if (r)
                return r < 0;
        return bench_all((int)models.n, models.at, &own) < 0;
}

const struct cmd cmd_bench = {
        .name = "bench",
        .summary = "time models",
        .about = "Times one pass of each model.",
        .operand = "MODEL",
        .min_operands = 1,
        .max_operands = 10000,
        .options = rows,
        .run = run,
};
