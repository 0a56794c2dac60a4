/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn crop: the faces of somebody's own pictures, framed as a classifier is trained on them. */
#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/replace-file.h"
#include "nn/landmarks.h"
#include "picture/picture.h"
#include "train/cmd/cmd.h"
#include "train/data/picture-list.h"
#include "train/data/template-file.h"
#include "train/model/face-finder.h"

#define MAX_PASSES 3u
/* Longer side of what the detector is shown. It finds faces of 12 to some 256 pixels: one that fills the picture is found
 * in the smaller one, where the larger shows none. */
static const unsigned sides_px[] = { 320, 160 };

struct crop {
        const char *data, *out, *detector, *network, *template_file;
        unsigned size_px;
        double threshold, confidence;
        bool all, force;
        struct face_template template;
        struct face_finder *finders[ARRAY_LEN(sides_px)];
        struct landmarks *landmarks;
        struct detections found;
        FILE *table;
        size_t n_faces, n_without, n_broken;
};

#define AT(member) .at = offsetof(struct crop, member)

static const struct cmd_option rows[] = {
        { .name = "data",
          .kind = CMD_TEXT,
          .value = "DIR",
          AT(data),
          .needed = true,
          .help = "a folder with PNG and JPEG pictures, in it and in folders below it" },
        { .name = "output",
          .letter = 'o',
          .kind = CMD_TEXT,
          .value = "DIR",
          AT(out),
          .needed = true,
          .help = "made if it is missing; must be empty" },
        { .name = "detector",
          .kind = CMD_TEXT,
          .value = "FILE",
          AT(detector),
          .help = "the face detector (default: detect.onnx, as installed)" },
        CMD_LANDMARKS(AT(network)),
        CMD_TEMPLATE(AT(template_file)),
        { .name = "size",
          .kind = CMD_COUNT,
          .value = "PIXELS",
          AT(size_px),
          16,
          512,
          .help = "side of the crops, 16 to 512 (default 48)" },
        { .name = "threshold",
          .kind = CMD_REAL,
          .value = "P",
          AT(threshold),
          0,
          1,
          .help = "ignore detections that score below this, 0 to 1 (default 0.5)" },
        { .name = "confidence",
          .kind = CMD_REAL,
          .value = "P",
          AT(confidence),
          0,
          1,
          .help = "ignore faces of whose landmarks the network is less sure than this, 0 to 1 (default 0.5)" },
        { .name = "all", AT(all), .help = "crop all faces of a picture, not only the largest" },
        { .name = "force", AT(force), .help = "write into a folder that is not empty" },
        { 0 },
};

static int by_size(const void *a, const void *b)
{
        const struct detection *x = a, *y = b;
        float m = x->w * x->h, n = y->w * y->h;

        return m < n ? 1 : m > n ? -1 : 0;
}

/* Fills c->found, largest first. */
static int find(struct crop *c, const struct nn_image *im)
{
        int r = 0;

        c->found.n = 0;
        for (size_t i = 0; i < ARRAY_LEN(sides_px) && r == 0 && c->found.n == 0; i++)
                r = face_finder_find(c->finders[i], im, c->threshold, &c->found);
        if (c->found.n)
                qsort(c->found.list, c->found.n, sizeof(*c->found.list), by_size);
        return r;
}

/* One face, framed. Return: 1; 0 the landmark network sees none; negative errno. */
static int frame(const struct crop *c, const struct nn_image *im, const struct detection *box, float *scratch,
                 uint8_t *ret, struct landmarks_face *ret_face)
{
        bool head = face_finder_has_head(c->finders[0]);
        const struct landmarks_square start = { (double)box->x + (double)box->w / 2,
                                                (double)box->y + (double)box->h / 2,
                                                (double)box->h * (head ? 1 : LANDMARKS_SQUARE_PER_BOX), 0 };
        struct nn_affine map;
        int r = landmarks_find(c->landmarks, im, &start, MAX_PASSES, ret_face);

        if (r == -EBADMSG || r == -EINVAL)
                return 0;
        if (r < 0)
                return r;
        if ((double)ret_face->confidence < c->confidence ||
            face_template_map(&c->template, ret_face->points, c->size_px, c->size_px, &map) < 0)
                return 0;
        r = nn_image_warp(im, &map, c->size_px, c->size_px, scratch);
        for (size_t i = 0; r >= 0 && i < (size_t)c->size_px * c->size_px; i++)
                ret[i] = (uint8_t)lrintf(CLAMP(scratch[i], 0.f, 255.f));
        return r < 0 ? r : 1;
}

