/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The table of keys: private to settings.c and settings-table.c. */

#include "daemon/settings.h"

enum key_type {
        KEY_BOOL,   /* bool */
        KEY_INT,    /* int */
        KEY_ANGLE,  /* int: 0, 90, 180 or 270 */
        KEY_FLOAT,  /* double; an integer in the file is taken as it stands */
        KEY_CHOICE, /* int: index of the word in @words */
        KEY_DEVICE, /* char[SETTINGS_TEXT_MAX]: "auto" or an absolute path */
        KEY_FILE,   /* "" or a path */
        KEY_MODEL,  /* a bare name or an absolute path */
        KEY_PLUGIN, /* [a-z0-9-]{1,32} */
        KEY_TEXT,   /* any text: what it means is looked at where it is used */
        KEY_USER,   /* "" or a user's name */
        KEY_HOURS,  /* times of the week, hours.h; parsed into struct settings, too */
};

struct settings_row {
        const char *group, *name;
        enum key_type type;
        double min, max;          /* KEY_INT, KEY_FLOAT */
        const char *const *words; /* KEY_CHOICE; ends with NULL */
        double number;            /* default of numbers, booleans, choices */
        const char *text;         /* default of strings */
        size_t offset;            /* in struct settings */
};

extern const struct settings_row settings_rows[];
extern const size_t settings_n_rows;

/* Is @group one of the table's? */
bool settings_group_known(const char *group);
const struct settings_row *settings_row_find(const char *group, const char *name);
void settings_row_set_default(const struct settings_row *row, struct settings *s);
/* Index of @word in @words, or -EINVAL. */
int settings_word_index(const char *const *words, const char *word);

/**
 * settings_row_set() - check @value and store it
 * @why: what is wrong and what is allowed, without file and key
 * Return: 0 or -EINVAL, @s untouched.
 */
int settings_row_set(const struct settings_row *row, const config_setting_t *value, struct settings *s, char *why,
                     size_t why_size);
/* The string part of the above, for the command line. */
int settings_row_set_text(const struct settings_row *row, const char *value, struct settings *s, char *why,
                          size_t why_size);
