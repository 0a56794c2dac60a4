/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "basic/find-file.h"
#include "basic/log.h"
#include "daemon/vision/plugin-check.h"
#include "daemon/vision/plugin-folder.h"
#include "daemon/vision/plugin-record.h"

#define N_AUTO 2u

static const char *const kind_names[N_PLUGIN_KINDS] = { [PLUGIN_DETECTOR] = "detector", [PLUGIN_ALIGNER] = "aligner" };
/* What "auto" stands for: the first whose files are there. */
static const char *const candidates[N_PLUGIN_KINDS][N_AUTO] = {
        [PLUGIN_DETECTOR] = { "cnn", "haar" },
        [PLUGIN_ALIGNER] = { "cnn", "box" },
};

/* What a plugin's open() made. */
struct instance {
        struct plugin *plugin; /* NULL if there is none */
        struct plugin_host *owner;
        struct emo_host services;
        void *self;
};

struct plugin_host {
        struct plugin_folder folder;
        char **model_dirs; /* owned, NULL-terminated */
        struct instance instances[N_PLUGIN_KINDS];
        uint64_t n_sequences;
        char error[512]; /* "" if all is well */
};

/* === Services for the plugins === */

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

/* === Opening === */

static bool is_auto(const char *setting)
{
        return setting && strcmp(setting, PLUGIN_AUTO) == 0;
}

static const char *setting_of(const struct plugin_host_config *config, enum plugin_kind kind)
{
        return kind == PLUGIN_DETECTOR ? config->detector : config->aligner;
}

static bool may_mean(const char *setting, enum plugin_kind kind, const char *name)
{
        if (!is_auto(setting))
                return setting && strcmp(setting, name) == 0;
        for (size_t i = 0; i < N_AUTO; i++)
                if (strcmp(candidates[kind][i], name) == 0)
                        return true;
        return false;
}

/* True if the plugin may be opened. */
static bool is_wanted(const void *userdata, const char *name)
{
        for (unsigned kind = 0; kind < N_PLUGIN_KINDS; kind++)
                if (may_mean(setting_of(userdata, kind), kind, name))
                        return true;
        return false;
}

typedef int (*open_function)(const struct emo_host *host, void **ret_self, struct emo_error *error);
typedef void (*close_function)(void *self);

