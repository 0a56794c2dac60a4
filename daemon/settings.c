/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/fnv.h"
#include "daemon/settings-table.h"
#include "daemon/settings-zones.h"

struct loader {
        struct settings *s;
        const char *file; /* owned by s->file_names */
        struct settings_error *error;
};

static int complain(const struct loader *l, const config_setting_t *at, const char *key, const char *why)
{
        snprintf(l->error->text, sizeof(l->error->text), "%s:%u: %s%s%s", l->file,
                 at ? config_setting_source_line(at) : 0, key, *key ? ": " : "", why);
        return -EINVAL;
}

static int complain_file(const struct loader *l, int r, const char *why)
{
        snprintf(l->error->text, sizeof(l->error->text), "%s: %s", l->file, why);
        return r;
}

/* Copies @from into @to, which has the same type; what is there is replaced. The copy remembers file and line. */
static int copy_setting(const struct loader *l, config_setting_t *to, const config_setting_t *from)
{
        int n = config_setting_length(from), r = 0;

        to->line = from->line;
        to->file = l->file;
        switch (config_setting_type(from)) {
        case CONFIG_TYPE_INT:
                return config_setting_set_int(to, config_setting_get_int(from)) ? 0 : -ENOMEM;
        case CONFIG_TYPE_INT64:
                return config_setting_set_int64(to, config_setting_get_int64(from)) ? 0 : -ENOMEM;
        case CONFIG_TYPE_FLOAT:
                return config_setting_set_float(to, config_setting_get_float(from)) ? 0 : -ENOMEM;
        case CONFIG_TYPE_BOOL:
                return config_setting_set_bool(to, config_setting_get_bool(from)) ? 0 : -ENOMEM;
        case CONFIG_TYPE_STRING:
                return config_setting_set_string(to, config_setting_get_string(from)) ? 0 : -ENOMEM;
        default:
                break;
        }
        for (int i = 0; i < n && r >= 0; i++) {
                const config_setting_t *child = config_setting_get_elem(from, (unsigned)i);
                const char *name = config_setting_name(child);
                config_setting_t *old = name ? config_setting_get_member(to, name) : NULL;
                config_setting_t *copy;

                /* groups are merged key by key, everything else is replaced as a whole */
                if (old && config_setting_is_group(old) && config_setting_is_group(child)) {
                        r = copy_setting(l, old, child);
                        continue;
                }
                if (old)
                        config_setting_remove(to, name);
                copy = config_setting_add(to, name, config_setting_type(child));
                r = copy ? copy_setting(l, copy, child) : -ENOMEM;
        }
        return r;
}

static int apply_plugins(const struct loader *l, const config_setting_t *group)
{
        config_setting_t *root = config_root_setting(&l->s->plugins_tree), *to;
        int n = config_setting_length(group);

        for (int i = 0; i < n; i++) {
                const config_setting_t *child = config_setting_get_elem(group, (unsigned)i);

                if (!config_setting_is_group(child))
                        return complain(l, child, "plugins", "holds one group for each plugin, and nothing else");
        }
        to = config_setting_get_member(root, "plugins");
        if (!to)
                to = config_setting_add(root, "plugins", CONFIG_TYPE_GROUP);
        if (!to)
                return -ENOMEM;
        l->s->plugins = to;
        return copy_setting(l, to, group);
}

static int apply_zones(const struct loader *l, const config_setting_t *group)
{
        int n = config_setting_length(group), r;
        char key[160], why[256];

        for (int i = 0; i < n; i++) {
                const config_setting_t *value = config_setting_get_elem(group, (unsigned)i);

                r = settings_zone_set(&l->s->zones, value, why, sizeof(why));
                if (r >= 0)
                        continue;
                snprintf(key, sizeof(key), "zones.%.100s", config_setting_name(value));
                return complain(l, value, key, why);
        }
        return 0;
}

