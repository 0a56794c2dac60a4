/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <string.h>

#include "picture/picture.h"
#include "train/cmd/args.h"
#include "train/cmd/avi.h"
#include "train/cmd/cmd.h"
#include "train/cmd/synthetic.h"
#include "train/data/reader.h"

#define JPEG_QUALITY 88

static const char help[] =
        "emotion-nn clip STRIP.png -o CLIP.avi [OPTION...]\n\n"
        "Write a Motion-JPEG clip of a synthetic face that changes its expression, from the mean faces that\n"
        "`emotion-nn meanfaces` computed. It can be looped without a seam.\n\n"
        "  -o CLIP.avi             the clip\n"
        "  --truth FILE.csv        what each frame shows: frame, time in seconds, label, its weight in the mixture\n"
        "  --order LABEL,...       expressions in turn (default: neutral, happiness and surprise,\n"
        "                          so that each follows each of the others)\n"
        "  --hold SECONDS          how long each stays (default 2)\n"
        "  --morph SECONDS         how long a change takes (default 0.13)\n"
        "  --fps N                 frames per second, 1 to 240 (default 15)\n"
        "  --exaggerate [LABEL=]FACTOR  distance from the mean of all faces, for one label or all; 1 for none\n"
        "                          (default 1.6, neutral=3.6)\n"
        "  --face PIXELS           side of the face (default 240)\n"
        "  --width, --height PIXELS  size of the picture (default 640 x 480)\n";

struct clip {
        const char *strip, *out, *truth;
        struct synthetic_config config;
};

/* The label of a word of @n bytes, or -1. */
static int find_label(const char *s, size_t n)
{
        for (int i = 0; i < N_LABELS_BASIC; i++)
                if (strlen(dataset_labels[i]) == n && strncmp(dataset_labels[i], s, n) == 0)
                        return i;
        return -1;
}

static int parse_exaggeration(const char *s, struct synthetic_config *c)
{
        const char *sign = strchr(s, '=');
        int label = sign ? find_label(s, (size_t)(sign - s)) : 0;
        double factor;

        if (label < 0) {
                fprintf(stderr, "emotion-nn: --exaggerate: '%.*s' is no label\n", (int)(sign - s), s);
                return -EINVAL;
        }
        if (args_double("--exaggerate", sign ? sign + 1 : s, 0.1, 10, &factor) < 0)
                return -EINVAL;
        for (int i = 0; i < SYNTHETIC_MAX_CLASSES; i++)
                if (!sign || i == label)
                        c->exaggeration[i] = factor;
        return 0;
}

static int parse_order(const char *order, struct synthetic_config *c)
{
        c->n_steps = 0;
        for (const char *s = order; *s;) {
                size_t n = strcspn(s, ",");
                int label = find_label(s, n);

                if (label < 0 || c->n_steps == SYNTHETIC_MAX_STEPS) {
                        fprintf(stderr, "emotion-nn: --order: '%.*s' is no label, or more than %d steps\n", (int)n, s,
                                SYNTHETIC_MAX_STEPS);
                        return -EINVAL;
                }
                c->steps[c->n_steps++] = (unsigned)label;
                s += n + (s[n] == ',');
        }
        if (!c->n_steps) {
                fprintf(stderr, "emotion-nn: --order is empty\n");
                return -EINVAL;
        }
        return 0;
}

enum { /* options without a letter */
       OPT_TRUTH = 256,
       OPT_ORDER,
       OPT_HOLD,
       OPT_MORPH,
       OPT_FPS,
       OPT_EXAGGERATE,
       OPT_FACE,
       OPT_WIDTH,
       OPT_HEIGHT,
};

static int parse_option(int c, struct clip *k)
{
        struct synthetic_config *s = &k->config;

        switch (c) {
        case 'o':
                k->out = optarg;
                return 0;
        case OPT_TRUTH:
                k->truth = optarg;
                return 0;
        case OPT_ORDER:
                return parse_order(optarg, s);
        case OPT_HOLD:
                return args_double("--hold", optarg, 0.01, 600, &s->hold_s);
        case OPT_MORPH:
                return args_double("--morph", optarg, 0, 600, &s->morph_s);
        case OPT_FPS:
                return args_unsigned("--fps", optarg, 1, 240, &s->rate_hz);
        case OPT_EXAGGERATE:
                return parse_exaggeration(optarg, s);
        case OPT_FACE:
                return args_double("--face", optarg, 8, 4096, &s->face_px);
        case OPT_WIDTH:
                return args_unsigned("--width", optarg, 16, 4096, &s->width_px);
        case OPT_HEIGHT:
                return args_unsigned("--height", optarg, 16, 4096, &s->height_px);
        case 'h':
                fputs(help, stdout);
                return 1;
        default:
                return -EINVAL;
        }
}

