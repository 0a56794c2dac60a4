/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The configuration of emotion-bridge, emotion-bridge.conf(5), in the syntax of libconfig. */

#include <stdbool.h>
#include <stddef.h>

#define BRIDGE_TEXT_MAX 256
#define BRIDGE_PAGES_MAX 16
#define BRIDGE_ORIGINS_MAX 16
#define BRIDGE_TOKEN_MIN 16

/* Who may ask over HTTP: whoever knows the token, and in a browser only pages of these origins. */
struct bridge_page {
        char name[64], token[BRIDGE_TEXT_MAX];
        char origins[BRIDGE_ORIGINS_MAX][BRIDGE_TEXT_MAX];
        size_t n_origins;
        int watch, tell; /* may hear events, state and metrics; may say what is shown */
};

struct bridge_settings {
        int port;        /* 0: no HTTP */
        int connections; /* at a time */
        int slow_s;      /* a reader that takes nothing for so long is dropped */
        struct bridge_page pages[BRIDGE_PAGES_MAX];
        size_t n_pages;

        int watch_always; /* hold a claim even if nobody asks */

        char textfile[BRIDGE_TEXT_MAX]; /* for node_exporter; "": none */
        bool readable_by_all;           /* the file has tokens, and every user may read it */
};

/* Defaults, then @path, which may be absent if @optional. Return: 0; -EINVAL with @error telling file, line and key. */
int bridge_settings_load(const char *path, bool optional, struct bridge_settings *ret, char *error, size_t size);
