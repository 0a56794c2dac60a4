/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "basic/fnv.h"
#include "basic/log.h"
#include "basic/macro.h"
#include "daemon/vision/plugin-host.h"
#include "daemon/vision/plugin-record.h"

#define FILE_NAME "plugin-calls"
#define MAGIC 0x314c4c41434f4d45ull /* "EMOCALL1" */
#define MAX_ENTRIES 16u
#define NAME_BYTES (PLUGIN_NAME_MAX + 8u)

/* What was counted of one plugin; no name: free. */
struct entry {
        char name[NAME_BYTES];
        uint64_t identity;
        uint64_t crashes_usec[PLUGIN_RECORD_CRASHES]; /* the newest first; 0: none */
};

/* The file. */
struct contents {
        uint64_t magic;
        uint64_t identity;
        char name[NAME_BYTES]; /* of the plugin that is being called; "": none is */
        char what[24];
        struct entry entries[MAX_ENTRIES];
};

struct plugin_record {
        struct contents *c;
        bool is_mapped;
};

static int map_file(const char *folder, struct contents **ret)
{
        _cleanup_(freep) char *path = NULL;
        _cleanup_(closep) int fd = -1;
        struct stat st;
        void *p;
        int r;

        if (asprintf(&path, "%s/" FILE_NAME, folder) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        /* a full disk is found here and not when the page is written to */
        r = -posix_fallocate(fd, 0, sizeof(struct contents));
        if (r < 0)
                return r;
        p = mmap(NULL, sizeof(struct contents), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}

static bool is_name(const char *s, size_t size)
{
        size_t n = strnlen(s, size);

        return n < size && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Of another version, or damaged: begun anew. */
static void check_contents(struct contents *c)
{
        bool good = c->magic == MAGIC && is_name(c->name, sizeof(c->name)) && is_name(c->what, sizeof(c->what));

        for (size_t i = 0; i < MAX_ENTRIES; i++)
                good = good && is_name(c->entries[i].name, sizeof(c->entries[i].name));
        if (!good)
                *c = (struct contents){ .magic = MAGIC };
}

static struct entry *find_entry(struct contents *c, const char *name)
{
        for (size_t i = 0; i < MAX_ENTRIES; i++)
                if (strcmp(c->entries[i].name, name) == 0)
                        return &c->entries[i];
        return NULL;
}

/* A new entry; where there is no room the one whose last crash is the longest ago goes. */
static struct entry *make_entry(struct contents *c, const char *name)
{
        struct entry *e = find_entry(c, "");

        for (size_t i = 0; !e && i < MAX_ENTRIES; i++)
                if (i == 0 || c->entries[i].crashes_usec[0] < e->crashes_usec[0])
                        e = &c->entries[i];
        *e = (struct entry){ .identity = 0 };
        snprintf(e->name, sizeof(e->name), "%s", name);
        return e;
}

static bool is_off(const struct entry *e, uint64_t identity)
{
        uint64_t first = e->crashes_usec[PLUGIN_RECORD_CRASHES - 1], last = e->crashes_usec[0];

        return e->identity == identity && first && last - first <= PLUGIN_RECORD_WITHIN_USEC;
}

static void count_crash(struct contents *c, uint64_t now_usec)
{
        struct entry *e = find_entry(c, c->name);

        if (!e)
                e = make_entry(c, c->name);
        if (e->identity != c->identity)
                memset(e->crashes_usec, 0, sizeof(e->crashes_usec));
        e->identity = c->identity;
        memmove(e->crashes_usec + 1, e->crashes_usec, sizeof(e->crashes_usec) - sizeof(e->crashes_usec[0]));
        e->crashes_usec[0] = now_usec;
        log_error("plugin %s: the service ended within its %s()%s", c->name, c->what,
                  is_off(e, e->identity) ? "; it is " PLUGIN_RECORD_TEXT : "");
}

int plugin_record_open(const char *folder, uint64_t now_usec, struct plugin_record **ret)
{
        _cleanup_(freep) struct plugin_record *r = calloc(1, sizeof(*r));
        int e = 0;

        if (!r)
                return -ENOMEM;
        if (folder)
                e = map_file(folder, &r->c);
        else
                r->c = calloc(1, sizeof(*r->c));
        if (e < 0 || !r->c)
                return e < 0 ? e : -ENOMEM;
        r->is_mapped = folder;
        check_contents(r->c);
        if (*r->c->name)
                count_crash(r->c, now_usec);
        plugin_record_leave(r);
        *ret = STEAL(r);
        return 0;
}

struct plugin_record *plugin_record_close(struct plugin_record *r)
{
        if (!r)
                return NULL;
        if (r->is_mapped)
                munmap(r->c, sizeof(*r->c));
        else
                free(r->c);
        free(r);
        return NULL;
}

void plugin_record_enter(struct plugin_record *r, const char *name, uint64_t identity, const char *what)
{
        if (!r)
                return;
        r->c->identity = identity;
        snprintf(r->c->what, sizeof(r->c->what), "%s", what);
        snprintf(r->c->name, sizeof(r->c->name), "%s", name);
}

void plugin_record_leave(struct plugin_record *r)
{
        if (r)
                r->c->name[0] = '\0';
}

bool plugin_record_is_off(const struct plugin_record *r, const char *name, uint64_t identity)
{
        const struct entry *e = r ? find_entry(r->c, name) : NULL;

        return e && is_off(e, identity);
}

uint64_t plugin_record_identity(const char *path, uint64_t stamp)
{
        uint64_t hash = fnv_add(FNV_START, &stamp, sizeof(stamp));
        struct stat st;

        if (stat(path, &st) < 0)
                return hash;
        hash = fnv_add(hash, &st.st_ino, sizeof(st.st_ino));
        hash = fnv_add(hash, &st.st_size, sizeof(st.st_size));
        return fnv_add(hash, &st.st_mtim, sizeof(st.st_mtim));
}
