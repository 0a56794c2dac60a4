/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libconfig.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "bridge/bridge-settings.h"

enum kind { NUMBER, FLAG, TEXT };

struct row {
        const char *group, *key;
        enum kind kind;
        int min, max, standard;
        size_t offset;
};

#define AT(member) offsetof(struct bridge_settings, member)
static const struct row rows[] = {
        { "http", "port", NUMBER, 0, 65535, 0, AT(port) },
        { "http", "connections", NUMBER, 8, 1024, 256, AT(connections) },
        { "http", "slow_s", NUMBER, 1, 300, 20, AT(slow_s) },
        { "watch", "always", FLAG, 0, 1, 0, AT(watch_always) },
        { "prometheus", "textfile", TEXT, 0, 0, 0, AT(textfile) },
};

static const struct row page_rows[] = {
        { "page", "name", TEXT, 0, 0, 0, offsetof(struct bridge_page, name) },
        { "page", "token", TEXT, 0, 0, 0, offsetof(struct bridge_page, token) },
        { "page", "watch", FLAG, 0, 1, 1, offsetof(struct bridge_page, watch) },
        { "page", "tell", FLAG, 0, 1, 0, offsetof(struct bridge_page, tell) },
};

struct reading {
        const char *path;
        char *error;
        size_t size;
};

static int refuse(const struct reading *r, const config_setting_t *s, const char *what)
{
        snprintf(r->error, r->size, "%s:%u: %s: %s", r->path, config_setting_source_line(s),
                 config_setting_name(s) ?: "", what);
        return -EINVAL;
}

static const struct row *find_row(const struct row *table, size_t n, const char *group, const char *key)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(table[i].group, group) == 0 && key && strcmp(table[i].key, key) == 0)
                        return &table[i];
        return NULL;
}

static int set_text(const struct reading *r, const config_setting_t *s, char *to, size_t size)
{
        const char *text = config_setting_get_string(s);
        char what[64];

        snprintf(what, sizeof(what), "a text of at most %zu bytes is wanted", size - 1);
        if (!text || strlen(text) >= size)
                return refuse(r, s, what);
        strcpy(to, text);
        return 0;
}

static int set_value(const struct reading *r, const struct row *row, const config_setting_t *s, void *base)
{
        char *place = (char *)base + row->offset, what[64];
        int type = config_setting_type(s);

        if (row->kind == TEXT) /* the one text that is shorter than the others */
                return set_text(r, s, place, strcmp(row->key, "name") == 0 ? 64 : BRIDGE_TEXT_MAX);
        if (row->kind == FLAG) {
                if (type != CONFIG_TYPE_BOOL)
                        return refuse(r, s, "true or false is wanted");
                *(int *)(void *)place = config_setting_get_bool(s);
                return 0;
        }
        if (type != CONFIG_TYPE_INT || config_setting_get_int(s) < row->min || config_setting_get_int(s) > row->max) {
                snprintf(what, sizeof(what), "a whole number from %d to %d is wanted", row->min, row->max);
                return refuse(r, s, what);
        }
        *(int *)(void *)place = config_setting_get_int(s);
        return 0;
}

/* === Pages === */

/* "null" is the origin of pages from files; all others are scheme, host and port, without a path. */
static bool is_origin(const char *s)
{
        const char *host = strstr(s, "://");

        return strcmp(s, "null") == 0 || (host && host != s && host[3] && !strpbrk(host + 3, "/?#* "));
}

static int read_origins(const struct reading *r, const config_setting_t *s, struct bridge_page *page)
{
        int n = config_setting_is_array(s) || config_setting_is_list(s) ? config_setting_length(s) : -1;

        if (n < 0 || n > BRIDGE_ORIGINS_MAX)
                return refuse(r, s, "a list of at most 16 origins is wanted");
        for (int i = 0; i < n; i++) {
                const char *text = config_setting_get_string_elem(s, i);

                if (!text || strlen(text) >= BRIDGE_TEXT_MAX || !is_origin(text))
                        return refuse(r, s, "an origin is wanted, for example \"https://signage.example\"");
                strcpy(page->origins[page->n_origins++], text);
        }
        return 0;
}

/* What a header may hold: letters, digits and what RFC 6750 allows beside them. */
static bool is_token(const char *s)
{
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

        return n >= BRIDGE_TOKEN_MIN && !s[n];
}

