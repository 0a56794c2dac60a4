/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "plugins/cnn/aligner.h"
#include "plugins/cnn/detector.h"

struct settings {
        const char *detector, *landmarks; /* files; owned by the host */
        struct detector_config find;
};

/* Detector and aligner share one group of settings, so either reads all of it. */
static int read_settings(const struct emo_host *host, struct settings *ret, struct emo_error *error)
{
        int64_t min_face_px = 40, face_px = 20, max_side_px = 640;
        struct settings s = { .detector = "detect.onnx",
                              .landmarks = "landmarks.onnx",
                              .find = { .threshold = 0.6, .overlap = 0.3 } };

        if (host->get_string(host->self, "detector", &s.detector) < 0 ||
            host->get_string(host->self, "landmarks", &s.landmarks) < 0 ||
            host->get_float(host->self, "threshold", 0.01, 1, &s.find.threshold) < 0 ||
            host->get_float(host->self, "overlap", 0, 1, &s.find.overlap) < 0 ||
            host->get_int(host->self, "min_face_px", 8, 4096, &min_face_px) < 0 ||
            host->get_int(host->self, "face_px", 8, 128, &face_px) < 0 ||
            host->get_int(host->self, "max_side", 64, 4096, &max_side_px) < 0) {
                snprintf(error->text, sizeof(error->text),
                         "a setting in plugins.cnn is of the wrong type or out of range");
                return -EINVAL;
        }
        s.find.min_face_px = (uint32_t)min_face_px;
        s.find.face_px = (uint32_t)face_px;
        s.find.max_side_px = (uint32_t)max_side_px;
        *ret = s;
        return 0;
}

static int find_file(const struct emo_host *host, const char *key, const char *name, char *ret, size_t size,
                     struct emo_error *error)
{
        int r = host->find_file(host->self, name, ret, size);

        if (r < 0)
                snprintf(error->text, sizeof(error->text), "network %.100s not found: see plugins.cnn.%s", name, key);
        return r;
}

/* @r: what loading the network at @path gave. */
static int say(const struct emo_host *host, int r, const char *path, const struct nn_error *why,
               struct emo_error *error)
{
        if (r < 0)
                snprintf(error->text, sizeof(error->text), "network %.100s: %.140s", path,
                         *why->text ? why->text : strerror(-r));
        else
                host->log(host->self, LOG_DEBUG, path);
        return r < 0 ? r : 0;
}

static int cnn_detector_open(const struct emo_host *host, void **ret_self, struct emo_error *error)
{
        struct nn_error why = { "" };
        struct detector *d = NULL;
        struct settings s;
        char path[4096];
        int r = read_settings(host, &s, error);

        if (r >= 0)
                r = find_file(host, "detector", s.detector, path, sizeof(path), error);
        if (r < 0)
                return r;
        r = say(host, detector_new(path, &s.find, &d, &why), path, &why, error);
        if (r >= 0)
                *ret_self = d;
        return r;
}

static int cnn_detect(void *self, const struct emo_image *image, const struct emo_detect_hints *hints,
                      struct emo_box *ret, size_t max_boxes, struct emo_error *error)
{
        struct nn_error why = { "" };
        int n = detector_find(self, image, hints, ret, max_boxes, &why);

        if (n < 0)
                snprintf(error->text, sizeof(error->text), "%.255s", why.text);
        return n;
}

static void cnn_detector_close(void *self)
{
        detector_free(self);
}

static int cnn_aligner_open(const struct emo_host *host, void **ret_self, struct emo_error *error)
{
        struct nn_error why = { "" };
        struct aligner *a = NULL;
        struct settings s;
        char path[4096];
        int r = read_settings(host, &s, error);

        if (r >= 0)
                r = find_file(host, "landmarks", s.landmarks, path, sizeof(path), error);
        if (r < 0)
                return r;
        r = say(host, aligner_new(path, &a, &why), path, &why, error);
        if (r < 0)
                return r;
        aligner_set_sequence(a, &host->sequence);
        *ret_self = a;
        return 0;
}

static int cnn_align(void *self, const struct emo_image *image, const struct emo_box *box, struct emo_alignment *ret,
                     struct emo_error *error)
{
        int r = aligner_find(self, image, box, ret);

        if (r < 0)
                snprintf(error->text, sizeof(error->text), "%s",
                         r == -EBADMSG ? "the network gives no numbers" : "a box of no size, or far from the picture");
        return r;
}

static void cnn_aligner_close(void *self)
{
        aligner_free(self);
}

static const struct emo_detector_ops detector_ops = {
        .size_bytes = sizeof(detector_ops),
        .open = cnn_detector_open,
        .detect = cnn_detect,
        .close = cnn_detector_close,
};

static const struct emo_aligner_ops aligner_ops = {
        .size_bytes = sizeof(aligner_ops),
        .open = cnn_aligner_open,
        .align = cnn_align,
        .close = cnn_aligner_close,
};

#define NAME "cnn"
#define DESCRIPTION "Face detector and 68 landmarks by small convolutional networks"
#define LICENCE "LGPL-2.1-or-later"
EMO_PLUGIN_ABOUT(NAME, PLUGIN_VERSION, DESCRIPTION, LICENCE, "detector aligner");

const struct emo_plugin emo_plugin = {
        EMO_PLUGIN_HEADER,         .format = EMO_GRAY8,        .name = NAME,
        .version = PLUGIN_VERSION, .description = DESCRIPTION, .licence = LICENCE,
        .detector = &detector_ops, .aligner = &aligner_ops,
};
