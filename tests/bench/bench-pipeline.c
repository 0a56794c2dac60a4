/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench-pipeline MODEL CLIP LOOPS DETECT_FPS: plays a clip through source and pipeline as fast as it goes, and prints
 * KEY=VALUE lines: CPU time per frame by stage, its median and 99th percentile over the frames, frames a second, resident
 * memory. EMO_DETECTOR and EMO_ALIGNER name the plugins; haar and box if they are not set. EMO_MODEL_FOLDER: where these find
 * their networks. EMO_MIRROR=0: without the look at each face's mirror image that the service has by default. */
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "daemon/capture/source.h"
#include "daemon/vision/classifier.h"
#include "daemon/vision/pipeline.h"
#include "daemon/vision/plugin-host.h"

/* Frames whose times are kept; more only overwrite the first ones. */
#define MAX_FRAMES 100000u

struct bench {
        struct plugin_host *host;
        struct classifier *classifier;
        struct pipeline *pipeline;
        unsigned n_frames, n_faces;
        float *frame_ms; /* CPU, from the wait for a frame to its result */
};

static double seconds(clockid_t clock)
{
        struct timespec ts;

        clock_gettime(clock, &ts);
        return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double resident_mib(const char *field)
{
        FILE *f = fopen("/proc/self/status", "re");
        char line[256];
        unsigned long kib = 0;

        while (f && fgets(line, sizeof(line), f))
                if (strncmp(line, field, strlen(field)) == 0)
                        kib = strtoul(line + strlen(field), NULL, 10);
        if (f)
                fclose(f);
        return (double)kib / 1024;
}

static int setup(struct bench *b, const char *model, double detect_fps)
{
        const char *folder = getenv("EMO_PLUGIN_FOLDER") ?: EMO_PLUGIN_DIR;
        const char *models[] = { getenv("EMO_MODEL_FOLDER"), NULL };
        struct plugin_host_config host = { .folder = folder,
                                           .model_dirs = models,
                                           .detector = getenv("EMO_DETECTOR") ?: "haar",
                                           .aligner = getenv("EMO_ALIGNER") ?: "box" };
        struct pipeline_config config = { .detect_fps = detect_fps,
                                          .idle_fps = detect_fps,
                                          .keep_usec = 1000000,
                                          .smoothing_usec = 400000,
                                          .min_face_px = 50,
                                          .max_faces = 8,
                                          .min_align_confidence = 0.5,
                                          .min_quality = 0.3,
                                          .faces_per_frame = 4,
                                          .attention = { 25, 20, 300000 },
                                          .rules = { 0.5, 0.1, 300000 } };
        struct classifier_error error;
        int r;

        r = classifier_new(model, NULL, config.max_faces, 1, &b->classifier, &error);
        if (r < 0) {
                fprintf(stderr, "%s\n", error.text);
                return r;
        }
        classifier_set_mirror(b->classifier, strcmp(getenv("EMO_MIRROR") ?: "1", "0") != 0);
        r = plugin_host_new(&host, &b->host);
        if (r < 0)
                return r;
        if (plugin_host_error(b->host)) {
                fprintf(stderr, "%s\n", plugin_host_error(b->host));
                return -ENODEV;
        }
        return pipeline_new(&config, b->host, b->classifier, &b->pipeline);
}

/* As the service does, in the time of the clip, whose first frame had the time @first and is shown at @offset_usec. */
static uint64_t rests_until(const struct bench *b, uint64_t first, uint64_t offset_usec)
{
        uint64_t until = pipeline_rests_until(b->pipeline);

        return first && until > offset_usec ? until - offset_usec + first : 0;
}

/* Plays the clip once, its time going on from @*offset_usec. */
static int play(struct bench *b, const char *clip, uint64_t *offset_usec)
{
        struct source_config config = { .device = clip, .replay = true, .pace = SOURCE_PACE_FAST };
        struct source_error error;
        struct source *source;
        struct frame f;
        uint64_t last = 0, first = 0;
        double begin;
        int r;

        r = source_open(&config, &source, &error);
        if (r < 0) {
                fprintf(stderr, "%s\n", error.text);
                return r;
        }
        while (begin = seconds(CLOCK_PROCESS_CPUTIME_ID),
               source_rest_until(source, rests_until(b, first, *offset_usec)),
               (r = source_next(source, -1, 1000000, &f, &error)) == 1) {
                struct frame shown = f;
                struct pipeline_result result;

                first = first ?: f.timestamp_usec;
                shown.timestamp_usec = *offset_usec + f.timestamp_usec - first;
                last = shown.timestamp_usec;
                if (f.gray && pipeline_process(b->pipeline, &shown, &result) >= 0)
                        b->n_faces += (unsigned)result.n_faces;
                source_release(source, &f);
                b->frame_ms[b->n_frames++ % MAX_FRAMES] = (float)(1e3 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - begin));
        }
        source_free(source);
        *offset_usec = last + 33333;
        return r == -ENODATA ? 0 : r;
}

