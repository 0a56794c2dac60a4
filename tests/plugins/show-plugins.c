/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* show-plugins FOLDER DETECTOR ALIGNER: what the host makes of a folder, one plugin a line, then its own verdict. */
#include <stdio.h>

#include "daemon/vision/plugin-host.h"

int main(int argc, char **argv)
{
        struct plugin_host *host;
        int r;

        if (argc != 4)
                return 2;
        struct plugin_host_config config = { .folder = argv[1], .detector = argv[2], .aligner = argv[3] };
        r = plugin_host_new(&config, &host);
        if (r < 0)
                return 1;
        for (size_t i = 0; i < plugin_host_n_plugins(host); i++) {
                const struct plugin_info *p = plugin_host_plugin(host, i);

                printf("%s: %s%s%s%s%s\n", p->name, p->error ?: "ok", p->detector ? " detector" : "",
                       p->aligner ? " aligner" : "", p->third_party ? " third-party" : "",
                       p->used_detector || p->used_aligner ? " used" : "");
        }
        printf("host: %s\n", plugin_host_error(host) ?: "ok");
        plugin_host_free(host);
        return 0;
}