/* The camera says which it has; here a control is a name and a whole number, or a switch. */
static int apply_control(const struct loader *l, const config_setting_t *value)
{
        const char *name = config_setting_name(value);
        struct settings *s = l->s;
        int type = config_setting_type(value);
        size_t at = 0;
        char key[160];

        snprintf(key, sizeof(key), "camera.controls.%.100s", name);
        if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_BOOL)
                return complain(l, value, key, "is neither an integer nor true or false");
        if (strlen(name) >= sizeof(s->controls[0].name))
                return complain(l, value, key, "has a name of more than 31 bytes");
        while (at < s->n_controls && strcmp(s->controls[at].name, name) != 0)
                at++;
        if (at == SOURCE_MAX_CONTROLS)
                return complain(l, value, key, "is one more than the 32 that there may be");
        snprintf(s->controls[at].name, sizeof(s->controls[at].name), "%s", name);
        s->controls[at].value =
                type == CONFIG_TYPE_BOOL ? config_setting_get_bool(value) : config_setting_get_int(value);
        s->n_controls = MAX(s->n_controls, at + 1);
        return 0;
}

static int apply_controls(const struct loader *l, const config_setting_t *group)
{
        int n, r = 0;

        if (!config_setting_is_group(group))
                return complain(l, group, "camera.controls", "is a group of settings: controls = { NAME = VALUE; }");
        n = config_setting_length(group);
        for (int i = 0; i < n && r >= 0; i++)
                r = apply_control(l, config_setting_get_elem(group, (unsigned)i));
        return r;
}

static int apply_group(const struct loader *l, const config_setting_t *group)
{
        const char *name = config_setting_name(group);
        int n = config_setting_length(group), r;
        char key[160], why[256];

        for (int i = 0; i < n; i++) {
                const config_setting_t *value = config_setting_get_elem(group, (unsigned)i);
                const struct settings_row *row = settings_row_find(name, config_setting_name(value));

                if (strcmp(name, "camera") == 0 && strcmp(config_setting_name(value), "controls") == 0) {
                        r = apply_controls(l, value);
                        if (r < 0)
                                return r;
                        continue;
                }
                snprintf(key, sizeof(key), "%s.%.100s", name, config_setting_name(value));
                if (!row)
                        return complain(l, value, key, "no such setting");
                r = settings_row_set(row, value, l->s, why, sizeof(why));
                if (r < 0)
                        return complain(l, value, key, why);
        }
        return 0;
}

static int apply_tree(const struct loader *l, const config_t *tree)
{
        const config_setting_t *root = config_root_setting(tree);
        int n = config_setting_length(root), r = 0;

        for (int i = 0; i < n && r >= 0; i++) {
                const config_setting_t *group = config_setting_get_elem(root, (unsigned)i);
                const char *name = config_setting_name(group);
                bool plugins = strcmp(name, "plugins") == 0, zones = strcmp(name, "zones") == 0;
                char key[128];

                snprintf(key, sizeof(key), "%.100s", name);
                if (!plugins && !zones && !settings_group_known(name))
                        r = complain(l, group, key, "no such group of settings");
                else if (!config_setting_is_group(group))
                        r = complain(l, group, key, "is a group of settings: NAME { ... }");
                else
                        r = plugins ? apply_plugins(l, group) : zones ? apply_zones(l, group) : apply_group(l, group);
        }
        return r;
}

/* A file that includes another could name any file of the system; drop-ins do the same job in one known place. */
static const char *find_include(const char *text, unsigned *ret_line)
{
        unsigned line = 1;

        for (const char *p = text; p; line++) {
                p += strspn(p, " \t\r");
                if (strncmp(p, "@include", 8) == 0) {
                        *ret_line = line;
                        return p;
                }
                p = strchr(p, '\n');
                if (p)
                        p++;
        }
        return NULL;
}

