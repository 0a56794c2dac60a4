/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <string.h>

#include "basic/macro.h"
#include "train/data/recipe.h"

/* a recipe is written by hand; what is larger is some other file */
#define RECIPE_MAX_BYTES (1 << 20)

static void mark(config_setting_t *s)
{
        config_setting_set_hook(s, s);
}

int recipe_fail(const config_setting_t *s, struct recipe_error *error, const char *format, ...)
{
        const char *name = config_setting_name(s);
        const config_setting_t *root = s;
        const struct recipe *recipe;
        char what[256];
        va_list ap;

        while (config_setting_parent(root))
                root = config_setting_parent(root);
        recipe = config_setting_get_hook(root);

        va_start(ap, format);
        vsnprintf(what, sizeof(what), format, ap);
        va_end(ap);
        snprintf(error->text, sizeof(error->text), "%s:%u: %s%s%s", recipe->path, config_setting_source_line(s),
                 name ? name : "", name ? ": " : "", what);
        return -EINVAL;
}

static int parse(const char *text, const char *path, struct recipe **ret, struct recipe_error *error)
{
        _cleanup_(recipe_freep) struct recipe *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        config_init(&r->config);
        r->path = strdup(path);
        if (!r->path)
                return -ENOMEM;
        if (config_read_string(&r->config, text) != CONFIG_TRUE) {
                snprintf(error->text, sizeof(error->text), "%s:%d: %s", path, config_error_line(&r->config),
                         config_error_text(&r->config));
                return -EINVAL;
        }
        config_setting_set_hook(config_root_setting(&r->config), r);
        *ret = STEAL(r);
        return 0;
}

int recipe_load_string(const char *text, const char *path, struct recipe **ret, struct recipe_error *error)
{
        return parse(text, path, ret, error);
}

int recipe_load(const char *path, struct recipe **ret, struct recipe_error *error)
{
        _cleanup_(fclosep) FILE *f = fopen(path, "re");
        _cleanup_(freep) char *text = NULL;
        size_t n;
        int r;

        if (!f) {
                r = -errno;
                snprintf(error->text, sizeof(error->text), "%s: %s", path, strerror(errno));
                return r;
        }
        text = malloc(RECIPE_MAX_BYTES + 1);
        if (!text)
                return -ENOMEM;
        n = fread(text, 1, RECIPE_MAX_BYTES + 1, f);
        if (ferror(f)) {
                snprintf(error->text, sizeof(error->text), "%s: cannot read it", path);
                return -EIO;
        }
        if (n > RECIPE_MAX_BYTES || memchr(text, '\0', n)) {
                snprintf(error->text, sizeof(error->text), "%s: not a recipe", path);
                return -EINVAL;
        }
        text[n] = '\0';
        return parse(text, path, ret, error);
}

struct recipe *recipe_free(struct recipe *r)
{
        if (!r)
                return NULL;
        config_destroy(&r->config);
        free(r->path);
        free(r);
        return NULL;
}

int recipe_int(config_setting_t *group, const char *key, int64_t lo, int64_t hi, int64_t *value,
               struct recipe_error *error)
{
        config_setting_t *s = config_setting_get_member(group, key);
        int64_t x;

        if (!s)
                return 0;
        mark(s);
        if (config_setting_type(s) != CONFIG_TYPE_INT && config_setting_type(s) != CONFIG_TYPE_INT64)
                return recipe_fail(s, error, "must be a whole number");
        x = config_setting_type(s) == CONFIG_TYPE_INT ? config_setting_get_int(s) : config_setting_get_int64(s);
        if (x < lo || x > hi)
                return recipe_fail(s, error, "%lld is outside %lld..%lld", (long long)x, (long long)lo, (long long)hi);
        *value = x;
        return 0;
}

int recipe_unsigned(config_setting_t *group, const char *key, unsigned lo, unsigned hi, unsigned *value,
                    struct recipe_error *error)
{
        int64_t x = *value;
        int r = recipe_int(group, key, lo, hi, &x, error);

        if (r >= 0)
                *value = (unsigned)x;
        return r;
}

