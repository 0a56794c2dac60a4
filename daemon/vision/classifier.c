/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <gcrypt.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "daemon/vision/classifier.h"
#include "nn/emotion-nn.h"

/* Sides of the input: any network for faces lies between. */
#define MIN_SIDE_PX 8
#define MAX_SIDE_PX 1024
#define MAX_BATCH 256u

/* A model of at least this size takes several faces at a time: to read its weights costs more than to multiply by them.
 * The weights of smaller ones stay in the cache from face to face, and another plan would be memory for nothing, unless
 * several threads are to have enough to do. */
#define HEAVY_BYTES ((size_t)8 << 20)
#define HEAVY_BATCH 4u

struct classifier {
        struct classifier_info info;
        char *file, *labels; /* behind the pointers of info */
        struct nn_model *model;
        struct nn_plan *one, *several; /* for a face, and for HEAVY_BATCH of them, made when first needed */
        enum nn_normalisation normalisation;
        bool logits, mirror;
        bool heavy; /* and runs more than one picture at a time */
        unsigned max_batch, threads;
        float *inputs; /* [max_batch, H, W] */
};

_printf_(3, 4) static int fail(struct classifier_error *error, int r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(error->text, sizeof(error->text), format, ap);
        va_end(ap);
        return r;
}

/* The file is read once, so that the digest is that of the very bytes that were loaded. */
static int read_file(const char *path, void **ret, size_t *ret_size, struct classifier_error *error)
{
        _cleanup_(closep) int fd = -1;
        _cleanup_(freep) char *data = NULL;
        size_t size, n = 0;
        struct stat st;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return fail(error, -errno, "model %s: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return fail(error, -EINVAL, "model %s is not a file", path);
        if ((uint64_t)st.st_size > NN_MAX_FILE_BYTES)
                return fail(error, -EFBIG, "model %s is larger than %zu MiB", path, NN_MAX_FILE_BYTES >> 20);
        size = (size_t)st.st_size;
        data = malloc(size ?: 1);
        if (!data)
                return fail(error, -ENOMEM, "model %s: out of memory", path);
        while (n < size) {
                ssize_t k = read(fd, data + n, size - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return fail(error, -errno, "model %s: %s", path, strerror(errno));
                if (k == 0)
                        break;
                n += (size_t)k;
        }
        *ret = STEAL(data);
        *ret_size = n;
        return 0;
}

static void digest(const void *data, size_t size, char *ret)
{
        unsigned char hash[32];

        gcry_md_hash_buffer(GCRY_MD_SHA256, hash, data, size);
        for (size_t i = 0; i < sizeof(hash); i++)
                sprintf(ret + 2 * i, "%02x", hash[i]);
}

static int load_model(struct classifier *c, const char *path, struct classifier_error *error)
{
        _cleanup_(freep) void *data = NULL;
        struct nn_error nn_error = { "" };
        size_t size = 0;
        int r = read_file(path, &data, &size, error);

        if (r < 0)
                return r;
        r = nn_model_load_memory(data, size, &c->model, &nn_error);
        if (r < 0)
                return fail(error, r, "model %s: %s", path, *nn_error.text ? nn_error.text : strerror(-r));
        digest(data, size, c->info.sha256);
        c->heavy = size >= HEAVY_BYTES || c->threads > 1;
        return 0;
}

/* Letters, digits, - and _: a label becomes a D-Bus string, a key of a file and a word on a terminal. */
static bool label_is_valid(const char *s)
{
        size_t n = strlen(s);

        return n > 0 && n < 32 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == n && strcmp(s, "unsure") != 0;
}

static int read_labels(struct classifier *c, struct classifier_error *error)
{
        const char *value = nn_model_metadata(c->model, "emotiond.labels");
        char *save = NULL;

        if (!value)
                return fail(error, -EINVAL, "model %s has no metadata emotiond.labels", c->file);
        c->labels = strdup(value);
        if (!c->labels)
                return fail(error, -ENOMEM, "out of memory");
        for (char *s = strtok_r(c->labels, ", ", &save); s; s = strtok_r(NULL, ", ", &save)) {
                if (c->info.n_labels >= EMOTION_MAX)
                        return fail(error, -EINVAL, "model %s has more than %d labels", c->file, EMOTION_MAX);
                if (!label_is_valid(s))
                        return fail(error, -EINVAL, "model %s has the label '%.40s', which cannot be used", c->file, s);
                for (unsigned i = 0; i < c->info.n_labels; i++)
                        if (strcmp(c->info.labels[i], s) == 0)
                                return fail(error, -EINVAL, "model %s has the label '%s' twice", c->file, s);
                c->info.labels[c->info.n_labels++] = s;
        }
        if (c->info.n_labels < 2)
                return fail(error, -EINVAL, "model %s has fewer than two labels", c->file);
        return 0;
}

static int read_metadata(struct classifier *c, struct classifier_error *error)
{
        const char *normalisation = nn_model_metadata(c->model, "emotiond.normalisation");
        const char *output = nn_model_metadata(c->model, "emotiond.output");
        const char *face = nn_model_metadata(c->model, "emotiond.template");
        int r = read_labels(c, error);

        if (r < 0)
                return r;
        r = nn_normalisation_from_string(normalisation ?: "unit");
        if (r < 0)
                return fail(error, -EINVAL, "model %s wants the unknown normalisation '%.40s'", c->file, normalisation);
        c->normalisation = (enum nn_normalisation)r;
        if (output && strcmp(output, "logits") != 0 && strcmp(output, "probabilities") != 0)
                return fail(error, -EINVAL, "model %s: emotiond.output is '%.40s', not probabilities or logits",
                            c->file, output);
        c->info.face_template = face_template_fer2013;
        if (face && face_template_parse(face, &c->info.face_template) < 0)
                return fail(error, -EINVAL, "model %s: emotiond.template is '%.60s', not a template of a face", c->file,
                            face);
        c->logits = output && strcmp(output, "logits") == 0;
        c->info.name = nn_model_metadata(c->model, "emotiond.name") ?: "";
        c->info.licence = nn_model_metadata(c->model, "emotiond.licence") ?: "";
        return 0;
}

static int check_input(struct classifier *c, struct classifier_error *error)
{
        const struct nn_tensor *in = nn_model_input(c->model, 0);

        if (nn_model_n_inputs(c->model) != 1 || nn_model_n_outputs(c->model) != 1 || !in || in->type != NN_FLOAT32 ||
            in->n_dims != 4 || in->dims[1] != 1)
                return fail(error, -EINVAL,
                            "model %s is no classifier of gray pictures: it must have one input "
                            "[N, 1, H, W] of float32 and one output",
                            c->file);
        for (size_t i = 2; i < 4; i++)
                if (in->dims[i] < MIN_SIDE_PX || in->dims[i] > MAX_SIDE_PX)
                        return fail(error, -EINVAL,
                                    "model %s must fix the sides of its input between %d and %d "
                                    "pixels",
                                    c->file, MIN_SIDE_PX, MAX_SIDE_PX);
        c->info.height_px = (unsigned)in->dims[2];
        c->info.width_px = (unsigned)in->dims[3];
        return 0;
}

static bool plan_fits(const struct classifier *c, struct nn_plan *p, unsigned batch)
{
        const struct nn_tensor *in = nn_plan_input(p, 0), *out = nn_plan_output(p, 0);

        return in && out && in->type == NN_FLOAT32 && out->type == NN_FLOAT32 && in->n_dims == 4 &&
               in->dims[0] == batch &&
               nn_tensor_n_elements(in) == (int64_t)batch * c->info.width_px * c->info.height_px && out->n_dims >= 2 &&
               out->dims[0] == batch && nn_tensor_n_elements(out) == (int64_t)batch * c->info.n_labels;
}

static int make_plan(const struct classifier *c, unsigned batch, struct nn_plan **ret, struct nn_error *error)
{
        struct nn_plan_options options = { .batch = batch, .threads = c->threads };
        struct nn_plan *plan;
        /* one that is not heavy gets no second */
        int r = (c->heavy ? nn_plan_new(c->model, &options, &plan, error)
                          : nn_plan_new_last(c->model, &options, &plan, error));

        if (r < 0)
                return r;
        if (!plan_fits(c, plan, batch)) {
                nn_plan_free(plan);
                return -EINVAL;
        }
        *ret = plan;
        return 0;
}

static int make_first_plan(struct classifier *c, struct classifier_error *error)
{
        struct nn_error nn_error = { "" };
        int r = make_plan(c, 1, &c->one, &nn_error);

        if (r < 0)
                return fail(error, r, "model %s: %s", c->file,
                            *nn_error.text ? nn_error.text : "its output must be [N, number of labels]");
        return 0;
}

int classifier_new(const char *path, unsigned max_batch, unsigned threads, struct classifier **ret,
                   struct classifier_error *error)
{
        _cleanup_(classifier_freep) struct classifier *c = NULL;
        int r;

        if (!max_batch || max_batch > MAX_BATCH || !threads || threads > 64)
                return fail(error, -EINVAL, "a batch must be 1..%u, threads 1..64", MAX_BATCH);
        if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
                if (!gcry_check_version(NULL))
                        return fail(error, -ENOSYS, "libgcrypt cannot be used");
                gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
                gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
        }
        c = calloc(1, sizeof(*c));
        if (!c || !(c->file = strdup(path)))
                return fail(error, -ENOMEM, "out of memory");
        c->info.file = c->file;
        c->max_batch = max_batch;
        c->threads = threads;
        r = load_model(c, path, error);
        if (r >= 0)
                r = read_metadata(c, error);
        if (r >= 0)
                r = check_input(c, error);
        if (r >= 0)
                r = make_first_plan(c, error);
        if (r < 0)
                return r;
        c->inputs = calloc((size_t)max_batch * c->info.width_px * c->info.height_px, sizeof(float));
        if (!c->inputs)
                return fail(error, -ENOMEM, "out of memory");
        c->info.max_batch = max_batch;
        *ret = STEAL(c);
        return 0;
}

struct classifier *classifier_free(struct classifier *c)
{
        if (!c)
                return NULL;
        nn_plan_free(c->one);
        nn_plan_free(c->several);
        nn_model_free(c->model);
        free(c->inputs);
        free(c->labels);
        free(c->file);
        free(c);
        return NULL;
}

const struct classifier_info *classifier_get_info(const struct classifier *c)
{
        return &c->info;
}

void classifier_set_mirror(struct classifier *c, bool mirror)
{
        c->mirror = mirror;
}

float *classifier_input(struct classifier *c, unsigned i)
{
        return c->inputs + (size_t)i * c->info.width_px * c->info.height_px;
}

/* Scores become probabilities, whatever the network gave. */
static void to_probabilities(const struct classifier *c, const float *y, float *ret)
{
        unsigned n = c->info.n_labels;
        float max = -INFINITY;
        double sum = 0;

        for (unsigned i = 0; i < n; i++)
                max = MAX(max, y[i]);
        for (unsigned i = 0; i < n; i++) {
                ret[i] = c->logits ? expf(y[i] - max) : MAX(y[i], 0.f);
                sum += isfinite(y[i]) ? (double)ret[i] : NAN;
        }
        for (unsigned i = 0; i < n; i++)
                ret[i] = sum > 0 && isfinite(sum) ? (float)(ret[i] / sum) : 1.f / (float)n;
}

/* One look of @plan, which takes @batch faces, at inputs @first to @first + @n or their mirror images. */
static int look(struct classifier *c, struct nn_plan *plan, unsigned batch, unsigned first, unsigned n, bool mirror,
                float (*ret)[EMOTION_MAX])
{
        size_t side = (size_t)c->info.width_px * c->info.height_px;
        float *x = nn_plan_input(plan, 0)->data;
        const struct nn_tensor *out;
        int r;

        memcpy(x, classifier_input(c, first), n * side * sizeof(*x));
        memset(x + n * side, 0, (batch - n) * side * sizeof(*x));
        for (unsigned k = 0; k < n; k++) {
                if (mirror)
                        nn_mirror(x + k * side, c->info.width_px, c->info.height_px);
                nn_normalise(c->normalisation, x + k * side, side);
        }
        r = nn_plan_run(plan);
        if (r < 0)
                return r;
        out = nn_plan_output(plan, 0);
        for (unsigned k = 0; k < n; k++)
                to_probabilities(c, (const float *)out->data + (size_t)k * c->info.n_labels, ret[k]);
        return 0;
}

static int run_chunk(struct classifier *c, struct nn_plan *plan, unsigned batch, unsigned first, unsigned n,
                     float (*ret)[EMOTION_MAX])
{
        float mirrored[HEAVY_BATCH][EMOTION_MAX];
        int r = look(c, plan, batch, first, n, false, ret);

        if (r < 0 || !c->mirror)
                return r;
        r = look(c, plan, batch, first, n, true, mirrored);
        for (unsigned k = 0; k < n && r >= 0; k++)
                for (unsigned i = 0; i < c->info.n_labels; i++)
                        ret[k][i] = (ret[k][i] + mirrored[k][i]) / 2;
        return r;
}

int classifier_run(struct classifier *c, unsigned n, float (*ret)[EMOTION_MAX])
{
        unsigned batch;

        if (n > c->max_batch)
                return -EINVAL;
        /* whether the network takes more than one is known only when it is tried */
        if (n > 1 && c->heavy && !c->several)
                c->heavy = make_plan(c, HEAVY_BATCH, &c->several, NULL) >= 0;
        batch = n > 1 && c->heavy ? HEAVY_BATCH : 1;
        for (unsigned i = 0; i < n; i += batch) {
                int r = run_chunk(c, batch > 1 ? c->several : c->one, batch, i, MIN(batch, n - i), ret + i);

                if (r < 0)
                        return r;
        }
        return 0;
}
