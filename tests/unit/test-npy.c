/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "train/model/npy.h"

static char path[] = "/tmp/emotiond-test-npy-XXXXXX";

static int make_path(void **state)
{
        int fd = mkstemp(path);

        return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
        return unlink(path);
}

static void put(const void *data, size_t size)
{
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, size, f), size);
        assert_int_equal(fclose(f), 0);
}

static int read_text(const char *header)
{
        uint8_t file[256] = "\x93NUMPY\x01\x00";
        struct nn_tensor t = { 0 };
        size_t n = strlen(header);
        int r;

        file[8] = (uint8_t)n;
        memcpy(file + 10, header, n);
        put(file, 10 + n + 8); /* eight bytes of data */
        r = npy_read(path, &t);
        free(t.data);
        return r;
}

static void test_round_trip(void **state)
{
        struct nn_tensor scalar = { .type = NN_INT64, .data = &(int64_t){ -5 } }, t;
        struct nn_tensor x = {
                .type = NN_FLOAT32, .n_dims = 3, .dims = { 1, 2, 3 }, .data = (float[]){ 1, 2, 3, 4, 5, 6 }
        };
        struct nn_tensor empty = { .type = NN_UINT8, .n_dims = 1, .dims = { 0 } };

        assert_int_equal(npy_write(path, &x), 0);
        assert_int_equal(npy_read(path, &t), 0);
        assert_int_equal(t.n_dims, 3);
        assert_memory_equal(t.dims, x.dims, 3 * sizeof(*t.dims));
        assert_memory_equal(t.data, x.data, 6 * sizeof(float));
        free(t.data);
        assert_int_equal(npy_write(path, &scalar), 0);
        assert_int_equal(npy_read(path, &t), 0);
        assert_int_equal(t.n_dims, 0);
        assert_int_equal(*(int64_t *)t.data, -5);
        free(t.data);
        assert_int_equal(npy_write(path, &empty), 0);
        assert_int_equal(npy_read(path, &t), 0);
        assert_int_equal(t.dims[0], 0);
        free(t.data);
}

static void test_bad_files(void **state)
{
        struct nn_tensor t;

        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"), 0);
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"), -EBADMSG);
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }"), -EOPNOTSUPP);
        assert_int_equal(read_text("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }"), -EOPNOTSUPP);
        assert_int_equal(read_text("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }"), -EOPNOTSUPP);
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }"), -EFBIG);
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }"),
                         -EFBIG);
        /* within the limit, but the data does not come: no memory is taken for it */
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (500000000,), }"), -EBADMSG);
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }"), -EBADMSG);
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (2"), -EBADMSG);
        assert_int_equal(read_text("{'descr': '<f4', 'shape': (2,), }"), -EBADMSG);
        assert_int_equal(read_text("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }"), -EFBIG);
        put("\x93NUMPY\x02\x00\xff\xff\xff\xff", 12);
        assert_int_equal(npy_read(path, &t), -EFBIG);
        put("\x93NUMPY", 6);
        assert_int_equal(npy_read(path, &t), -EBADMSG);
        put("", 0);
        assert_int_equal(npy_read(path, &t), -EBADMSG);
        assert_int_equal(npy_read("/nonexistent", &t), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_round_trip), cmocka_unit_test(test_bad_files) };

        return cmocka_run_group_tests(tests, make_path, remove_path);
}
