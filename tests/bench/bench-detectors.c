/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-detectors DETECTOR ALIGNER MIN_FACE_PX TABLE.csv PICTURES ROUNDS: finds the faces of the pictures that a table
 * tells of, and times looks at 640x480 and the alignment of the faces there. Prints KEY=VALUE lines, then "hit" lines: confidence, and 1 for a face or 0 for none. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "daemon/vision/plugin-host.h"
#include "nn/image.h"
#include "picture/picture.h"

#define MAX_FACES 64
#define WIDTH 640u
#define HEIGHT 480u
/* A find is the face whose centre is nearer than this, in sides of the smaller of both, and whose side is within this
 * factor: framings differ from detector to detector. */
#define SAME_SHIFT 0.5
#define SAME_RATIO 2.0
#define TIMED_MIN_FACE_PX 40
/* Debian's libdlib-data */
#define DLIB_LANDMARKS "/usr/share/dlib/shape_predictor_68_face_landmarks.dat"

struct picture_truth {
        char file[256];
        struct emo_box faces[MAX_FACES];
        bool taken[MAX_FACES];
        unsigned n;
};

struct bench {
        struct plugin_host *host;
        const char *folder;
        unsigned min_face_px, rounds;
        unsigned n_pictures, n_faces, n_found, n_false;
        double look_ms, align_ms; /* CPU time of all timed looks and alignments */
        unsigned n_looks, n_alignments;
        uint8_t *frame; /* WIDTH * HEIGHT */
};

static double cpu_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec * 1e-6;
}

static struct emo_image image_of(const uint8_t *data, unsigned width, unsigned height, size_t stride)
{
        return (struct emo_image){ EMO_GRAY8, width, height, stride, data };
}

static int detect(struct bench *b, const struct emo_image *image, unsigned min_face_px, struct emo_box *ret)
{
        struct emo_detect_hints hints = { .min_face_px = min_face_px };
        struct emo_error error;
        int n = plugin_host_detect(b->host, image, &hints, ret, MAX_FACES, &error);

        if (n < 0)
                fprintf(stderr, "%s\n", error.text);
        return n;
}

static bool is_same(const struct emo_box *a, const struct emo_box *b)
{
        double sa = sqrt((double)a->width * a->height), sb = sqrt((double)b->width * b->height);
        double dx = (double)a->x + a->width / 2.0 - b->x - b->width / 2.0;
        double dy = (double)a->y + a->height / 2.0 - b->y - b->height / 2.0;

        return fmax(sa, sb) <= SAME_RATIO * fmin(sa, sb) && hypot(dx, dy) <= SAME_SHIFT * fmin(sa, sb);
}

/* Best finds first, as the plugin gave them. */
static void count(struct bench *b, struct picture_truth *t, const struct emo_box *found, int n)
{
        for (int i = 0; i < n; i++) {
                bool hit = false;

                for (unsigned k = 0; k < t->n && !hit; k++)
                        if (!t->taken[k] && is_same(&found[i], &t->faces[k]))
                                hit = t->taken[k] = true;
                b->n_found += hit;
                b->n_false += !hit;
                printf("hit %.4f %d\n", (double)found[i].confidence, hit);
        }
        b->n_pictures++;
        b->n_faces += t->n;
}

static int time_looks(struct bench *b, const struct nn_image *im)
{
        struct emo_image frame = image_of(b->frame, WIDTH, HEIGHT, WIDTH);
        struct emo_box found[MAX_FACES];
        int r = nn_image_resize(im, WIDTH, HEIGHT, b->frame);

        if (r < 0)
                return r;
        int n = detect(b, &frame, TIMED_MIN_FACE_PX, found); /* plans, caches */
        double start = cpu_ms();

        for (unsigned i = 0; i < b->rounds && n >= 0; i++)
                n = detect(b, &frame, TIMED_MIN_FACE_PX, found);
        if (n < 0)
                return n;
        b->look_ms += cpu_ms() - start;
        b->n_looks += b->rounds;
        start = cpu_ms();
        for (unsigned i = 0; i < b->rounds; i++)
                for (int k = 0; k < n; k++) {
                        struct emo_alignment a;
                        struct emo_error error;

                        b->n_alignments += plugin_host_align(b->host, &frame, &found[k], &a, &error) >= 0;
                }
        b->align_ms += cpu_ms() - start;
        return 0;
}

