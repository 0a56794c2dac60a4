/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** Files of the training tool: tensors of NumPy, and the csv files of FER2013, FER+ and points, told apart as it does. */
#undef NDEBUG
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/fuzz/fuzz.h"
#include "train/data/dataset.h"
#include "train/model/npy.h"

static void read_tensor(const char *path)
{
        struct nn_tensor t = { 0 };
        int r = npy_read(path, &t);

        assert(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP || r == -EFBIG || r == -ENOMEM);
        if (r == 0)
                free(t.data);
}

static void read_set(const char *path, const char *votes)
{
        const struct dataset_options options = { .ferplus = votes };
        struct dataset_error error = { "" };
        struct dataset *d = NULL;
        int r = dataset_load(path, &options, &d, &error);
        volatile unsigned sum = 0;

        assert(r <= 0 && !r == !!d);
        if (r < 0) {
                assert(error.text[0] && memchr(error.text, 0, sizeof(error.text)));
                return;
        }
        assert(d->n > 0 && d->n_classes <= DATASET_MAX_CLASSES);
        for (size_t i = 0; i < d->n; i++) {
                assert(d->classes[i] < d->n_classes);
                sum += d->pixels[i * d->width_px * d->height_px];
        }
        dataset_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("fuzz", MFD_CLOEXEC);
        char path[40];

        assert(fd >= 0);
        assert(write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        read_tensor(path);
        read_set(path, size & 1 ? path : NULL);
        close(fd);
        return 0;
}

static size_t npy_seed(uint8_t *ret)
{
        static const char text[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
        static const uint8_t start[] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, sizeof(text) - 1, 0 };

        memcpy(ret, start, sizeof(start));
        memcpy(ret + sizeof(start), text, sizeof(text) - 1);
        memset(ret + sizeof(start) + sizeof(text) - 1, 1, 24);
        return sizeof(start) + sizeof(text) - 1 + 24;
}

static size_t put_numbers(char *ret, unsigned n, const char *fraction)
{
        size_t at = 0;

        for (unsigned i = 0; i < n; i++) {
                at += (size_t)sprintf(ret + at, "%s", i ? " " : "");
                at += (size_t)sprintf(ret + at, "%u%s", i % 200, fraction);
        }
        return at;
}

static size_t csv_seed(char *ret, const char *header, unsigned n, const char *fraction)
{
        static const char *const usages[] = { "Training", "PublicTest" };
        size_t at = (size_t)sprintf(ret, "%s\n", header);

        for (unsigned row = 0; row < 2; row++) {
                at += (size_t)sprintf(ret + at, "%u,", row + 3);
                at += put_numbers(ret + at, n, fraction);
                at += (size_t)sprintf(ret + at, ",%s\n", usages[row]);
        }
        return at;
}

int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size)
{
        static const char votes[] =
                "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
                "Training,fer0000000.png,4,0,0,1,3,2,0,0,0,0\nPublicTest,,0,0,0,0,0,0,0,0,0,10\n";

        if (i > 3)
                return -ENOENT;
        *ret = calloc(1, 65536);
        assert(*ret);
        if (i == 0)
                *ret_size = npy_seed(*ret);
        else if (i == 1)
                *ret_size = csv_seed((char *)*ret, "emotion,pixels,Usage", 48 * 48, "");
        else if (i == 2)
                *ret_size = csv_seed((char *)*ret, "emotion,points,Usage", 136, ".25");
        else
                *ret_size = (size_t)sprintf((char *)*ret, "%s", votes);
        return 0;
}
