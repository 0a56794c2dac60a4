/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdint.h>
#include <string.h>

#include "basic/macro.h"
#include "basic/utf8.h"

struct range {
        uint32_t first, last;
};

/* What has an effect on other text and none of its own. */
static bool is_steering(uint32_t c)
{
        static const struct range steering[] = {
                { 0x061c, 0x061c }, { 0x200e, 0x200f }, { 0x2028, 0x202e },   { 0x2066, 0x206f },
                { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
        };

        for (size_t i = 0; i < ARRAY_LEN(steering); i++)
                if (c >= steering[i].first && c <= steering[i].last)
                        return true;
        return false;
}

/* The bus refuses halves of UTF-16 pairs and what Unicode sets aside as no character. */
static bool is_character(uint32_t c)
{
        return c >= 0xa0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) && (c < 0xfdd0 || c > 0xfdef) &&
               (c & 0xfffe) != 0xfffe;
}

/* Bytes of the character at @p; 0 if what stands there is none, or has to go. */
static size_t character_bytes(const unsigned char *p)
{
        static const uint32_t first[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 }; /* below it: written too long */
        size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
        uint32_t c = p[0] & (0x7fu >> n);

        if (p[0] < 0x80)
                return p[0] >= 0x20 && p[0] != 0x7f;
        if (p[0] < 0xc0 || p[0] >= 0xf8)
                return 0;
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80) /* the end of the text, too */
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        return c >= first[n] && is_character(c) && !is_steering(c) ? n : 0;
}

void utf8_clean(char *text)
{
        while (*text) {
                size_t n = character_bytes((const unsigned char *)text);

                if (n == 0)
                        *text = '?';
                text += n ? n : 1;
        }
}

char *utf8_clean_dup(const char *text)
{
        char *r = strdup(text ?: "");

        if (r)
                utf8_clean(r);
        return r;
}
