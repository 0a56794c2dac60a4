/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <math.h>
#include <string.h>

#include "picture/picture.h"
#include "train/cmd/args.h"
#include "train/cmd/cmd.h"
#include "train/cmd/mean-face.h"

/* Grey levels of a mean face: its middle, and what one standard deviation is worth. */
#define GREY_MEAN 128
#define GREY_PER_DEVIATION 42

static const char help[] =
        "emotion-nn meanfaces --data FILE -o FILE.png [OPTION...]\n\n"
        "Compute the mean face of each class over the Training rows and write them as one strip, from left to right\n"
        "in the order of the labels. No person's picture is in it.\n\n"
        "  --data FILE     data set: FER2013's csv or a folder, see emotion-nn(1)\n"
        "  --ferplus FILE  labels by the majority of the votes in this FER+ csv\n"
        "  -o FILE.png     the strip\n"
        "  --size PIXELS   side of one face, 8 to 512 (default 96)\n"
        "  --passes N      rounds of alignment, 0 to 10 (default 3)\n"
        "  --keep SHARE    share of each class that goes in, the most typical first (default 0.6)\n";

struct meanfaces {
        const char *data, *out;
        struct dataset_options options;
        struct mean_face_config config;
};

static int parse(int argc, char **argv, struct meanfaces *m)
{
        static const struct option options[] = {
                { "data", required_argument, NULL, 'd' },   { "ferplus", required_argument, NULL, 'f' },
                { "output", required_argument, NULL, 'o' }, { "size", required_argument, NULL, 's' },
                { "passes", required_argument, NULL, 'p' }, { "keep", required_argument, NULL, 'k' },
                { "help", no_argument, NULL, 'h' },         { 0 }
        };
        unsigned value;
        int c;

        while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0)
                switch (c) {
                case 'd':
                        m->data = optarg;
                        break;
                case 'f':
                        m->options.ferplus = optarg;
                        m->options.ferplus_majority = true;
                        break;
                case 'o':
                        m->out = optarg;
                        break;
                case 's':
                        if (args_unsigned("--size", optarg, 8, 512, &m->config.size_px) < 0)
                                return -EINVAL;
                        break;
                case 'p':
                        if (args_unsigned("--passes", optarg, 0, 10, &value) < 0)
                                return -EINVAL;
                        m->config.passes = value;
                        break;
                case 'k':
                        if (args_double("--keep", optarg, 0.01, 1, &m->config.keep) < 0)
                                return -EINVAL;
                        break;
                case 'h':
                        fputs(help, stdout);
                        return 1;
                default:
                        return -EINVAL;
                }
        if (!m->data || !m->out || optind != argc) {
                fprintf(stderr, "emotion-nn meanfaces: --data and -o are needed, and nothing else\n");
                return -EINVAL;
        }
        return 0;
}

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
        int r = parse(argc, argv, &m);

        if (r)
                return r < 0;
        r = dataset_load(m.data, &m.options, &d, &error);
        if (r < 0) {
                fprintf(stderr, "emotion-nn meanfaces: %s\n", error.text);
                return 1;
        }
        _cleanup_(freep) float *faces = calloc(d->n_classes, sizeof(*faces) * m.config.size_px * m.config.size_px);
        r = faces ? mean_faces(d, &m.config, faces, used) : -ENOMEM;
        if (r == 0)
                r = write_strip(m.out, faces, d->n_classes, m.config.size_px);
        if (r < 0) {
                fprintf(stderr, "emotion-nn meanfaces: %s: %s\n", m.out, strerror(-r));
                return 1;
        }
        for (unsigned i = 0; i < d->n_classes; i++)
                printf("%-10s %zu pictures\n", d->labels[i], used[i]);
        return 0;
}

const struct cmd cmd_meanfaces = { .name = "meanfaces", .summary = "mean face of each class", .run = run };
