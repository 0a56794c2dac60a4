/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <time.h>

#include "basic/macro.h"
#include "daemon/capture/devices.h"
#include "daemon/capture/source.h"

/*
 * Frames out of a source, to look at one without the service: usage: grab [DEVICE [SECONDS [WIDTH HEIGHT]]]
 * Without arguments it lists the cameras. Prints one line for what happens and, at the end of each opening,
 * the counters; opens again when the camera fails, until the time is over.
 */

#define RETRY_USEC 200000

static int list(void)
{
        struct source_device d[SOURCE_MAX_DEVICES];
        int n = source_list_devices(d, ARRAY_LEN(d));

        for (int i = 0; i < n; i++)
                printf("%s: %s (%s)\n", d[i].node, d[i].name, d[i].bus);
        return n < 0;
}

static void grab(struct source *s, time_t end)
{
        const struct source_info *info = source_get_info(s);
        uint32_t first = 0, last = 0;
        struct source_error error;
        struct source_stats stats;
        struct frame f;
        int r = 0;

        printf("open %s \"%s\" %s %ux%u %.1f/s\n", info->device, info->name, info->format, info->width_px,
               info->height_px, info->frame_rate_hz);
        while (time(NULL) < end) {
                r = source_next(s, -1, 1000000, &f, &error);
                if (r < 0)
                        break;
                if (r == 0) {
                        printf("no frame for a second\n");
                        continue;
                }
                if (source_get_stats(s).n_frames == 1) {
                        first = f.sequence;
                        printf("frame\n");
                }
                last = f.sequence;
                source_release(s, &f);
        }
        if (r < 0)
                printf("failed %s: %s\n", strerrorname_np(-r), error.text);
        stats = source_get_stats(s);
        printf("frames %ju dropped %ju corrupt %ju sequence %u..%u\n", (uintmax_t)stats.n_frames,
               (uintmax_t)stats.n_dropped, (uintmax_t)stats.n_corrupt, first, last);
}

int main(int argc, char *argv[])
{
        struct source_config config = {};
        struct source_error error;
        time_t end;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc < 2)
                return list();
        config.device = argv[1];
        end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 5);
        if (argc > 4) {
                config.width_px = atoi(argv[3]);
                config.height_px = atoi(argv[4]);
        }
        for (int last = 0; time(NULL) < end;) {
                _cleanup_(source_freep) struct source *s = NULL;
                int r = source_open(&config, &s, &error);

                if (r < 0) {
                        if (r != last)
                                printf("cannot open %s: %s\n", strerrorname_np(-r), error.text);
                        usleep(RETRY_USEC);
                } else {
                        grab(s, end);
                }
                last = r;
        }
        return 0;
}
