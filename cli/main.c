/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <string.h>

#include "cli/ctl.h"
#include "cli/text.h"
#include "config.h"

/* Options that go with some verbs only. */
enum {
        USES_PROPERTY = 1 << 0,   /* -p, --value */
        USES_CLAIM = 1 << 1,      /* --min-hold-ms and its like */
        USES_CONFIDENCE = 1 << 2, /* --min-confidence */
        USES_CAMERA = 1 << 3,     /* --camera, --seconds, --count */
        USES_PNG = 1 << 4,        /* --png */
        USES_CONTENT = 1 << 5,    /* --content */
        USES_REPORT = 1 << 6,     /* --csv, --ndjson, --compare */
        USES_PAGE = 1 << 7,       /* --html */
};

struct verb {
        const char *name;
        int min_args, max_args;
        unsigned uses;
        bool paged; /* prints once, and then ends */
        int (*run)(struct ctl *c, int argc, char **argv);
        const char *arguments, *help;
};

static int verb_help(struct ctl *c, int argc, char **argv);
static int verb_version(struct ctl *c, int argc, char **argv);

static const struct verb verbs[] = {
        { "status", 0, 0, 0, true, verb_status, "", "Show the state of the service (the default)" },
        { "show", 0, 1, USES_PROPERTY, true, verb_show, " [CAMERA]", "Show properties as NAME=VALUE" },
        { "faces", 0, 0, 0, true, verb_faces, "", "Show who is in view now" },
        { "watch", 0, 0, USES_CLAIM | USES_CONFIDENCE | USES_CAMERA, false, verb_watch, "",
          "Print each event until stopped" },
        { "classify", 1, INT_MAX, USES_CONFIDENCE, false, verb_classify, " FILE...",
          "Classify the faces in JPEG or PNG files" },
        { "cameras", 0, 0, 0, true, verb_cameras, "", "List cameras" },
        { "plugins", 0, 0, 0, true, verb_plugins, "", "List plugins, and why any were refused" },
        { "clients", 0, 0, 0, true, verb_clients, "", "List who holds a claim (for root)" },
        { "preview", 0, 0, USES_CAMERA | USES_PNG, false, verb_preview, "", "Show what the camera sees, to aim it" },
        { "content", 1, 2, 0, false, verb_content, " begin ID|end|mark LABEL|list", "Say what a screen shows" },
        { "run", 1, INT_MAX, USES_CONTENT, false, verb_run, " -- COMMAND...", "Show a content by a command" },
        { "report", 0, 0, USES_CONTENT | USES_REPORT | USES_PAGE, true, verb_report, "",
          "How viewers reacted to what was shown" },
        { "notice", 0, 0, USES_PAGE, true, verb_notice, "", "What to tell people: a text to put up" },
        { "enable", 0, 0, 0, false, verb_enable, "", "Switch recognition on" },
        { "disable", 0, 0, 0, false, verb_disable, "", "Switch recognition off and close the camera" },
        { "reload", 0, 0, 0, false, verb_reload, "", "Reload the configuration" },
        { "help", 0, 0, 0, true, verb_help, "", "Print this help" },
        { "version", 0, 0, 0, false, verb_version, "", "Print the version" },
};

