/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "daemon/vision/plugin-host.h"
#include "daemon/vision/plugin-load.h"

#define MAX_PROGRAM_HEADERS 64u
#define COMPARED_BYTES 4096u
/* version, description, licence: they are shown to people and put on the bus */
#define MAX_TEXT_BYTES 256u

_printf_(3, 4) static int fail(struct plugin_load_error *error, int r, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        vsnprintf(error->text, sizeof(error->text), format, ap);
        va_end(ap);
        return r;
}

/* The dynamic linker maps what the program headers say and dies of SIGBUS where the file is shorter than they say. */
static int check_segments(int fd, const ElfW(Ehdr) * header, uint64_t file_bytes, struct plugin_load_error *error)
{
        ElfW(Phdr) segments[MAX_PROGRAM_HEADERS];
        size_t size_bytes = header->e_phnum * sizeof(*segments);

        if (!header->e_phnum || header->e_phnum > MAX_PROGRAM_HEADERS || header->e_phentsize != sizeof(*segments) ||
            header->e_phoff > file_bytes)
                return fail(error, -ENOEXEC, "is a damaged shared object");
        if (pread(fd, segments, size_bytes, (off_t)header->e_phoff) != (ssize_t)size_bytes)
                return fail(error, -ENOEXEC, "is a shared object that was cut short");
        for (size_t i = 0; i < header->e_phnum; i++) {
                uint64_t end_bytes;

                if (segments[i].p_type == PT_NULL)
                        continue;
                if (__builtin_add_overflow(segments[i].p_offset, segments[i].p_filesz, &end_bytes) ||
                    (segments[i].p_filesz && end_bytes > file_bytes))
                        return fail(error, -ENOEXEC, "is a shared object that was cut short");
        }
        return 0;
}

static int check_file(const char *path, struct plugin_load_error *error)
{
        _cleanup_(closep) int fd = -1;
        ElfW(Ehdr) header;
        struct stat st;

        /* a FIFO must not hold us up */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return fail(error, -errno, "cannot be read: %s", strerror(errno));
        if (!S_ISREG(st.st_mode))
                return fail(error, -ENOEXEC, "is not a file");
        if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
            memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
                return fail(error, -ENOEXEC, "is not a shared object (ELF)");
        if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) || header.e_type != ET_DYN)
                return fail(error, -ENOEXEC, "is not a shared object for this machine");
        return check_segments(fd, &header, (uint64_t)st.st_size, error);
}

/* An object as it is mapped, with its program headers. */
struct mapped {
        const struct link_map *map;
        const ElfW(Phdr) * segments;
        size_t n_segments;
};

static int find_mapped(struct dl_phdr_info *info, size_t size, void *arg)
{
        struct mapped *m = arg;

        if (info->dlpi_addr != m->map->l_addr)
                return 0;
        m->segments = info->dlpi_phdr;
        m->n_segments = info->dlpi_phnum;
        return 1;
}

/* Not memcmp(): AddressSanitizer puts guards between the constants of an object, over which this reads. */
__attribute__((no_sanitize("address"))) static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (a[i] != b[i])
                        return false;
        return true;
}

/* Does the file have at @at what lies in memory? */
static bool is_equal(int fd, uint64_t at, const uint8_t *memory, uint64_t size_bytes)
{
        uint8_t bytes[COMPARED_BYTES];

        for (uint64_t done = 0; done < size_bytes;) {
                size_t n = MIN(size_bytes - done, (uint64_t)sizeof(bytes));

                if (pread(fd, bytes, n, (off_t)(at + done)) != (ssize_t)n || !same_bytes(bytes, memory + done, n))
                        return false;
                done += n;
        }
        return true;
}

/* True if the file at @path is not the one that is mapped. What the linker does not write to is compared: what is told
 * of a mapped file's inode differs with the file system. */
static bool has_changed(void *handle, const char *path)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct mapped m = { 0 };
        ElfW(Ehdr) header;

        if (fd < 0 || dlinfo(handle, RTLD_DI_LINKMAP, &m.map) < 0 || !dl_iterate_phdr(find_mapped, &m))
                return false;
        if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) || header.e_phnum != m.n_segments ||
            !is_equal(fd, header.e_phoff, (const uint8_t *)m.segments, m.n_segments * sizeof(*m.segments)))
                return true;
        for (size_t i = 0; i < m.n_segments; i++) {
                const ElfW(Phdr) *s = &m.segments[i];

                if (s->p_type == PT_LOAD && !(s->p_flags & PF_W) &&
                    !is_equal(fd, s->p_offset, (const uint8_t *)(m.map->l_addr + s->p_vaddr), s->p_filesz))
                        return true;
        }
        return false;
}

