/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A checkpoint is for the machine that wrote it: plain structures, no attempt at portability beyond a refusal. */
#include <string.h>

#include "basic/macro.h"
#include "basic/replace-file.h"
#include "train/run/trainer.h"

#define MAGIC "emotion-nn run 1"

struct header {
        char magic[16];
        uint64_t n_floats, n_params, n_rows, n_batches, batch_size, seed, has_second, has_average;
        uint64_t identity, epoch, batch, step, n_correct;
        double loss_sum, seconds, best_accuracy;
};

static struct header header_of(const struct trainer *t)
{
        struct header h = {
                .n_floats = t->net->n_floats,
                .n_params = t->net->n_params,
                .n_rows = t->n_rows,
                .n_batches = t->n_batches,
                .batch_size = t->config.batch,
                .seed = t->config.seed,
                .has_second = !!t->second,
                .has_average = !!t->average,
                .epoch = t->epoch,
                .identity = t->identity,
                .batch = t->batch,
                .step = t->step,
                .n_correct = t->n_correct,
                .loss_sum = t->loss_sum,
                .seconds = t->seconds,
                .best_accuracy = t->best_accuracy,
        };

        memcpy(h.magic, MAGIC, sizeof(h.magic));
        return h;
}

static bool write_all(FILE *f, const void *p, size_t bytes)
{
        return fwrite(p, 1, bytes, f) == bytes;
}

static bool write_body(const struct trainer *t, FILE *f)
{
        struct header h = header_of(t);
        size_t bytes = t->net->n_floats * sizeof(float);

        return write_all(f, &h, sizeof(h)) && write_all(f, t->net->w, bytes) && write_all(f, t->velocity, bytes) &&
               (!t->second || write_all(f, t->second, bytes)) && (!t->average || write_all(f, t->average, bytes)) &&
               write_all(f, t->history, t->epoch * sizeof(*t->history)) && write_all(f, MAGIC, sizeof(h.magic));
}

int trainer_save(const struct trainer *t, const char *path)
{
        _cleanup_(replace_file_done) struct replace_file f = { 0 };
        int r;

        r = replace_file_open(&f, path);
        if (r < 0)
                return r;
        errno = EIO;
        if (!write_body(t, f.stream))
                return -errno;
        return replace_file_commit(&f);
}

static bool read_all(FILE *f, void *p, size_t bytes)
{
        return fread(p, 1, bytes, f) == bytes;
}

/* Reads the arrays into one block first: a cut file leaves the trainer as it was. */
static int read_body(struct trainer *t, const struct header *h, FILE *f)
{
        size_t n = t->net->n_floats, bytes = n * sizeof(float);
        size_t n_arrays = 2 + !!t->second + !!t->average;
        _cleanup_(freep) float *all = floats_new(n * n_arrays);
        _cleanup_(freep) struct trainer_record *history = calloc(h->epoch + 1, sizeof(*history));
        float *from = all;
        char end[16];

        if (!all || !history)
                return -ENOMEM;
        if (!read_all(f, all, bytes * n_arrays) || !read_all(f, history, h->epoch * sizeof(*history)) ||
            !read_all(f, end, sizeof(end)) || memcmp(end, MAGIC, sizeof(end)) != 0)
                return -EBADMSG;
        memcpy(t->net->w, from, bytes);
        memcpy(t->velocity, from += n, bytes);
        if (t->second)
                memcpy(t->second, from += n, bytes);
        if (t->average)
                memcpy(t->average, from += n, bytes);
        memcpy(t->history, history, h->epoch * sizeof(*history));
        return 0;
}

/* True if the file's arrays are those of @net: with its head, without, or with one that @net has not. */
static bool same_network(const struct header *h, const struct net *net, size_t *ret_n)
{
        const struct layer *last = net->layers[net->n_layers - 1];
        size_t bias = (net->n_classes + 15) / 16 * 16;
        size_t head = (shape_size(last->in) * net->n_classes + 15) / 16 * 16 + bias;
        size_t n = net->n_floats - (net->head ? head : 0), n_params = net->n_params - (net->head ? 2 : 0);

        if (h->n_floats == n + head && h->n_params == n_params + 2)
                *ret_n = net->head ? n + head : n;
        else if (h->n_floats == n && h->n_params == n_params)
                *ret_n = n;
        else
                return false;
        return true;
}

int checkpoint_weights(const char *path, struct net *net)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        _cleanup_(freep) float *w = NULL;
        struct header h;
        size_t n;

        if (!f)
                return -errno;
        if (!read_all(f, &h, sizeof(h)) || memcmp(h.magic, MAGIC, sizeof(h.magic)) != 0)
                return -EBADMSG;
        if (!same_network(&h, net, &n))
                return -ESTALE;
        /* before the average stand the weights and the optimiser's arrays */
        if (h.has_average && fseeko(f, (off_t)((2 + !!h.has_second) * h.n_floats * sizeof(float)), SEEK_CUR) < 0)
                return -errno;
        w = floats_new(n);
        if (!w)
                return -ENOMEM;
        if (!read_all(f, w, n * sizeof(float)))
                return -EBADMSG;
        memcpy(net->w, w, n * sizeof(float));
        return 0;
}

int trainer_load(struct trainer *t, const char *path)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        struct header h, own = header_of(t);
        int r;

        if (!f)
                return -errno;
        if (!read_all(f, &h, sizeof(h)) || memcmp(h.magic, MAGIC, sizeof(h.magic)) != 0)
                return -EBADMSG;
        if (h.n_floats != own.n_floats || h.n_params != own.n_params || h.n_rows != own.n_rows ||
            h.n_batches != own.n_batches || h.batch_size != own.batch_size || h.seed != own.seed ||
            h.has_second != own.has_second || h.has_average != own.has_average || h.identity != own.identity)
                return -ESTALE;
        if (h.epoch > t->config.epochs || h.batch > h.n_batches)
                return -ESTALE;
        r = read_body(t, &h, f);
        if (r < 0)
                return r;
        t->epoch = (unsigned)h.epoch;
        t->batch = h.batch;
        t->step = h.step;
        t->n_correct = h.n_correct;
        t->loss_sum = h.loss_sum;
        t->seconds = h.seconds;
        t->best_accuracy = h.best_accuracy;
        t->shuffled = false;
        return 0;
}
