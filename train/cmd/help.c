/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "train/cmd/cmd.h"

#define COLUMNS 80u
#define MAX_LEFT 26u /* a longer name of an option has its text below it */

void cmd_wrap(const char *text, unsigned indent)
{
        unsigned column = indent;

        while (*text) {
                size_t n = strcspn(text, " \n");

                if (column > indent && column + 1 + n > COLUMNS) {
                        printf("\n%*s", (int)indent, "");
                        column = indent;
                } else if (column > indent) {
                        putchar(' ');
                        column++;
                }
                printf("%.*s", (int)n, text);
                column += (unsigned)n;
                text += n;
                if (*text == '\n') { /* as the text has it */
                        printf("\n%*s", text[1] == '\n' || !text[1] ? 0 : (int)indent, "");
                        column = indent;
                }
                text += *text != '\0';
        }
        putchar('\n');
}

static void print_synopsis(const struct cmd *c)
{
        const char *more = c->max_operands > 1 ? "..." : "";
        size_t n;

        for (const char *s = c->synopsis; s && *s; s += n + (s[n] == '\n')) {
                n = strcspn(s, "\n");
                printf("emotion-nn %s %.*s\n", c->name, (int)n, s);
        }
        if (c->synopsis)
                return;
        printf("emotion-nn %s", c->name);
        if (c->operand)
                printf(c->min_operands ? " %s%s" : " [%s%s]", c->operand, more);
        for (const struct cmd_option *o = c->options; o && o->name; o++)
                if (o->needed)
                        printf(" --%s %s", o->name, o->value);
        printf(" [OPTION...]\n");
}

static unsigned write_left(const struct cmd_option *o, char *ret, size_t size)
{
        char letter[8] = "";

        if (o->letter)
                snprintf(letter, sizeof(letter), "-%c, ", o->letter);
        return (unsigned)snprintf(ret, size, "  %s--%s%s%s", letter, o->name, o->value ? " " : "",
                                  o->value ? o->value : "");
}

static void print_option(const struct cmd_option *o, unsigned indent)
{
        char left[96];
        unsigned n = write_left(o, left, sizeof(left));

        if (n + 2 > indent)
                printf("%s\n%*s", left, (int)indent, "");
        else
                printf("%-*s", (int)indent, left);
        cmd_wrap(o->help, indent);
}

void cmd_help(const struct cmd *c)
{
        static const struct cmd_option help = { .name = "help", .letter = 'h', .help = "show this help" };
        unsigned indent = 0;
        char left[96];

        print_synopsis(c);
        putchar('\n');
        cmd_wrap(c->about, 0);
        putchar('\n');
        for (const struct cmd_option *o = c->options; o && o->name; o++) {
                unsigned n = write_left(o, left, sizeof(left)) + 2;

                if (n > indent && n <= MAX_LEFT)
                        indent = n;
        }
        if (indent < write_left(&help, left, sizeof(left)) + 2)
                indent = write_left(&help, left, sizeof(left)) + 2;
        for (const struct cmd_option *o = c->options; o && o->name; o++)
                print_option(o, indent);
        print_option(&help, indent);
}