int recipe_real(config_setting_t *group, const char *key, double lo, double hi, double *value,
                struct recipe_error *error)
{
        config_setting_t *s = config_setting_get_member(group, key);
        double x;

        if (!s)
                return 0;
        mark(s);
        if (config_setting_type(s) == CONFIG_TYPE_INT)
                x = config_setting_get_int(s);
        else if (config_setting_type(s) == CONFIG_TYPE_FLOAT)
                x = config_setting_get_float(s);
        else
                return recipe_fail(s, error, "must be a number");
        if (!(x >= lo && x <= hi))
                return recipe_fail(s, error, "%g is outside %g..%g", x, lo, hi);
        *value = x;
        return 0;
}

int recipe_bool(config_setting_t *group, const char *key, bool *value, struct recipe_error *error)
{
        config_setting_t *s = config_setting_get_member(group, key);

        if (!s)
                return 0;
        mark(s);
        if (config_setting_type(s) != CONFIG_TYPE_BOOL)
                return recipe_fail(s, error, "must be true or false");
        *value = config_setting_get_bool(s);
        return 0;
}

int recipe_string(config_setting_t *group, const char *key, const char **value, struct recipe_error *error)
{
        config_setting_t *s = config_setting_get_member(group, key);

        if (!s)
                return 0;
        mark(s);
        if (config_setting_type(s) != CONFIG_TYPE_STRING)
                return recipe_fail(s, error, "must be a string");
        *value = config_setting_get_string(s);
        return 0;
}

int recipe_choice(config_setting_t *group, const char *key, const char *const *names, int *value,
                  struct recipe_error *error)
{
        const char *s = NULL;
        char known[160] = "";
        size_t used = 0;
        int r;

        r = recipe_string(group, key, &s, error);
        if (r < 0 || !s)
                return r;
        for (int i = 0; names[i]; i++) {
                if (strcmp(names[i], s) == 0) {
                        *value = i;
                        return 0;
                }
                if (used < sizeof(known))
                        used += (size_t)snprintf(known + used, sizeof(known) - used, " %s", names[i]);
        }
        return recipe_fail(config_setting_get_member(group, key), error, "\"%s\" is none of%s", s, known);
}

char *recipe_resolve(const char *recipe_path, const char *path)
{
        const char *slash = strrchr(recipe_path, '/');
        char *s;

        if (path[0] == '/' || !slash)
                return strdup(path);
        return asprintf(&s, "%.*s/%s", (int)(slash - recipe_path), recipe_path, path) < 0 ? NULL : s;
}

int recipe_child(config_setting_t *group, const char *key, int type, config_setting_t **ret, struct recipe_error *error)
{
        config_setting_t *s = config_setting_get_member(group, key);

        *ret = NULL;
        if (!s)
                return 0;
        mark(s);
        if (config_setting_type(s) != type)
                return recipe_fail(s, error, "must be a %s",
                                   type == CONFIG_TYPE_GROUP  ? "group { }"
                                   : type == CONFIG_TYPE_LIST ? "list ( )"
                                                              : "array [ ]");
        *ret = s;
        return 0;
}

static bool has_children(const config_setting_t *s)
{
        int t = config_setting_type(s);

        return t == CONFIG_TYPE_GROUP || t == CONFIG_TYPE_LIST || t == CONFIG_TYPE_ARRAY;
}

void recipe_known(config_setting_t *s)
{
        mark(s);
        if (has_children(s))
                for (int i = 0; i < config_setting_length(s); i++)
                        recipe_known(config_setting_get_elem(s, (unsigned)i));
}

/* Members of groups are marked one by one; elements of lists and arrays have no key of their own. The recursion is
 * as deep as the parser, which has its own limit, let the file be. */
static int check(const config_setting_t *s, struct recipe_error *error)
{
        int r;

        for (int i = 0; i < config_setting_length(s); i++) {
                const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);

                if (config_setting_is_group(s) && !config_setting_get_hook(e))
                        return recipe_fail(e, error, "unknown key");
                if (has_children(e)) {
                        r = check(e, error);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

int recipe_check_unknown(const struct recipe *r, struct recipe_error *error)
{
        return check(config_root_setting(&r->config), error);
}
