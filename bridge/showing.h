/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** What emotion-reactions says is shown just now, and how often each content was begun since the start. */

#include <systemd/sd-bus.h>

#include "basic/macro.h"

#define SHOWING_CONTENTS_MAX 50
#define SHOWING_TEXT_MAX 257

struct showing {
        sd_bus *bus;
        sd_bus_slot *changes, *look;
        void (*on_change)(void *userdata);
        void *userdata;
        char content[SHOWING_TEXT_MAX], play[32]; /* "" : nothing */
        size_t n;
        struct {
                char content[SHOWING_TEXT_MAX];
                uint64_t plays;
        } contents[SHOWING_CONTENTS_MAX];
        uint64_t other_plays; /* of all contents that there is no room for */
};

/* @on_change: content or play is another. Return: 0 or negative errno. */
int showing_init(struct showing *s, sd_bus *bus, void (*on_change)(void *userdata), void *userdata);
void showing_done(struct showing *s);
