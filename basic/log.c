/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/log.h"
#include "basic/utf8.h"

static atomic_int max_level = LOG_INFO;

void log_set_level(int level)
{
        atomic_store(&max_level, level);
}

int log_get_level(void)
{
        return atomic_load(&max_level);
}

/* systemd tells in JOURNAL_STREAM which device and inode its stream has; only then are prefixes understood. */
static bool stderr_is_journal(void)
{
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return e && sscanf(e, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev &&
               st.st_ino == ino;
}

void log_vfull(int level, int error, const char *format, va_list ap)
{
        char line[2048];
        int n = 0;

        if (level > log_get_level())
                return;
        if (stderr_is_journal())
                n = snprintf(line, sizeof(line), "<%d>", level);
        errno = error < 0 ? -error : error;
        vsnprintf(line + n, sizeof(line) - n, format, ap);
        /* parts of it come from devices, plugins and files: none of them begins a line of its own */
        utf8_clean(line + n);
        /* one write per line keeps lines of two threads apart */
        fprintf(stderr, "%s\n", line);
}

int log_full(int level, int error, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        log_vfull(level, error, format, ap);
        va_end(ap);
        return error > 0 ? -error : error;
}