static int look(struct bench *b, struct picture_truth *t)
{
        _cleanup_(picture_freep) struct picture *p = NULL;
        struct emo_box found[MAX_FACES];
        char path[1024];
        int r, n;

        if (!*t->file)
                return 0;
        snprintf(path, sizeof(path), "%s/%s", b->folder, t->file);
        r = picture_decode_file(path, PICTURE_GRAY8, &p);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(-r));
                return r;
        }
        struct emo_image image = image_of(p->data, p->width_px, p->height_px, p->stride_bytes);
        struct nn_image im = { p->data, p->width_px, p->height_px, p->stride_bytes };

        n = detect(b, &image, b->min_face_px, found);
        if (n < 0)
                return n;
        count(b, t, found, n);
        return b->rounds ? time_looks(b, &im) : 0;
}

/* Column of the table whose name is one of @names. */
static int column(char *const *cells, int n, const char *a, const char *b)
{
        for (int i = 0; i < n; i++)
                if (strcmp(cells[i], a) == 0 || strcmp(cells[i], b) == 0)
                        return i;
        return -1;
}

static int split(char *line, char **cells, int max)
{
        int n = 0;

        line[strcspn(line, "\r\n")] = '\0';
        for (char *c; n < max && (c = strsep(&line, ","));)
                cells[n++] = c;
        return n;
}

/* Lines of one picture stand together. */
static int play(struct bench *b, const char *table)
{
        static const char *const names[4][2] = {
                { "x", "left" }, { "y", "top" }, { "w", "box_width" }, { "h", "box_height" }
        };
        FILE *f = fopen(table, "re");
        struct picture_truth t = { .n = 0 };
        char line[2048], *cells[64];
        int at[4], n, r = 0;

        if (!f || !fgets(line, sizeof(line), f))
                return -EIO;
        n = split(line, cells, 64);
        for (size_t i = 0; i < 4; i++)
                if ((at[i] = column(cells, n, names[i][0], names[i][1])) < 1)
                        return -EINVAL;
        while (r >= 0 && fgets(line, sizeof(line), f)) {
                n = split(line, cells, 64);
                if (strcmp(cells[0], t.file) != 0) {
                        r = look(b, &t);
                        t = (struct picture_truth){ .n = 0 };
                        snprintf(t.file, sizeof(t.file), "%s", cells[0]);
                }
                if (n > at[3] && *cells[at[0]] && t.n < MAX_FACES)
                        t.faces[t.n++] = (struct emo_box){ strtof(cells[at[0]], NULL), strtof(cells[at[1]], NULL),
                                                           strtof(cells[at[2]], NULL), strtof(cells[at[3]], NULL), 1 };
        }
        fclose(f);
        return r < 0 ? r : look(b, &t);
}

int main(int argc, char **argv)
{
        struct bench b = { 0 };
        const char *model_dirs[] = { getenv("EMO_MODEL_FOLDER") ?: EMO_MODEL_DIR, NULL };
        struct plugin_host_config config = { .folder = getenv("EMO_PLUGIN_FOLDER") ?: EMO_PLUGIN_DIR,
                                             .model_dirs = model_dirs };
        config_t settings;
        int r;

        if (argc != 7)
                return 2;
        config_init(&settings);
        if (config_read_string(&settings, "plugins: { dlib: { landmarks = \"" DLIB_LANDMARKS "\"; }; };"))
                config.settings = config_lookup(&settings, "plugins");
        config.detector = argv[1];
        config.aligner = argv[2];
        b.min_face_px = (unsigned)atoi(argv[3]);
        b.folder = argv[5];
        b.rounds = (unsigned)atoi(argv[6]);
        b.frame = malloc((size_t)WIDTH * HEIGHT);
        if (!b.frame || plugin_host_new(&config, &b.host) < 0)
                return 1;
        if (plugin_host_error(b.host)) {
                fprintf(stderr, "%s\n", plugin_host_error(b.host));
                return 1;
        }
        r = play(&b, argv[4]);
        printf("pictures=%u\nfaces=%u\nfound=%u\nfalse=%u\n", b.n_pictures, b.n_faces, b.n_found, b.n_false);
        if (b.n_looks)
                printf("look_ms=%.3f\n", b.look_ms / b.n_looks);
        if (b.n_alignments)
                printf("align_ms=%.3f\n", b.align_ms / b.n_alignments);
        plugin_host_free(b.host);
        config_destroy(&settings);
        free(b.frame);
        return r < 0;
}
