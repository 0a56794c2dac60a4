/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** What a plugin's file says of itself, read without loading it. */
#undef NDEBUG
#include <assert.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "basic/macro.h"
#include "daemon/vision/plugin-about.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
        for (const char *c = text; *c; c++)
                assert(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("fuzz", MFD_CLOEXEC), r;
        struct plugin_about a;
        char path[40];

        assert(fd >= 0);
        assert(write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = plugin_about_read(path, &a);
        assert(r <= 0); /* errno of pread(2), too */
        if (r == 0) {
                assert(a.detector || a.aligner);
                check_text(a.name);
                check_text(a.version);
                check_text(a.description);
                check_text(a.licence);
        }
        close(fd);
        return 0;
}

/* A file of a header, the text, the names of sections, and three sections. */
int fuzz_seed(unsigned i, uint8_t **ret, size_t *ret_size)
{
        static const char names[] = "\0" EMO_PLUGIN_ABOUT_SECTION "\0.shstrtab";
        char text[256];
        size_t n = (size_t)snprintf(text, sizeof(text), "emo-plugin %u\nname\n1.0\nwhat it does\nMIT\n%s\n",
                                    EMO_PLUGIN_ABI, i ? "detector aligner" : "detector") +
                   1;
        ElfW(Ehdr) header = { .e_shentsize = sizeof(ElfW(Shdr)), .e_shnum = 3, .e_shstrndx = 2 };
        ElfW(Shdr) sections[3] = { { 0 } };

        if (i > 1)
                return -ENOENT;
        memcpy(header.e_ident, ELFMAG, SELFMAG);
        header.e_ident[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
        sections[1] = (ElfW(Shdr)){ .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = sizeof(header), .sh_size = n };
        sections[2] = (ElfW(Shdr)){ .sh_name = sizeof(EMO_PLUGIN_ABOUT_SECTION) + 1,
                                    .sh_type = SHT_STRTAB,
                                    .sh_offset = sizeof(header) + n,
                                    .sh_size = sizeof(names) };
        header.e_shoff = sizeof(header) + n + sizeof(names);
        *ret_size = header.e_shoff + sizeof(sections);
        *ret = malloc(*ret_size);
        assert(*ret);
        memcpy(*ret, &header, sizeof(header));
        memcpy(*ret + sizeof(header), text, n);
        memcpy(*ret + sizeof(header) + n, names, sizeof(names));
        memcpy(*ret + header.e_shoff, sections, sizeof(sections));
        return 0;
}
