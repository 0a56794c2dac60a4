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
        struct nn_form form;
        char *file; /* behind the pointer of info */
        struct nn_model *model;
        struct nn_plan *one, *several; /* for a face, and for HEAVY_BATCH of them, made when first needed */
        bool mirror;
        bool heavy; /* and runs more than one picture at a time */
        unsigned max_batch, threads;
        float *inputs; /* [max_batch, H, W] */
        float *planes; /* [max_batch, 3, H, W]; NULL unless in colour */
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

/* Rows of counts, a last one in each for unsure; what is no such text is as good as none. */
static void read_decisions(struct classifier_info *info, const char *text)
{
        unsigned wanted = info->n_labels * (info->n_labels + 1), n = 0;

        while (text && n < wanted) {
                char expected = (n + 1) % (info->n_labels + 1) ? ',' : n + 1 < wanted ? ';' : '\0', *end;
                unsigned long v;

                if (*text < '0' || *text > '9')
                        return;
                v = strtoul(text, &end, 10);
                if (v > UINT32_MAX || *end != expected)
                        return;
                info->decisions[n++] = (uint32_t)v;
                text = end + 1;
        }
        info->n_decisions = n == wanted ? n : 0;
}

static void read_measured(struct classifier *c)
{
        const char *accuracy = nn_model_metadata(c->model, "emotiond.accuracy");
        double v = accuracy ? strtod(accuracy, NULL) : 0;

        c->info.accuracy = v > 0 && v <= 1 ? v : 0;
        c->info.measured = nn_model_metadata(c->model, "emotiond.measured") ?: "";
        read_decisions(&c->info, nn_model_metadata(c->model, "emotiond.decisions"));
}

static int read_form(struct classifier *c, const struct nn_form_text *text, struct classifier_error *error)
{
        struct nn_error nn_error = { "" };
        int r = nn_form_read(c->model, text, &c->form, &nn_error);

        if (r < 0)
                return fail(error, r, "model %s: %s", c->file, nn_error.text);
        for (unsigned i = 0; i < c->form.n_labels; i++)
                if (!nn_form_label_is_valid(c->form.labels[i]))
                        return fail(error, -EINVAL, "model %s has the label '%.40s', which cannot be used", c->file,
                                    c->form.labels[i]);
        if (!c->form.n_labels)
                return fail(error, -EINVAL, "model %s has no metadata emotiond.labels: see emotion-nn adopt", c->file);
        if (MIN(c->form.width_px, c->form.height_px) < MIN_SIDE_PX ||
            MAX(c->form.width_px, c->form.height_px) > MAX_SIDE_PX)
                return fail(error, -EINVAL, "model %s: the sides of its input must be between %d and %d pixels",
                            c->file, MIN_SIDE_PX, MAX_SIDE_PX);
        for (unsigned i = 0; i < c->form.n_labels; i++)
                c->info.labels[i] = c->form.labels[i];
        c->info.n_labels = c->form.n_labels;
        c->info.width_px = c->form.width_px;
        c->info.height_px = c->form.height_px;
        c->info.colour = c->form.channels != NN_FORM_GRAY;
        c->info.face_template = c->form.face_template;
        c->info.name = nn_model_metadata(c->model, "emotiond.name") ?: "";
        c->info.licence = nn_model_metadata(c->model, "emotiond.licence") ?: "";
        read_measured(c);
        return 0;
}

static bool plan_fits(const struct classifier *c, struct nn_plan *p, unsigned batch)
{
        const struct nn_tensor *out = nn_plan_output(p, 0);

        return nn_form_fits(&c->form, nn_plan_input(p, 0), batch) && out && out->type == NN_FLOAT32 &&
               out->n_dims >= 2 && out->dims[0] == batch &&
               nn_tensor_n_elements(out) == (int64_t)batch * c->info.n_labels;
}

static int make_plan(const struct classifier *c, unsigned batch, struct nn_plan **ret, struct nn_error *error)
{
        struct nn_tensor input = nn_form_tensor(&c->form, batch);
        struct nn_plan_options options = { .batch = batch,
                                           .threads = c->threads,
                                           .inputs = c->form.open_size ? &input : NULL };
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

static int make_inputs(struct classifier *c, struct classifier_error *error)
{
        size_t n = (size_t)c->max_batch * c->info.width_px * c->info.height_px;

        c->inputs = calloc(n, sizeof(float));
        if (c->info.colour)
                c->planes = calloc(3 * n, sizeof(float));
        return c->inputs && (c->planes || !c->info.colour) ? 0 : fail(error, -ENOMEM, "out of memory");
}

int classifier_new(const char *path, const struct nn_form_text *text, unsigned max_batch, unsigned threads,
                   struct classifier **ret, struct classifier_error *error)
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
                r = read_form(c, text, error);
        if (r >= 0)
                r = make_first_plan(c, error);
        if (r >= 0)
                r = make_inputs(c, error);
        if (r < 0)
                return r;
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
        free(c->planes);
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

float *classifier_planes(struct classifier *c, unsigned i)
{
        return c->planes ? c->planes + (size_t)i * 3 * c->info.width_px * c->info.height_px : NULL;
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
                ret[i] = c->form.logits ? expf(y[i] - max) : MAX(y[i], 0.f);
                sum += isfinite(y[i]) ? (double)ret[i] : NAN;
        }
        for (unsigned i = 0; i < n; i++)
                ret[i] = sum > 0 && isfinite(sum) ? (float)(ret[i] / sum) : 1.f / (float)n;
}

/* One look of @plan, which takes @batch faces, at inputs @first to @first + @n or their mirror images. */
static int look(struct classifier *c, struct nn_plan *plan, unsigned batch, unsigned first, unsigned n, bool mirror,
                float (*ret)[EMOTION_MAX])
{
        size_t size = nn_form_size(&c->form);
        float *x = nn_plan_input(plan, 0)->data;
        const struct nn_tensor *out;
        int r;

        for (unsigned k = 0; k < n; k++)
                nn_form_fill(&c->form, classifier_input(c, first + k), classifier_planes(c, first + k), mirror,
                             x + k * size);
        memset(x + n * size, 0, (batch - n) * size * sizeof(*x));
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