enum {
        OPT_JSON = 0x100,
        OPT_NO_PAGER,
        OPT_NO_LEGEND,
        OPT_ADDRESS,
        OPT_TIMEOUT,
        OPT_VERSION,
        OPT_VALUE,
        OPT_MIN_CONFIDENCE,
        OPT_MIN_HOLD_MS,
        OPT_MAX_RATE_HZ,
        OPT_EMOTION,
        OPT_CAMERA,
        OPT_SECONDS,
        OPT_COUNT,
        OPT_PNG,
        OPT_CONTENT,
        OPT_HTML,
        OPT_CSV,
        OPT_NDJSON,
        OPT_COMPARE,
};

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { "json", optional_argument, NULL, OPT_JSON },
        { "quiet", no_argument, NULL, 'q' },
        { "no-pager", no_argument, NULL, OPT_NO_PAGER },
        { "no-legend", no_argument, NULL, OPT_NO_LEGEND },
        { "address", required_argument, NULL, OPT_ADDRESS },
        { "timeout", required_argument, NULL, OPT_TIMEOUT },
        { "property", required_argument, NULL, 'p' },
        { "value", no_argument, NULL, OPT_VALUE },
        { "min-confidence", required_argument, NULL, OPT_MIN_CONFIDENCE },
        { "min-hold-ms", required_argument, NULL, OPT_MIN_HOLD_MS },
        { "max-rate-hz", required_argument, NULL, OPT_MAX_RATE_HZ },
        { "emotion", required_argument, NULL, OPT_EMOTION },
        { "camera", required_argument, NULL, OPT_CAMERA },
        { "seconds", required_argument, NULL, OPT_SECONDS },
        { "count", required_argument, NULL, OPT_COUNT },
        { "png", required_argument, NULL, OPT_PNG },
        { "content", required_argument, NULL, OPT_CONTENT },
        { "html", required_argument, NULL, OPT_HTML },
        { "csv", no_argument, NULL, OPT_CSV },
        { "ndjson", no_argument, NULL, OPT_NDJSON },
        { "compare", no_argument, NULL, OPT_COMPARE },
        { NULL, 0, NULL, 0 },
};

static void print_help(void)
{
        printf("emotionctl [OPTIONS...] [VERB]\n\nQuery and control emotiond, the facial expression service.\n\nVerbs:\n");
        for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
                printf("  %s%-*s %s\n", verbs[i].name, (int)(20 - strlen(verbs[i].name)), verbs[i].arguments,
                       verbs[i].help);
        printf("\nOptions:\n"
               "  -h --help               Print this help\n"
               "     --version            Print the version\n"
               "     --json=short|pretty|off\n"
               "                          JSON instead of text, on one line or indented\n"
               "  -j                      --json=pretty on a terminal, --json=short otherwise\n"
               "  -q --quiet              Print only data and errors\n"
               "     --no-pager           Do not use a pager\n"
               "     --no-legend          No headings, no count below a list\n"
               "     --address=ADDRESS    Use this message bus instead of the system bus\n"
               "     --timeout=SECONDS    Wait this long for an answer (25)\n"
               "\nshow:\n"
               "  -p --property=NAME      Only this property; may be given more than once\n"
               "     --value              Only the values\n"
               "\nwatch:\n"
               "     --min-confidence=P   0..1: below it an expression is \"unsure\" (also for classify)\n"
               "     --min-hold-ms=MS     0..60000: how long an expression must last to count\n"
               "     --max-rate-hz=RATE   0.1..10: changes per face and second\n"
               "     --emotion=NAME       Only changes to or from it; may be given more than once\n"
               "\nwatch, preview:\n"
               "     --camera=CAMERA      Only this camera: a number, or a device\n"
               "     --seconds=N          Stop after N seconds\n"
               "     --count=N            Stop after N events or pictures\n"
               "\npreview:\n"
               "     --png=FILE           Write the picture to a file\n"
               "\nrun, report:\n"
               "     --content=ID         What is shown; report takes it more than once\n"
               "\nreport, notice:\n"
               "     --html=FILE          Write a page to a file, of a report with charts\n"
               "\nreport:\n"
               "     --csv                One line for each figure, with its interval\n"
               "     --ndjson             One JSON object a line for each content\n"
               "     --compare            Compare each pair of contents\n"
               "\nExit status: 0 done, 1 failed, 2 nothing to do, 3 not found. See emotionctl(1).\n");
}

static int verb_help(struct ctl *c, int argc, char **argv)
{
        print_help();
        return CTL_OK;
}

static int verb_version(struct ctl *c, int argc, char **argv)
{
        printf("emotionctl %s\n", PACKAGE_VERSION);
        return CTL_OK;
}

static int refuse(const char *option, const char *value, const char *allowed)
{
        ctl_say("--%s=%s: this takes %s.", option, value, allowed);
        return -EINVAL;
}

