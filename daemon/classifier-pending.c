/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/vision/classifier.h"

/* Stands in for the classifier while the engine cannot run models yet. */

int classifier_new(const char *path, unsigned max_batch, unsigned threads, struct classifier **ret,
                   struct classifier_error *error)
{
        snprintf(error->text, sizeof(error->text), "%.200s: this build cannot run models", path);
        return -EOPNOTSUPP;
}

struct classifier *classifier_free(struct classifier *c)
{
        return NULL;
}

const struct classifier_info *classifier_get_info(const struct classifier *c)
{
        return NULL;
}

float *classifier_input(struct classifier *c, unsigned i)
{
        return NULL;
}

int classifier_run(struct classifier *c, unsigned n, float (*ret)[EMOTION_MAX])
{
        return -EOPNOTSUPP;
}
