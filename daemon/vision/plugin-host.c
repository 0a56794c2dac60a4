/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/find-file.h"
#include "basic/log.h"
#include "daemon/vision/plugin-about.h"
#include "daemon/vision/plugin-host.h"
#include "daemon/vision/plugin-load.h"
#include "daemon/vision/plugin-settings.h"

/* More files than this are not looked at: a folder of plugins has a handful. */
#define MAX_PLUGINS 64u
/* A box or crop of more than this many picture sides is no face. */
#define MAX_PICTURES 4.f

/* The names that this package ships. */
static const char *const own_names[] = { "cnn", "haar", "dlib", "box" };
/* What "auto" stands for: the first whose files are there. */
#define N_AUTO 2u
static const char *const auto_detectors[N_AUTO] = { "cnn", "haar" };
static const char *const auto_aligners[N_AUTO] = { "cnn", "box" };

struct plugin {
        struct plugin_info info; /* its strings are owned */
        void *handle;            /* NULL unless used */
        const struct emo_plugin *descriptor;
        struct plugin_settings settings;
        char log_name[PLUGIN_NAME_MAX + 16];
};

/* What a plugin's open() made. */
struct instance {
        struct plugin *plugin; /* NULL if there is none */
        struct plugin_host *owner;
        struct emo_host services;
        void *self;
};

struct plugin_host {
        struct plugin *plugins;
        size_t n_plugins;
        char **model_dirs; /* owned, NULL-terminated */
        struct instance detector, aligner;
        uint64_t n_sequences;
        char error[512]; /* "" if all is well */
};

/* Services for the plugins */

static void service_log(void *self, int priority, const char *message)
{
        const struct instance *in = self;

        if (message)
                (void)log_full(CLAMP(priority, LOG_ERR, LOG_DEBUG), 0, "plugin %s: %s", in->plugin->info.name, message);
}

static int service_get_bool(void *self, const char *path, int *ret)
{
        return plugin_settings_get_bool(&((struct instance *)self)->plugin->settings, path, ret);
}

static int service_get_int(void *self, const char *path, int64_t min, int64_t max, int64_t *ret)
{
        return plugin_settings_get_int(&((struct instance *)self)->plugin->settings, path, min, max, ret);
}

static int service_get_float(void *self, const char *path, double min, double max, double *ret)
{
        return plugin_settings_get_float(&((struct instance *)self)->plugin->settings, path, min, max, ret);
}

static int service_get_string(void *self, const char *path, const char **ret)
{
        return plugin_settings_get_string(&((struct instance *)self)->plugin->settings, path, ret);
}

static int service_find_file(void *self, const char *name, char *ret, size_t ret_size)
{
        const struct instance *in = self;

        if (!name || !*name || !ret || !ret_size)
                return -EINVAL;
        return find_file((const char *const *)in->owner->model_dirs, name, ret, ret_size);
}

/* The folder */

static void plugin_done(struct plugin *p)
{
        if (p->handle)
                dlclose(p->handle);
        free((char *)(uintptr_t)p->info.file);
        free((char *)(uintptr_t)p->info.name);
        free((char *)(uintptr_t)p->info.version);
        free((char *)(uintptr_t)p->info.description);
        free((char *)(uintptr_t)p->info.licence);
        free((char *)(uintptr_t)p->info.error);
        *p = (struct plugin){ 0 };
}

/* Logs what is wrong, and keeps the first reason. */
_printf_(2, 3) static void plugin_set_error(struct plugin *p, const char *format, ...)
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

static struct plugin *find_plugin(struct plugin_host *h, const char *name)
{
        for (size_t i = 0; i < h->n_plugins; i++)
                if (strcmp(h->plugins[i].info.name, name) == 0)
                        return &h->plugins[i];
        return NULL;
}

static bool is_auto(const char *setting)
{
        return setting && strcmp(setting, PLUGIN_AUTO) == 0;
}

static bool means(const char *setting, const char *const candidates[N_AUTO], const char *name)
{
        if (!is_auto(setting))
                return setting && strcmp(setting, name) == 0;
        for (size_t i = 0; i < N_AUTO; i++)
                if (strcmp(candidates[i], name) == 0)
                        return true;
        return false;
}

