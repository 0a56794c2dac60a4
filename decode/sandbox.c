/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
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

/* Which system calls the numbers mean. */
#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define ARCHITECTURE AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define ARCHITECTURE AUDIT_ARCH_S390X
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

#ifdef ARCHITECTURE
/* Filters add to each other, so this holds also where the service's unit has one; strict mode would be refused there. */
static int allow_only_the_end(void)
{
#define ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
        struct sock_filter rules[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                ALLOW(read),
                ALLOW(write),
                ALLOW(exit),
                ALLOW(exit_group),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        };
#undef ALLOW
        const struct sock_fprog program = { ARRAY_LEN(rules), rules };

        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}
#else
static int allow_only_the_end(void)
{
        return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0 ? -errno : 0;
}
#endif

int sandbox_enter(void)
{
        return SANITIZED ? 0 : allow_only_the_end();
}

void sandbox_exit(int status)
{
        /* _exit() is exit_group(2), which strict mode does not know */
        if (SANITIZED)
                _exit(status);
        syscall(SYS_exit, status);
        for (;;)
                ;
}