static int parse_text(const struct loader *l, const char *text)
{
        config_t tree;
        unsigned line;
        int r;

        if (find_include(text, &line)) {
                snprintf(l->error->text, sizeof(l->error->text),
                         "%s:%u: @include is not supported; put the file into %s.d", l->file, line, l->file);
                return -EINVAL;
        }
        config_init(&tree);
        if (!config_read_string(&tree, text)) {
                snprintf(l->error->text, sizeof(l->error->text), "%s:%d: %s", l->file, config_error_line(&tree),
                         config_error_text(&tree));
                r = -EINVAL;
        } else {
                r = apply_tree(l, &tree);
                if (r == -ENOMEM)
                        complain_file(l, r, "out of memory");
        }
        config_destroy(&tree);
        return r;
}

/* Reads at most the limit, whatever the file's size claims to be. */
static int read_all(int fd, char **ret, size_t *ret_size)
{
        _cleanup_(freep) char *buffer = malloc(SETTINGS_MAX_FILE_BYTES + 1);
        size_t n = 0;

        if (!buffer)
                return -ENOMEM;
        for (;;) {
                ssize_t k = read(fd, buffer + n, SETTINGS_MAX_FILE_BYTES + 1 - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t)k;
                if (n > SETTINGS_MAX_FILE_BYTES)
                        return -EFBIG;
        }
        buffer[n] = '\0';
        *ret = STEAL(buffer);
        *ret_size = n;
        return 0;
}

static int load_file(const struct loader *l, bool optional)
{
        _cleanup_(closep) int fd = open(l->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_(freep) char *text = NULL;
        struct stat st;
        size_t size = 0;
        int r;

        if (fd < 0 && errno == ENOENT && optional)
                return 0;
        if (fd < 0) {
                r = -errno;
                return complain_file(l, r, strerror(-r));
        }
        if (fstat(fd, &st) < 0) {
                r = -errno;
                return complain_file(l, r, strerror(-r));
        }
        /* a drop-in that is a link to /dev/null masks one of the same name */
        if (S_ISCHR(st.st_mode) && st.st_size == 0 && optional)
                return 0;
        if (!S_ISREG(st.st_mode))
                return complain_file(l, -EINVAL, "is not a regular file");
        r = read_all(fd, &text, &size);
        if (r == -EFBIG)
                return complain_file(l, r, "is larger than 256 KiB");
        if (r < 0)
                return complain_file(l, r, strerror(-r));
        if (strlen(text) != size)
                return complain_file(l, -EINVAL, "holds a NUL byte: this is no text");
        l->s->stamp = fnv_add(l->s->stamp, text, size);
        return parse_text(l, text);
}

/* Values in the copied plugin settings point to the name, so it lives as long as the set. */
static int keep_name(struct settings *s, const char *name, const char **ret)
{
        char **names = reallocarray(s->file_names, s->n_file_names + 1, sizeof(*names));

        if (!names)
                return -ENOMEM;
        s->file_names = names;
        names[s->n_file_names] = strdup(name);
        if (!names[s->n_file_names])
                return -ENOMEM;
        *ret = names[s->n_file_names++];
        return 0;
}

static int is_dropin(const struct dirent *d)
{
        size_t n = strlen(d->d_name);

        return d->d_name[0] != '.' && n > 5 && strcmp(d->d_name + n - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name); /* not strcoll(): the order is the same in every locale */
}

static int load_named(struct loader *l, const char *path, bool optional)
{
        int r = keep_name(l->s, path, &l->file);

        if (r < 0)
                return r;
        return load_file(l, optional);
}

static int load_dropins(struct loader *l, const char *file)
{
        struct dirent **found = NULL;
        char folder[4096], path[4096 + 300];
        int n, r = 0;

        if (snprintf(folder, sizeof(folder), "%s.d", file) >= (int)sizeof(folder))
                return -ENAMETOOLONG;
        n = scandir(folder, &found, is_dropin, by_name);
        if (n < 0 && (errno == ENOENT || errno == ENOTDIR))
                return 0;
        if (n < 0) {
                r = -errno;
                snprintf(l->error->text, sizeof(l->error->text), "%.400s: %s", folder, strerror(-r));
                return r;
        }
        if ((unsigned)n > SETTINGS_MAX_DROPINS) {
                snprintf(l->error->text, sizeof(l->error->text), "%.400s: more than %u files", folder,
                         SETTINGS_MAX_DROPINS);
                r = -E2BIG;
        }
        for (int i = 0; i < n; i++) {
                if (r >= 0) {
                        snprintf(path, sizeof(path), "%s/%s", folder, found[i]->d_name);
                        r = load_named(l, path, true);
                }
                free(found[i]);
        }
        free(found);
        return r;
}

static int find_reserved_user(struct settings *s, struct settings_error *error)
{
        const char *name = s->service.reserved_user;
        const struct passwd *user;

        s->reserved_uid = (uid_t)-1;
        if (!*name)
                return 0;
        user = getpwnam(name);
        if (!user) {
                snprintf(error->text, sizeof(error->text), "service.reserved_user: there is no user \"%.64s\"", name);
                return -EINVAL;
        }
        s->reserved_uid = user->pw_uid;
        return 0;
}

static int apply_override(struct settings *s, const struct settings_override *o, struct settings_error *error)
{
        static const char *const words[] = { "--replay", "--log-level" };
        const char *values[] = { o->replay, o->log_level };
        const struct settings_row *rows[] = {
                settings_row_find("camera", "replay"),
                settings_row_find("service", "log_level"),
        };
        char why[256];

        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                if (!values[i] || settings_row_set_text(rows[i], values[i], s, why, sizeof(why)) == 0)
                        continue;
                snprintf(error->text, sizeof(error->text), "%s: %s", words[i], why);
                return -EINVAL;
        }
        if (o->replay_pace >= 0)
                s->camera.replay_pace = o->replay_pace;
        if (o->replay_loop >= 0)
                s->camera.replay_loop = o->replay_loop;
        return 0;
}