/* True if the plugin may be opened. */
static bool is_wanted(const struct plugin_host_config *config, const char *name)
{
        return means(config->detector, auto_detectors, name) || means(config->aligner, auto_aligners, name);
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

/* Loads the file unless it is. Return: 0, also if it is no plugin, which its info then says; -ENOMEM. */
static int plugin_load_now(struct plugin *p)
{
        const struct emo_plugin *d;
        struct plugin_load_error error;
        bool changed;
        void *handle;

        if (p->handle || p->info.error)
                return 0;
        if (plugin_load(p->info.file, p->info.name, &handle, &d, &changed, &error) < 0) {
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
static int plugin_examine(struct plugin *p, const struct plugin_host_config *config)
{
        struct plugin_about a;
        int r = plugin_about_read(p->info.file, &a);

        if (r >= 0 && strcmp(a.name, p->info.name) == 0)
                return note_about(p, a.version, a.description, a.licence, a.detector, a.aligner);
        r = plugin_load_now(p);
        if (r >= 0 && p->handle && !is_wanted(config, p->info.name)) {
                p->descriptor = NULL;
                dlclose(p->handle);
                p->handle = NULL;
        }
        return r;
}

/* @file is "NAME.so" or "libNAME.so". */
static int add_plugin(struct plugin_host *h, const struct plugin_host_config *config, const char *file)
{
        struct plugin *p = &h->plugins[h->n_plugins];
        const char *base = strncmp(file, "lib", 3) == 0 ? file + 3 : file;
        char *path, *name;

        name = strndup(base, strlen(base) - strlen(".so"));
        if (!name || asprintf(&path, "%s/%s", config->folder, file) < 0) {
                free(name);
                return -ENOMEM;
        }
        *p = (struct plugin){ .info = { .file = path, .name = name } };
        if (find_plugin(h, name)) {
                h->n_plugins++;
                plugin_set_error(p, "has the name of another file in its folder");
                return 0;
        }
        h->n_plugins++;
        plugin_settings_init(&p->settings, p->info.name, config->settings);
        return plugin_examine(p, config);
}

static int is_plugin_file(const struct dirent *e)
{
        size_t n = strlen(e->d_name);

        return e->d_name[0] != '.' && n > 3 && strcmp(e->d_name + n - 3, ".so") == 0;
}

static int examine_folder(struct plugin_host *h, const struct plugin_host_config *config)
{
        struct dirent **entries;
        int n = scandir(config->folder, &entries, is_plugin_file, alphasort), r = 0;

        if (n < 0) {
                if (errno == ENOMEM)
                        return -ENOMEM;
                snprintf(h->error, sizeof(h->error), "plugin folder %s: %s", config->folder, strerror(errno));
                return 0;
        }
        h->plugins = calloc(MIN((unsigned)n, MAX_PLUGINS) + 1, sizeof(*h->plugins));
        if (!h->plugins)
                r = -ENOMEM;
        if ((unsigned)n > MAX_PLUGINS)
                log_warning("%s holds %d plugins, only the first %u are looked at", config->folder, n, MAX_PLUGINS);
        for (int i = 0; i < n; i++) {
                if (r >= 0 && h->n_plugins < MAX_PLUGINS)
                        r = add_plugin(h, config, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r;
}

/* Opening */

typedef int (*open_function)(const struct emo_host *host, void **ret_self, struct emo_error *error);
typedef void (*close_function)(void *self);

/* @why: gets a sentence if there is none. */
static struct plugin *choose(struct plugin_host *h, const struct plugin_host_config *config, const char *kind,
                             const char *name, struct emo_error *why)
{
        struct plugin *p = name ? find_plugin(h, name) : NULL;

        if (!name || !*name)
                snprintf(why->text, sizeof(why->text), "no %s is configured", kind);
        else if (!p)
                snprintf(why->text, sizeof(why->text), "no plugin '%s' for the %s in %.120s", name, kind,
                         config->folder);
        else if (plugin_load_now(p) < 0)
                snprintf(why->text, sizeof(why->text), "plugin %s cannot be loaded: out of memory", name);
        else if (!p->handle)
                snprintf(why->text, sizeof(why->text), "plugin %s %.200s", name, p->info.error ?: "cannot be loaded");
        else
                return p;
        return NULL;
}

/* Return: 0; the plugin's error, with a sentence at @why. */
static int open_instance(struct plugin_host *h, struct plugin *p, struct instance *in, open_function open,
                         close_function close, struct emo_error *why)
{
        struct emo_error error = { "" };
        void *self = NULL;
        int r;

        *in = (struct instance){ .plugin = p, .owner = h };
        in->services = (struct emo_host){
                .size_bytes = sizeof(struct emo_host),
                .self = in,
                .log = service_log,
                .get_bool = service_get_bool,
                .get_int = service_get_int,
                .get_float = service_get_float,
                .get_string = service_get_string,
                .find_file = service_find_file,
        };
        /* a group of the wrong type is found before the plugin can ask */
        r = *p->settings.error ? -EINVAL : open(&in->services, &self, &error);
        error.text[sizeof(error.text) - 1] = '\0';
        if (r >= 0 && *p->settings.error) { /* it went on with a setting that we have called wrong */
                close(self);
                r = -EINVAL;
        }
        if (r < 0) {
                const char *what = *p->settings.error ? "has a wrong setting" : "failed to open";
                const char *reason = *p->settings.error ? p->settings.error : *error.text ? error.text : strerror(-r);

                plugin_set_error(p, "%s: %s", what, reason);
                snprintf(why->text, sizeof(why->text), "plugin %s %s: %.180s", p->info.name, what, reason);
                in->plugin = NULL;
                return r;
        }
        in->self = self;
        return 0;
}

static int open_detector(struct plugin_host *h, struct plugin *p, struct emo_error *why)
{
        const struct emo_detector_ops *ops = p->descriptor->detector;
        int r = open_instance(h, p, &h->detector, ops->open, ops->close, why);

        p->info.used_detector = r >= 0;
        return r;
}

static int open_aligner(struct plugin_host *h, struct plugin *p, struct emo_error *why)
{
        const struct emo_aligner_ops *ops = p->descriptor->aligner;
        int r = open_instance(h, p, &h->aligner, ops->open, ops->close, why);

        p->info.used_aligner = r >= 0;
        return r;
}

/* Opens the plugin @name as an aligner or a detector. False with a sentence at @why. */
static bool open_one(struct plugin_host *h, const struct plugin_host_config *config, bool aligner, const char *name,
                     struct emo_error *why)
{
        struct plugin *p = choose(h, config, aligner ? "aligner" : "detector", name, why);

        if (!p)
                return false;
        if (!(aligner ? p->info.aligner : p->info.detector)) {
                snprintf(why->text, sizeof(why->text), "plugin %s is no %s", name, aligner ? "aligner" : "detector");
                return false;
        }
        return (aligner ? open_aligner(h, p, why) : open_detector(h, p, why)) >= 0;
}

/* A plugin whose files are missing, or are no networks, has another to take its place. A wrong setting is the
 * administrator's to mend. */
static bool may_replace(struct plugin_host *h, const char *name)
{
        const struct plugin *p = find_plugin(h, name);

        return !p || !*p->settings.error;
}

/* @setting: a name, or "auto" for the first of @candidates that opens. */
static void open_kind(struct plugin_host *h, const struct plugin_host_config *config, bool aligner, const char *setting,
                      const char *const candidates[N_AUTO])
{
        size_t n = is_auto(setting) ? N_AUTO : 1;
        struct emo_error why = { "" };

        for (size_t i = 0; i < n; i++) {
                const char *name = n > 1 ? candidates[i] : setting;

                if (open_one(h, config, aligner, name, &why))
                        return;
                if (i + 1 == n || !may_replace(h, name))
                        break;
                log_warning("%s: plugin %s takes its place", why.text, candidates[i + 1]);
        }
        if (!*h->error)
                snprintf(h->error, sizeof(h->error), "%s", why.text);
}

/* What "auto" had no need of is unloaded. */
static void unload_unused(struct plugin_host *h)
{
        for (size_t i = 0; i < h->n_plugins; i++) {
                struct plugin *p = &h->plugins[i];

                if (!p->handle || p->info.used_detector || p->info.used_aligner)
                        continue;
                p->descriptor = NULL;
                dlclose(p->handle);
                p->handle = NULL;
        }
}

static int copy_dirs(struct plugin_host *h, const char *const *dirs)
{
        size_t n = 0;

        while (dirs && dirs[n])
                n++;
        h->model_dirs = calloc(n + 1, sizeof(*h->model_dirs));
        if (!h->model_dirs)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                h->model_dirs[i] = strdup(dirs[i]);
                if (!h->model_dirs[i])
                        return -ENOMEM;
        }
        return 0;
}

int plugin_host_new(const struct plugin_host_config *config, struct plugin_host **ret)
{
        _cleanup_(plugin_host_freep) struct plugin_host *h = NULL;
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        r = copy_dirs(h, config->model_dirs);
        if (r >= 0)
                r = examine_folder(h, config);
        if (r < 0)
                return r;
        open_kind(h, config, false, config->detector, auto_detectors);
        open_kind(h, config, true, config->aligner, auto_aligners);
        unload_unused(h);
        for (size_t i = 0; i < h->n_plugins; i++)
                if (h->plugins[i].info.used_detector || h->plugins[i].info.used_aligner)
                        plugin_settings_warn_unknown(&h->plugins[i].settings);
        *ret = STEAL(h);
        return 0;
}

struct plugin_host *plugin_host_free(struct plugin_host *h)
{
        if (!h)
                return NULL;
        if (h->aligner.plugin)
                h->aligner.plugin->descriptor->aligner->close(h->aligner.self);
        if (h->detector.plugin)
                h->detector.plugin->descriptor->detector->close(h->detector.self);
        for (size_t i = h->n_plugins; i-- > 0;)
                plugin_done(&h->plugins[i]);
        free(h->plugins);
        for (size_t i = 0; h->model_dirs && h->model_dirs[i]; i++)
                free(h->model_dirs[i]);
        free(h->model_dirs);
        free(h);
        return NULL;
}

const char *plugin_host_error(const struct plugin_host *h)
{
        return *h->error ? h->error : NULL;
}

size_t plugin_host_n_plugins(const struct plugin_host *h)
{
        return h->n_plugins;
}

const struct plugin_info *plugin_host_plugin(const struct plugin_host *h, size_t i)
{
        return i < h->n_plugins ? &h->plugins[i].info : NULL;
}

/* Work. What a plugin answers is checked here, so that nothing beyond sees a NaN or a box larger than life. */

static float picture_side_px(const struct emo_image *image)
{
        return (float)MAX(image->width_px, image->height_px);
}

static bool box_is_sane(const struct emo_box *b, const struct emo_image *image)
{
        float limit = MAX_PICTURES * picture_side_px(image);

        /* written so that a NaN fails; the box must touch the picture */
        return b->width >= 1 && b->width <= limit && b->height >= 1 && b->height <= limit && b->x >= -b->width &&
               b->x <= (float)image->width_px && b->y >= -b->height && b->y <= (float)image->height_px;
}

int plugin_host_detect(struct plugin_host *h, const struct emo_image *image, const struct emo_detect_hints *hints,
                       struct emo_box *ret, size_t max_boxes, struct emo_error *error)
{
        int n, kept = 0;

        *error = (struct emo_error){ "" };
        if (!h->detector.plugin)
                return -ENODEV;
        n = h->detector.plugin->descriptor->detector->detect(h->detector.self, image, hints, ret, max_boxes, error);
        error->text[sizeof(error->text) - 1] = '\0';
        if (n < 0)
                return n;
        if ((size_t)n > max_boxes) {
                snprintf(error->text, sizeof(error->text), "plugin %s claims %d boxes where %zu fit",
                         h->detector.plugin->info.name, n, max_boxes);
                return -EPROTO;
        }
        for (int i = 0; i < n; i++) {
                struct emo_box b = ret[i];

                if (!box_is_sane(&b, image))
                        continue;
                b.confidence = b.confidence >= 0 ? MIN(b.confidence, 1.f) : 0; /* a NaN is no confidence */
                ret[kept++] = b;
        }
        return kept;
}

static bool alignment_is_sane(const struct emo_alignment *a, const struct emo_image *image)
{
        float limit = MAX_PICTURES * picture_side_px(image);

        if (a->n_points != 0 && a->n_points != EMO_MAX_LANDMARKS)
                return false;
        for (size_t i = 0; i < a->n_points; i++)
                if (!(fabsf(a->points[i][0]) <= limit && fabsf(a->points[i][1]) <= limit))
                        return false;
        if (a->n_points == 0 && !(a->side_px >= 1 && a->side_px <= limit && fabsf(a->x) <= limit &&
                                  fabsf(a->y) <= limit && fabsf(a->roll_rad) <= 4.f))
                return false;
        return a->confidence >= 0 && a->confidence <= 1;
}

int plugin_host_align(struct plugin_host *h, const struct emo_image *image, const struct emo_box *box,
                      struct emo_alignment *ret, struct emo_error *error)
{
        struct emo_alignment a = { 0 };
        int r;

        *error = (struct emo_error){ "" };
        if (!h->aligner.plugin)
                return -ENODEV;
        r = h->aligner.plugin->descriptor->aligner->align(h->aligner.self, image, box, &a, error);
        error->text[sizeof(error->text) - 1] = '\0';
        if (r < 0)
                return r;
        if (!alignment_is_sane(&a, image)) {
                snprintf(error->text, sizeof(error->text), "plugin %s gives an alignment that cannot be",
                         h->aligner.plugin->info.name);
                return -EPROTO;
        }
        *ret = a;
        return 0;
}

uint64_t plugin_host_new_sequence(struct plugin_host *h)
{
        plugin_host_set_sequence(h, ++h->n_sequences);
        return h->n_sequences;
}

void plugin_host_set_sequence(struct plugin_host *h, uint64_t sequence)
{
        h->detector.services.sequence = h->aligner.services.sequence = sequence;
}

enum emo_pixel_format plugin_host_detector_format(const struct plugin_host *h)
{
        return h->detector.plugin ? h->detector.plugin->descriptor->format : EMO_GRAY8;
}

enum emo_pixel_format plugin_host_aligner_format(const struct plugin_host *h)
{
        return h->aligner.plugin ? h->aligner.plugin->descriptor->format : EMO_GRAY8;
}