/* @why: gets a sentence if there is none. */
static struct plugin *choose(struct plugin_host *h, const struct plugin_host_config *config, enum plugin_kind kind,
                             const char *name, struct emo_error *why)
{
        struct plugin *p = name ? plugin_folder_find(&h->folder, name) : NULL;

        if (!name || !*name)
                snprintf(why->text, sizeof(why->text), "no %s is configured", kind_names[kind]);
        else if (!p)
                snprintf(why->text, sizeof(why->text), "no plugin '%s' for the %s in %.120s", name, kind_names[kind],
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
        plugin_enter(p, "open");
        r = *p->settings.error ? -EINVAL : open(&in->services, &self, &error);
        plugin_leave(p);
        error.text[sizeof(error.text) - 1] = '\0';
        if (r >= 0 && *p->settings.error) { /* it went on with a setting that we have called wrong */
                plugin_enter(p, "close");
                close(self);
                plugin_leave(p);
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

static int open_as(struct plugin_host *h, struct plugin *p, enum plugin_kind kind, struct emo_error *why)
{
        const struct emo_plugin *d = p->descriptor;
        bool detector = kind == PLUGIN_DETECTOR;
        int r = open_instance(h, p, &h->instances[kind], detector ? d->detector->open : d->aligner->open,
                              detector ? d->detector->close : d->aligner->close, why);

        *(detector ? &p->info.used_detector : &p->info.used_aligner) = r >= 0;
        return r;
}

/* Opens the plugin @name as what @kind says. False with a sentence at @why. */
static bool open_one(struct plugin_host *h, const struct plugin_host_config *config, enum plugin_kind kind,
                     const char *name, struct emo_error *why)
{
        struct plugin *p = choose(h, config, kind, name, why);

        if (!p)
                return false;
        if (!(kind == PLUGIN_DETECTOR ? p->info.detector : p->info.aligner)) {
                snprintf(why->text, sizeof(why->text), "plugin %s is no %s", name, kind_names[kind]);
                return false;
        }
        return open_as(h, p, kind, why) >= 0;
}

/* A plugin whose files are missing, or are no networks, has another to take its place. A wrong setting is the
 * administrator's to mend. */
static bool may_replace(struct plugin_host *h, const char *name)
{
        const struct plugin *p = plugin_folder_find(&h->folder, name);

        return !p || !*p->settings.error;
}

/* A plugin that has ended the service too often: it goes on with what "auto" stands for. */
static bool setting_is_off(struct plugin_host *h, const char *setting)
{
        struct plugin *p = setting ? plugin_folder_find(&h->folder, setting) : NULL;

        if (!p || !plugin_is_off(p))
                return false;
        (void)plugin_load_now(p); /* which says so at the plugin */
        return true;
}

/* The setting is a name, or "auto" for the first of the candidates that opens. */
static void open_kind(struct plugin_host *h, const struct plugin_host_config *config, enum plugin_kind kind)
{
        const char *setting = setting_of(config, kind);
        bool off = setting_is_off(h, setting);
        size_t n = is_auto(setting) || off ? N_AUTO : 1;
        struct emo_error why = { "" };

        if (off)
                log_warning("plugin %s is " PLUGIN_RECORD_TEXT ": plugin %s takes its place as %s", setting,
                            candidates[kind][0], kind_names[kind]);
        for (size_t i = 0; i < n; i++) {
                const char *name = n > 1 ? candidates[kind][i] : setting;

                if (open_one(h, config, kind, name, &why))
                        return;
                if (i + 1 == n || !may_replace(h, name))
                        break;
                log_warning("%s: plugin %s takes its place", why.text, candidates[kind][i + 1]);
        }
        if (!*h->error)
                snprintf(h->error, sizeof(h->error), "%s", why.text);
}

static bool is_used(const struct plugin *p)
{
        return p->info.used_detector || p->info.used_aligner;
}

/* What "auto" had no need of is unloaded. */
static void unload_unused(struct plugin_host *h)
{
        for (size_t i = 0; i < h->folder.n; i++)
                if (!is_used(&h->folder.plugins[i]))
                        plugin_unload(&h->folder.plugins[i]);
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
        struct plugin_folder_config folder = { .path = config->folder,
                                               .settings = config->settings,
                                               .is_wanted = is_wanted,
                                               .userdata = config,
                                               .record = config->record,
                                               .stamp = config->stamp };
        int r;

        h = calloc(1, sizeof(*h));
        if (!h)
                return -ENOMEM;
        r = copy_dirs(h, config->model_dirs);
        if (r >= 0)
                r = plugin_folder_read(&folder, &h->folder, h->error, sizeof(h->error));
        if (r < 0)
                return r;
        for (unsigned kind = 0; kind < N_PLUGIN_KINDS; kind++)
                open_kind(h, config, kind);
        unload_unused(h);
        for (size_t i = 0; i < h->folder.n; i++)
                if (is_used(&h->folder.plugins[i]))
                        plugin_settings_warn_unknown(&h->folder.plugins[i].settings);
        *ret = STEAL(h);
        return 0;
}

static void close_instance(struct plugin_host *h, enum plugin_kind kind)
{
        const struct instance *in = &h->instances[kind];
        const struct emo_plugin *d = in->plugin ? in->plugin->descriptor : NULL;

        if (!d)
                return;
        plugin_enter(in->plugin, "close");
        (kind == PLUGIN_DETECTOR ? d->detector->close : d->aligner->close)(in->self);
        plugin_leave(in->plugin);
}

struct plugin_host *plugin_host_free(struct plugin_host *h)
{
        if (!h)
                return NULL;
        close_instance(h, PLUGIN_ALIGNER);
        close_instance(h, PLUGIN_DETECTOR);
        plugin_folder_done(&h->folder);
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
        return h->folder.n;
}

const struct plugin_info *plugin_host_plugin(const struct plugin_host *h, size_t i)
{
        return i < h->folder.n ? &h->folder.plugins[i].info : NULL;
}

/* === Work === */

int plugin_host_detect(struct plugin_host *h, const struct emo_image *image, const struct emo_detect_hints *hints,
                       struct emo_box *ret, size_t max_boxes, struct emo_error *error)
{
        const struct instance *in = &h->instances[PLUGIN_DETECTOR];
        int n, kept = 0;

        *error = (struct emo_error){ "" };
        if (!in->plugin)
                return -ENODEV;
        plugin_enter(in->plugin, "detect");
        n = in->plugin->descriptor->detector->detect(in->self, image, hints, ret, max_boxes, error);
        plugin_leave(in->plugin);
        error->text[sizeof(error->text) - 1] = '\0';
        if (n < 0)
                return n;
        if ((size_t)n > max_boxes) {
                snprintf(error->text, sizeof(error->text), "plugin %s claims %d boxes where %zu fit",
                         in->plugin->info.name, n, max_boxes);
                return -EPROTO;
        }
        for (int i = 0; i < n; i++) {
                struct emo_box b = ret[i];

                if (!plugin_box_is_sane(&b, image))
                        continue;
                b.confidence = b.confidence >= 0 ? MIN(b.confidence, 1.f) : 0; /* a NaN is no confidence */
                ret[kept++] = b;
        }
        return kept;
}

int plugin_host_align(struct plugin_host *h, const struct emo_image *image, const struct emo_box *box,
                      struct emo_alignment *ret, struct emo_error *error)
{
        const struct instance *in = &h->instances[PLUGIN_ALIGNER];
        struct emo_alignment a = { 0 };
        int r;

        *error = (struct emo_error){ "" };
        if (!in->plugin)
                return -ENODEV;
        plugin_enter(in->plugin, "align");
        r = in->plugin->descriptor->aligner->align(in->self, image, box, &a, error);
        plugin_leave(in->plugin);
        error->text[sizeof(error->text) - 1] = '\0';
        if (r < 0)
                return r;
        if (!plugin_alignment_is_sane(&a, image)) {
                snprintf(error->text, sizeof(error->text), "plugin %s gives an alignment that cannot be",
                         in->plugin->info.name);
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
        for (unsigned kind = 0; kind < N_PLUGIN_KINDS; kind++)
                h->instances[kind].services.sequence = sequence;
}

enum emo_pixel_format plugin_host_format(const struct plugin_host *h, enum plugin_kind kind)
{
        return h->instances[kind].plugin ? h->instances[kind].plugin->descriptor->format : EMO_GRAY8;
}
