/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/conf.h"
#include "basic/macro.h"
#include "bridge/bridge-settings.h"
#include "config.h"

/* === Pages === */

/* "null" is the origin of pages from files; all others are scheme, host and port, without a path. */
static bool is_origin(const char *s)
{
        const char *host = strstr(s, "://");

        return strcmp(s, "null") == 0 || (host && host != s && host[3] && !strpbrk(host + 3, "/?#* "));
}

static int read_origins(const struct conf_reading *r, const config_setting_t *s, void *settings)
{
        struct bridge_page *page = settings;
        int n = config_setting_is_array(s) || config_setting_is_list(s) ? config_setting_length(s) : -1;

        if (n < 0 || n > BRIDGE_ORIGINS_MAX)
                return conf_refuse(r, s, "a list of at most 16 origins is wanted");
        for (int i = 0; i < n; i++) {
                const char *text = config_setting_get_string_elem(s, i);

                if (!text || strlen(text) >= BRIDGE_TEXT_MAX || !is_origin(text))
                        return conf_refuse(r, s, "an origin is wanted, for example \"https://signage.example\"");
                strcpy(page->origins[page->n_origins++], text);
        }
        return 0;
}

static const struct conf_row page_rows[] = {
        { CONF_ROW_TEXT("page", "name", struct bridge_page, name) },
        { CONF_ROW_TEXT("page", "token", struct bridge_page, token) },
        { CONF_ROW_LIST("page", "origins", read_origins) },
        { CONF_ROW_FLAG("page", "watch", 1, struct bridge_page, watch) },
        { CONF_ROW_FLAG("page", "tell", 0, struct bridge_page, tell) },
};

/* What a header may hold: letters, digits and what RFC 6750 allows beside them. */
static bool is_token(const char *s)
{
        size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=");

        return n >= BRIDGE_TOKEN_MIN && !s[n];
}

static int read_page(const struct conf_reading *r, const config_setting_t *group, struct bridge_settings *ret)
{
        struct bridge_page *page = &ret->pages[ret->n_pages];
        int q;

        if (!config_setting_is_group(group))
                return conf_refuse(r, group, "a group { name, token, origins, watch, tell } is wanted");
        conf_set_standards(page_rows, ARRAY_LEN(page_rows), page);
        q = conf_group_read(r, group, page_rows, ARRAY_LEN(page_rows), page);
        if (q < 0)
                return q;
        if (!page->name[0])
                return conf_refuse(r, group, "a page needs a name");
        if (!is_token(page->token))
                return conf_refuse(r, group, "a page needs a token of 16 or more letters, digits and -._~+/=");
        for (size_t i = 0; i < ret->n_pages; i++)
                if (strcmp(ret->pages[i].token, page->token) == 0)
                        return conf_refuse(r, group, "two pages have the same token");
        ret->n_pages++;
        return 0;
}

static int read_pages(const struct conf_reading *r, const config_setting_t *s, void *settings)
{
        struct bridge_settings *ret = settings;
        int n = config_setting_is_list(s) ? config_setting_length(s) : -1;

        if (n < 0 || n > BRIDGE_PAGES_MAX)
                return conf_refuse(r, s, "a list ( { ... }, ... ) of at most 16 pages is wanted");
        for (int i = 0; i < n; i++) {
                int q = read_page(r, config_setting_get_elem(s, (unsigned)i), ret);

                if (q < 0)
                        return q;
        }
        return 0;
}

/* === The whole === */

#define NUMBER(group, key, min, max, standard, member) \
        CONF_ROW_NUMBER(group, key, min, max, standard, struct bridge_settings, member)
#define FLAG(group, key, standard, member) CONF_ROW_FLAG(group, key, standard, struct bridge_settings, member)
#define TEXT(group, key, member) CONF_ROW_TEXT(group, key, struct bridge_settings, member)

static const struct conf_row rows[] = {
        { NUMBER("http", "port", 0, 65535, 0, port) },
        { NUMBER("http", "connections", 8, 1024, 256, connections) },
        { NUMBER("http", "slow_s", 1, 300, 20, slow_s) },
        { CONF_ROW_LIST("http", "pages", read_pages) },
        { FLAG("watch", "always", 0, watch_always) },
        { TEXT("mqtt", "host", mqtt.host) },
        { NUMBER("mqtt", "port", 0, 65535, 0, mqtt.port) },
        { TEXT("mqtt", "prefix", mqtt.prefix) },
        { TEXT("mqtt", "device", mqtt.device) },
        { TEXT("mqtt", "user", mqtt.user) },
        { TEXT("mqtt", "password", mqtt.password) },
        { FLAG("mqtt", "tls", 0, mqtt.tls) },
        { TEXT("mqtt", "ca_file", mqtt.ca_file) },
        { TEXT("mqtt", "cert_file", mqtt.cert_file) },
        { TEXT("mqtt", "key_file", mqtt.key_file) },
        { NUMBER("mqtt", "window_s", 0, 3600, 60, mqtt.window_s) },
        { NUMBER("mqtt", "queue_windows", 10, 1000000, 50000, mqtt.queue_windows) },
        { NUMBER("mqtt", "minimum_group", 3, 100, 5, mqtt.minimum_group) },
        { FLAG("mqtt", "allow_switch", 0, mqtt.allow_switch) },
        { FLAG("mqtt", "discovery", 0, mqtt.discovery) },
        { TEXT("mqtt", "discovery_prefix", mqtt.discovery_prefix) },
        { TEXT("prometheus", "textfile", textfile) },
};

