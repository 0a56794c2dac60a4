/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/macro.h"
#include "daemon/hidden.h"

const char *hidden_hint(const char *path)
{
        static const char *const hidden[] = { "/home/", "/root/", "/run/user/" };

        for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
                if (strncmp(path, hidden[i], strlen(hidden[i])) == 0)
                        return "; the unit hides this folder from the service (ProtectHome=yes): put the file elsewhere, for "
                               "example below /var/lib/emotiond";
        return "";
}
