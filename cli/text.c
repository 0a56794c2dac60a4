/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "basic/utf8.h"
#include "cli/text.h"

void ctl_say(const char *format, ...)
{
        _cleanup_(freep) char *line = NULL, *clean = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&line, format, ap);
        va_end(ap);
        if (n < 0) {
                line = NULL;
                return;
        }
        clean = utf8_clean_dup(line);
        fprintf(stderr, "%s\n", clean ?: "");
}

unsigned text_columns(void)
{
        struct winsize w = { 0 };
        uint64_t n;

        if (!isatty(STDOUT_FILENO))
                return 0;
        (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
        if (w.ws_col)
                return w.ws_col;
        return text_parse_u64(getenv("COLUMNS") ?: "", 1, 1000, &n) ? (unsigned)n : 80;
}

const char *text_on(const struct ctl *c, enum text_colour colour)
{
        static const char *const sequences[] = {
                [TEXT_PLAIN] = "",       [TEXT_GOOD] = "\033[32m", [TEXT_WARN] = "\033[33m",
                [TEXT_BAD] = "\033[31m", [TEXT_FAINT] = "\033[2m", [TEXT_BOLD] = "\033[1m",
        };

        return c->colour ? sequences[colour] : "";
}

const char *text_off(const struct ctl *c)
{
        return c->colour ? "\033[0m" : "";
}

unsigned text_distance(const char *a, const char *b)
{
        enum { WORD_MAX = 32 };
        unsigned d[WORD_MAX + 1][WORD_MAX + 1];
        size_t n = strlen(a), m = strlen(b);

        if (n > WORD_MAX || m > WORD_MAX)
                return WORD_MAX;
        for (size_t i = 0; i <= n; i++)
                d[i][0] = i;
        for (size_t j = 0; j <= m; j++)
                d[0][j] = j;
        /* optimal string alignment: Damerau 1964, no substring edited twice */
        for (size_t i = 1; i <= n; i++)
                for (size_t j = 1; j <= m; j++) {
                        unsigned replace = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

                        d[i][j] = MIN(d[i - 1][j] + 1, d[i][j - 1] + 1);
                        d[i][j] = MIN(d[i][j], replace);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
                }
        return d[n][m];
}

bool text_parse_double(const char *s, double min, double max, double *ret)
{
        char *end;
        double d;

        /* strtod() also takes space, hexadecimal and "nan", none of which anybody means */
        if (!*s || s[strspn(s, "0123456789.+-eE")])
                return false;
        d = strtod(s, &end);
        if (*end || !isfinite(d) || d < min || d > max)
                return false;
        *ret = d;
        return true;
}

bool text_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
        unsigned long long u;
        char *end;

        if (!isdigit((unsigned char)*s))
                return false;
        errno = 0;
        u = strtoull(s, &end, 10);
        if (*end || errno || u < min || u > max)
                return false;
        *ret = u;
        return true;
}

static uint64_t now_usec(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* The time of day at which the monotonic clock showed @monotonic_usec, if neither clock was set since. */
static uint64_t realtime_of(uint64_t monotonic_usec)
{
        uint64_t real = now_usec(CLOCK_REALTIME), mono = now_usec(CLOCK_MONOTONIC);

        if (monotonic_usec > mono)
                return real;
        return real - MIN(real, mono - monotonic_usec);
}

void text_clock(uint64_t monotonic_usec, char ret[static TEXT_TIME_MAX])
{
        uint64_t t = realtime_of(monotonic_usec);
        time_t s = t / 1000000;
        struct tm tm;
        size_t n;

        if (!localtime_r(&s, &tm))
                memset(&tm, 0, sizeof(tm));
        n = strftime(ret, TEXT_TIME_MAX, "%H:%M:%S", &tm);
        snprintf(ret + n, TEXT_TIME_MAX - n, ".%03u", (unsigned)(t % 1000000 / 1000));
}

void text_rfc3339(uint64_t monotonic_usec, char ret[static TEXT_TIME_MAX])
{
        uint64_t t = realtime_of(monotonic_usec);
        time_t s = t / 1000000;
        struct tm tm;
        size_t n;

        if (!gmtime_r(&s, &tm))
                memset(&tm, 0, sizeof(tm));
        n = strftime(ret, TEXT_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(ret + n, TEXT_TIME_MAX - n, ".%06uZ", (unsigned)(t % 1000000));
}
