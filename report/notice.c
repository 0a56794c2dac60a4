/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "basic/macro.h"
#include "report/html-text.h"
#include "report/notice.h"

#define COLUMNS 76
#define SENTENCE_MAX 1024

static const char title[] = "A camera counts faces here";

static const char style[] =
        "body{font:1.3rem/1.5 system-ui,sans-serif;color:#000;background:#fff;margin:0 auto;max-width:44rem;padding:1rem}"
        "h1{font-size:2.2rem;line-height:1.2}@page{margin:2cm}@media print{body{font-size:18pt;max-width:none}}";

static void kept(const struct notice *n, char ret[static SENTENCE_MAX])
{
        if (n->keeps)
                snprintf(
                        ret, SENTENCE_MAX,
                        "Only sums are kept, and they are shown only for groups of at least %u people: sums by second for %u "
                        "days, totals for %u days. There is no entry about a single person.",
                        n->minimum_group, n->curve_days, n->total_days);
        else
                snprintf(ret, SENTENCE_MAX, "This program keeps nothing: it hands its numbers on, and forgets them.");
}

/* Calls @write for each paragraph. */
static void tell(FILE *f, const struct notice *n, void (*write)(FILE *f, const char *paragraph))
{
        char sentence[SENTENCE_MAX];

        write(f,
              "A program looks at the pictures of this camera and tells how many people are before it, whether they face "
              "the screen, and which expression their faces show, such as neutral or smiling. It tells what a face "
              "shows, not what a person feels.");
        write(f,
              "No picture is stored or sent anywhere; each is gone when the next one comes. To aim the camera, the person "
              "in charge may look at its picture.");
        write(f, "Nobody is recognised: who leaves and comes back is somebody new.");
        kept(n, sentence);
        write(f, sentence);
        if (*n->more)
                snprintf(sentence, sizeof(sentence), "More about it, and whom to ask: %s", n->more);
        else
                snprintf(sentence, sizeof(sentence), "Why this is done, and whom to ask: %s",
                         "________________________________");
        write(f, sentence);
}

static void write_wrapped(FILE *f, const char *paragraph)
{
        size_t column = 0;

        fputc('\n', f);
        while (*paragraph) {
                size_t n = strcspn(paragraph, " ");

                if (column && column + 1 + n > COLUMNS) {
                        fputc('\n', f);
                        column = 0;
                }
                column += (size_t)fprintf(f, "%s%.*s", column ? " " : "", (int)n, paragraph);
                paragraph += n + strspn(paragraph + n, " ");
        }
        fputc('\n', f);
}

static void write_paragraph(FILE *f, const char *paragraph)
{
        fputs("<p>", f);
        html_text(f, paragraph);
        fputc('\n', f);
}

int notice_text(FILE *f, const struct notice *n)
{
        fprintf(f, "%s\n", title);
        tell(f, n, write_wrapped);
        return fflush(f) || ferror(f) ? -EIO : 0;
}

int notice_html(FILE *f, const struct notice *n)
{
        fprintf(f,
                "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>"
                "<meta name=viewport content=\"width=device-width\"><title>%s</title><style>%s</style></head>\n<body><h1>%s</h1>\n",
                title, style, title);
        tell(f, n, write_paragraph);
        fputs("</body></html>\n", f);
        return fflush(f) || ferror(f) ? -EIO : 0;
}
