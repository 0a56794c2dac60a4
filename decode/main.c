/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * emotion-decode: the JPEG or PNG file on standard input, as planes on standard output (answer.h). emotiond runs it for
 * each picture of ClassifyImage. The file is read first and looked at afterwards, when there is nothing left that this
 * process could do but write its answer and end.
 */
#include <string.h>

#include "decode/answer.h"
#include "decode/sandbox.h"
#include "picture/picture.h"

/* The largest picture that picture.h allows, progressive and of full colour, with its file twice: 40 million pixels of
 * three coefficients of 2 bytes, and the planes. */
#define HEAP_BYTES ((size_t)640 << 20)
#define CPU_SECONDS 6u /* longer than emotiond waits */

static int write_all(const void *data, size_t size)
{
        const uint8_t *p = data;

        while (size) {
                ssize_t n = write(STDOUT_FILENO, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                p += n;
                size -= (size_t)n;
        }
        return 0;
}

static int write_plane(const struct picture *p)
{
        size_t row_bytes = (p->format == PICTURE_GRAY8 ? 1 : 3) * (size_t)p->width_px;
        int r = 0;

        if (p->stride_bytes == row_bytes)
                return write_all(p->data, row_bytes * p->height_px);
        for (unsigned y = 0; r >= 0 && y < p->height_px; y++)
                r = write_all(p->data + y * p->stride_bytes, row_bytes);
        return r;
}

/* What decoders find out about the processor, and ask the system for, when they are used first. */
static int warm_up(void)
{
        _cleanup_(picture_freep) struct picture *p = NULL;
        _cleanup_(freep) uint8_t *file = NULL;
        uint8_t pixels[3 * 16 * 16] = { 0 };
        const struct picture made = { PICTURE_BGR24, 16, 16, 48, pixels };
        size_t size;
        int r = picture_encode_jpeg(&made, 90, &file, &size);

        return r < 0 ? r : picture_decode(file, size, PICTURE_BGR24, &p);
}

static int answer(int result, const struct picture *gray, const struct picture *bgr)
{
        const struct decode_answer a = {
                .magic = DECODE_MAGIC,
                .result = result,
                .width_px = gray ? gray->width_px : 0,
                .height_px = gray ? gray->height_px : 0,
                .shrink = gray ? gray->shrink : 0,
        };
        int r = write_all(&a, sizeof(a));

        if (r >= 0 && gray)
                r = write_plane(gray);
        if (r >= 0 && bgr)
                r = write_plane(bgr);
        return r;
}

static int decode(const uint8_t *data, size_t size, bool colour)
{
        _cleanup_(picture_freep) struct picture *gray = NULL, *bgr = NULL;
        int r = picture_decode_within(data, size, PICTURE_GRAY8, DECODE_MAX_PIXELS, &gray);

        if (r >= 0 && colour)
                r = picture_decode_within(data, size, PICTURE_BGR24, DECODE_MAX_PIXELS, &bgr);
        if (r < 0)
                gray = picture_free(gray);
        return answer(r, gray, bgr);
}

int main(int argc, char **argv)
{
        bool colour = argc == 2 && strcmp(argv[1], DECODE_WITH_COLOUR) == 0;
        uint8_t *data = NULL;
        size_t size;
        int r;

        if (argc > 1 && !colour) {
                fprintf(stderr,
                        "emotion-decode reads a picture from standard input for emotiond; it takes no other use.\n");
                return 64;
        }
        r = sandbox_prepare(HEAP_BYTES, CPU_SECONDS);
        if (r >= 0)
                r = warm_up();
        if (r >= 0)
                r = picture_read_fd(STDIN_FILENO, &data, &size);
        if (r >= 0)
                r = write_all(&(char){ DECODE_HAS_READ }, 1);
        if (r >= 0)
                r = sandbox_enter();
        r = r < 0 ? answer(r, NULL, NULL) : decode(data, size, colour);
        sandbox_exit(r < 0);
}
