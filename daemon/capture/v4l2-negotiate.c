/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <linux/videodev2.h>
#include <math.h>
#include <string.h>

#include "daemon/capture/source-tools.h"
#include "daemon/capture/v4l2-negotiate.h"
#include "picture/picture.h"

/* drivers answer -EINVAL behind their last item; one that never does is not asked for ever */
#define MAX_ITEMS 256

static const struct format {
        uint32_t pixel_format;
        const char *name;
        double cost; /* of a pixel on its way to luma; only the order matters */
} formats[] = {
        { V4L2_PIX_FMT_GREY, "GREY", 1 },   { V4L2_PIX_FMT_NV12, "NV12", 1.1 },  { V4L2_PIX_FMT_YUYV, "YUYV", 2 },
        { V4L2_PIX_FMT_MJPEG, "MJPG", 20 }, { V4L2_PIX_FMT_JPEG, "MJPG", 20.1 },
};

struct candidate {
        const struct format *format;
        unsigned width_px, height_px;
        double frame_rate_hz; /* the highest; 0 unknown */
};

/* What is looked for, and the best so far. */
struct search {
        const struct v4l2_io *io;
        int fd;
        unsigned width_px, height_px;
        double frame_rate_hz;
        struct candidate best;
};

const char *v4l2_mode_name(uint32_t pixel_format)
{
        for (size_t i = 0; i < ARRAY_LEN(formats); i++)
                if (formats[i].pixel_format == pixel_format)
                        return formats[i].name;
        return NULL;
}

static uint64_t distance(const struct search *s, const struct candidate *c)
{
        return llabs((int64_t)c->width_px - s->width_px) + llabs((int64_t)c->height_px - s->height_px);
}

/* How much too slow; a rate that nobody tells is taken for good, 5% less for rounding (29.97). */
static double shortfall(const struct search *s, const struct candidate *c)
{
        double missing = s->frame_rate_hz * 0.95 - c->frame_rate_hz;

        return c->frame_rate_hz > 0 && missing > 0 ? missing : 0;
}

static bool is_better(const struct search *s, const struct candidate *a, const struct candidate *b)
{
        if (!b->format)
                return true;
        if (distance(s, a) != distance(s, b))
                return distance(s, a) < distance(s, b);
        if (shortfall(s, a) != shortfall(s, b))
                return shortfall(s, a) < shortfall(s, b);
        return a->format->cost < b->format->cost;
}

static double fraction_rate(const struct v4l2_fract *interval)
{
        return interval->numerator ? (double)interval->denominator / interval->numerator : 0;
}

static double highest_rate(const struct search *s, uint32_t pixel_format, unsigned width_px, unsigned height_px)
{
        double best = 0;

        for (unsigned i = 0; i < MAX_ITEMS; i++) {
                struct v4l2_frmivalenum e = {
                        .index = i, .pixel_format = pixel_format, .width = width_px, .height = height_px
                };

                if (v4l2_io_control(s->io, s->fd, VIDIOC_ENUM_FRAMEINTERVALS, &e) < 0)
                        break;
                if (e.type != V4L2_FRMIVAL_TYPE_DISCRETE)
                        return fraction_rate(&e.stepwise.min);
                best = MAX(best, fraction_rate(&e.discrete));
        }
        return best;
}

static void consider(struct search *s, const struct format *f, unsigned width_px, unsigned height_px)
{
        struct candidate c = { .format = f, .width_px = width_px, .height_px = height_px };

        if (!width_px || !height_px || width_px > PICTURE_MAX_SIDE_PX || height_px > PICTURE_MAX_SIDE_PX)
                return;
        c.frame_rate_hz = highest_rate(s, f->pixel_format, width_px, height_px);
        if (is_better(s, &c, &s->best))
                s->best = c;
}

static unsigned step_to(unsigned wanted, unsigned min, unsigned max, unsigned step)
{
        if (wanted <= min || max <= min)
                return min;
        if (wanted >= max)
                return max;
        return min + (wanted - min) / MAX(step, 1u) * MAX(step, 1u);
}