/* === MQTT === */

static int wrong(const struct conf_reading *r, const char *what)
{
        snprintf(r->error, r->size, "%s: %s", r->path, what);
        return -EINVAL;
}

/* What may stand in a topic and in names of Home Assistant; @more: other characters */
static bool is_name(const char *s, const char *more)
{
        for (; *s; s++)
                if (!isalnum((unsigned char)*s) && *s != '-' && *s != '_' && !strchr(more, *s))
                        return false;
        return true;
}

/* A host's name may have dots. */
static void name_after_host(char ret[static BRIDGE_NAME_MAX])
{
        if (gethostname(ret, BRIDGE_NAME_MAX) < 0)
                ret[0] = 0;
        ret[BRIDGE_NAME_MAX - 1] = 0;
        for (char *p = ret; *p; p++)
                if (!isalnum((unsigned char)*p) && *p != '_')
                        *p = '-';
}

static int check_file(const struct conf_reading *r, const char *key, const char *path)
{
        if (!path[0] || access(path, R_OK) == 0)
                return 0;
        snprintf(r->error, r->size, "%s: mqtt.%s: %s: %s", r->path, key, path, strerror(errno));
        return -EINVAL;
}

static int check_tls(const struct conf_reading *r, const struct bridge_mqtt *m)
{
        int q;

        if (!m->tls && (m->ca_file[0] || m->cert_file[0] || m->key_file[0]))
                return wrong(r, "files for TLS are of use with mqtt.tls = true only");
        if (!m->cert_file[0] != !m->key_file[0])
                return wrong(r, "mqtt.cert_file and mqtt.key_file are wanted together");
        q = check_file(r, "ca_file", m->ca_file);
        if (q == 0)
                q = check_file(r, "cert_file", m->cert_file);
        return q < 0 ? q : check_file(r, "key_file", m->key_file);
}

static void set_names(struct bridge_mqtt *m)
{
        if (!m->device[0])
                name_after_host(m->device);
        if (!m->prefix[0])
                strcpy(m->prefix, "emotiond");
        if (!m->discovery_prefix[0])
                strcpy(m->discovery_prefix, "homeassistant");
}

static int check_mqtt(const struct conf_reading *r, struct bridge_mqtt *m)
{
        if (!m->host[0])
                return 0;
        if (!HAVE_MQTT)
                return wrong(r, "mqtt.host: this emotion-bridge was built without MQTT");
        set_names(m);
        if (!m->device[0] || !is_name(m->device, ""))
                return wrong(r, "mqtt.device: letters, digits, - and _ are wanted");
        if (!is_name(m->prefix, "/.") || m->prefix[0] == '/' || m->prefix[strlen(m->prefix) - 1] == '/')
                return wrong(r, "mqtt.prefix: letters, digits and -_./ are wanted, not / at an end");
        if (!is_name(m->discovery_prefix, "/"))
                return wrong(r, "mqtt.discovery_prefix: letters, digits and -_/ are wanted");
        if (m->password[0] && !m->user[0])
                return wrong(r, "mqtt.password without mqtt.user");
        return check_tls(r, m);
}

static int check(const struct conf_reading *r, struct bridge_settings *s)
{
        if (s->port && !s->n_pages)
                return wrong(r, "http: a port without pages: nobody could ask");
        return check_mqtt(r, &s->mqtt);
}

int bridge_settings_load(const char *path, bool optional, struct bridge_settings *ret, char *error, size_t size)
{
        _cleanup_(fclosep) FILE *f = NULL;
        const struct conf_reading r = { path, error, size };
        struct stat st;
        int q;

        memset(ret, 0, sizeof(*ret));
        q = conf_load(&r, optional, rows, ARRAY_LEN(rows), ret, &f);
        if (q < 0)
                return q;
        ret->readable_by_all =
                f && (ret->n_pages || ret->mqtt.password[0]) && fstat(fileno(f), &st) == 0 && (st.st_mode & S_IROTH);
        return check(&r, ret);
}
