/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "basic/macro.h"
#include "train/task/task.h"

int task_choose(struct recipe *recipe, const struct task_ops **ret, struct recipe_error *error)
{
        static const char *const names[] = { "classify", "landmarks", "detect", NULL };
        static const struct task_ops *const ops[] = { &task_classify, &task_landmarks, &task_detect };
        int kind = 0, r = recipe_choice(config_root_setting(&recipe->config), "task", names, &kind, error);

        if (r < 0)
                return r;
        *ret = ops[kind];
        return 0;
}

void task_done(struct task *task)
{
        if (task->ops && task->state)
                task->ops->free(task->state);
        task->state = NULL;
}
