/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "daemon/decoder-process.h"
#include "decode/answer.h"

/* A large picture in few pieces; the kernel may give less. */
#define PIPE_BYTES (1 << 20)

struct child {
        pid_t pid; /* 0: none */
        int from;  /* what it writes */
        uint64_t deadline_usec;
};

/* Its standard input, output and error; everything else closes itself. */
static int set_descriptors(posix_spawn_file_actions_t *actions, int in, int out)
{
        int r = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

        if (r == 0)
                r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
        /* what it would say there is a stranger's word */
        if (r == 0)
                r = posix_spawn_file_actions_addopen(actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        return -r;
}

/* This thread has all signals blocked, and the service ignores some. */
static int set_signals(posix_spawnattr_t *attributes)
{
        sigset_t none, all;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        r = posix_spawnattr_setsigmask(attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attributes, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return -r;
}

static int spawn(const struct decode_request *q, int out, pid_t *ret)
{
        char *const argv[] = { (char *)q->program, q->colour ? (char *)DECODE_WITH_COLOUR : NULL, NULL };
        char *const no_environment[] = { NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int r = -posix_spawn_file_actions_init(&actions);

        if (r < 0)
                return r;
        r = -posix_spawnattr_init(&attributes);
        if (r >= 0) {
                r = set_descriptors(&actions, q->fd, out);
                if (r >= 0)
                        r = set_signals(&attributes);
                if (r >= 0)
                        r = -posix_spawn(ret, q->program, &actions, &attributes, argv, no_environment);
                posix_spawnattr_destroy(&attributes);
        }
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

static int child_start(struct child *c, const struct decode_request *q)
{
        int ends[2], r;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        c->from = ends[0];
        (void)fcntl(c->from, F_SETPIPE_SZ, PIPE_BYTES);
        r = fcntl(c->from, F_SETFL, O_NONBLOCK) < 0 ? -errno : spawn(q, ends[1], &c->pid);
        close(ends[1]);
        if (r < 0 && r != -ENOMEM) {
                log_error_errno(r, "%s cannot be run: %m", q->program);
                return -ELIBACC;
        }
        return r;
}

static void child_end(struct child *c)
{
        c->from = fd_close(c->from);
        if (c->pid <= 0)
                return;
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        c->pid = 0;
}

/* Return: 0; -ETIME at the deadline; -EPIPE the process has ended before; errno of read(2). */
static int read_all(struct child *c, void *ret, size_t size)
{
        uint8_t *p = ret;

        while (size) {
                ssize_t n = read(c->from, p, size);
                uint64_t now = clock_usec();
                struct pollfd f = { .fd = c->from, .events = POLLIN };

                if (n == 0)
                        return -EPIPE;
                if (n > 0) {
                        p += n;
                        size -= (size_t)n;
                } else if (errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (now >= c->deadline_usec && size)
                        return -ETIME;
                if (n < 0)
                        (void)poll(&f, 1, (int)((c->deadline_usec - now + 999) / 1000));
        }
        return 0;
}

static int read_plane(struct child *c, enum picture_format format, const struct decode_answer *a, struct picture **ret)
{
        _cleanup_(picture_freep) struct picture *p = calloc(1, sizeof(*p));
        size_t stride_bytes = (format == PICTURE_GRAY8 ? 1 : 3) * (size_t)a->width_px;
        int r;

        if (!p)
                return -ENOMEM;
        *p = (struct picture){ format, a->width_px, a->height_px, stride_bytes, NULL, a->shrink };
        p->data = malloc(stride_bytes * a->height_px);
        if (!p->data)
                return -ENOMEM;
        r = read_all(c, p->data, stride_bytes * a->height_px);
        if (r >= 0)
                *ret = STEAL(p);
        return r;
}

static bool is_sound(const struct decode_answer *a)
{
        if (a->magic != DECODE_MAGIC || a->result > 0 || a->result < -4095)
                return false;
        return a->result < 0 ||
               (a->width_px && a->height_px && a->width_px <= PICTURE_MAX_SIDE_PX &&
                a->height_px <= PICTURE_MAX_SIDE_PX && (uint64_t)a->width_px * a->height_px <= DECODE_MAX_PIXELS &&
                (a->shrink == 1 || a->shrink == 2 || a->shrink == 4 || a->shrink == 8));
}

static int read_answer(struct child *c, bool colour, struct decoded *ret)
{
        _cleanup_(picture_freep) struct picture *gray = NULL, *bgr = NULL;
        struct decode_answer a = { 0 };
        uint8_t first = 0;
        int r = read_all(c, &first, 1);

        if (r < 0)
                return r == -ETIME ? -ETIMEDOUT : r;
        /* an answer without the byte says why the file could not be read */
        if (first == DECODE_HAS_READ)
                r = read_all(c, &a, sizeof(a));
        else {
                ((uint8_t *)&a)[0] = first;
                r = read_all(c, (uint8_t *)&a + 1, sizeof(a) - 1);
        }
        if (r >= 0)
                r = !is_sound(&a) || (a.result == 0 && first != DECODE_HAS_READ) ? -EPIPE : a.result;
        if (r >= 0)
                r = read_plane(c, PICTURE_GRAY8, &a, &gray);
        if (r >= 0 && colour)
                r = read_plane(c, PICTURE_BGR24, &a, &bgr);
        if (r < 0)
                return r;
        *ret = (struct decoded){ STEAL(gray), STEAL(bgr) };
        return 0;
}

int decoder_process_run(const struct decode_request *q, struct decoded *ret)
{
        struct child c = { .from = -1, .deadline_usec = q->deadline_usec };
        int r = child_start(&c, q);

        if (r >= 0)
                r = read_answer(&c, q->colour, ret);
        child_end(&c);
        return r;
}
