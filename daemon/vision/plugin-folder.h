/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** The plugins that lie in a folder, loaded or not; for plugin-host.c. */

#include "daemon/vision/plugin-host.h"
#include "daemon/vision/plugin-settings.h"

struct plugin {
        struct plugin_info info; /* its strings are owned */
        void *handle;            /* NULL unless used */
        const struct emo_plugin *descriptor;
        struct plugin_settings settings;
        struct plugin_record *record; /* NULL: nobody wants to know */
        uint64_t identity;            /* for it */
};

struct plugin_folder {
        struct plugin *plugins;
        size_t n;
};

struct plugin_folder_config {
        const char *path;
        const config_setting_t *settings; /* group "plugins", or NULL; must outlive the folder */
        /* May the plugin be opened later? One that had to be loaded to be asked what it offers then stays loaded. */
        bool (*is_wanted)(const void *userdata, const char *name);
        const void *userdata;
        struct plugin_record *record;
        uint64_t stamp;
};

/**
 * plugin_folder_read() - examine every *.so of a folder
 * Return: 0, also if the folder cannot be read, of which @ret_error then tells; -ENOMEM. plugin_folder_done() in any case.
 */
int plugin_folder_read(const struct plugin_folder_config *config, struct plugin_folder *ret, char *ret_error,
                       size_t size);
void plugin_folder_done(struct plugin_folder *f);
/* NULL if there is none of this name. */
struct plugin *plugin_folder_find(const struct plugin_folder *f, const char *name);

/* Loads the file unless it is. Return: 0, also if it is no plugin, which its info then says; -ENOMEM. */
int plugin_load_now(struct plugin *p);
void plugin_unload(struct plugin *p);
/* Around each call of its code, @what is the function. */
void plugin_enter(const struct plugin *p, const char *what);
void plugin_leave(const struct plugin *p);
/* True if it has crashed too often to be loaded. */
bool plugin_is_off(const struct plugin *p);
/* Logs what is wrong, and keeps the first reason. */
void plugin_set_error(struct plugin *p, const char *format, ...) _printf_(2, 3);