/* The symbol must be an object with room for what we compare: a function of that name, or a smaller object, is not. */
static int find_descriptor(void *handle, const struct emo_plugin **ret, struct plugin_load_error *error)
{
        const ElfW(Sym) *symbol = NULL;
        const struct emo_plugin *d;
        Dl_info info;

        d = dlsym(handle, EMO_PLUGIN_SYMBOL);
        if (!d)
                return fail(error, -EINVAL, "is not a plugin of emotiond: it exports no symbol " EMO_PLUGIN_SYMBOL);
        if (!dladdr1(d, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol || info.dli_saddr != (const void *)d ||
            ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT ||
            symbol->st_size < offsetof(struct emo_plugin, size_bytes) + sizeof(d->size_bytes))
                return fail(error, -EINVAL, "its symbol " EMO_PLUGIN_SYMBOL " is not a plugin descriptor");
        if (d->magic != EMO_PLUGIN_MAGIC)
                return fail(error, -EINVAL, "its descriptor has magic 0x%08x instead of 0x%08x", d->magic,
                            EMO_PLUGIN_MAGIC);
        if (d->abi != EMO_PLUGIN_ABI)
                return fail(error, -EINVAL,
                            "was built for plugin ABI %u, this emotiond has ABI %u: it must be built anew", d->abi,
                            EMO_PLUGIN_ABI);
        if (d->size_bytes != sizeof(*d) || symbol->st_size < sizeof(*d))
                return fail(error, -EINVAL, "its descriptor says %u bytes and has %zu, instead of %zu", d->size_bytes,
                            (size_t)symbol->st_size, sizeof(*d));
        *ret = d;
        return 0;
}

static bool name_is_valid(const char *name)
{
        size_t n = strnlen(name, PLUGIN_NAME_MAX + 1);

        return n > 0 && n <= PLUGIN_NAME_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* Printable ASCII, bounded: these texts go to terminals and onto the bus. */
static int check_text(const char *what, const char *text, struct plugin_load_error *error)
{
        if (!text)
                return fail(error, -EINVAL, "its descriptor has no %s", what);
        for (size_t i = 0; text[i]; i++)
                if (i >= MAX_TEXT_BYTES || text[i] < ' ' || text[i] > '~')
                        return fail(error, -EINVAL, "its %s is longer than %u bytes or not printable ASCII", what,
                                    MAX_TEXT_BYTES);
        return 0;
}

static int check_hooks(const char *what, uint32_t size_bytes, size_t wanted_bytes, bool complete,
                       struct plugin_load_error *error)
{
        if (size_bytes != wanted_bytes)
                return fail(error, -EINVAL, "its %s operations have %u bytes instead of %zu", what, size_bytes,
                            wanted_bytes);
        if (!complete)
                return fail(error, -EINVAL, "its %s lacks a function", what);
        return 0;
}

static int check_descriptor(const struct emo_plugin *d, const char *name, struct plugin_load_error *error)
{
        int r;

        if (!d->name || !name_is_valid(d->name))
                return fail(error, -EINVAL, "its descriptor has no valid name");
        if (strcmp(d->name, name) != 0)
                return fail(error, -EINVAL, "calls itself '%s', its file is named for '%s'", d->name, name);
        if (d->format != EMO_GRAY8 && d->format != EMO_BGR24)
                return fail(error, -EINVAL, "wants pixel format %u, which does not exist", d->format);
        if (!d->detector && !d->aligner)
                return fail(error, -EINVAL, "offers neither a detector nor an aligner");
        r = check_text("version", d->version, error);
        if (r >= 0)
                r = check_text("description", d->description, error);
        if (r >= 0)
                r = check_text("licence", d->licence, error);
        if (r >= 0 && d->detector)
                r = check_hooks("detector", d->detector->size_bytes, sizeof(*d->detector),
                                d->detector->size_bytes == sizeof(*d->detector) && d->detector->open &&
                                        d->detector->detect && d->detector->close,
                                error);
        if (r >= 0 && d->aligner)
                r = check_hooks("aligner", d->aligner->size_bytes, sizeof(*d->aligner),
                                d->aligner->size_bytes == sizeof(*d->aligner) && d->aligner->open &&
                                        d->aligner->align && d->aligner->close,
                                error);
        return r;
}

int plugin_load(const char *path, const char *name, void **ret_handle, const struct emo_plugin **ret, bool *ret_changed,
                struct plugin_load_error *error)
{
        const struct emo_plugin *d = NULL;
        void *handle, *loaded;
        int r;

        if (!name_is_valid(name))
                return fail(error, -EINVAL, "its file's name is no plugin name ([a-z0-9-], at most %d characters)",
                            PLUGIN_NAME_MAX);
        r = check_file(path, error);
        if (r < 0)
                return r;
        loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
        handle = loaded ?: dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
                const char *why = dlerror();

                return fail(error, -ELIBACC, "cannot be loaded: %s", why ?: "no reason given");
        }
        r = find_descriptor(handle, &d, error);
        if (r >= 0)
                r = check_descriptor(d, name, error);
        if (r < 0) {
                dlclose(handle);
                return r;
        }
        *ret_handle = handle;
        *ret = d;
        *ret_changed = loaded && has_changed(handle, path);
        return 0;
}
