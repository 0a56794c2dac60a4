/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugins with one fault each, chosen by BROKEN when compiled. */
#include <errno.h>
#include <stdio.h>

#include "plugins/emo-plugin.h"

#define NO_SYMBOL 1
#define BAD_MAGIC 2
#define BAD_ABI 3
#define BAD_SIZE 4
#define OTHER_NAME 5
#define NO_HOOK 6
#define NOTHING_OFFERED 7
#define BAD_FORMAT 8
#define FAILS_OPEN 9
#define UNRESOLVED 10
#define NOT_A_DESCRIPTOR 11
#define SMALL_OPS 12
#define IGNORES_SETTINGS 13
#define BAD_TEXT 14

#ifndef BROKEN_NAME
#define BROKEN_NAME "broken"
#endif

#if BROKEN == NO_SYMBOL
extern const int something_else;
const int something_else = 1;
#elif BROKEN == NOT_A_DESCRIPTOR
#pragma GCC diagnostic ignored "-Wpragmas"
extern const int wrong_type __asm__("emo_plugin") __attribute__((visibility("default")));
const int wrong_type = 1;
#else

#if BROKEN == UNRESOLVED
extern int nobody_defines_this(void);
#endif

static int broken_open(const struct emo_host *host, void **ret_self, struct emo_error *error)
{
#if BROKEN == FAILS_OPEN
        snprintf(error->text, sizeof(error->text), "there is no oracle");
        return -ENOENT;
#elif BROKEN == UNRESOLVED
        return nobody_defines_this();
#else
        int64_t v;

        (void)host->get_int(host->self, "count", 1, 5, &v);
        *ret_self = NULL;
        return 0;
#endif
}

static int broken_detect(void *self, const struct emo_image *image, const struct emo_detect_hints *hints,
                         struct emo_box *ret, size_t max_boxes, struct emo_error *error)
{
        return 0;
}

static void broken_close(void *self)
{
}

static const struct emo_detector_ops detector = {
        .size_bytes = sizeof(detector) - (BROKEN == SMALL_OPS ? sizeof(void *) : 0),
        .open = broken_open,
        .detect = BROKEN == NO_HOOK ? NULL : broken_detect,
        .close = broken_close,
};

const struct emo_plugin emo_plugin = {
        .magic = BROKEN == BAD_MAGIC ? 0x12345678u : EMO_PLUGIN_MAGIC,
        .abi = BROKEN == BAD_ABI ? EMO_PLUGIN_ABI + 1 : EMO_PLUGIN_ABI,
        .size_bytes = sizeof(struct emo_plugin) - (BROKEN == BAD_SIZE ? 8 : 0),
        .format = BROKEN == BAD_FORMAT ? 77 : EMO_GRAY8,
        .name = BROKEN == OTHER_NAME ? "another" : BROKEN_NAME,
        .version = BROKEN == BAD_TEXT ? "1\n2" : "1",
        .description = "has a fault",
        .licence = "LGPL-2.1-or-later",
        .detector = BROKEN == NOTHING_OFFERED ? NULL : &detector,
};
#endif