static int by_value(const void *a, const void *b)
{
        float x = *(const float *)a, y = *(const float *)b;

        return (x > y) - (x < y);
}

static void print_percentiles(struct bench *b)
{
        size_t n = MIN(b->n_frames, MAX_FRAMES);

        qsort(b->frame_ms, n, sizeof(*b->frame_ms), by_value);
        printf("cpu_p50_ms=%.3f\ncpu_p99_ms=%.3f\n", (double)b->frame_ms[n / 2], (double)b->frame_ms[n * 99 / 100]);
}

int main(int argc, char **argv)
{
        struct bench b = { 0 };
        uint64_t offset_usec = 1000000;
        unsigned loops;
        int r;

        if (argc != 5 || (loops = (unsigned)atoi(argv[3])) < 1)
                return 2;
        b.frame_ms = calloc(MAX_FRAMES, sizeof(*b.frame_ms));
        if (!b.frame_ms)
                return 1;
        r = setup(&b, argv[1], atof(argv[4]));
        if (r < 0)
                return 1;
        r = play(&b, argv[2], &offset_usec); /* warm-up */

        struct pipeline_stats s0 = pipeline_get_stats(b.pipeline), s;
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);

        b.n_frames = b.n_faces = 0;
        for (unsigned i = 0; r >= 0 && i < loops; i++)
                r = play(&b, argv[2], &offset_usec);
        if (r < 0 || !b.n_frames)
                return 1;
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = seconds(CLOCK_MONOTONIC) - wall;
        s = pipeline_get_stats(b.pipeline);

        double n = b.n_frames, detect = (double)(s.detect_nsec - s0.detect_nsec) / 1e6 / n,
               align = (double)(s.align_nsec - s0.align_nsec) / 1e6 / n,
               crop = (double)(s.crop_nsec - s0.crop_nsec) / 1e6 / n,
               classify = (double)(s.classify_nsec - s0.classify_nsec) / 1e6 / n,
               track = (double)(s.track_nsec - s0.track_nsec) / 1e6 / n, all = cpu * 1e3 / n;

        printf("frames=%u\nfaces_per_frame=%.2f\ncpu_ms=%.3f\n", b.n_frames, b.n_faces / n, all);
        printf("source_ms=%.3f\ndetect_ms=%.3f\nalign_ms=%.3f\ncrop_ms=%.3f\nclassify_ms=%.3f\ntrack_ms=%.3f\n",
               all - detect - align - crop - classify - track, detect, align, crop, classify, track);
        printf("fps=%.1f\nrss_mib=%.1f\nrss_peak_mib=%.1f\n", n / wall, resident_mib("VmRSS:"), resident_mib("VmHWM:"));
        print_percentiles(&b);
        free(b.frame_ms);
        pipeline_free(b.pipeline);
        plugin_host_free(b.host);
        classifier_free(b.classifier);
        return 0;
}
