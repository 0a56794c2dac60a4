/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "picture/picture.h"
#include "train/cmd/avi.h"
#include "train/cmd/cmd.h"
#include "train/cmd/synthetic.h"
#include "train/data/reader.h"

#define JPEG_QUALITY 88

struct clip {
        const char *out, *truth;
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

static int read_exaggeration(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        struct clip *k = into;
        const char *sign = strchr(text, '=');
        int label = sign ? find_label(text, (size_t)(sign - text)) : 0;
        double factor;

        if (label < 0)
                return cmd_fail(c, "--%s: \"%.*s\" is not a label", o->name, (int)(sign - text), text);
        if (cmd_real(c, o, sign ? sign + 1 : text, &factor) < 0)
                return -EINVAL;
        for (int i = 0; i < SYNTHETIC_MAX_CLASSES; i++)
                if (!sign || i == label)
                        k->config.exaggeration[i] = factor;
        return 0;
}

static int read_order(const struct cmd *c, const struct cmd_option *o, const char *text, void *into)
{
        struct synthetic_config *config = &((struct clip *)into)->config;

        config->n_steps = 0;
        for (const char *s = text; *s;) {
                size_t n = strcspn(s, ",");
                int label = find_label(s, n);

                if (label < 0 || config->n_steps == SYNTHETIC_MAX_STEPS)
                        return cmd_fail(c, "--%s: \"%.*s\" is not a label, or there are more than %d steps", o->name,
                                        (int)n, s, SYNTHETIC_MAX_STEPS);
                config->steps[config->n_steps++] = (unsigned)label;
                s += n + (s[n] == ',');
        }
        return config->n_steps ? 0 : cmd_fail(c, "--%s is empty", o->name);
}

#define AT(member) .at = offsetof(struct clip, member)

static const struct cmd_option rows[] = {
        CMD_OUTPUT("CLIP.avi", AT(out), "the clip"),
        { .name = "truth",
          .kind = CMD_TEXT,
          .value = "FILE.csv",
          AT(truth),
          .help = "write what each frame shows: frame, time in seconds, label, its weight in the mixture" },
        { .name = "order",
          .kind = CMD_OTHER,
          .value = "LABEL,...",
          .read = read_order,
          .help = "the expressions in turn (default: neutral, happiness and surprise, so that each follows each of the "
                  "others)" },
        { .name = "hold",
          .kind = CMD_REAL,
          .value = "SECONDS",
          AT(config.hold_s),
          0.01,
          600,
          .help = "how long each expression stays (default 2)" },
        { .name = "morph",
          .kind = CMD_REAL,
          .value = "SECONDS",
          AT(config.morph_s),
          0,
          600,
          .help = "how long a change takes (default 0.13)" },
        { .name = "fps",
          .kind = CMD_COUNT,
          .value = "N",
          AT(config.rate_hz),
          1,
          240,
          .help = "frames per second, 1 to 240 (default 15)" },
        { .name = "exaggerate",
          .kind = CMD_OTHER,
          .value = "[LABEL=]FACTOR",
          .read = read_exaggeration,
          .min = 0.1,
          .max = 10,
          .help = "distance from the mean of all faces, for one label or for all; 1 exaggerates nothing (default 1.6, "
                  "neutral=3.6)" },
        { .name = "face",
          .kind = CMD_REAL,
          .value = "PIXELS",
          AT(config.face_px),
          8,
          4096,
          .help = "side of the face (default 240)" },
        { .name = "width",
          .kind = CMD_COUNT,
          .value = "PIXELS",
          AT(config.width_px),
          16,
          4096,
          .help = "width of the picture (default 640)" },
        { .name = "height",
          .kind = CMD_COUNT,
          .value = "PIXELS",
          AT(config.height_px),
          16,
          4096,
          .help = "height of the picture (default 480)" },
        { 0 },
};

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
        struct cmd_operands strip_path;
        const char *file;
        int r;

        for (unsigned i = 0; i < SYNTHETIC_MAX_CLASSES; i++)
                k.config.exaggeration[i] = 1.6;
        /* networks are less sure of a neutral face than of the others */
        k.config.exaggeration[LABEL_NEUTRAL] = 3.6;
        r = cmd_parse(&cmd_clip, argc, argv, &k, &strip_path);
        if (r)
                return r < 0;
        file = strip_path.at[0];
        r = picture_decode_file(file, PICTURE_GRAY8, &strip);
        if (r == 0)
                r = synthetic_init(&s, strip->data, strip->width_px, strip->height_px, strip->stride_bytes, &k.config);
        if (r == -EINVAL)
                return cmd_fail(&cmd_clip,
                                "%s is no row of square faces with those labels, or the face does "
                                "not fit into the picture",
                                file);
        if (r == 0) {
                file = k.out;
                r = write_clip(file, &s);
        }
        if (r == 0 && k.truth) {
                file = k.truth;
                r = write_truth(file, &s);
        }
        if (r < 0)
                return cmd_fail(&cmd_clip, "%s: %s", file, strerror(-r));
        return 0;
}

const struct cmd cmd_clip = {
        .name = "clip",
        .summary = "make a synthetic clip of a changing face",
        .about = "Writes a Motion-JPEG clip of a synthetic face that changes its expression, from the mean faces that "
                 "`emotion-nn meanfaces` computed. It can be looped without a seam.",
        .operand = "STRIP.png",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = run,
};
