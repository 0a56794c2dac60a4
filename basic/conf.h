/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A configuration file in the syntax of libconfig, read by a table: groups of numbers, flags and texts, and lists that
 * their owner reads. What the table does not have is an error, as is a wrong type or a number out of range.
 */

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Where mistakes are told. */
struct conf_reading {
        const char *path;
        char *error;
        size_t size; /* of @error, bytes */
};

enum conf_kind { CONF_NUMBER, CONF_FLAG, CONF_TEXT, CONF_LIST };

/**
 * struct conf_row - one setting
 * @group: its group's name; in a table for conf_group_read() it is not looked at
 * @min, @max: bounds of a number
 * @standard: of a number or flag that is not in the file; a text is "" then
 * @offset: of an int (number, flag) or char[@size] (text) in the settings
 * @read: of a list: returns 0 or what conf_refuse() returned
 */
struct conf_row {
        const char *group, *key;
        enum conf_kind kind;
        int min, max, standard;
        size_t offset, size;
        int (*read)(const struct conf_reading *r, const config_setting_t *s, void *settings);
};

/* The members of a row, for { } */
#define CONF_ROW_NUMBER(group, key, min, max, standard, type, member) \
        group, key, CONF_NUMBER, min, max, standard, offsetof(type, member), 0, NULL
#define CONF_ROW_FLAG(group, key, standard, type, member) \
        group, key, CONF_FLAG, 0, 1, standard, offsetof(type, member), 0, NULL
#define CONF_ROW_TEXT(group, key, type, member) \
        group, key, CONF_TEXT, 0, 0, 0, offsetof(type, member), sizeof(((type *)NULL)->member), NULL
#define CONF_ROW_LIST(group, key, read) group, key, CONF_LIST, 0, 0, 0, 0, 0, read

/* Writes "FILE:LINE: KEY: @what". Return: -EINVAL. */
int conf_refuse(const struct conf_reading *r, const config_setting_t *s, const char *what);

/* Numbers and flags of the @n rows of @table get their standards; nothing else is touched. */
void conf_set_standards(const struct conf_row *table, size_t n, void *settings);

/* One group of a list. Return: 0, or -EINVAL with the error told. */
int conf_group_read(const struct conf_reading *r, const config_setting_t *group, const struct conf_row *table, size_t n,
                    void *settings);

/**
 * conf_load() - standards, then the file
 * @optional: a file that is not there is one without settings
 * @settings: zeroed by the caller
 * @ret: the open file, at its end, for fstat(); NULL if it is not there. May be NULL.
 * Return: 0; -EINVAL with the error told.
 */
int conf_load(const struct conf_reading *r, bool optional, const struct conf_row *table, size_t n, void *settings,
              FILE **ret);
