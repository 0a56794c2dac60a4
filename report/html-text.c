/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "report/html-text.h"

void html_text(FILE *f, const char *s)
{
        for (; *s; s++)
                if (*s == '<')
                        fputs("&lt;", f);
                else if (*s == '>')
                        fputs("&gt;", f);
                else if (*s == '&')
                        fputs("&amp;", f);
                else if (*s == '"')
                        fputs("&quot;", f);
                else
                        fputc(*s, f);
}
