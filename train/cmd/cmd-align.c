/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn align: a data set with each face carried to one place by its landmarks. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/replace-file.h"
#include "nn/landmarks.h"
#include "picture/picture.h"
#include "train/cmd/cmd.h"
#include "train/data/template-file.h"

#define MAX_PASSES 3u
/* Pictures of folders are read larger than they are written, so that little is lost. */
#define READ_SCALE 2u

struct align {
        const char *data, *out, *network, *template_file;
        unsigned fit; /* place in fits, or FIT_UNSAID */
        unsigned size_px;
        double confidence;
        bool drop;
        struct face_template template;
        struct landmarks *landmarks;
        size_t n_aligned, n_kept, n_dropped;
};

#define FIT_UNSAID 2
static const char *const fits[] = { "similarity", "affine", NULL };

#define AT(member) .at = offsetof(struct align, member)

static const struct cmd_option rows[] = {
        { .name = "data",
          .kind = CMD_TEXT,
          .value = "DATA",
          AT(data),
          .needed = true,
          .help = "a data set of face crops, see emotion-nn(1)" },
        CMD_OUTPUT("DIR", AT(out), "made if it is missing"),
        CMD_LANDMARKS(AT(network)),
        { .name = "fit",
          .kind = CMD_CHOICE,
          .value = "similarity|affine",
          AT(fit),
          .words = fits,
          .help = "what the map may do (default similarity)" },
        CMD_TEMPLATE(AT(template_file)),
        { .name = "size",
          .kind = CMD_COUNT,
          .value = "PIXELS",
          AT(size_px),
          16,
          512,
          .help = "side of the pictures when DATA is a folder, 16 to 512 (default 48)" },
        { .name = "confidence",
          .kind = CMD_REAL,
          .value = "P",
          AT(confidence),
          0,
          1,
          .help = "leave a face as it is if the network is less sure of it than this, 0 to 1 (default 0.5)" },
        { .name = "drop", AT(drop), .help = "leave such a face out" },
        { 0 },
};

static int choose_template(struct align *a)
{
        struct dataset_error error = { "" };
        char text[FACE_TEMPLATE_TEXT];
        int r;

        if (!a->template_file) {
                a->template = a->fit == 1 ? face_template_affine : face_template_fer2013;
                return 0;
        }
        if (a->fit != FIT_UNSAID)
                return cmd_fail(&cmd_align, "--fit cannot be given with --template: the template's file says it");
        r = template_file_load(a->template_file, text, &error);
        if (r >= 0)
                r = face_template_parse(text, &a->template);
        else
                cmd_fail(&cmd_align, "%s", error.text);
        return r;
}

/* One picture of the set, @side_px square, carried to @ret, a->size_px square, by @ret_map. Return: 1 aligned; 0 no face,
 * @ret is the picture as it was; negative errno. */
static int align_picture(struct align *a, const uint8_t *pixels, unsigned side_px, float *scratch, uint8_t *ret,
                         struct nn_affine *ret_map)
{
        const struct nn_image im = { pixels, side_px, side_px, side_px };
        const struct landmarks_square start = landmarks_square_of_crop(side_px);
        double scale = (double)side_px / a->size_px;
        struct landmarks_face face;
        int r = landmarks_find(a->landmarks, &im, &start, MAX_PASSES, &face);

        if (r < 0 && r != -EBADMSG)
                return r;
        if (r < 0 || (double)face.confidence < a->confidence ||
            face_template_map(&a->template, face.points, a->size_px, a->size_px, ret_map) < 0) {
                *ret_map = (struct nn_affine){ { scale, 0, (scale - 1) / 2, 0, scale, (scale - 1) / 2 } };
                return nn_image_resize(&im, a->size_px, a->size_px, ret);
        }
        r = nn_image_warp(&im, ret_map, a->size_px, a->size_px, scratch);
        if (r < 0)
                return r;
        for (size_t i = 0; i < (size_t)a->size_px * a->size_px; i++)
                ret[i] = (uint8_t)lrintf(CLAMP(scratch[i], 0.f, 255.f));
        return 1;
}

struct csv_files {
        FILE *rows, *maps;
};

static int write_row(const struct csv_files *csv, const struct dataset *d, size_t i, const uint8_t *pixels, size_t n,
                     const struct nn_affine *map)
{
        const double *m = map->m;
        FILE *f = csv->rows;

        fprintf(f, "%u,", d->classes[i]);
        for (size_t k = 0; k < n; k++)
                fprintf(f, k ? " %u" : "%u", pixels[k]);
        fprintf(f, ",%s\n", dataset_usage_to_string((enum dataset_usage)d->usage[i]));
        fprintf(csv->maps, "%.6g,%.6g,%.6g,%.6g,%.6g,%.6g\n", m[0], m[1], m[2], m[3], m[4], m[5]);
        return ferror(f) || ferror(csv->maps) ? -EIO : 0;
}