static void consider_sizes(struct search *s, const struct format *f)
{
        unsigned i;

        for (i = 0; i < MAX_ITEMS; i++) {
                struct v4l2_frmsizeenum e = { .index = i, .pixel_format = f->pixel_format };

                if (v4l2_io_control(s->io, s->fd, VIDIOC_ENUM_FRAMESIZES, &e) < 0)
                        break;
                if (e.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
                        consider(s, f, e.discrete.width, e.discrete.height);
                        continue;
                }
                consider(s, f, step_to(s->width_px, e.stepwise.min_width, e.stepwise.max_width, e.stepwise.step_width),
                         step_to(s->height_px, e.stepwise.min_height, e.stepwise.max_height, e.stepwise.step_height));
                return;
        }
        /* a driver that lists no sizes takes what it is asked for, or the nearest */
        if (i == 0)
                consider(s, f, s->width_px, s->height_px);
}

/* Return: 0; -EINVAL for a name that no format has. */
static int search_formats(struct search *s, const char *only)
{
        bool known = false;

        for (size_t k = 0; k < ARRAY_LEN(formats); k++) {
                if (only && strcmp(only, formats[k].name) != 0)
                        continue;
                known = true;
                for (unsigned i = 0; i < MAX_ITEMS; i++) {
                        struct v4l2_fmtdesc d = { .index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };

                        if (v4l2_io_control(s->io, s->fd, VIDIOC_ENUM_FMT, &d) < 0)
                                break;
                        if (d.pixelformat == formats[k].pixel_format && !(d.flags & V4L2_FMT_FLAG_EMULATED)) {
                                consider_sizes(s, &formats[k]);
                                break;
                        }
                }
        }
        return known ? 0 : -EINVAL;
}

