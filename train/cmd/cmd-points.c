/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "nn/landmarks.h"
#include "train/cmd/cmd.h"
#include "train/data/dataset.h"

#define MAX_PASSES 4

struct points {
        const char *model, *data, *out;
        double confidence;
};

#define AT(member) .at = offsetof(struct points, member)

static const struct cmd_option rows[] = {
        { .name = "data",
          .kind = CMD_TEXT,
          .value = "DATA",
          AT(data),
          .needed = true,
          .help = "a data set: FER2013's csv or a folder, see emotion-nn(1)" },
        CMD_OUTPUT("FILE.csv", AT(out), "one row for each face: emotion, points, Usage; a data set for train and eval"),
        { .name = "confidence",
          .kind = CMD_REAL,
          .value = "C",
          AT(confidence),
          0,
          1,
          .help = "leave out faces that the network is less sure of, 0 to 1 (default 0.3)" },
        { 0 },
};

static void write_points(FILE *f, const struct landmarks_face *face)
{
        for (unsigned i = 0; i < LANDMARKS_N; i++)
                fprintf(f, "%s%.2f %.2f", i ? " " : "", (double)face->points[i][0], (double)face->points[i][1]);
}

/* Return: rows in which a face was found. */
static long write_all(const struct points *p, struct landmarks *l, const struct dataset *d, FILE *f)
{
        size_t size = (size_t)d->width_px * d->height_px;
        long found = 0;

        fprintf(f, "emotion,points,Usage\n");
        for (size_t i = 0; i < d->n; i++) {
                const struct nn_image image = { .data = d->pixels + i * size,
                                                .width_px = d->width_px,
                                                .height_px = d->height_px,
                                                .stride_bytes = d->width_px };
                const struct landmarks_square square = landmarks_square_of_crop(d->width_px);
                struct landmarks_face face;

                if (landmarks_find(l, &image, &square, MAX_PASSES, &face) < 0 ||
                    (double)face.confidence < p->confidence)
                        continue;
                found++;
                fprintf(f, "%u,", d->classes[i]);
                write_points(f, &face);
                fprintf(f, ",%s\n", dataset_usage_to_string((enum dataset_usage)d->usage[i]));
        }
        return found;
}

static int write_file(const struct points *p, struct landmarks *l, const struct dataset *d)
{
        FILE *f = fopen(p->out, "we");
        long found = f ? write_all(p, l, d, f) : -errno;
        int r = 0;

        if (f && ferror(f))
                found = -EIO;
        if (f && fclose(f) != 0)
                r = -errno;
        if (found < 0 || r < 0)
                return cmd_fail(&cmd_points, "%s: %s", p->out, strerror((int)-(found < 0 ? found : r)));
        printf("%ld faces in %zu pictures\n", found, d->n);
        return 0;
}

static int run(int argc, char **argv)
{
        struct points p = { .confidence = 0.3 };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_error error = { "out of memory" };
        struct landmarks *l = NULL;
        struct nn_error e = { "" };
        struct cmd_operands model;
        int r = cmd_parse(&cmd_points, argc, argv, &p, &model);

        if (r)
                return r < 0;
        p.model = model.at[0];
        r = landmarks_new(p.model, &l, &e);
        if (r < 0)
                return cmd_fail(&cmd_points, "%s: %s", p.model, e.text[0] ? e.text : strerror(-r));
        r = dataset_load(p.data, NULL, &d, &error);
        if (r < 0)
                cmd_fail(&cmd_points, "%s", error.text);
        else if (d->n_classes > 7 || d->width_px != d->height_px || d->width_px < 8)
                r = cmd_fail(&cmd_points, "%s: not square pictures of the seven emotions", p.data);
        else
                r = write_file(&p, l, d);
        landmarks_free(l);
        return r != 0 || !d;
}

const struct cmd cmd_points = {
        .name = "points",
        .summary = "find the landmarks of a data set",
        .about = "Finds 68 landmarks in each picture of a data set. MODEL is a landmark network, see emotion-nn(1).",
        .operand = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = run,
};
