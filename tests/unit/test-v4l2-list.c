/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which cameras there are: nodes of a folder, each of which is asked what it is and nothing else. */
#undef NDEBUG
#include <dirent.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/capture/source-ops.h"
#include "daemon/capture/v4l2-device.h"

/*
 * Stand before the C library's and libv4l2's own, for descriptors of a folder of ordinary files: each is a camera whose
 * every question but the first would wait for ever.
 */
static struct {
        bool on;
        uint32_t device_caps; /* of the node, where not 0 */
        int n_questions, n_library;
} camera;

static int fail_with(int error)
{
        errno = error;
        return -1;
}

int ioctl(int fd, unsigned long request, ...)
{
        va_list ap;
        void *arg;

        va_start(ap, request);
        arg = va_arg(ap, void *);
        va_end(ap);
        if (!camera.on)
                return (int)syscall(SYS_ioctl, fd, request, arg);
        camera.n_questions++;
        if (request != VIDIOC_QUERYCAP)
                return fail_with(ETIMEDOUT);
        *(struct v4l2_capability *)arg = (struct v4l2_capability){
                .card = "Fake Camera",
                .capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING |
                                (camera.device_caps ? V4L2_CAP_DEVICE_CAPS | V4L2_CAP_META_CAPTURE : 0),
                .device_caps = camera.device_caps,
        };
        return 0;
}

int v4l2_fd_open(int fd, int flags);
int v4l2_fd_open(int fd, int flags)
{
        camera.n_library++;
        return fail_with(ETIMEDOUT);
}

static const char *const names[] = { "video10", "video2", "videofoo", "video3x", "media0", "video" };
static char folder[] = "/tmp/emo-devices-XXXXXX";

static int make_folder(void **state)
{
        strcpy(folder + strlen(folder) - 6, "XXXXXX");
        assert_non_null(mkdtemp(folder));
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                char path[100];

                snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
                close(open(path, O_CREAT | O_WRONLY, 0600));
        }
        memset(&camera, 0, sizeof(camera));
        camera.on = true;
        return 0;
}

static int remove_folder(void **state)
{
        camera.on = false;
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
                char path[100];

                snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
                unlink(path);
        }
        return rmdir(folder);
}

static void test_in_order(void **state)
{
        struct source_device d[4];

        assert_int_equal(v4l2_device_list(&v4l2_io_plain, folder, d, 4), 2);
        assert_non_null(strstr(d[0].node, "/video2"));
        assert_non_null(strstr(d[1].node, "/video10"));
        assert_string_equal(d[0].name, "Fake Camera");
        assert_int_equal(v4l2_device_list(&v4l2_io_plain, folder, d, 1), 1);
        assert_int_equal(v4l2_device_list(&v4l2_io_plain, "/nonexistent", d, 4), -ENOENT);
}

/* The second node of a camera, for what it says about its frames, is none of its own. */
static void test_no_camera(void **state)
{
        struct source_device d[4];

        camera.device_caps = V4L2_CAP_META_CAPTURE | V4L2_CAP_STREAMING;
        assert_int_equal(v4l2_device_list(&v4l2_io_plain, folder, d, 4), 0);
}

static void test_asks_no_more(void **state)
{
        struct source_device d[4];

        assert_int_equal(v4l2_device_list(&v4l2_io_plain, folder, d, 4), 2);
        assert_int_equal(camera.n_questions, 2);
        assert_int_equal(camera.n_library, 0);
}

/* Two nodes as "auto" finds them, and what each offers. */
static struct {
        uint32_t formats[2][3]; /* of video2 and video10, ended by 0 */
        int n_open;
        bool second_refused;
} nodes;

DIR *opendir(const char *name)
{
        int fd = open(camera.on && strcmp(name, "/dev") == 0 ? folder : name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? NULL : fdopendir(fd);
}

static int open_node(const char *path)
{
        bool second = strcmp(path, "/dev/video10") == 0;

        if (second && nodes.second_refused)
                return fail_with(EACCES);
        nodes.n_open++;
        return second ? 1010 : 1002;
}

static int close_node(int fd)
{
        nodes.n_open--;
        return 0;
}

static int ask_node(int fd, unsigned long request, void *arg)
{
        const uint32_t *formats = nodes.formats[fd == 1010];

        if (request == VIDIOC_QUERYCAP) {
                *(struct v4l2_capability *)arg =
                        (struct v4l2_capability){ .capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING };
                snprintf((char *)((struct v4l2_capability *)arg)->card, 32, "%s", fd == 1010 ? "webcam" : "isp");
                return 0;
        }
        if (request == VIDIOC_ENUM_FMT) {
                struct v4l2_fmtdesc *d = arg;

                for (uint32_t i = 0; formats[i]; i++)
                        if (i == d->index) {
                                d->pixelformat = formats[i];
                                return 0;
                        }
        }
        return fail_with(EINVAL);
}

static const struct v4l2_io node_io = { .open = open_node, .close = close_node, .ioctl = ask_node };

/* The first node of a laptop's camera gives raw pictures only. */
static void test_auto_passes_raw(void **state)
{
        struct source_error error = { "" };
        struct source_device d;

        memset(&nodes, 0, sizeof(nodes));
        nodes.formats[0][0] = V4L2_PIX_FMT_SGRBG10;
        nodes.formats[1][0] = V4L2_PIX_FMT_SBGGR8;
        nodes.formats[1][1] = V4L2_PIX_FMT_YUYV;
        assert_int_equal(v4l2_device_open(&node_io, "auto", &d, &error), 1010);
        assert_string_equal(d.node, "/dev/video10");
        assert_int_equal(nodes.n_open, 1);
        /* one that is named is taken as it is */
        assert_int_equal(v4l2_device_open(&node_io, "/dev/video2", &d, &error), 1002);
}

/* Where none is left, each is named with what it offers. */
static void test_auto_finds_none(void **state)
{
        struct source_error error = { "" };
        struct source_device d;

        memset(&nodes, 0, sizeof(nodes));
        nodes.formats[0][0] = V4L2_PIX_FMT_SGRBG10;
        nodes.formats[0][1] = V4L2_PIX_FMT_SRGGB12P;
        assert_int_equal(v4l2_device_open(&node_io, "auto", &d, &error), -EOPNOTSUPP);
        assert_non_null(strstr(error.text, "/dev/video2 (isp) offers BA10, pRCC"));
        assert_non_null(strstr(error.text, "/dev/video10 (webcam) offers nothing"));
        assert_string_equal(d.node, "");
        nodes.second_refused = true;
        assert_int_equal(v4l2_device_open(&node_io, "auto", &d, &error), -EOPNOTSUPP);
        assert_null(strstr(error.text, "webcam"));
        assert_int_equal(nodes.n_open, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)
        const struct CMUnitTest tests[] = {
                T(test_in_order),  T(test_auto_passes_raw), T(test_auto_finds_none),
                T(test_no_camera), T(test_asks_no_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
