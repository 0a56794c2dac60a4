/* SPDX-License-Identifier: LGPL-2.1-or-later */
#undef NDEBUG
#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/settings.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("settings", MFD_CLOEXEC);
        struct settings *s = NULL;
        struct settings_error error;
        char path[64];
        int r;

        assert(fd >= 0);
        assert(write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = settings_load(path, false, NULL, &s, &error);
        assert(!r == !!s);
        if (r < 0)
                assert(strncmp(error.text, path, strlen(path)) == 0); /* a mistake is always placed */
        else
                assert(s->vision.max_faces >= 1 && s->camera.width_px >= 0 && s->service.max_claims <= 32);
        settings_unref(s);
        close(fd);
        return 0;
}

int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size)
{
        static const char *const seeds[] = {
                "camera: { device = \"/dev/video0\"; policy = \"always\"; width = 320; frame_rate = 12.5; };\n"
                "vision: { detect_fps = 2; max_faces = 3; };\n",
                "# remark\nplugins: { haar: { scale = 1.1; list = ( 1, [ 2.0, 3e4 ], { a = \"b\" \"c\"; } ); n = 0x1FL; }; };\n"
                "/* more */ decision = { min_confidence = 0; hysteresis = 1.; }\n",
                "service: { log_level = \"debug\"; max_pictures = 64; };\ncamera: { replay_loop = false; };",
        };

        if (i >= ARRAY_LEN(seeds))
                return -ENOENT;
        *ret = (uint8_t *)strdup(seeds[i]);
        assert(*ret);
        *ret_size = strlen(seeds[i]);
        return 0;
}
