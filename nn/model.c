/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/memory.h"
#include "nn/onnx-read.h"

static bool lies_in_file(const struct nn_model *m, const void *data)
{
        uintptr_t at = (uintptr_t)data, file = (uintptr_t)m->file;

        return at >= file && at - file < m->file_bytes;
}

static void free_data(const struct nn_model *m, void *data)
{
        if (!lies_in_file(m, data))
                free(data);
}

void nn_model_give_back(struct nn_model *m, const struct nn_tensor *t)
{
        bool ok;

        if (lies_in_file(m, t->data))
                nn_alloc_give_back(t->data, nn_tensor_bytes(t, &ok));
}

void nn_node_done(const struct nn_model *m, struct nn_node *n)
{
        for (size_t i = 0; i < n->n_attributes; i++) {
                struct nn_attribute *a = &n->attributes[i];

                free(a->name);
                free(a->s);
                free(a->ints);
                free(a->floats);
                free_data(m, a->t.data);
        }
        free(n->attributes);
        free(n->name);
        free(n->in);
        free(n->out);
        memset(n, 0, sizeof(*n));
}

struct nn_model *nn_model_free(struct nn_model *m)
{
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n_nodes; i++)
                nn_node_done(m, &m->nodes[i]);
        for (size_t i = 0; i < m->n_values; i++) {
                free(m->values[i].name);
                free_data(m, m->values[i].t.data);
        }
        for (size_t i = 0; i < 2 * m->n_metadata; i++)
                free(m->metadata[i]);
        free(m->metadata);
        free(m->nodes);
        free(m->values);
        free(m->inputs);
        free(m->outputs);
        free(m->input_decls);
        free(m->output_decls);
        free(m->graph_name);
        free(m->file);
        free(m);
        return NULL;
}

/* @data: from nn_alloc(); the model's from here on, whatever happens. @folder: as in nn_onnx_read() */
static int load_consume(uint8_t *data, size_t size, int folder, struct nn_model **ret, struct nn_error *error)
{
        struct nn_model *m = calloc(1, sizeof(*m));
        int r;

        if (!m) {
                free(data);
                return nn_no_memory(error);
        }
        m->file = data;
        m->file_bytes = size;
        r = nn_onnx_read(m, folder, error);
        if (r < 0) {
                nn_model_free(m);
                return r;
        }
        *ret = m;
        return 0;
}

int nn_model_load_memory(const void *data, size_t size, struct nn_model **ret, struct nn_error *error)
{
        uint8_t *copy;

        if (!data && size)
                return nn_fail(error, -EINVAL, "no data");
        if (size > NN_MAX_FILE_BYTES)
                return nn_fail(error, -EFBIG, "file is larger than %zu bytes", NN_MAX_FILE_BYTES);
        copy = nn_alloc(size + 1);
        if (!copy)
                return nn_no_memory(error);
        if (size)
                memcpy(copy, data, size);
        return load_consume(copy, size, -1, ret, error);
}

static int read_exactly(int fd, uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = read(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0) /* cut while it was read */
                        return -EBADMSG;
                data += n;
                size -= (size_t)n;
        }
        return 0;
}

/* The folder of file @path. Return: -1 if it cannot be opened. */
static int open_folder(const char *path)
{
        const char *slash = strrchr(path, '/');
        _cleanup_(freep) char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

        return folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

int nn_model_load(const char *path, struct nn_model **ret, struct nn_error *error)
{
        /* not to wait for a writer if it is a FIFO */
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_(closep) int folder = -1;
        _cleanup_(freep) uint8_t *data = NULL;
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0) {
                r = -errno;
                return nn_fail(error, r, "%s", strerror(-r));
        }
        if (!S_ISREG(st.st_mode))
                return nn_fail(error, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL, "not a regular file");
        if ((uintmax_t)st.st_size > NN_MAX_FILE_BYTES)
                return nn_fail(error, -EFBIG, "file is larger than %zu bytes", NN_MAX_FILE_BYTES);
        data = nn_alloc((size_t)st.st_size + 1);
        if (!data)
                return nn_no_memory(error);
        r = read_exactly(fd, data, (size_t)st.st_size);
        if (r < 0)
                return nn_fail(error, r, "%s", r == -EBADMSG ? "file is cut short" : strerror(-r));
        folder = open_folder(path);
        return load_consume(STEAL(data), (size_t)st.st_size, folder, ret, error);
}

const char *nn_model_metadata(const struct nn_model *m, const char *key)
{
        for (size_t i = 0; i < m->n_metadata; i++)
                if (strcmp(m->metadata[2 * i], key) == 0)
                        return m->metadata[2 * i + 1];
        return NULL;
}

size_t nn_model_n_inputs(const struct nn_model *m)
{
        return m->n_inputs;
}

size_t nn_model_n_outputs(const struct nn_model *m)
{
        return m->n_outputs;
}

const char *nn_model_input_name(const struct nn_model *m, size_t i)
{
        return i < m->n_inputs ? m->values[m->inputs[i]].name : NULL;
}

const char *nn_model_output_name(const struct nn_model *m, size_t i)
{
        return i < m->n_outputs ? m->values[m->outputs[i]].name : NULL;
}

const struct nn_tensor *nn_model_input(const struct nn_model *m, size_t i)
{
        return i < m->n_inputs ? &m->input_decls[i] : NULL;
}

const struct nn_tensor *nn_model_output(const struct nn_model *m, size_t i)
{
        return i < m->n_outputs ? &m->output_decls[i] : NULL;
}
