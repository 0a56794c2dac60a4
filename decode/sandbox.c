/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "basic/macro.h"
#include "decode/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* What the process has mapped beside its heap: its libraries and stack. */
#define OTHER_BYTES ((size_t)64 << 20)
#define FIRST_BYTES ((size_t)1 << 20)

/* Where memory gets short this process is the one to go. */
static void offer_to_oom_killer(void)
{
        _cleanup_(closep) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, "1000", 4) < 0)
                return; /* a help, no more */
}

static int limit(__rlimit_resource_t what, size_t most)
{
        const struct rlimit l = { most, most };

        return setrlimit(what, &l) < 0 ? -errno : 0;
}

/* The heap grows once, and never again: what malloc() gives later comes of this. */
static int make_heap(size_t heap_bytes)
{
        void *p;

        if (!mallopt(M_MMAP_MAX, 0) || !mallopt(M_TRIM_THRESHOLD, -1) || !mallopt(M_TOP_PAD, (int)heap_bytes))
                return -EINVAL;
        p = malloc(FIRST_BYTES);
        if (!p || !mallopt(M_TOP_PAD, 0))
                return -ENOMEM;
        free(p);
        return 0;
}

static int limit_all(size_t heap_bytes, unsigned cpu_seconds)
{
        static const struct {
                __rlimit_resource_t what;
                size_t most;
        } limits[] = { { RLIMIT_CORE, 0 }, { RLIMIT_FSIZE, 0 }, { RLIMIT_NPROC, 0 }, { RLIMIT_MEMLOCK, 0 } };
        int r = limit(RLIMIT_CPU, cpu_seconds);

        for (size_t i = 0; r >= 0 && i < ARRAY_LEN(limits); i++)
                r = limit(limits[i].what, limits[i].most);
        return r < 0 || SANITIZED ? r : limit(RLIMIT_AS, heap_bytes + OTHER_BYTES);
}

int sandbox_prepare(size_t heap_bytes, unsigned cpu_seconds)
{
        int r;

        if (heap_bytes > INT32_MAX)
                return -EINVAL;
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_SET_DUMPABLE, 0) < 0 || close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
                return -errno;
        offer_to_oom_killer();
        /* a picture can wait, a camera's frame cannot; the unit may forbid it */
        (void)setpriority(PRIO_PROCESS, 0, 10);
        r = limit_all(heap_bytes, cpu_seconds);
        return r < 0 || SANITIZED ? r : make_heap(heap_bytes);
}

int sandbox_enter(void)
{
        if (SANITIZED)
                return 0;
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0 ? -errno : 0;
}

void sandbox_exit(int status)
{
        if (SANITIZED)
                _exit(status);
        /* strict mode knows no exit_group(2), which _exit() is */
        syscall(SYS_exit, status);
        for (;;)
                ;
}