static int parse(int argc, char **argv, struct clip *k)
{
        static const struct option options[] = {
                { "output", required_argument, NULL, 'o' },
                { "truth", required_argument, NULL, OPT_TRUTH },
                { "order", required_argument, NULL, OPT_ORDER },
                { "hold", required_argument, NULL, OPT_HOLD },
                { "morph", required_argument, NULL, OPT_MORPH },
                { "fps", required_argument, NULL, OPT_FPS },
                { "exaggerate", required_argument, NULL, OPT_EXAGGERATE },
                { "face", required_argument, NULL, OPT_FACE },
                { "width", required_argument, NULL, OPT_WIDTH },
                { "height", required_argument, NULL, OPT_HEIGHT },
                { "help", no_argument, NULL, 'h' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "o:h", options, NULL)) >= 0) {
                int r = parse_option(c, k);

                if (r)
                        return r;
        }
        if (!k->out || optind + 1 != argc) {
                fprintf(stderr, "emotion-nn clip: one strip and -o are needed\n");
                return -EINVAL;
        }
        k->strip = argv[optind];
        return 0;
}

static int write_truth(const char *path, const struct synthetic *s)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "we");

        if (!f)
                return -errno;
        fprintf(f, "frame,time,label,weight\n");
        for (size_t i = 0; i < synthetic_n_frames(s); i++) {
                struct synthetic_truth t = synthetic_truth(s, i);

                fprintf(f, "%zu,%.4f,%s,%.3f\n", i, (double)i / s->config.rate_hz, dataset_labels[t.class], t.weight);
        }
        return fflush(f) == 0 ? 0 : -errno;
}

static int write_clip(const char *path, struct synthetic *s)
{
        unsigned width = s->config.width_px, height = s->config.height_px;
        _cleanup_(avi_writer_freep) struct avi_writer *w = NULL;
        _cleanup_(freep) uint8_t *pixels = malloc((size_t)width * height);
        int r;

        if (!pixels)
                return -ENOMEM;
        r = avi_writer_new(path, width, height, s->config.rate_hz, &w);
        for (size_t i = 0; r == 0 && i < synthetic_n_frames(s); i++) {
                struct picture p = { PICTURE_GRAY8, width, height, width, pixels };
                _cleanup_(freep) uint8_t *jpeg = NULL;
                size_t size;

                synthetic_render(s, i, pixels);
                r = picture_encode_jpeg(&p, JPEG_QUALITY, &jpeg, &size);
                if (r == 0)
                        r = avi_writer_add(w, jpeg, size);
        }
        return r == 0 ? avi_writer_finish(w) : r;
}

static int run(int argc, char **argv)
{
        struct clip k = { .config = { .width_px = 640,
                                      .height_px = 480,
                                      .rate_hz = 15,
                                      .hold_s = 2,
                                      .morph_s = 0.13,
                                      .face_px = 240,
                                      .n_steps = 6,
                                      /* the three that a classifier tells apart with certainty, in all orders */
                                      .steps = { LABEL_NEUTRAL, LABEL_HAPPINESS, LABEL_SURPRISE, LABEL_NEUTRAL,
                                                 LABEL_SURPRISE, LABEL_HAPPINESS } } };
        _cleanup_(picture_freep) struct picture *strip = NULL;
        _cleanup_(synthetic_done) struct synthetic s = { 0 };
        const char *file;
        int r;

        for (unsigned i = 0; i < SYNTHETIC_MAX_CLASSES; i++)
                k.config.exaggeration[i] = 1.6;
        /* networks are less sure of a neutral face than of the others */
        k.config.exaggeration[LABEL_NEUTRAL] = 3.6;
        r = parse(argc, argv, &k);

        if (r)
                return r < 0;
        file = k.strip;
        r = picture_decode_file(file, PICTURE_GRAY8, &strip);
        if (r == 0)
                r = synthetic_init(&s, strip->data, strip->width_px, strip->height_px, strip->stride_bytes, &k.config);
        if (r == -EINVAL) {
                fprintf(stderr,
                        "emotion-nn clip: %s is no row of square faces with those labels, or the face does "
                        "not fit into the picture\n",
                        file);
                return 1;
        }
        if (r == 0) {
                file = k.out;
                r = write_clip(file, &s);
        }
        if (r == 0 && k.truth) {
                file = k.truth;
                r = write_truth(file, &s);
        }
        if (r < 0) {
                fprintf(stderr, "emotion-nn clip: %s: %s\n", file, strerror(-r));
                return 1;
        }
        return 0;
}

const struct cmd cmd_clip = { .name = "clip", .summary = "synthetic clip of a changing face", .run = run };
