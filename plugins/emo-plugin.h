/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef EMO_PLUGIN_H
#define EMO_PLUGIN_H

/**
 * emo-plugin.h: the whole contract between emotiond and a detection or alignment backend.
 *
 * A plugin is a shared object in the package's plugin folder that exports one constant:
 *
 *         const struct emo_plugin emo_plugin = { EMO_PLUGIN_HEADER, .name = "mine", ... };
 *
 * It needs no symbol of the daemon: what it may ask for comes through struct emo_host.
 *
 * Coordinates are pixels of the picture handed over: origin top left, x to the right, y down, pixel centres at
 * integers (the top left pixel covers -0.5..0.5). "Left" and "right" mean sides of the picture.
 *
 * Threads: the host calls all functions of one instance (what open() returned) from one thread at a time; two
 * instances may run in two threads. A plugin starts no thread that outlives a call. It must not call exit() or
 * abort(), nor change signal handlers, the locale or the working directory, and lets no C++ exception out.
 *
 * Errors: 0 or a negative errno; with an error the plugin fills struct emo_error with a sentence for the
 * administrator. A failing open() leaves the daemon running without the plugin; a failing detect() or align() drops
 * the frame or the face and is counted.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EMO_PLUGIN_MAGIC 0x454d4f31u /* "EMO1" */
/* Raised by any change to the structures below, but for what struct emo_host gets at its end: it says its size. A
 * plugin with another number is refused. */
#define EMO_PLUGIN_ABI 1u

#define EMO_MAX_LANDMARKS 68

enum emo_pixel_format {
        EMO_GRAY8 = 1, /* luma, 1 byte a pixel */
        EMO_BGR24 = 2, /* blue, green, red, 1 byte each */
};

/* A picture. Owned by the host, valid during the call, never to be written. */
struct emo_image {
        uint32_t format; /* enum emo_pixel_format; what the plugin asked for in struct emo_plugin */
        uint32_t width_px, height_px;
        size_t stride_bytes; /* from one row to the next */
        const uint8_t *data;
};

/* A face box: the square-ish region from the brows to the chin, as OpenCV's and dlib's frontal detectors draw it. */
struct emo_box {
        float x, y, width, height; /* may reach out of the picture */
        float confidence;          /* 0..1; 1 if the backend has none */
};

/* What the host knows when it asks for faces. All zero: the whole picture, all sizes. */
struct emo_detect_hints {
        /* look only inside this part of the picture (0 width: everywhere); boxes stay in picture coordinates */
        uint32_t roi_x, roi_y, roi_width, roi_height;
        /* sides in pixels; 0: the backend's own setting */
        uint32_t min_face_px, max_face_px;
};

/* Result of an aligner. */
struct emo_alignment {
        /* 0, or 68 in the numbering of the 68-point scheme (Multi-PIE / iBUG 300-W): 0-16 jaw, 17-26 brows,
         * 27-35 nose, 36-47 eyes, 48-67 mouth; 36 is the outer corner of the eye on the picture's left */
        uint32_t n_points;
        float points[EMO_MAX_LANDMARKS][2]; /* x, y */
        /* the crop square for the classifier, used when n_points is 0: centre, side and roll in radians (positive:
         * the head's left-to-right axis points down in the picture) */
        float x, y, side_px, roll_rad;
        /* 0..1: that this is a face; a tracked face under the host's limit is looked for anew. 1 if the backend has no
         * measure: then a face that the detector no longer finds is not followed. */
        float confidence;
};

struct emo_error {
        char text[256];
};

/* The host's services. Valid from open() to close(). */
struct emo_host {
        uint32_t size_bytes; /* of this structure */
        void *self;          /* to be handed back as the first argument */
        /* priority as in syslog.h; per-frame lines at LOG_DEBUG only */
        void (*log)(void *self, int priority, const char *message);
        /* Settings: the plugin's own group of the configuration file, plugins.NAME. @path may be dotted.
         * Return: 1 found, 0 absent (*ret untouched); -EINVAL wrong type or, for numbers, outside min..max, and the
         * host has reported file and line. Strings are owned by the host. */
        int (*get_bool)(void *self, const char *path, int *ret);
        int (*get_int)(void *self, const char *path, int64_t min, int64_t max, int64_t *ret);
        int (*get_float)(void *self, const char *path, double min, double max, double *ret);
        int (*get_string)(void *self, const char *path, const char **ret);
        /* Finds a data file: an absolute path as it is, a bare name in the host's model folders.
         * Return: 0; -ENOENT; -ENAMETOOLONG if @ret_size is too small. */
        int (*find_file)(void *self, const char *name, char *ret, size_t ret_size);
        /* Of the picture at hand: pictures of one stream have the same number, a still picture has one of its own. What
         * an instance remembers of pictures with another number must not change its answer. */
        uint64_t sequence;
};

struct emo_detector_ops {
        uint32_t size_bytes; /* sizeof(struct emo_detector_ops) */
        int (*open)(const struct emo_host *host, void **ret_self, struct emo_error *error);
        /* Writes at most @max_boxes boxes to @ret, best first. Return: how many, or a negative errno. */
        int (*detect)(void *self, const struct emo_image *image, const struct emo_detect_hints *hints,
                      struct emo_box *ret, size_t max_boxes, struct emo_error *error);
        void (*close)(void *self);
};

struct emo_aligner_ops {
        uint32_t size_bytes; /* sizeof(struct emo_aligner_ops) */
        int (*open)(const struct emo_host *host, void **ret_self, struct emo_error *error);
        /* @box: from a detector, or predicted from the last frame. Return: 0, or a negative errno. */
        int (*align)(void *self, const struct emo_image *image, const struct emo_box *box, struct emo_alignment *ret,
                     struct emo_error *error);
        void (*close)(void *self);
};

struct emo_plugin {
        uint32_t magic, abi; /* compared first; if they differ nothing below is read */
        uint32_t size_bytes; /* sizeof(struct emo_plugin) */
        uint32_t format;     /* enum emo_pixel_format that detect() and align() want */
        const char *name;    /* the file's name without "lib" and ".so"; [a-z0-9-], at most 32 characters */
        const char *version;
        const char *description;                 /* one line */
        const char *licence;                     /* SPDX expression of code and bundled data */
        const struct emo_detector_ops *detector; /* NULL if not offered */
        const struct emo_aligner_ops *aligner;   /* NULL if not offered */
};

#define EMO_PLUGIN_HEADER .magic = EMO_PLUGIN_MAGIC, .abi = EMO_PLUGIN_ABI, .size_bytes = sizeof(struct emo_plugin)

/* Optional, once in a plugin: the same in plain text in the file, so that the host can list the plugin without loading it
 * and the libraries that it needs. All are string literals of printable ASCII; @offers is "detector", "aligner" or
 * "detector aligner". A file without it is loaded to be listed. */
#define EMO_PLUGIN_ABOUT_SECTION ".emo_about"
#define EMO_PLUGIN_ABOUT(name, version, description, licence, offers)                            \
        extern const char emo_plugin_about[] __attribute__((visibility("hidden")));              \
        const char emo_plugin_about[] __attribute__((used, section(EMO_PLUGIN_ABOUT_SECTION))) = \
                "emo-plugin 1\n" name "\n" version "\n" description "\n" licence "\n" offers "\n"

/* The symbol that the host looks up. */
#define EMO_PLUGIN_SYMBOL "emo_plugin"
extern const struct emo_plugin emo_plugin __attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif
#endif
