/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "basic/utf8.h"
#include "daemon/capture/devices.h"
#include "daemon/capture/source.h"
#include "daemon/check.h"
#include "daemon/engine.h"
#include "daemon/hidden.h"

#define SERVICE_USER "emotiond" /* of the unit and the sysusers file */

struct check {
        const struct engine_config *engine;
        struct settings *settings;
        unsigned n_wrong;
};

enum verdict {
        FINE,
        NOTE,
        WRONG,
};

static void say(struct check *c, enum verdict v, const char *what, const char *format, ...) _printf_(4, 5);
static void say(struct check *c, enum verdict v, const char *what, const char *format, ...)
{
        static const char *const words[] = { [FINE] = "ok", [NOTE] = "note", [WRONG] = "FAIL" };
        char text[1024];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        utf8_clean(text);
        printf("%-4s  %s: %s\n", words[v], what, text);
        c->n_wrong += v == WRONG;
}

/* From here on with the rights that the service has. */
static void become_service(struct check *c)
{
        const struct passwd *p;

        if (geteuid() != 0)
                return;
        p = getpwnam(SERVICE_USER);
        if (!p)
                say(c, NOTE, "user", "there is no user " SERVICE_USER " yet; what he may read is not checked");
        else if (initgroups(SERVICE_USER, p->pw_gid) < 0 || setgid(p->pw_gid) < 0 || setuid(p->pw_uid) < 0)
                say(c, WRONG, "user", "cannot become " SERVICE_USER ": %s", strerror(errno));
        else
                say(c, FINE, "user", "all else is looked at as " SERVICE_USER);
}

static bool load_settings(struct check *c, const struct manager_config *config)
{
        struct settings_error error = { "" };
        int r = settings_load(config->config_file, config->config_optional, &config->override, &c->settings, &error);

        if (r < 0) {
                say(c, WRONG, "configuration", "%s", error.text);
                return false;
        }
        if (!c->settings->n_file_names)
                say(c, NOTE, "configuration", "there is no %s: the defaults hold", config->config_file);
        for (size_t i = 0; i < c->settings->n_file_names; i++)
                say(c, FINE, "configuration", "%s", c->settings->file_names[i]);
        return true;
}

static void check_plugins(struct check *c, const struct engine_report *report)
{
        for (size_t i = 0; i < report->n_plugins; i++) {
                const struct worker_plugin *p = &report->plugins[i];
                bool used = p->used_detector || p->used_aligner;

                if (p->error)
                        say(c, used ? WRONG : NOTE, "plugin", "%s: %s", p->file ? p->file : "?", p->error);
                else if (used)
                        say(c, FINE, "plugin", "%s %s: %s%s%s", p->name ? p->name : "?", p->version ? p->version : "",
                            p->used_detector ? "detector" : "", p->used_detector && p->used_aligner ? " and " : "",
                            p->used_aligner ? "aligner" : "");
        }
}

static void check_model(struct check *c, const struct engine_report *report)
{
        if (!report->model_file)
                return; /* the failure says why */
        say(c, FINE, "model", "%s%s, %zu labels", report->model_file, hidden_hint(report->model_file),
            report->n_labels);
        for (size_t i = 0; i < report->n_labels; i++)
                for (size_t k = 0; k < i; k++)
                        if (strcmp(report->labels[i], report->labels[k]) == 0)
                                say(c, WRONG, "model", "the label \"%s\" is there twice", report->labels[i]);
}

static void check_engine(struct check *c)
{
        _cleanup_(engine_report_freep) struct engine_report *report = NULL;
        _cleanup_(engine_freep) struct engine *engine = NULL;
        const char *model;

        if (engine_load(c->engine, c->settings, &engine, &report) < 0) {
                say(c, WRONG, "memory", "there is too little");
                return;
        }
        check_plugins(c, report);
        check_model(c, report);
        if (report->ready)
                return;
        model = c->settings->classifier.model;
        say(c, WRONG, report->failure == ENGINE_MODEL_INVALID ? "model" : "plugins", "%s%s", report->failure_text,
            report->failure == ENGINE_MODEL_INVALID ? hidden_hint(model) : "");
}

static void check_replay(struct check *c)
{
        _cleanup_(source_freep) struct source *source = NULL;
        const struct source_info *info;
        struct source_error error = { "" };
        struct source_config config = {
                .device = c->settings->camera.replay,
                .replay = true,
                .pixel_format = settings_pixel_format(c->settings),
        };
        const char *hint = hidden_hint(config.device);
        int r = source_open(&config, &source, &error);

        if (r < 0) {
                say(c, WRONG, "replay", "%s%s", error.text, hint);
                return;
        }
        info = source_get_info(source);
        say(c, *hint ? NOTE : FINE, "replay", "%s: %ux%u %s%s", config.device, info->width_px, info->height_px,
            info->format, hint);
}

static void check_camera(struct check *c)
{
        const char *device = c->settings->camera.device;
        struct source_device found[1];

        if (c->settings->camera.replay[0])
                check_replay(c);
        else if (strcmp(device, "auto") == 0 && source_list_devices(found, ARRAY_LEN(found)) > 0)
                say(c, FINE, "camera", "%s, or another one", found[0].node);
        else if (strcmp(device, "auto") == 0)
                say(c, NOTE, "camera", "none is there now; the service waits for one");
        else if (access(device, F_OK) < 0)
                say(c, NOTE, "camera", "%s is not there now; the service waits for it", device);
        else if (access(device, R_OK | W_OK) < 0)
                say(c, WRONG, "camera", "%s: %s; its group is usually \"video\"", device, strerror(errno));
        else
                say(c, FINE, "camera", "%s", device);
}

static void check_decoder(struct check *c)
{
        const char *file = c->engine->decoder;

        if (access(file, X_OK) < 0)
                say(c, WRONG, "decoder", "%s: %s; without it no client's picture can be classified", file,
                    strerror(errno));
        else
                say(c, FINE, "decoder", "%s", file);
}

static int check_all(const struct manager_config *manager, const struct engine_config *engine)
{
        struct check c = { .engine = engine };

        become_service(&c);
        if (load_settings(&c, manager)) {
                check_engine(&c);
                check_camera(&c);
                check_decoder(&c);
        }
        settings_unref(c.settings);
        return c.n_wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}

int check_run(const struct manager_config *manager, const struct engine_config *engine)
{
        int status;
        pid_t pid;

        setvbuf(stdout, NULL, _IOLBF, 0);
        fflush(NULL);
        pid = fork();
        if (pid == 0)
                exit(check_all(manager, engine));
        if (pid < 0 || waitpid(pid, &status, 0) < 0) {
                printf("FAIL  check: %s\n", strerror(errno));
                return -EINVAL;
        }
        if (WIFSIGNALED(status))
                printf("FAIL  check: ended by signal %d (%s), as the service would be: by a plugin, or by a network\n",
                       WTERMSIG(status), strsignal(WTERMSIG(status)));
        return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS ? 0 : -EINVAL;
}
