/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/clock.h"
#include "daemon/capture/container.h"
#include "daemon/capture/source-ops.h"
#include "daemon/capture/source-tools.h"

struct replay {
        struct source base;
        struct container *container;
        struct planes planes;
        enum source_pace pace;
        bool loop;
        uint64_t opened_usec;
        uint64_t position;   /* of the next picture, counted over all rounds */
        bool found_in_round; /* a round without any picture is not repeated */
};

/* When the picture at @position is due, and its timestamp. */
static uint64_t due_usec(const struct replay *s, uint64_t position)
{
        return s->opened_usec + (uint64_t)(position * 1e6 / s->container->frame_rate_hz);
}

/* The next picture of the file, or of its next round. Return: as container_ops.next, or -ENODATA when all
 * ends. */
static int advance(struct replay *s, struct planes *planes)
{
        int r;

        r = s->container->ops->next(s->container, planes);
        if (r == -ENODATA && s->loop && s->found_in_round) {
                s->found_in_round = false;
                r = s->container->ops->rewind(s->container);
                if (r < 0)
                        return r;
                r = s->container->ops->next(s->container, planes);
        }
        if (r == -ENODATA)
                return r;
        s->position++;
        if (r == 1)
                s->found_in_round = true;
        else if (r == 0)
                s->base.stats.n_dropped++;
        else if (r == -EBADMSG)
                s->base.stats.n_corrupt++;
        return r;
}

/* Passes over pictures whose successor is due already, as a camera would have replaced them. */
static int skip_late(struct replay *s)
{
        uint64_t now = clock_usec();
        int r;

        while (due_usec(s, s->position + 1) <= now) {
                r = advance(s, NULL);
                if (r < 0 && r != -EBADMSG)
                        return r;
                if (r == 1)
                        s->base.stats.n_dropped++;
        }
        return 0;
}

/* Return: 1 the time has come; 0 the timeout came first; -ECANCELED; -errno. */
static int wait_until(int wake_fd, uint64_t due, uint64_t timeout_at)
{
        for (;;) {
                uint64_t now = clock_usec(), until = MIN(due, timeout_at);
                uint64_t left = until > now ? until - now : 0;
                struct pollfd p = { .fd = wake_fd, .events = POLLIN };
                struct timespec t = { left / 1000000, left % 1000000 * 1000 };
                int r;

                r = ppoll(&p, 1, &t, NULL);
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r > 0)
                        return -ECANCELED;
                now = clock_usec();
                if (now >= due)
                        return 1;
                if (now >= timeout_at)
                        return 0;
        }
}

static int replay_next(struct source *source, int wake_fd, uint64_t timeout_usec, struct frame *ret,
                       struct source_error *error)
{
        struct replay *s = (struct replay *)source;
        uint64_t now = clock_usec();
        uint64_t timeout_at = timeout_usec < UINT64_MAX - now ? now + timeout_usec : UINT64_MAX;
        uint64_t position;
        bool rests;
        int r;

        do {
                if (s->pace == SOURCE_PACE_REAL) {
                        r = skip_late(s);
                        if (r < 0)
                                break;
                }
                position = s->position;
                r = wait_until(wake_fd, s->pace == SOURCE_PACE_REAL ? due_usec(s, position) : 0, timeout_at);
                if (r <= 0)
                        return r;
                rests = due_usec(s, position) < s->base.rest_until_usec;
                r = advance(s, rests ? NULL : &s->planes);
        } while (r == 0 || r == -EBADMSG);

        if (r == -ENODATA)
                return source_fail(error, r, "The replay of %s has ended", s->base.info.device);
        if (r < 0)
                return source_fail(error, r, "Cannot read %s: %s", s->base.info.device, strerror(-r));
        s->base.stats.n_frames++;
        *ret = (struct frame){
                .width_px = s->planes.width_px,
                .height_px = s->planes.height_px,
                .gray = rests ? NULL : s->planes.gray,
                .gray_stride_bytes = s->planes.width_px,
                .bgr = rests ? NULL : s->planes.bgr,
                .bgr_stride_bytes = s->planes.bgr ? 3 * (size_t)s->planes.width_px : 0,
                .timestamp_usec = due_usec(s, position),
                .sequence = position,
                .buffer = 0,
        };
        return 1;
}

static void replay_free(struct source *source)
{
        struct replay *s = (struct replay *)source;

        container_free(s->container);
        planes_done(&s->planes);
        free(s);
}

static const struct source_ops replay_ops = { .free = replay_free, .next = replay_next };

/* The kind is told by what is there, not by the name. */
static int open_container(const struct source_config *config, struct container **ret, struct source_error *error)
{
        const char *path = config->device;
        char start[12] = {};
        struct stat st;
        int fd;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return source_fail(error, -errno, "Cannot open %s: %m", path);
        if (fstat(fd, &st) < 0) {
                int r = -errno;

                fd_close(fd);
                return source_fail(error, r, "Cannot read %s: %s", path, strerror(-r));
        }
        if (S_ISDIR(st.st_mode))
                return folder_open(fd, config->frame_rate_hz, ret, error);
        if (S_ISREG(st.st_mode) && container_read(fd, 0, start, sizeof(start)) == 0) {
                if (memcmp(start, "RIFF", 4) == 0 && memcmp(start + 8, "AVI ", 4) == 0)
                        return avi_open(fd, ret, error);
                if (memcmp(start, "YUV4MPEG2 ", 10) == 0)
                        return y4m_open(fd, ret, error);
        }
        fd_close(fd);
        return source_fail(error, -EBADMSG, "%s is neither a Motion-JPEG AVI or Y4M file nor a folder of pictures",
                           path);
}

int source_replay_open(const struct source_config *config, struct source **ret, struct source_error *error)
{
        _cleanup_(source_freep) struct source *source = NULL;
        const char *slash = strrchr(config->device, '/');
        struct replay *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return source_fail(error, -ENOMEM, "Out of memory");
        source = &s->base;
        *s = (struct replay){
                .base.ops = &replay_ops,
                .planes.want_bgr = config->want_bgr,
                .pace = config->pace,
                .loop = config->loop,
        };
        r = open_container(config, &s->container, error);
        if (r < 0)
                return r;
        source_copy_text(source->info.device, sizeof(source->info.device), config->device);
        source_copy_text(source->info.name, sizeof(source->info.name), slash && slash[1] ? slash + 1 : config->device);
        source_copy_text(source->info.format, sizeof(source->info.format), s->container->format);
        source->info.width_px = s->container->width_px;
        source->info.height_px = s->container->height_px;
        source->info.frame_rate_hz = s->container->frame_rate_hz;
        /* once here, so that no frame has to */
        r = planes_reserve(&s->planes, s->container->width_px, s->container->height_px);
        if (r < 0)
                return source_fail(error, r, "Out of memory");
        s->opened_usec = clock_usec();
        *ret = STEAL(source);
        return 0;
}
