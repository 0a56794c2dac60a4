/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * emotionctl: what every verb shares. A verb is one function in one file, verb-NAME.c; the table of them is in main.c.
 * Data goes to standard output, everything said to the user to standard error.
 */

#include <stdint.h>

#include <json.h>
#include <systemd/sd-bus.h>

#include "basic/macro.h"
#include "bus/names.h"

/* Exit status; the table in emotionctl(1) says what each means for each verb. */
enum ctl_exit {
        CTL_OK = 0,
        CTL_FAILED = 1,
        CTL_NOTHING_TO_DO = 2,
        CTL_NOT_FOUND = 3,
};

enum ctl_json {
        CTL_JSON_OFF,
        CTL_JSON_SHORT,  /* one line */
        CTL_JSON_PRETTY, /* indented */
};

#define CTL_MAX_NAMES 64

/* What the user asked for, and the connection. Strings are borrowed from argv. */
struct ctl {
        sd_bus *bus; /* NULL until ctl_connect() */
        bool waits;  /* for a service that is not there, however long that takes */

        const char *address; /* NULL: the system bus */
        uint64_t timeout_usec;
        enum ctl_json json;
        bool quiet, legend, pager;
        unsigned columns; /* of the terminal that standard output is; 0: of none */
        bool colour;      /* standard output is a terminal that shows colours, and nobody minds */

        /* show */
        const char *properties[CTL_MAX_NAMES];
        size_t n_properties;
        bool value;

        /* preview */
        const char *png; /* NULL: the terminal */

        /* run, report */
        const char *contents[CTL_MAX_NAMES];
        size_t n_contents;
        const char *html; /* NULL: none */
        bool csv, ndjson; /* neither: a table */
        bool compare;

        /* watch, classify, preview; absent: NAN, -1 or 0 */
        double min_confidence; /* 0..1 */
        int64_t min_hold_ms;   /* 0..60000 */
        double max_rate_hz;    /* 0.1..10 */
        const char *emotions[CTL_MAX_NAMES];
        size_t n_emotions;
        const char *camera;
        double seconds;
        uint64_t count;
};

/* Verbs. @argc and @argv: what follows the verb on the command line. Return: the exit status, after saying why. */
int verb_status(struct ctl *c, int argc, char **argv);
int verb_show(struct ctl *c, int argc, char **argv);
int verb_faces(struct ctl *c, int argc, char **argv);
int verb_watch(struct ctl *c, int argc, char **argv);
int verb_classify(struct ctl *c, int argc, char **argv);
int verb_cameras(struct ctl *c, int argc, char **argv);
int verb_plugins(struct ctl *c, int argc, char **argv);
int verb_clients(struct ctl *c, int argc, char **argv);
int verb_preview(struct ctl *c, int argc, char **argv);
int verb_enable(struct ctl *c, int argc, char **argv);
int verb_disable(struct ctl *c, int argc, char **argv);
int verb_content(struct ctl *c, int argc, char **argv);
int verb_run(struct ctl *c, int argc, char **argv);
int verb_notice(struct ctl *c, int argc, char **argv);
int verb_report(struct ctl *c, int argc, char **argv);
int verb_reload(struct ctl *c, int argc, char **argv);
