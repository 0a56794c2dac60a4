/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>

#include "basic/log.h"
#include "daemon/vision/plugin-about.h"
#include "daemon/vision/plugin-folder.h"
#include "daemon/vision/plugin-load.h"
#include "daemon/vision/plugin-record.h"

/* More files than this are not looked at: a folder of plugins has a handful. */
#define MAX_PLUGINS 64u
/* The names that this package ships. */
static const char *const own_names[] = { "cnn", "haar", "dlib", "box" };

void plugin_enter(const struct plugin *p, const char *what)
{
        plugin_record_enter(p->record, p->info.name, p->identity, what);
}

void plugin_leave(const struct plugin *p)
{
        plugin_record_leave(p->record);
}

bool plugin_is_off(const struct plugin *p)
{
        return plugin_record_is_off(p->record, p->info.name, p->identity);
}

void plugin_unload(struct plugin *p)
{
        p->descriptor = NULL;
        if (p->handle) {
                plugin_enter(p, "unload");
                dlclose(p->handle);
                plugin_leave(p);
        }
        p->handle = NULL;
}

static void plugin_done(struct plugin *p)
{
        plugin_unload(p);
        free((char *)(uintptr_t)p->info.file);
        free((char *)(uintptr_t)p->info.name);
        free((char *)(uintptr_t)p->info.version);
        free((char *)(uintptr_t)p->info.description);
        free((char *)(uintptr_t)p->info.licence);
        free((char *)(uintptr_t)p->info.error);
        *p = (struct plugin){ 0 };
}

void plugin_set_error(struct plugin *p, const char *format, ...)
{
        _cleanup_(freep) char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        if (text && p->info.error && strcmp(text, p->info.error) == 0)
                return;
        log_error("plugin %s (%s) %s", p->info.name, p->info.file, text ?: "failed");
        if (!p->info.error)
                p->info.error = STEAL(text);
}

static bool is_own(const char *name)
{
        for (size_t i = 0; i < ARRAY_LEN(own_names); i++)
                if (strcmp(name, own_names[i]) == 0)
                        return true;
        return false;
}

struct plugin *plugin_folder_find(const struct plugin_folder *f, const char *name)
{
        for (size_t i = 0; i < f->n; i++)
                if (strcmp(f->plugins[i].info.name, name) == 0)
                        return &f->plugins[i];
        return NULL;
}

static void forget_about(struct plugin *p)
{
        free((char *)(uintptr_t)p->info.version);
        free((char *)(uintptr_t)p->info.description);
        free((char *)(uintptr_t)p->info.licence);
        p->info.version = p->info.description = p->info.licence = NULL;
        p->info.detector = p->info.aligner = false;
}

/* Notes what a plugin says of itself. */
static int note_about(struct plugin *p, const char *version, const char *description, const char *licence,
                      bool detector, bool aligner)
{
        forget_about(p);
        p->info.version = strdup(version);
        p->info.description = strdup(description);
        p->info.licence = strdup(licence);
        if (!p->info.version || !p->info.description || !p->info.licence)
                return -ENOMEM;
        p->info.detector = detector;
        p->info.aligner = aligner;
        p->info.third_party = !is_own(p->info.name);
        return 0;
}

int plugin_load_now(struct plugin *p)
{
        const struct emo_plugin *d;
        struct plugin_load_error error;
        bool changed;
        void *handle;
        int r;

        if (p->handle || p->info.error)
                return 0;
        if (plugin_is_off(p)) {
                plugin_set_error(p, "is " PLUGIN_RECORD_TEXT);
                return p->info.error ? 0 : -ENOMEM;
        }
        plugin_enter(p, "load");
        r = plugin_load(p->info.file, p->info.name, &handle, &d, &changed, &error);
        plugin_leave(p);
        if (r < 0) {
                forget_about(p);
                plugin_set_error(p, "%s", error.text);
                return p->info.error ? 0 : -ENOMEM;
        }
        p->handle = handle;
        p->descriptor = d;
        if (changed)
                plugin_set_error(p,
                                 "has changed on disk and is used as it was: restart the service to use it as it is");
        return note_about(p, d->version, d->description, d->licence, d->detector, d->aligner);
}

/* Notes what the file offers, if it can be by its plain text; else loads it, and unloads it again unless the
 * configuration wants it. */
static int plugin_examine(struct plugin *p, const struct plugin_folder_config *config)
{
        struct plugin_about a;
        int r = plugin_about_read(p->info.file, &a);

        if (r >= 0 && strcmp(a.name, p->info.name) == 0)
                return note_about(p, a.version, a.description, a.licence, a.detector, a.aligner);
        r = plugin_load_now(p);
        if (r >= 0 && !config->is_wanted(config->userdata, p->info.name))
                plugin_unload(p);
        return r;
}

/* @file is "NAME.so" or "libNAME.so". */
static int add_plugin(struct plugin_folder *f, const struct plugin_folder_config *config, const char *file)
{
        struct plugin *p = &f->plugins[f->n];
        const char *base = strncmp(file, "lib", 3) == 0 ? file + 3 : file;
        char *path, *name;

        name = strndup(base, strlen(base) - strlen(".so"));
        if (!name || asprintf(&path, "%s/%s", config->path, file) < 0) {
                free(name);
                return -ENOMEM;
        }
        *p = (struct plugin){ .info = { .file = path, .name = name },
                              .record = config->record,
                              .identity = plugin_record_identity(path, config->stamp) };
        if (plugin_folder_find(f, name)) {
                f->n++;
                plugin_set_error(p, "has the name of another file in its folder");
                return 0;
        }
        f->n++;
        plugin_settings_init(&p->settings, p->info.name, config->settings);
        return plugin_examine(p, config);
}

static int is_plugin_file(const struct dirent *e)
{
        size_t n = strlen(e->d_name);

        return e->d_name[0] != '.' && n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

int plugin_folder_read(const struct plugin_folder_config *config, struct plugin_folder *f, char *ret_error, size_t size)
{
        struct dirent **entries;
        int n = scandir(config->path, &entries, is_plugin_file, alphasort), r = 0;

        if (n < 0) {
                if (errno == ENOMEM)
                        return -ENOMEM;
                snprintf(ret_error, size, "plugin folder %s: %s", config->path, strerror(errno));
                return 0;
        }
        f->plugins = calloc(MIN((unsigned)n, MAX_PLUGINS) + 1, sizeof(*f->plugins));
        if (!f->plugins)
                r = -ENOMEM;
        if ((unsigned)n > MAX_PLUGINS)
                log_warning("%s holds %d plugins, only the first %u are looked at", config->path, n, MAX_PLUGINS);
        for (int i = 0; i < n; i++) {
                if (r >= 0 && f->n < MAX_PLUGINS)
                        r = add_plugin(f, config, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r;
}

void plugin_folder_done(struct plugin_folder *f)
{
        for (size_t i = f->n; i-- > 0;)
                plugin_done(&f->plugins[i]);
        free(f->plugins);
        *f = (struct plugin_folder){ 0 };
}