static int parse_json_mode(struct ctl *c, const char *value)
{
        if (!value)
                c->json = isatty(STDOUT_FILENO) ? CTL_JSON_PRETTY : CTL_JSON_SHORT;
        else if (strcmp(value, "short") == 0)
                c->json = CTL_JSON_SHORT;
        else if (strcmp(value, "pretty") == 0)
                c->json = CTL_JSON_PRETTY;
        else if (strcmp(value, "off") == 0)
                c->json = CTL_JSON_OFF;
        else
                return refuse("json", value, "short, pretty or off");
        return 0;
}

static int add_name(const char **names, size_t *n, const char *option, const char *value)
{
        if (!*value || *n == CTL_MAX_NAMES)
                return refuse(option, value, "a name, and at most 64 of them");
        names[(*n)++] = value;
        return 0;
}

static bool is_of_report(int option)
{
        return option == OPT_CSV || option == OPT_NDJSON || option == OPT_COMPARE;
}

/* Options of single verbs; *@uses gathers which kinds were given. Return: 0; -EINVAL after saying why. */
static int parse_verb_option(struct ctl *c, int option, const char *value, unsigned *uses)
{
        uint64_t u;

        *uses |= option == 'p' || option == OPT_VALUE                                   ? USES_PROPERTY
                 : option == OPT_MIN_CONFIDENCE                                         ? USES_CONFIDENCE
                 : option == OPT_PNG                                                    ? USES_PNG
                 : option == OPT_HTML                                                   ? USES_PAGE
                 : option == OPT_CONTENT                                                ? USES_CONTENT
                 : is_of_report(option)                                                 ? USES_REPORT
                 : option == OPT_CAMERA || option == OPT_SECONDS || option == OPT_COUNT ? USES_CAMERA
                                                                                        : USES_CLAIM;
        switch (option) {
        case 'p':
                return add_name(c->properties, &c->n_properties, "property", value);
        case OPT_VALUE:
                c->value = true;
                return 0;
        case OPT_MIN_CONFIDENCE:
                return text_parse_double(value, 0, 1, &c->min_confidence)
                               ? 0
                               : refuse("min-confidence", value, "a number from 0 to 1");
        case OPT_MIN_HOLD_MS:
                if (!text_parse_u64(value, 0, 60000, &u))
                        return refuse("min-hold-ms", value, "whole milliseconds from 0 to 60000");
                c->min_hold_ms = (int64_t)u;
                return 0;
        case OPT_MAX_RATE_HZ:
                return text_parse_double(value, 0.1, 10, &c->max_rate_hz)
                               ? 0
                               : refuse("max-rate-hz", value, "a number from 0.1 to 10");
        case OPT_EMOTION:
                return add_name(c->emotions, &c->n_emotions, "emotion", value);
        case OPT_CAMERA:
                c->camera = value;
                return 0;
        case OPT_CONTENT:
                return add_name(c->contents, &c->n_contents, "content", value);
        case OPT_HTML:
                c->html = value;
                return *value ? 0 : refuse("html", value, "the name of a file");
        case OPT_CSV:
                c->csv = true;
                return 0;
        case OPT_NDJSON:
                c->ndjson = true;
                return 0;
        case OPT_COMPARE:
                c->compare = true;
                return 0;
        case OPT_PNG:
                c->png = value;
                return *value ? 0 : refuse("png", value, "the name of a file");
        case OPT_SECONDS:
                return text_parse_double(value, 0.001, 1e9, &c->seconds)
                               ? 0
                               : refuse("seconds", value, "a number of seconds above 0");
        case OPT_COUNT:
                return text_parse_u64(value, 1, UINT64_MAX, &c->count)
                               ? 0
                               : refuse("count", value, "a whole number above 0");
        default:
                return -EINVAL; /* getopt_long() said it */
        }
}