static int write_file(const struct align *a, const struct dataset *d, size_t i, const uint8_t *pixels)
{
        const struct picture p = { PICTURE_GRAY8, a->size_px, a->size_px, a->size_px, (uint8_t *)(uintptr_t)pixels };
        char path[4096];

        if (snprintf(path, sizeof(path), "%s/%.60s", a->out, d->labels[d->classes[i]]) >= (int)sizeof(path) - 20)
                return -ENAMETOOLONG;
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
                return -errno;
        snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%06zu.png", i);
        return picture_write_png(path, &p);
}

/* @csv: where rows go, or NULL for files. */
static int align_all(struct align *a, const struct dataset *d, const struct csv_files *csv)
{
        size_t n = (size_t)a->size_px * a->size_px, n_in = (size_t)d->width_px * d->height_px;
        _cleanup_(freep) uint8_t *pixels = malloc(n);
        _cleanup_(freep) float *scratch = malloc(n * sizeof(*scratch));

        if (!pixels || !scratch)
                return -ENOMEM;
        for (size_t i = 0; i < d->n; i++) {
                struct nn_affine map;
                int r = align_picture(a, d->pixels + i * n_in, d->width_px, scratch, pixels, &map);

                if (r < 0)
                        return r;
                a->n_aligned += r == 1;
                a->n_dropped += r == 0 && a->drop;
                a->n_kept += r == 0 && !a->drop;
                if (r == 0 && a->drop)
                        continue;
                r = csv ? write_row(csv, d, i, pixels, n, &map) : write_file(a, d, i, pixels);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int open_csv(const struct align *a, const char *name, const char *header, struct replace_file *f)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        if (asprintf(&path, "%s/%s", a->out, name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = replace_file_open(f, path);
        if (r >= 0)
                fputs(header, f->stream);
        return r;
}

static int align_csv(struct align *a, const struct dataset *d)
{
        _cleanup_(replace_file_done) struct replace_file table = { 0 }, maps = { 0 };
        int r = open_csv(a, "aligned.csv", "emotion,pixels,Usage\n", &table);

        if (r >= 0)
                r = open_csv(a, "maps.csv", "m0,m1,m2,m3,m4,m5\n", &maps);
        if (r >= 0)
                r = align_all(a, d, &(struct csv_files){ table.stream, maps.stream });
        if (r >= 0)
                r = replace_file_commit(&maps);
        return r < 0 ? r : replace_file_commit(&table);
}

static int load_set(struct align *a, struct dataset **ret, bool *ret_csv)
{
        struct dataset_options options = { 0 };
        struct dataset_error error;
        struct stat st;
        int r;

        *ret_csv = stat(a->data, &st) == 0 && S_ISREG(st.st_mode);
        if (*ret_csv)
                a->size_px = 48;
        else
                options.width_px = options.height_px = READ_SCALE * a->size_px;
        r = dataset_load(a->data, &options, ret, &error);
        if (r < 0)
                cmd_fail(&cmd_align, "%s", error.text);
        return r;
}

static int align(struct align *a)
{
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct nn_error error = { "" };
        bool csv;
        int r = choose_template(a);

        if (r < 0)
                return r;
        r = landmarks_new(a->network, &a->landmarks, &error);
        if (r < 0) {
                cmd_fail(&cmd_align, "%s: %s", a->network, *error.text ? error.text : strerror(-r));
                return r;
        }
        r = load_set(a, &d, &csv);
        if (r < 0)
                return r;
        if (mkdir(a->out, 0777) < 0 && errno != EEXIST)
                r = -errno;
        if (r >= 0)
                r = template_file_write(a->out, &a->template);
        if (r >= 0)
                r = csv ? align_csv(a, d) : align_all(a, d, NULL);
        if (r < 0)
                cmd_fail(&cmd_align, "%s: %s", a->out, strerror(-r));
        return r;
}

static int run(int argc, char **argv)
{
        struct align a = {
                .network = EMO_MODEL_DIR "/landmarks.onnx", .fit = FIT_UNSAID, .size_px = 48, .confidence = 0.5
        };
        int r = cmd_parse(&cmd_align, argc, argv, &a, NULL);

        if (r)
                return r < 0;
        r = align(&a);
        landmarks_free(a.landmarks);
        if (r < 0)
                return 1;
        printf("aligned %zu, left as they were %zu, left out %zu\n", a.n_aligned, a.n_kept, a.n_dropped);
        return 0;
}

const struct cmd cmd_align = {
        .name = "align",
        .summary = "move the faces of a data set to one place",
        .about = "Writes a data set anew with each face turned, scaled and moved to where a template has it, by 68 "
                 "landmarks. DIR receives aligned.csv and maps.csv if DATA is FER2013's csv, otherwise one folder for "
                 "each class; and template.txt.\n\n"
                 "maps.csv has a line for each line of aligned.csv: the affine map m0 to m5 that takes a pixel (x, y) "
                 "of the aligned picture to (m0 x + m1 y + m2, m3 x + m4 y + m5) in the original.",
        .options = rows,
        .run = run,
};
