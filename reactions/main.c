/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sysexits.h>

#include "basic/log.h"
#include "config.h"
#include "reactions/reactions-service.h"

#define DEFAULT_CONFIG EMO_SYSCONF_DIR "/reactions.conf"

static void help(void)
{
        printf("emotion-reactions [OPTION...]\n\n"
               "Records how viewers react to what is shown on a screen, as sums without any row about a person.\n\n"
               "      --config FILE     configuration (%s)\n"
               "      --check-config    check the configuration and exit\n"
               "  -h, --help            this text\n"
               "      --version         version\n\n"
               "The store is in $STATE_DIRECTORY.\n"
               "Exit status: 0 ended by a signal, 1 failure, 78 the configuration is wrong.\n",
               DEFAULT_CONFIG);
}

/* Return: 1 go on; 0 all is done; -EINVAL. */
static int parse(int argc, char *argv[], const char **config, int *check)
{
        static const struct option long_options[] = {
                { "config", required_argument, NULL, 'c' },
                { "check-config", no_argument, NULL, 'k' },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
                switch (c) {
                case 'c':
                        *config = optarg;
                        break;
                case 'k':
                        *check = 1;
                        break;
                case 'h':
                        help();
                        return 0;
                case 'v':
                        printf("emotion-reactions %s\n", PACKAGE_VERSION);
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
        struct reactions_settings settings;
        const char *config = NULL, *state_dir = getenv("STATE_DIRECTORY");
        char error[512];
        int check = 0, r = parse(argc, argv, &config, &check);

        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (reactions_settings_load(config ?: DEFAULT_CONFIG, !config, &settings, error, sizeof(error)) < 0) {
                log_error("%s", error);
                return EX_CONFIG;
        }
        if (check)
                return EXIT_SUCCESS;
        if (!state_dir || !*state_dir) {
                log_error("STATE_DIRECTORY does not name the folder of the store");
                return EX_CONFIG;
        }
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        prctl(PR_SET_DUMPABLE, 0);
        return reactions_service_run(&settings, state_dir) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