/* Return: 0 go on; 1 everything asked for was printed; -EINVAL after saying why. */
static int parse_options(struct ctl *c, int argc, char **argv, unsigned *uses)
{
        double seconds;
        int option, r = 0;

        while (r == 0 && (option = getopt_long(argc, argv, "hjqp:", options, NULL)) != -1)
                switch (option) {
                case 'h':
                        print_help();
                        return 1;
                case OPT_VERSION:
                        verb_version(c, 0, NULL);
                        return 1;
                case 'j':
                case OPT_JSON:
                        r = parse_json_mode(c, option == 'j' ? NULL : optarg);
                        break;
                case 'q':
                        c->quiet = true;
                        break;
                case OPT_NO_PAGER:
                        c->pager = false;
                        break;
                case OPT_NO_LEGEND:
                        c->legend = false;
                        break;
                case OPT_ADDRESS:
                        c->address = optarg;
                        break;
                case OPT_TIMEOUT:
                        if (!text_parse_double(optarg, 0.001, 86400, &seconds))
                                return refuse("timeout", optarg, "seconds, at most 86400");
                        c->timeout_usec = (uint64_t)(seconds * 1e6);
                        break;
                default:
                        r = parse_verb_option(c, option, optarg, uses);
                }
        return r;
}

static const struct verb *find_verb(const char *name)
{
        const struct verb *nearest = NULL;
        unsigned best = 3; /* a word that differs more is another word */

        for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
                unsigned d = text_distance(name, verbs[i].name);

                if (d == 0)
                        return &verbs[i];
                if (d < best) {
                        best = d;
                        nearest = &verbs[i];
                }
        }
        if (nearest)
                ctl_say("There is no verb '%s'. Did you mean '%s'?", name, nearest->name);
        else
                ctl_say("There is no verb '%s'; \"emotionctl --help\" lists them.", name);
        return NULL;
}

/* Return: the verb, if the command line makes sense with it; NULL after saying why not. */
static const struct verb *choose_verb(int argc, char **argv, unsigned uses)
{
        const struct verb *v = argc > 0 ? find_verb(argv[0]) : &verbs[0];
        int n = MAX(argc - 1, 0);

        if (!v)
                return NULL;
        if (n < v->min_args || n > v->max_args) {
                ctl_say("%s: %s. Usage: emotionctl %s%s", v->name,
                        n < v->min_args ? "an argument is missing" : "too many arguments", v->name, v->arguments);
                return NULL;
        }
        if (uses & ~v->uses) {
                ctl_say("%s does not take one of these options; \"emotionctl --help\" lists those it does.", v->name);
                return NULL;
        }
        return v;
}

static bool wants_colour(void)
{
        const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

        return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0 && (!no_color || !*no_color);
}

/* Who reads our output had enough (head, a pager that was left): that is no failure, and nothing to talk about. */
static void on_sigpipe(int sig)
{
        _exit(CTL_OK);
}

/* Whatever was printed must have arrived. */
static int finish_output(int code)
{
        if (fflush(stdout) == 0 && !ferror(stdout))
                return code;
        ctl_say("Cannot write the output: %s.", strerror(errno));
        return CTL_FAILED;
}

int main(int argc, char **argv)
{
        struct ctl c = {
                .timeout_usec = 25 * 1000 * 1000,
                .legend = true,
                .pager = true,
                .min_confidence = NAN,
                .min_hold_ms = -1,
                .max_rate_hz = NAN,
        };
        const struct verb *v;
        unsigned uses = 0;
        int r;

        signal(SIGPIPE, on_sigpipe);
        r = parse_options(&c, argc, argv, &uses);
        if (r)
                return r < 0 ? CTL_FAILED : finish_output(CTL_OK);
        v = choose_verb(argc - optind, argv + optind, uses);
        if (!v)
                return CTL_FAILED;
        c.colour = c.json == CTL_JSON_OFF && wants_colour();
        c.columns = text_columns();
        if (v->paged)
                pager_open(&c);
        r = v->run(&c, MAX(argc - optind - 1, 0), argv + optind + 1);
        r = finish_output(r);
        pager_close();
        sd_bus_flush_close_unref(c.bus);
        return r;
}