/* The folders on the way to @path, which has room to be cut for a moment. */
static int make_folders(char *path, size_t from)
{
        for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
                int r;

                *slash = '\0';
                r = mkdir(path, 0777) < 0 && errno != EEXIST ? -errno : 0;
                *slash = '/';
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A name in a table: quotes are doubled. */
static void put_name(FILE *f, const char *s)
{
        fputc('"', f);
        for (; *s; s++) {
                if (*s == '"')
                        fputc('"', f);
                fputc(*s, f);
        }
        fputc('"', f);
}

/* @at: of the faces written for this picture, from 0 */
static int write_face(struct crop *c, const char *name, unsigned at, const uint8_t *pixels, const struct detection *box,
                      const struct landmarks_face *face)
{
        const struct picture p = { PICTURE_GRAY8, c->size_px, c->size_px, c->size_px, (uint8_t *)(uintptr_t)pixels };
        _cleanup_(freep) char *path = NULL;
        char number[16] = "";
        int r;

        if (at)
                snprintf(number, sizeof(number), "-%u", at + 1);
        /* with its ending, so that a.png and a.jpg do not meet */
        if (asprintf(&path, "%s/%s%s.png", c->out, name, number) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = make_folders(path, strlen(c->out) + 1);
        if (r >= 0)
                r = picture_write_png(path, &p);
        if (r < 0)
                return r;
        put_name(c->table, path + strlen(c->out) + 1);
        fputc(',', c->table);
        put_name(c->table, name);
        fprintf(c->table, ",%.1f,%.1f,%.1f,%.1f,%.3f,%.3f\n", (double)box->x, (double)box->y, (double)box->w,
                (double)box->h, (double)box->score, (double)face->confidence);
        return ferror(c->table) ? -EIO : 0;
}

static int crop_picture(struct crop *c, const char *name, const struct picture *p, float *scratch, uint8_t *pixels)
{
        const struct nn_image im = { p->data, p->width_px, p->height_px, p->stride_bytes };
        unsigned n = 0;
        int r = find(c, &im);

        for (size_t i = 0; i < c->found.n && r >= 0 && (n == 0 || c->all); i++) {
                struct landmarks_face face;

                r = frame(c, &im, &c->found.list[i], scratch, pixels, &face);
                if (r > 0)
                        r = write_face(c, name, n++, pixels, &c->found.list[i], &face);
        }
        if (r >= 0 && n == 0) {
                c->n_without++;
                cmd_warn(&cmd_crop, "%s/%s: no face found", c->data, name);
        }
        c->n_faces += n;
        return r;
}

static int crop_all(struct crop *c, const struct picture_list *list)
{
        size_t n = (size_t)c->size_px * c->size_px;
        _cleanup_(freep) uint8_t *pixels = malloc(n);
        _cleanup_(freep) float *scratch = malloc(n * sizeof(*scratch));
        int r = pixels && scratch ? 0 : -ENOMEM;

        for (size_t i = 0; i < list->n && r >= 0; i++) {
                _cleanup_(picture_freep) struct picture *p = NULL;
                _cleanup_(freep) char *path = NULL;

                if (asprintf(&path, "%s/%s", c->data, list->names[i]) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = picture_decode_file(path, PICTURE_GRAY8, &p);
                if (r == -ENOMEM)
                        return r;
                if (r < 0) {
                        c->n_broken++;
                        cmd_warn(&cmd_crop, "%s: %s", path,
                                 r == -EBADMSG ? "not a PNG or JPEG, or broken" : strerror(-r));
                        r = 0;
                        continue;
                }
                r = crop_picture(c, list->names[i], p, scratch, pixels);
        }
        return r;
}

static int load(struct crop *c)
{
        struct dataset_error data_error = { "" };
        struct classifier_error error = { "" };
        struct nn_error nn_error = { "" };
        char text[FACE_TEMPLATE_TEXT];

        c->template = face_template_fer2013;
        if (c->template_file && (template_file_load(c->template_file, text, &data_error) < 0 ||
                                 face_template_parse(text, &c->template) < 0))
                return cmd_fail(&cmd_crop, "%s",
                                *data_error.text ? data_error.text : "the file of --template is no template");
        for (size_t i = 0; i < ARRAY_LEN(sides_px); i++)
                if (face_finder_new(c->detector, sides_px[i], 1, &c->finders[i], &error) < 0)
                        return cmd_fail(&cmd_crop, "%s", error.text);
        if (landmarks_new(c->network, &c->landmarks, &nn_error) < 0)
                return cmd_fail(&cmd_crop, "%s: %s", c->network, nn_error.text);
        return 0;
}

/* Return: 0, or cmd_fail() where something is there already. */
static int make_output(const struct crop *c)
{
        struct dirent *e;
        size_t n = 0;
        DIR *d;

        if (mkdir(c->out, 0777) == 0)
                return 0;
        d = errno == EEXIST ? opendir(c->out) : NULL;
        if (!d)
                return cmd_fail(&cmd_crop, "%s: %s", c->out, strerror(errno));
        while ((e = readdir(d)))
                n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
        closedir(d);
        return n == 0 || c->force ? 0 : cmd_fail(&cmd_crop, "%s is not empty: --force writes into it", c->out);
}

static int crop(struct crop *c)
{
        _cleanup_(replace_file_done) struct replace_file table = { 0 };
        _cleanup_(picture_list_done) struct picture_list list = { 0 };
        _cleanup_(freep) char *path = NULL;
        int r = picture_list_read(c->data, &list);

        if (r < 0)
                return cmd_fail(&cmd_crop, "%s: %s", c->data, strerror(-r));
        if (list.n == 0)
                return cmd_fail(&cmd_crop, "%s: no PNG or JPEG in it, nor in a folder below it", c->data);
        if (load(c) < 0 || make_output(c) < 0)
                return -EINVAL;
        if (asprintf(&path, "%s/faces.csv", c->out) < 0) {
                path = NULL;
                return cmd_fail(&cmd_crop, "out of memory");
        }
        r = replace_file_open(&table, path);
        if (r >= 0) {
                c->table = table.stream;
                fputs("file,picture,x,y,width,height,score,confidence\n", c->table);
                r = crop_all(c, &list);
        }
        if (r >= 0)
                r = replace_file_commit(&table);
        if (r >= 0)
                r = template_file_write(c->out, &c->template);
        return r < 0 ? cmd_fail(&cmd_crop, "%s: %s", c->out, strerror(-r)) : 0;
}

static int run(int argc, char **argv)
{
        struct crop c = { .detector = EMO_MODEL_DIR "/detect.onnx",
                          .network = EMO_MODEL_DIR "/landmarks.onnx",
                          .size_px = 48,
                          .threshold = 0.5,
                          .confidence = 0.5 };
        int r = cmd_parse(&cmd_crop, argc, argv, &c, NULL);

        if (r)
                return r < 0;
        r = crop(&c);
        for (size_t i = 0; i < ARRAY_LEN(sides_px); i++)
                face_finder_free(c.finders[i]);
        landmarks_free(c.landmarks);
        detections_done(&c.found);
        if (r < 0)
                return 1;
        printf("%zu faces; pictures without a face %zu, not readable %zu\n", c.n_faces, c.n_without, c.n_broken);
        return 0;
}

const struct cmd cmd_crop = {
        .name = "crop",
        .summary = "cut the faces out of pictures",
        .about =
                "Finds the faces in pictures and writes each, turned and scaled to where a template has it by 68 "
                "landmarks, as a grey PNG into the same folder below DIR as its picture has below that of --data. With "
                "one folder for each expression the result is a data set to train on.\n\n"
                "DIR also receives template.txt, which training takes over, and faces.csv with the picture, box and "
                "scores of each face. Pictures without a face are named on standard error.",
        .options = rows,
        .run = run,
};