bool v4l2_offers(const struct v4l2_io *io, int fd, char *ret_names, size_t size)
{
        bool readable = false;
        size_t n = 0;

        ret_names[0] = '\0';
        for (unsigned i = 0; i < MAX_ITEMS; i++) {
                struct v4l2_fmtdesc d = { .index = i, .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
                char name[5];

                if (v4l2_io_control(io, fd, VIDIOC_ENUM_FMT, &d) < 0)
                        break;
                for (unsigned k = 0; k < 4; k++) {
                        name[k] = (char)(d.pixelformat >> 8 * k & 0x7f);
                        if (name[k] < '!' || name[k] > '~')
                                name[k] = k < 3 ? '?' : '\0';
                }
                name[4] = '\0';
                if (n < size)
                        n += (size_t)snprintf(ret_names + n, size - n, "%s%s", n ? ", " : "", name);
                readable = readable || (v4l2_mode_name(d.pixelformat) && !(d.flags & V4L2_FMT_FLAG_EMULATED));
        }
        return readable;
}

static bool is_limited(const struct v4l2_pix_format *p)
{
        uint32_t q = p->quantization;

        if (p->pixelformat == V4L2_PIX_FMT_MJPEG || p->pixelformat == V4L2_PIX_FMT_JPEG)
                return false; /* JPEG is full range; what the decoder gives is what it is */
        if (p->pixelformat == V4L2_PIX_FMT_GREY)
                return q == V4L2_QUANTIZATION_LIM_RANGE;
        if (q == V4L2_QUANTIZATION_DEFAULT)
                q = V4L2_MAP_QUANTIZATION_DEFAULT(false, p->colorspace, V4L2_YCBCR_ENC_DEFAULT);
        return q == V4L2_QUANTIZATION_LIM_RANGE;
}

/* Reads what the driver set into @ret, checked. */
static int read_back(const struct v4l2_pix_format *p, struct v4l2_mode *ret, struct source_error *error)
{
        size_t row_bytes, n;

        if (!v4l2_mode_name(p->pixelformat))
                return source_fail(error, -EOPNOTSUPP, "The camera set a pixel format that is not read");
        if (!p->width || !p->height || p->width > PICTURE_MAX_SIDE_PX || p->height > PICTURE_MAX_SIDE_PX ||
            (uint64_t)p->width * p->height > PICTURE_MAX_PIXELS)
                return source_fail(error, -EOPNOTSUPP, "The camera set an impossible size: %ux%u", p->width, p->height);
        *ret = (struct v4l2_mode){
                .pixel_format = p->pixelformat,
                .width_px = p->width,
                .height_px = p->height,
                .limited = is_limited(p),
        };
        if (p->pixelformat == V4L2_PIX_FMT_MJPEG || p->pixelformat == V4L2_PIX_FMT_JPEG)
                return 0;
        row_bytes = p->pixelformat == V4L2_PIX_FMT_YUYV ? (p->width + (p->width & 1)) * 2 : p->width;
        ret->stride_bytes = MAX((size_t)p->bytesperline, row_bytes);
        /* padding behind the last row need not be there */
        n = ret->stride_bytes * (p->height - 1) + row_bytes;
        if (p->pixelformat == V4L2_PIX_FMT_NV12)
                n = ret->stride_bytes * (p->height + (p->height + 1) / 2 - 1) + row_bytes + (p->width & 1);
        ret->frame_bytes = n;
        return 0;
}

static int set_format(const struct v4l2_io *io, int fd, const struct candidate *c, struct v4l2_mode *ret,
                      struct source_error *error)
{
        struct v4l2_format f = {
                .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
                .fmt.pix = {
                        .pixelformat = c->format->pixel_format,
                        .width = c->width_px,
                        .height = c->height_px,
                        .field = V4L2_FIELD_ANY,
                },
        };
        int r;

        r = v4l2_io_control(io, fd, VIDIOC_S_FMT, &f);
        if (r == -EBUSY)
                return source_fail(error, r, "The camera is used by another program");
        if (r < 0)
                return source_fail(error, r, "The camera refuses %s at %ux%u: %s", c->format->name, c->width_px,
                                   c->height_px, strerror(-r));
        return read_back(&f.fmt.pix, ret, error);
}

/* A driver that cannot be asked for a rate keeps its own; only a camera that is gone is an error. */
static int set_rate(const struct v4l2_io *io, int fd, double wanted_hz, struct v4l2_mode *mode)
{
        struct v4l2_streamparm p = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
        int r;

        r = v4l2_io_control(io, fd, VIDIOC_G_PARM, &p);
        if (r < 0)
                return r == -ENODEV ? r : 0;
        if (wanted_hz > 0 && p.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) {
                p.parm.capture.timeperframe = (struct v4l2_fract){ 1000, (uint32_t)lround(wanted_hz * 1000) };
                r = v4l2_io_control(io, fd, VIDIOC_S_PARM, &p);
                if (r == -ENODEV)
                        return r;
        }
        mode->frame_rate_hz = fraction_rate(&p.parm.capture.timeperframe);
        return 0;
}

int v4l2_negotiate(const struct v4l2_io *io, int fd, const struct source_config *config, struct v4l2_mode *ret,
                   struct source_error *error)
{
        const char *only =
                config->pixel_format && strcmp(config->pixel_format, "auto") != 0 ? config->pixel_format : NULL;
        struct v4l2_format now = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
        struct search s = {
                .io = io,
                .fd = fd,
                .width_px = config->width_px,
                .height_px = config->height_px,
                .frame_rate_hz = config->frame_rate_hz,
        };
        int r;

        r = v4l2_io_control(io, fd, VIDIOC_G_FMT, &now);
        if (r == -ENODEV)
                return source_fail(error, r, "The camera has just gone away");
        if (!s.width_px || !s.height_px) {
                s.width_px = r < 0 ? 640 : now.fmt.pix.width;
                s.height_px = r < 0 ? 480 : now.fmt.pix.height;
        }
        if (search_formats(&s, only) < 0)
                return source_fail(error, -EINVAL, "%.32s is no pixel format: auto, MJPG, YUYV, NV12 or GREY", only);
        if (!s.best.format)
                return source_fail(error, -EOPNOTSUPP, "The camera offers no %s",
                                   only ? only : "MJPG, YUYV, NV12 or GREY");
        r = set_format(io, fd, &s.best, ret, error);
        if (r < 0)
                return r;
        if (set_rate(io, fd, config->frame_rate_hz, ret) < 0)
                return source_fail(error, -ENODEV, "The camera has just gone away");
        return 0;
}
