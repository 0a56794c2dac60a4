/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "basic/log.h"
#include "bridge/bridge-service.h"
#include "config.h"

#define DEFAULT_CONFIG EMO_SYSCONF_DIR "/emotion-bridge.conf"

static void help(void)
{
        printf("emotion-bridge [OPTION...]\n\n"
               "Tells pages on this machine, Prometheus and brokers of MQTT what emotiond sees, as numbers.\n\n"
               "      --config FILE     configuration (%s)\n"
               "      --check-config    check the configuration and exit\n"
               "      --page-dir DIR    folder of board.html and emotion.js (%s)\n"
               "  -h, --help            this text\n"
               "      --version         version\n\n"
               "Nothing is served unless the configuration says so.\n"
               "Exit status: 0 ended by a signal, 1 failure, 78 the configuration is wrong.\n",
               DEFAULT_CONFIG, EMO_BRIDGE_DIR);
}

struct arguments {
        struct bridge_paths paths;
        bool check;
};

/* Return: 1 go on; 0 all is done; -EINVAL. */
static int parse(int argc, char *argv[], struct arguments *a)
{
        static const struct option long_options[] = {
                { "config", required_argument, NULL, 'c' },   { "check-config", no_argument, NULL, 'k' },
                { "page-dir", required_argument, NULL, 'p' }, { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },        { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        a->paths.config = optarg;
                        a->paths.config_optional = false;
                        break;
                case 'k':
                        a->check = true;
                        break;
                case 'p':
                        a->paths.pages = optarg;
                        break;
                case 'h':
                        help();
                        return 0;
                case 'v':
                        printf("emotion-bridge %s\n", PACKAGE_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        if (optind < argc)
                log_error("unexpected argument \"%s\"", argv[optind]);
        return optind < argc ? -EINVAL : 1;
}

int main(int argc, char *argv[])
{
        static struct bridge_settings settings;
        struct arguments a = { .paths = {
                                       .config = DEFAULT_CONFIG, .config_optional = true, .pages = EMO_BRIDGE_DIR } };
        char error[512];
        int r = parse(argc, argv, &a);

        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (bridge_settings_load(a.paths.config, a.paths.config_optional, &settings, error, sizeof(error)) < 0) {
                log_error("%s", error);
                return EX_CONFIG;
        }
        if (settings.readable_by_all)
                log_warning("%s holds secrets, and every user of this machine may read it", a.paths.config);
        if (a.check)
                return EXIT_SUCCESS;
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        prctl(PR_SET_DUMPABLE, 0);
        return bridge_service_run(&settings, &a.paths) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
