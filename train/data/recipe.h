/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A recipe: a libconfig file that defines a network and its training. Readers below check type and range and mark a
 * key as known; recipe_check_unknown() then refuses what nobody has read.
 */

#include <libconfig.h>
#include <stdbool.h>
#include <stdint.h>

struct recipe_error {
        char text[512]; /* "file:line: key: what is wrong" */
};

struct recipe {
        config_t config;
        char *path;
};

int recipe_load(const char *path, struct recipe **ret, struct recipe_error *error);
/* The same from text; @path only stands in messages. */
int recipe_load_string(const char *text, const char *path, struct recipe **ret, struct recipe_error *error);
struct recipe *recipe_free(struct recipe *r);
static inline void recipe_freep(struct recipe **r)
{
        if (*r)
                recipe_free(*r);
}

/* Writes "file:line: key: ..." for @s. Return: -EINVAL. */
int recipe_fail(const config_setting_t *s, struct recipe_error *error, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Each leaves *value (the default) alone where @group lacks @key. Return: 0 or -EINVAL. A real accepts an integer. */
int recipe_int(config_setting_t *group, const char *key, int64_t lo, int64_t hi, int64_t *value,
               struct recipe_error *error);
int recipe_unsigned(config_setting_t *group, const char *key, unsigned lo, unsigned hi, unsigned *value,
                    struct recipe_error *error);
int recipe_real(config_setting_t *group, const char *key, double lo, double hi, double *value,
                struct recipe_error *error);
int recipe_bool(config_setting_t *group, const char *key, bool *value, struct recipe_error *error);
/* *value is owned by the recipe */
int recipe_string(config_setting_t *group, const char *key, const char **value, struct recipe_error *error);
/* One of @names (ended by NULL); *value is its index. */
int recipe_choice(config_setting_t *group, const char *key, const char *const *names, int *value,
                  struct recipe_error *error);
/* @path if it is absolute, else beside the recipe. Owned by the caller; NULL: no memory. */
char *recipe_resolve(const char *recipe_path, const char *path);
/* A group, list or array under @key: NULL where absent. @type: CONFIG_TYPE_GROUP, ... */
int recipe_child(config_setting_t *group, const char *key, int type, config_setting_t **ret,
                 struct recipe_error *error);
/* Marks @s and all below it as known. */
void recipe_known(config_setting_t *s);
/* -EINVAL names the first key that no reader has asked for. */
int recipe_check_unknown(const struct recipe *r, struct recipe_error *error);
