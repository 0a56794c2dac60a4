/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "basic/replace-file.h"
#include "picture/png.h"

/* What libpng's callbacks need. It lives outside the functions that longjmp() comes back to, so no local of
 * theirs is indeterminate after an error. */
struct png_job {
        png_structp png;
        png_infop info;
        const uint8_t *data;
        size_t size, pos;
};

static void on_error(png_structp png, png_const_charp message)
{
        png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
}

static void read_memory(png_structp png, png_bytep out, size_t n)
{
        struct png_job *j = png_get_io_ptr(png);

        if (n > j->size - j->pos)
                png_error(png, "end of data");
        memcpy(out, j->data + j->pos, n);
        j->pos += n;
}

static void job_done(struct png_job *j)
{
        if (!j->png)
                return;
        if (png_get_io_ptr(j->png) == j && j->data)
                png_destroy_read_struct(&j->png, &j->info, NULL);
        else
                png_destroy_write_struct(&j->png, &j->info);
}

static int job_init_read(struct png_job *j, const void *data, size_t size)
{
        *j = (struct png_job){ .data = data, .size = size };
        j->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
        if (!j->png)
                return -ENOMEM;
        png_set_read_fn(j->png, j, read_memory);
        j->info = png_create_info_struct(j->png);
        if (!j->info)
                return -ENOMEM;
        return 0;
}

/* The functions below this line are the ones that longjmp() returns to: they have no local variable that
 * changes after setjmp(). */

static int read_header(struct png_job *j)
{
        /* Skipped unread: with a gamma libpng would weigh colours in linear light, which no camera does, and
         * texts are only memory. */
        static const uint8_t skipped[] = "gAMA\0cHRM\0sRGB\0iCCP\0tEXt\0zTXt\0iTXt\0eXIf\0sBIT\0bKGD\0sPLT\0hIST";

        if (setjmp(png_jmpbuf(j->png)))
                return -EBADMSG;
        /* the picture's size is checked by the caller; what else a file brings is bounded here */
        png_set_user_limits(j->png, 0x7fffffff, 0x7fffffff);
        png_set_chunk_malloc_max(j->png, 4 << 20);
        png_set_chunk_cache_max(j->png, 64);
        png_set_keep_unknown_chunks(j->png, PNG_HANDLE_CHUNK_NEVER, skipped, sizeof(skipped) / 5);
        png_read_info(j->png, j->info);
        return 0;
}

static int read_pixels(struct png_job *j, const struct picture *p)
{
        /* libpng blends before it reduces 16 bits to 8 */
        const png_uint_16 full = png_get_bit_depth(j->png, j->info) == 16 ? 65535 : 255;
        const png_color_16 white = { .red = full, .green = full, .blue = full, .gray = full };

        if (setjmp(png_jmpbuf(j->png)))
                return -EBADMSG;
        png_set_expand(j->png);
        png_set_scale_16(j->png);
        png_set_background(j->png, &white, PNG_BACKGROUND_GAMMA_SCREEN, 0, 1.0);
        if (p->format == PICTURE_GRAY8) {
                /* BT.601, as in JPEG; libpng's own weights are those of Rec. 709 */
                png_set_rgb_to_gray_fixed(j->png, PNG_ERROR_ACTION_NONE, 29900, 58700);
        } else {
                png_set_gray_to_rgb(j->png);
                png_set_bgr(j->png);
        }
        for (int passes = png_set_interlace_handling(j->png), started = 0; passes > 0; passes--) {
                if (!started++) {
                        png_read_update_info(j->png, j->info);
                        if (png_get_rowbytes(j->png, j->info) > p->stride_bytes)
                                png_error(j->png, "row longer than the picture's");
                }
                for (unsigned y = 0; y < p->height_px; y++)
                        png_read_row(j->png, p->data + y * p->stride_bytes, NULL);
        }
        png_read_end(j->png, NULL);
        return 0;
}

static int write_pixels(struct png_job *j, const struct picture *p)
{
        if (setjmp(png_jmpbuf(j->png)))
                return -EIO;
        png_set_IHDR(j->png, j->info, p->width_px, p->height_px, 8,
                     p->format == PICTURE_GRAY8 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                     PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
        png_write_info(j->png, j->info);
        png_set_bgr(j->png);
        for (unsigned y = 0; y < p->height_px; y++)
                png_write_row(j->png, p->data + y * p->stride_bytes);
        png_write_end(j->png, NULL);
        return 0;
}

static int check_size(const struct png_job *j, unsigned *ret_width_px, unsigned *ret_height_px)
{
        unsigned width = png_get_image_width(j->png, j->info), height = png_get_image_height(j->png, j->info);

        if (!width || !height)
                return -EBADMSG;
        if (width > PICTURE_MAX_SIDE_PX || height > PICTURE_MAX_SIDE_PX ||
            (uint64_t)width * height > PICTURE_MAX_PIXELS)
                return -EFBIG;
        *ret_width_px = width;
        *ret_height_px = height;
        return 0;
}

int png_header(const void *data, size_t size, unsigned *ret_width_px, unsigned *ret_height_px)
{
        _cleanup_(job_done) struct png_job j = {};
        int r;

        r = job_init_read(&j, data, size);
        if (r < 0)
                return r;
        r = read_header(&j);
        if (r < 0)
                return r;
        return check_size(&j, ret_width_px, ret_height_px);
}

int png_decode(const void *data, size_t size, struct picture *p)
{
        _cleanup_(job_done) struct png_job j = {};
        unsigned width_px, height_px;
        int r;

        r = job_init_read(&j, data, size);
        if (r < 0)
                return r;
        r = read_header(&j);
        if (r < 0)
                return r;
        r = check_size(&j, &width_px, &height_px);
        if (r < 0)
                return r;
        if (width_px != p->width_px || height_px != p->height_px)
                return -EINVAL;
        return read_pixels(&j, p);
}

static int write_png(FILE *stream, const struct picture *p)
{
        _cleanup_(job_done) struct png_job j = {};

        j.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning);
        if (!j.png)
                return -ENOMEM;
        png_init_io(j.png, stream);
        j.info = png_create_info_struct(j.png);
        if (!j.info)
                return -ENOMEM;
        return write_pixels(&j, p);
}

int picture_write_png(const char *path, const struct picture *p)
{
        _cleanup_(replace_file_done) struct replace_file f = {};
        int r;

        r = replace_file_open(&f, path);
        if (r < 0)
                return r;
        errno = 0;
        r = write_png(f.stream, p);
        if (r < 0)
                return ferror(f.stream) && errno ? -errno
                                                 : r; /* a full disk rather than what the library makes of it */
        return replace_file_commit(&f);
}
