/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A plugin as it was built, opened through the plugin host; after cmocka.h. */

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/vision/plugin-host.h"

struct opened {
        config_t config;
        struct plugin_host *host;
};

/* @model_dirs: ended by NULL; @name: the plugin that @settings, the inside of its group, are for */
static inline void open_host(struct opened *o, const char *const *model_dirs, const char *name, const char *detector,
                             const char *aligner, const char *settings)
{
        char folder[600], text[1000];
        struct plugin_host_config config = {
                .folder = folder, .model_dirs = model_dirs, .detector = detector, .aligner = aligner
        };

        snprintf(folder, sizeof(folder), "%s/plugins/.libs", getenv("EMO_BUILDDIR") ?: ".");
        snprintf(text, sizeof(text), "plugins: { %s: { %s }; };", name, settings);
        config_init(&o->config);
        assert_int_equal(config_read_string(&o->config, text), CONFIG_TRUE);
        config.settings = config_lookup(&o->config, "plugins");
        assert_int_equal(plugin_host_new(&config, &o->host), 0);
}

static inline void close_host(struct opened *o)
{
        o->host = plugin_host_free(o->host);
        config_destroy(&o->config);
}

static inline const struct plugin_info *info_of(const struct opened *o, const char *name)
{
        for (size_t i = 0; i < plugin_host_n_plugins(o->host); i++) {
                const struct plugin_info *p = plugin_host_plugin(o->host, i);

                if (p->name && strcmp(p->name, name) == 0)
                        return p;
        }
        return NULL;
}

/* With @settings the plugin @name does not open as detector or as aligner (box stands for the other), for a reason that
 * speaks of @reason. */
static inline void refuse_settings(const char *const *model_dirs, const char *name, bool as_aligner,
                                   const char *settings, const char *reason)
{
        const struct plugin_info *p;
        struct opened o;

        open_host(&o, model_dirs, name, as_aligner ? "box" : name, as_aligner ? name : "box", settings);
        p = info_of(&o, name);
        assert_non_null(p);
        assert_false(p->used_detector || p->used_aligner);
        assert_non_null(p->error);
        assert_null(strchr(p->error, '\n'));
        print_message("# %s\n", p->error);
        assert_non_null(strstr(p->error, reason));
        assert_non_null(plugin_host_error(o.host));
        close_host(&o);
}
