/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bridge/link.h"

/* A build without libmosquitto. */

int link_new(const struct link_parts *parts, struct link **ret)
{
        return -EOPNOTSUPP;
}

struct link *link_free(struct link *l)
{
        return NULL;
}

int link_publish(struct link *l, const char *topic, const char *text, bool sure, bool retain, int *ret_mid)
{
        return -EOPNOTSUPP;
}
