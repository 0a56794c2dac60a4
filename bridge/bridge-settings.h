/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The configuration of emotion-bridge, emotion-bridge.conf(5), in the syntax of libconfig. */

#include <stdbool.h>
#include <stddef.h>

#define BRIDGE_TEXT_MAX 256
#define BRIDGE_PAGES_MAX 16
#define BRIDGE_ORIGINS_MAX 16
#define BRIDGE_TOKEN_MIN 16
#define BRIDGE_NAME_MAX 64

/* Who may ask over HTTP: whoever knows the token, and in a browser only pages of these origins. */
struct bridge_page {
        char name[64], token[BRIDGE_TEXT_MAX];
        char origins[BRIDGE_ORIGINS_MAX][BRIDGE_TEXT_MAX];
        size_t n_origins;
        int watch, tell; /* may hear events, state and metrics; may say what is shown */
};

struct bridge_mqtt {
        char host[BRIDGE_TEXT_MAX]; /* "": no MQTT */
        int port;                   /* 0: 1883, or 8883 with TLS */
        /* topics are PREFIX/DEVICE/...; the device is the host's name if none is given */
        char prefix[BRIDGE_NAME_MAX], device[BRIDGE_NAME_MAX];
        char user[BRIDGE_TEXT_MAX], password[BRIDGE_TEXT_MAX];
        int tls;
        char ca_file[BRIDGE_TEXT_MAX], cert_file[BRIDGE_TEXT_MAX], key_file[BRIDGE_TEXT_MAX];
        int window_s;      /* length of a window; 0: none */
        int queue_windows; /* as many wait on disk */
        int minimum_group; /* faces without which times by expression are not told */
        int allow_switch;  /* who may write to the broker may switch watching off and on */
        int discovery;     /* for Home Assistant */
        char discovery_prefix[BRIDGE_NAME_MAX];
};

struct bridge_settings {
        int port;        /* 0: no HTTP */
        int connections; /* at a time */
        int slow_s;      /* a reader that takes nothing for so long is dropped */
        struct bridge_page pages[BRIDGE_PAGES_MAX];
        size_t n_pages;

        struct bridge_mqtt mqtt;

        int watch_always; /* hold a claim even if nobody asks */

        char textfile[BRIDGE_TEXT_MAX]; /* for node_exporter; "": none */
        bool readable_by_all;           /* the file has secrets, and every user may read it */
};

/* Defaults, then @path, which may be absent if @optional. Return: 0; -EINVAL with @error telling file, line and key. */
int bridge_settings_load(const char *path, bool optional, struct bridge_settings *ret, char *error, size_t size);
