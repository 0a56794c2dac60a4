/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "daemon/hours.h"

#define DAY_MIN 1440u

static const char *const day_names[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

static const char *skip_space(const char *p)
{
        return p + strspn(p, " \t");
}

/* Reads a day's name. Return: 0..6; -EINVAL. */
static int read_day(const char **p)
{
        for (size_t i = 0; i < ARRAY_LEN(day_names); i++)
                if (strncmp(*p, day_names[i], 3) == 0) {
                        *p += 3;
                        return (int)i;
                }
        return -EINVAL;
}

/* "Mon" or "Mon-Fri"; nothing: all. */
static int read_days(const char **p, unsigned *ret)
{
        int first, last;

        *ret = 0x7f;
        if (**p >= '0' && **p <= '9')
                return 0;
        first = last = read_day(p);
        if (first >= 0 && **p == '-') {
                (*p)++;
                last = read_day(p);
        }
        if (first < 0 || last < 0)
                return -EINVAL;
        *ret = 1u << last;
        for (int i = first; i != last; i = (i + 1) % 7)
                *ret |= 1u << i;
        return 0;
}

/* "HH:MM" up to 24:00, in minutes. */
static int read_time(const char **p, unsigned *ret)
{
        const char *t = *p;

        for (int i = 0; i < 5; i++)
                if (i == 2 ? t[i] != ':' : t[i] < '0' || t[i] > '9')
                        return -EINVAL;
        unsigned hour = (unsigned)(t[0] - '0') * 10 + (unsigned)(t[1] - '0');
        unsigned minute = (unsigned)(t[3] - '0') * 10 + (unsigned)(t[4] - '0');

        if (minute > 59 || hour * 60 + minute > DAY_MIN)
                return -EINVAL;
        *ret = hour * 60 + minute;
        *p += 5;
        return 0;
}

static int refuse(char *why, size_t size, const char *entry, const char *what)
{
        snprintf(why, size, "\"%.*s\" %s", (int)MIN(strcspn(entry, ","), (size_t)64), entry, what);
        return -EINVAL;
}

int hours_parse(const char *text, struct hours *ret, char *why, size_t why_size)
{
        const char *p = skip_space(text);
        struct hours h = { 0 };

        while (*p) {
                const char *entry = p;
                unsigned days = 0, from = 0, to = 0;
                int r = read_days(&p, &days);

                p = skip_space(p);
                if (r >= 0)
                        r = read_time(&p, &from);
                if (r >= 0)
                        r = *p == '-' ? 0 : -EINVAL;
                if (r >= 0) {
                        p++;
                        r = read_time(&p, &to);
                }
                p = skip_space(p);
                if (r < 0 || (*p && *p != ','))
                        return refuse(why, why_size, entry,
                                      "is no time of the week; one is like \"Mon-Fri 20:00-24:00\", with times from "
                                      "00:00 to 24:00");
                if (to <= from)
                        return refuse(why, why_size, entry,
                                      "ends before it begins; a time over midnight is written as two, with 24:00 and "
                                      "00:00");
                if (h.n == HOURS_MAX) {
                        snprintf(why, why_size, "has more than %u times", HOURS_MAX);
                        return -EINVAL;
                }
                h.spans[h.n].days = days;
                h.spans[h.n].from_min = from;
                h.spans[h.n++].to_min = to;
                if (*p == ',' && !*(p = skip_space(p + 1)))
                        return refuse(why, why_size, entry, "is followed by a comma and nothing more");
        }
        *ret = h;
        return 0;
}

bool hours_hold(const struct hours *h, const struct tm *local)
{
        unsigned minute = (unsigned)(local->tm_hour * 60 + local->tm_min);

        for (size_t i = 0; i < h->n; i++)
                if (h->spans[i].days & 1u << local->tm_wday && minute >= h->spans[i].from_min &&
                    minute < h->spans[i].to_min)
                        return true;
        return false;
}
