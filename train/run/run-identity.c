/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "train/data/cells.h"
#include "train/run/run-identity.h"

/* The recipe as libconfig writes it, a setting a line, without the line of training.epochs. */
static uint64_t hash_settings(char *text)
{
        uint64_t hash = 0;
        char *rest = text, *line;

        while ((line = strsep(&rest, "\n"))) {
                const char *key = line + strspn(line, " \t");

                if (strncmp(key, "epochs =", 8) != 0)
                        hash = hash * 31 + cells_hash(key, strlen(key));
        }
        return hash;
}

int run_identity(const struct recipe *recipe, const struct task *task, uint64_t *ret)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        config_write(&recipe->config, f);
        if (fclose(f) != 0)
                return -ENOMEM;
        *ret = hash_settings(text) * 31 + (task->ops->identity ? task->ops->identity(task) : 0);
        return 0;
}