int settings_load(const char *file, bool optional, const struct settings_override *override, struct settings **ret,
                  struct settings_error *error)
{
        _cleanup_(settings_unrefp) struct settings *s = calloc(1, sizeof(*s));
        struct loader l = { .s = s, .file = "", .error = error };
        int r;

        *error = (struct settings_error){ .text = "out of memory" };
        if (!s)
                return -ENOMEM;
        s->n_refs = 1;
        config_init(&s->plugins_tree);
        for (size_t i = 0; i < settings_n_rows; i++)
                settings_row_set_default(&settings_rows[i], s);

        if (file) {
                r = load_named(&l, file, optional);
                if (r < 0)
                        return r;
                r = load_dropins(&l, file);
                if (r < 0)
                        return r;
        }
        if (override) {
                r = apply_override(s, override, error);
                if (r < 0)
                        return r;
        }
        r = find_reserved_user(s, error);
        if (r < 0)
                return r;
        error->text[0] = '\0';
        *ret = STEAL(s);
        return 0;
}

uint64_t settings_stall_usec(const struct settings *s, double frame_rate_hz)
{
        uint64_t limit = (uint64_t)s->camera.stall_ms * 1000;

        return frame_rate_hz > 0.001 ? MAX(limit, (uint64_t)(3e6 / frame_rate_hz)) : limit;
}

struct settings *settings_ref(struct settings *s)
{
        __atomic_add_fetch(&s->n_refs, 1, __ATOMIC_RELAXED);
        return s;
}

struct settings *settings_unref(struct settings *s)
{
        if (!s || __atomic_sub_fetch(&s->n_refs, 1, __ATOMIC_ACQ_REL) > 0)
                return NULL;
        config_destroy(&s->plugins_tree);
        for (size_t i = 0; i < s->n_file_names; i++)
                free(s->file_names[i]);
        free(s->file_names);
        free(s);
        return NULL;
}
