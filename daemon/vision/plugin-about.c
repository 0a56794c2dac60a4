/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>

#include "basic/macro.h"
#include "daemon/vision/plugin-about.h"

/* A plugin has some thirty. */
#define MAX_SECTIONS 256u
#define MAX_NAMES_BYTES 65536u
#define FIRST_WORD "emo-plugin " /* then the ABI */

static int read_at(int fd, uint64_t at, void *ret, size_t size_bytes)
{
        ssize_t n = at > INT64_MAX ? 0 : pread(fd, ret, size_bytes, (off_t)at);

        return n < 0 ? -errno : (size_t)n == size_bytes ? 0 : -ENODATA;
}

/* The place of the section in the file. */
static int find_section(int fd, const ElfW(Ehdr) * header, uint64_t *ret_at, size_t *ret_size)
{
        ElfW(Shdr) sections[MAX_SECTIONS];
        _cleanup_(freep) char *names = NULL;
        int r;

        if (header->e_shnum == 0 || header->e_shnum > MAX_SECTIONS || header->e_shentsize != sizeof(*sections) ||
            header->e_shstrndx >= header->e_shnum)
                return -ENODATA;
        r = read_at(fd, header->e_shoff, sections, header->e_shnum * sizeof(*sections));
        if (r < 0)
                return r;
        const ElfW(Shdr) *strings = &sections[header->e_shstrndx];

        if (strings->sh_size == 0 || strings->sh_size > MAX_NAMES_BYTES)
                return -ENODATA;
        names = malloc(strings->sh_size);
        if (!names)
                return -ENOMEM;
        r = read_at(fd, strings->sh_offset, names, strings->sh_size);
        if (r < 0)
                return r;
        names[strings->sh_size - 1] = '\0';
        for (size_t i = 0; i < header->e_shnum; i++)
                if (sections[i].sh_name < strings->sh_size && sections[i].sh_type == SHT_PROGBITS &&
                    strcmp(names + sections[i].sh_name, EMO_PLUGIN_ABOUT_SECTION) == 0) {
                        *ret_at = sections[i].sh_offset;
                        *ret_size = sections[i].sh_size;
                        return sections[i].sh_size <= PLUGIN_ABOUT_BYTES ? 0 : -ENODATA;
                }
        return -ENODATA;
}

/* The next of the lines, each of which ends with a newline, printable and not empty; NULL if there is none. */
static const char *next_line(char **text)
{
        char *line = *text, *end = strchr(line, '\n');

        if (!end || end == line)
                return NULL;
        for (const char *c = line; c < end; c++)
                if (*c < ' ' || *c > '~')
                        return NULL;
        *end = '\0';
        *text = end + 1;
        return line;
}

static int read_lines(struct plugin_about *a)
{
        char abi[sizeof(FIRST_WORD) + 16], *text = a->text;
        const char *first = next_line(&text), *offers;

        snprintf(abi, sizeof(abi), FIRST_WORD "%u", EMO_PLUGIN_ABI);
        if (!first || strcmp(first, abi) != 0)
                return -ENODATA;
        a->name = next_line(&text);
        a->version = a->name ? next_line(&text) : NULL;
        a->description = a->version ? next_line(&text) : NULL;
        a->licence = a->description ? next_line(&text) : NULL;
        offers = a->licence ? next_line(&text) : NULL;
        if (!offers)
                return -ENODATA;
        a->detector = strcmp(offers, "detector") == 0 || strcmp(offers, "detector aligner") == 0;
        a->aligner = strcmp(offers, "aligner") == 0 || strcmp(offers, "detector aligner") == 0;
        return a->detector || a->aligner ? 0 : -ENODATA;
}

int plugin_about_read(const char *path, struct plugin_about *ret)
{
        _cleanup_(closep) int fd = -1;
        ElfW(Ehdr) header;
        struct stat st;
        uint64_t at;
        size_t size;
        int r;

        /* a FIFO must not hold us up */
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -ENODATA;
        r = read_at(fd, 0, &header, sizeof(header));
        if (r < 0)
                return r;
        if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
            header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
                return -ENODATA;
        r = find_section(fd, &header, &at, &size);
        if (r < 0)
                return r;
        *ret = (struct plugin_about){ 0 };
        r = size < sizeof(ret->text) ? read_at(fd, at, ret->text, size) : -ENODATA;
        return r < 0 ? r : read_lines(ret);
}
