/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "picture/picture.h"
#include "train/cmd/cmd.h"
#include "train/cmd/mean-face.h"

/* Grey levels of a mean face: its middle, and what one standard deviation is worth. */
#define GREY_MEAN 128
#define GREY_PER_DEVIATION 42

struct meanfaces {
        const char *data, *out;
        struct dataset_options options;
        struct mean_face_config config;
};

static int read_ferplus(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        struct meanfaces *m = into;

        m->options.ferplus = text;
        m->options.ferplus_majority = true;
        return 0;
}

#define AT(member) .at = offsetof(struct meanfaces, member)

static const struct cmd_option rows[] = {
        { .name = "data",
          .kind = CMD_TEXT,
          .value = "DATA",
          AT(data),
          .needed = true,
          .help = "a data set: FER2013's csv or a folder, see emotion-nn(1)" },
        CMD_OUTPUT("FILE.png", AT(out), "the strip"),
        { .name = "ferplus",
          .kind = CMD_OTHER,
          .value = "FILE",
          .read = read_ferplus,
          .help = "take the labels that most of the votes in this FER+ csv are for" },
        { .name = "size",
          .kind = CMD_COUNT,
          .value = "PIXELS",
          AT(config.size_px),
          8,
          512,
          .help = "side of one face, 8 to 512 (default 96)" },
        { .name = "passes",
          .kind = CMD_COUNT,
          .value = "N",
          AT(config.passes),
          0,
          10,
          .help = "rounds of alignment, 0 to 10 (default 3)" },
        { .name = "keep",
          .kind = CMD_REAL,
          .value = "SHARE",
          AT(config.keep),
          0.01,
          1,
          .help = "share of each class that is used, the most typical faces first (default 0.6)" },
        { 0 },
};

/* The faces side by side. */
static int write_strip(const char *path, const float *faces, unsigned n, unsigned size_px)
{
        size_t width = (size_t)n * size_px;
        _cleanup_(freep) uint8_t *pixels = malloc(width * size_px);

        if (!pixels)
                return -ENOMEM;
        for (size_t k = 0; k < n; k++)
                for (size_t y = 0; y < size_px; y++)
                        for (size_t x = 0; x < size_px; x++) {
                                float v = GREY_MEAN + GREY_PER_DEVIATION * faces[(k * size_px + y) * size_px + x];

                                pixels[y * width + k * size_px + x] = (uint8_t)lrintf(CLAMP(v, 0.f, 255.f));
                        }
        struct picture p = { .format = PICTURE_GRAY8,
                             .width_px = (unsigned)width,
                             .height_px = size_px,
                             .stride_bytes = width,
                             .data = pixels };
        return picture_write_png(path, &p);
}

static int run(int argc, char **argv)
{
        struct meanfaces m = { .options.usage = DATASET_TRAINING,
                               .config = { .size_px = 96, .passes = 3, .keep = 0.6 } };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        size_t used[DATASET_MAX_CLASSES];
        struct dataset_error error;
        int r = cmd_parse(&cmd_meanfaces, argc, argv, &m, NULL);

        if (r)
                return r < 0;
        r = dataset_load(m.data, &m.options, &d, &error);
        if (r < 0)
                return cmd_fail(&cmd_meanfaces, "%s", error.text);
        _cleanup_(freep) float *faces = calloc(d->n_classes, sizeof(*faces) * m.config.size_px * m.config.size_px);
        r = faces ? mean_faces(d, &m.config, faces, used) : -ENOMEM;
        if (r == 0)
                r = write_strip(m.out, faces, d->n_classes, m.config.size_px);
        if (r < 0)
                return cmd_fail(&cmd_meanfaces, "%s: %s", m.out, strerror(-r));
        for (unsigned i = 0; i < d->n_classes; i++)
                printf("%-10s %zu pictures\n", d->labels[i], used[i]);
        return 0;
}

const struct cmd cmd_meanfaces = {
        .name = "meanfaces",
        .summary = "compute the mean face of each class",
        .about = "Computes the mean face of each class over the Training rows and writes them as one strip, from left "
                 "to right in the order of the labels. It does not contain any person's picture.",
        .options = rows,
        .run = run,
};
