/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "basic/log.h"
#include "config.h"
#include "daemon/capture/source.h"
#include "daemon/check.h"
#include "daemon/service.h"

#define DEFAULT_CONFIG EMO_SYSCONF_DIR "/emotiond.conf"
#define DEFAULT_DECODER EMO_LIBEXEC_DIR "/emotion-decode"
#define CASCADE_DIR "/usr/share/opencv4/haarcascades" /* Debian's opencv-data */

struct options {
        const char *config, *plugin_dir, *model_dir, *decoder;
        struct settings_override override;
        bool check;
};

static void help(void)
{
        printf("emotiond [OPTION...]\n\n"
               "Watches faces by the camera and tells changes of expression on D-Bus.\n\n"
               "      --config FILE     configuration (%s), and FILE.d/*.conf\n"
               "      --check-config    check the configuration and all it names, say what was checked, and end\n"
               "      --replay FILE     play an AVI, a Y4M or a folder of pictures instead of a camera\n"
               "      --pace real|fast  pace of the replay\n"
               "      --loop, --no-loop begin again at the end of the replay, or not\n"
               "      --plugin-dir DIR  folder of plugins (%s)\n"
               "      --model-dir DIR   folder of models (%s)\n"
               "      --decoder FILE    the program that decodes clients' pictures (%s)\n"
               "      --log-level LEVEL error, warning, notice, info or debug\n"
               "  -h, --help            this text\n"
               "      --version         version\n\n"
               "Exit status: 0 ended by a signal, 1 failure, 78 the configuration is wrong.\n",
               DEFAULT_CONFIG, EMO_PLUGIN_DIR, EMO_MODEL_DIR, DEFAULT_DECODER);
}

enum {
        OPT_CONFIG = 0x100,
        OPT_CHECK,
        OPT_REPLAY,
        OPT_PACE,
        OPT_LOOP,
        OPT_NO_LOOP,
        OPT_PLUGIN_DIR,
        OPT_MODEL_DIR,
        OPT_DECODER,
        OPT_LOG_LEVEL,
        OPT_VERSION,
};

static const struct option long_options[] = {
        { "config", required_argument, NULL, OPT_CONFIG },
        { "check-config", no_argument, NULL, OPT_CHECK },
        { "replay", required_argument, NULL, OPT_REPLAY },
        { "pace", required_argument, NULL, OPT_PACE },
        { "loop", no_argument, NULL, OPT_LOOP },
        { "no-loop", no_argument, NULL, OPT_NO_LOOP },
        { "plugin-dir", required_argument, NULL, OPT_PLUGIN_DIR },
        { "model-dir", required_argument, NULL, OPT_MODEL_DIR },
        { "decoder", required_argument, NULL, OPT_DECODER },
        { "log-level", required_argument, NULL, OPT_LOG_LEVEL },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { 0 },
};

static int set_pace(struct options *o, const char *word)
{
        if (strcmp(word, "real") != 0 && strcmp(word, "fast") != 0) {
                log_error("--pace: \"%s\" is neither real nor fast", word);
                return -EINVAL;
        }
        o->override.replay_pace = strcmp(word, "real") == 0 ? SOURCE_PACE_REAL : SOURCE_PACE_FAST;
        return 1;
}

/* Return: 1 go on; 0 all is done; -EINVAL. */
static int set_option(struct options *o, int option)
{
        switch (option) {
        case OPT_CONFIG:
                o->config = optarg;
                return 1;
        case OPT_CHECK:
                o->check = true;
                return 1;
        case OPT_REPLAY:
                o->override.replay = optarg;
                return 1;
        case OPT_PACE:
                return set_pace(o, optarg);
        case OPT_LOOP:
        case OPT_NO_LOOP:
                o->override.replay_loop = option == OPT_LOOP;
                return 1;
        case OPT_PLUGIN_DIR:
                o->plugin_dir = optarg;
                return 1;
        case OPT_MODEL_DIR:
                o->model_dir = optarg;
                return 1;
        case OPT_DECODER:
                o->decoder = optarg;
                return 1;
        case OPT_LOG_LEVEL:
                o->override.log_level = optarg;
                return 1;
        case 'h':
                help();
                return 0;
        case OPT_VERSION:
                printf("emotiond %s\n", PACKAGE_VERSION);
                return 0;
        default:
                return -EINVAL;
        }
}

static int parse(int argc, char *argv[], struct options *o)
{
        int c, r;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0) {
                r = set_option(o, c);
                if (r <= 0)
                        return r;
        }
        if (optind < argc) {
                log_error("unexpected argument \"%s\"", argv[optind]);
                return -EINVAL;
        }
        return 1;
}

/* Pictures of people must not end up in a core file, nor be read by another process of the same user. */
static void forbid_dumps(void)
{
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        prctl(PR_SET_DUMPABLE, 0);
}

int main(int argc, char *argv[])
{
        struct options o = {
                .plugin_dir = EMO_PLUGIN_DIR,
                .model_dir = EMO_MODEL_DIR,
                .decoder = DEFAULT_DECODER,
                .override = { .replay_pace = -1, .replay_loop = -1 },
        };
        _cleanup_(settings_unrefp) struct settings *settings = NULL;
        struct settings_error error;
        int r = parse(argc, argv, &o);

        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

        const char *const model_dirs[] = { o.model_dir, CASCADE_DIR, NULL };
        struct service_config config = {
                .manager = { .config_file = o.config ? o.config : DEFAULT_CONFIG,
                             .config_optional = !o.config,
                             .override = o.override,
                             .state_dir = getenv("STATE_DIRECTORY") },
                .engine = { .plugin_dir = o.plugin_dir,
                            .model_dirs = model_dirs,
                            .decoder = o.decoder,
                            .state_dir = getenv("STATE_DIRECTORY") },
        };

        if (o.check)
                return check_run(&config.manager, &config.engine) < 0 ? EX_CONFIG : EXIT_SUCCESS;
        r = settings_load(config.manager.config_file, config.manager.config_optional, &o.override, &settings, &error);
        if (r < 0) {
                log_error("%s", error.text);
                return EX_CONFIG;
        }
        log_set_level(settings_log_level(settings));
        forbid_dumps();
        r = service_run(&config, settings);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
