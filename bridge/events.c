/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/events.h"

struct events {
        char run[17];
        uint64_t next;
        char *text[EVENTS_KEPT]; /* of event n at n modulo EVENTS_KEPT; NULL: none */
};

int events_new(struct events **ret)
{
        struct events *e = calloc(1, sizeof(*e));
        uint64_t run;

        if (!e)
                return -ENOMEM;
        if (getrandom(&run, sizeof(run), 0) != (ssize_t)sizeof(run)) {
                free(e);
                return -EIO;
        }
        snprintf(e->run, sizeof(e->run), "%016" PRIx64, run);
        e->next = 1;
        *ret = e;
        return 0;
}

struct events *events_free(struct events *e)
{
        for (size_t i = 0; e && i < EVENTS_KEPT; i++)
                free(e->text[i]);
        free(e);
        return NULL;
}

int events_add(struct events *e, const char *name, const char *data)
{
        char **place = &e->text[e->next % EVENTS_KEPT], id[EVENTS_ID_MAX];

        free(*place);
        events_id(e, e->next, id);
        if (asprintf(place, "id: %s\nevent: %s\ndata: %s\n\n", id, name, data) < 0)
                *place = NULL;
        e->next++;
        return *place ? 0 : -ENOMEM;
}

uint64_t events_next(const struct events *e)
{
        return e->next;
}

void events_id(const struct events *e, uint64_t number, char ret[static EVENTS_ID_MAX])
{
        snprintf(ret, EVENTS_ID_MAX, "%s-%" PRIu64, e->run, number);
}

bool events_after(const struct events *e, const char *id, uint64_t *ret_number)
{
        size_t n = strlen(e->run);
        char *end;
        uint64_t number;

        if (strncmp(id, e->run, n) != 0 || id[n] != '-' || id[n + 1] < '0' || id[n + 1] > '9')
                return false;
        errno = 0;
        number = strtoull(id + n + 1, &end, 10);
        if (*end || errno || number >= e->next)
                return false;
        if (number + 1 < e->next && !events_get(e, number + 1))
                return false;
        *ret_number = number + 1;
        return true;
}

const char *events_get(const struct events *e, uint64_t number)
{
        if (number >= e->next || number + EVENTS_KEPT < e->next)
                return NULL;
        return e->text[number % EVENTS_KEPT];
}
