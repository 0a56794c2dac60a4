/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Finds, checks and loads plugins (see plugins/emo-plugin.h). Nothing but this module calls dlopen().
 *
 * A plugin is named by the configuration, never by path; it is looked for as NAME.so in one folder, which the caller
 * gives. Every *.so in that folder is examined, so that the bus can show what is installed; only a plugin that is
 * asked for as detector or aligner is opened.
 */

#include <libconfig.h>

#include "basic/macro.h"
#include "plugins/emo-plugin.h"

#define PLUGIN_NAME_MAX 32
/* For a detector or aligner: "cnn" if its networks are there, else "haar" or "box", with a warning in the log. */
#define PLUGIN_AUTO "auto"

struct plugin_host;
struct plugin_record;

/* What a plugin may be used as. */
enum plugin_kind {
        PLUGIN_DETECTOR,
        PLUGIN_ALIGNER,
        N_PLUGIN_KINDS,
};

/* What is known of one file in the folder. Owned by the host, constant. */
struct plugin_info {
        const char *file; /* full path */
        const char *name; /* from the file's name; all below is NULL or false if the descriptor was refused */
        const char *version, *description, *licence;
        bool detector, aligner; /* offered */
        bool third_party;       /* not one of the names that this package ships */
        const char *error;      /* why it was refused, why open() failed, or what else is wrong; NULL if all is well */
        bool used_detector, used_aligner;
};

struct plugin_host_config {
        const char *folder;             /* EMO_PLUGIN_DIR, or another for tests */
        const char *const *model_dirs;  /* NULL-terminated: where find_file() looks */
        const char *detector, *aligner; /* names, or PLUGIN_AUTO */
        /* group "plugins" of the configuration, or NULL; each plugin sees its own group in it. Must outlive the host. */
        const config_setting_t *settings;
        struct plugin_record
                *record; /* says which plugin is being called (plugin-record.h), or NULL. Must outlive it, too */
        uint64_t stamp;  /* of the configuration, for the record */
};

/**
 * plugin_host_new() - examine the folder, open the detector and the aligner
 *
 * Return: 0 also if a plugin failed: plugin_host_error() says so, and detector or aligner is missing; -ENOMEM.
 */
int plugin_host_new(const struct plugin_host_config *config, struct plugin_host **ret);
/* Closes in reverse order, then dlclose(). Accepts NULL; returns NULL. */
struct plugin_host *plugin_host_free(struct plugin_host *h);
DEFINE_CLEANUP(struct plugin_host *, plugin_host_free)

/* Why the pipeline cannot run, a sentence for the administrator; NULL if detector and aligner are open. */
const char *plugin_host_error(const struct plugin_host *h);

size_t plugin_host_n_plugins(const struct plugin_host *h);
const struct plugin_info *plugin_host_plugin(const struct plugin_host *h, size_t i);

/* For the pipeline. Errors are the plugin's own; -ENODEV if there is none. */
int plugin_host_detect(struct plugin_host *h, const struct emo_image *image, const struct emo_detect_hints *hints,
                       struct emo_box *ret, size_t max_boxes, struct emo_error *error);
int plugin_host_align(struct plugin_host *h, const struct emo_image *image, const struct emo_box *box,
                      struct emo_alignment *ret, struct emo_error *error);
/* The pictures that follow are of a stream of their own, or are one still picture. Return: its number, never 0. */
uint64_t plugin_host_new_sequence(struct plugin_host *h);
/* The pictures that follow are of stream @sequence again. */
void plugin_host_set_sequence(struct plugin_host *h, uint64_t sequence);
/* Of the pictures that the plugin wants. */
enum emo_pixel_format plugin_host_format(const struct plugin_host *h, enum plugin_kind kind);