static int read_page(const struct reading *r, const config_setting_t *group, struct bridge_settings *ret)
{
        struct bridge_page *page = &ret->pages[ret->n_pages];

        if (!config_setting_is_group(group))
                return refuse(r, group, "a group { name, token, origins, watch, tell } is wanted");
        page->watch = 1;
        for (int k = 0; k < config_setting_length(group); k++) {
                const config_setting_t *s = config_setting_get_elem(group, (unsigned)k);
                const struct row *row = find_row(page_rows, ARRAY_LEN(page_rows), "page", config_setting_name(s));
                int q;

                if (strcmp(config_setting_name(s), "origins") == 0)
                        q = read_origins(r, s, page);
                else
                        q = row ? set_value(r, row, s, page) : refuse(r, s, "there is no such setting");
                if (q < 0)
                        return q;
        }
        if (!page->name[0])
                return refuse(r, group, "a page needs a name");
        if (!is_token(page->token))
                return refuse(r, group, "a page needs a token of 16 or more letters, digits and -._~+/=");
        for (size_t i = 0; i < ret->n_pages; i++)
                if (strcmp(ret->pages[i].token, page->token) == 0)
                        return refuse(r, group, "two pages have the same token");
        ret->n_pages++;
        return 0;
}

static int read_pages(const struct reading *r, const config_setting_t *s, struct bridge_settings *ret)
{
        int n = config_setting_is_list(s) ? config_setting_length(s) : -1;

        if (n < 0 || n > BRIDGE_PAGES_MAX)
                return refuse(r, s, "a list ( { ... }, ... ) of at most 16 pages is wanted");
        for (int i = 0; i < n; i++) {
                int q = read_page(r, config_setting_get_elem(s, (unsigned)i), ret);

                if (q < 0)
                        return q;
        }
        return 0;
}

/* === The whole === */

static int read_group(const struct reading *r, const config_setting_t *group, struct bridge_settings *ret)
{
        const char *name = config_setting_name(group);

        for (int k = 0; k < config_setting_length(group); k++) {
                const config_setting_t *s = config_setting_get_elem(group, (unsigned)k);
                const struct row *row = find_row(rows, ARRAY_LEN(rows), name, config_setting_name(s));
                int q;

                if (strcmp(name, "http") == 0 && strcmp(config_setting_name(s), "pages") == 0)
                        q = read_pages(r, s, ret);
                else
                        q = row ? set_value(r, row, s, ret) : refuse(r, s, "there is no such setting");
                if (q < 0)
                        return q;
        }
        return 0;
}

static int check(const struct reading *r, const struct bridge_settings *s)
{
        if (!s->port || s->n_pages)
                return 0;
        snprintf(r->error, r->size, "%s: http: a port without pages: nobody could ask", r->path);
        return -EINVAL;
}

static int read_file(const struct reading *r, FILE *f, struct bridge_settings *ret)
{
        config_t config;
        int q = 0;

        config_init(&config);
        if (!config_read(&config, f)) {
                snprintf(r->error, r->size, "%s:%d: %s", r->path, config_error_line(&config),
                         config_error_text(&config));
                q = -EINVAL;
        }
        for (int i = 0; q >= 0 && i < config_setting_length(config_root_setting(&config)); i++) {
                const config_setting_t *group = config_setting_get_elem(config_root_setting(&config), (unsigned)i);

                q = config_setting_is_group(group) ? read_group(r, group, ret)
                                                   : refuse(r, group, "there is no such group");
        }
        config_destroy(&config);
        return q < 0 ? q : check(r, ret);
}

int bridge_settings_load(const char *path, bool optional, struct bridge_settings *ret, char *error, size_t size)
{
        _cleanup_(fclosep) FILE *f = NULL;
        struct reading r = { path, error, size };
        struct stat st;
        int q;

        memset(ret, 0, sizeof(*ret));
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
                if (rows[i].kind != TEXT)
                        *(int *)(void *)((char *)ret + rows[i].offset) = rows[i].standard;
        f = fopen(path, "re");
        if (!f && errno == ENOENT && optional)
                return 0;
        if (!f) {
                snprintf(error, size, "%s: %s", path, strerror(errno));
                return -EINVAL;
        }
        q = read_file(&r, f, ret);
        ret->readable_by_all = ret->n_pages && fstat(fileno(f), &st) == 0 && (st.st_mode & S_IROTH);
        return q;
}
