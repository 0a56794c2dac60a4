/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * FER2013 (Goodfellow et al. 2013, arXiv:1307.0414) as Kaggle gave it out: a csv with the columns emotion (0..6, in
 * the order of dataset_labels), pixels (48 x 48 numbers 0..255 between spaces) and Usage; and FER+ (Barsoum et al.
 * 2016, arXiv:1608.01041), a csv with one row for each of FER2013's, in the same order, that counts ten taggers' votes.
 */
#include <string.h>

#include "train/data/reader.h"

#define SIDE_PX 48u
#define N_PIXELS (SIDE_PX * SIDE_PX)

static const char fer_header[] = "emotion,pixels,Usage";
static const char ferplus_header[] =
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF";

/* FER+'s columns after the picture's name; the last two are no class of ours */
#define N_VOTES 10
static const uint8_t vote_label[N_VOTES - 2] = { LABEL_NEUTRAL, LABEL_HAPPINESS, LABEL_SURPRISE, LABEL_SADNESS,
                                                 LABEL_ANGER,   LABEL_DISGUST,   LABEL_FEAR,     LABEL_CONTEMPT };

/* Reads the numbers of one row. Return: how many; -EINVAL for something that is no number in 0..255 or too many. */
static int parse_pixels(const char *s, const char *end, uint8_t *ret)
{
        unsigned n = 0;

        while (s < end) {
                unsigned value = 0, digits = 0;

                for (; s < end && (unsigned)(*s - '0') < 10; s++, digits++)
                        value = value * 10 + (unsigned)(*s - '0');
                if (!digits || digits > 3 || value > 255 || n == N_PIXELS)
                        return -EINVAL;
                ret[n++] = (uint8_t)value;
                while (s < end && *s == ' ')
                        s++;
        }
        return (int)n;
}

int dataset_split_row(const struct lines *l, char *line, size_t length, struct csv_row *ret,
                      struct dataset_error *error)
{
        char *first = memchr(line, ',', length), *last = memrchr(line, ',', length);

        if (!first || first == last || memchr(first + 1, ',', (size_t)(last - first - 1)))
                return dataset_fail(error, -EBADMSG, l->path, l->number, "not three columns");
        if (first != line + 1 || line[0] < '0' || line[0] > '6')
                return dataset_fail(error, -EBADMSG, l->path, l->number, "emotion is not one of 0 to 6");
        int usage = dataset_usage_from_string(last + 1);
        if (usage < 0)
                return dataset_fail(error, -EBADMSG, l->path, l->number, "unknown Usage '%.20s'", last + 1);
        *ret = (struct csv_row){ .class = (unsigned)(line[0] - '0'),
                                 .usage = (enum dataset_usage)usage,
                                 .numbers = first + 1,
                                 .numbers_end = last };
        return 0;
}

/* Reads one row of FER+: usage and votes as they stand. */
static int parse_votes(const struct lines *l, char *line, unsigned votes[N_VOTES], int *ret_usage,
                       struct dataset_error *error)
{
        char *columns[2 + N_VOTES], *rest = line;
        size_t n = 0;

        for (char *c; (c = strsep(&rest, ",")); n++) {
                if (n == ARRAY_LEN(columns))
                        return dataset_fail(error, -EBADMSG, l->path, l->number, "too many columns");
                columns[n] = c;
        }
        if (n != ARRAY_LEN(columns))
                return dataset_fail(error, -EBADMSG, l->path, l->number, "%zu columns instead of %zu", n,
                                    ARRAY_LEN(columns));
        int usage = dataset_usage_from_string(columns[0]);
        if (usage < 0)
                return dataset_fail(error, -EBADMSG, l->path, l->number, "unknown Usage '%.20s'", columns[0]);
        unsigned sum = 0;
        for (size_t i = 0; i < N_VOTES; i++) {
                const char *s = columns[2 + i];
                char *end;
                unsigned long v = strtoul(s, &end, 10);

                if (*s < '0' || *s > '9' || *end || v > 1000)
                        return dataset_fail(error, -EBADMSG, l->path, l->number, "'%.20s' is no number of votes", s);
                votes[i] = (unsigned)v;
                sum += votes[i];
        }
        if (!sum)
                return dataset_fail(error, -EBADMSG, l->path, l->number, "nobody has voted on this row");
        *ret_usage = usage;
        return 0;
}

/* Taggers agree with the labels of FER2013 on 66 % of its rows, and on a sixth of rows that are not theirs. Fewer
 * rows than LEAST_ROWS say little. */
#define LEAST_ROWS 500
#define LEAST_AGREEMENT 0.35

/* Shares of the votes over the classes of the set; all 0 for a row without any such vote. */
static void shares_of_votes(const unsigned votes[N_VOTES], unsigned n_classes, float *ret)
{
        unsigned sum = 0;

        memset(ret, 0, n_classes * sizeof(*ret));
        for (size_t i = 0; i < ARRAY_LEN(vote_label); i++)
                if (vote_label[i] < n_classes)
                        sum += votes[i];
        if (!sum)
                return;
        for (size_t i = 0; i < ARRAY_LEN(vote_label); i++)
                if (vote_label[i] < n_classes)
                        ret[vote_label[i]] = (float)votes[i] / (float)sum;
}

/* The class with more than half of the votes once those of a lone tagger are left out (the article's rule), or -1:
 * no majority, or one for "unknown", "no face" or a class that the set has not. */
static int majority_of_votes(const unsigned votes[N_VOTES], unsigned n_classes)
{
        unsigned sum = 0, winner = 0;

        for (unsigned i = 0; i < N_VOTES; i++) {
                sum += votes[i] > 1 ? votes[i] : 0;
                if (votes[i] > votes[winner])
                        winner = i;
        }
        if (votes[winner] < 2 || 2 * votes[winner] <= sum || winner >= ARRAY_LEN(vote_label) ||
            vote_label[winner] >= n_classes)
                return -1;
        return vote_label[winner];
}

struct fer_reader {
        struct lines rows, votes;
        bool with_votes;
        size_t n_voted, n_agreed; /* rows with shares of votes; those whose largest is that of the label */
        const struct dataset_options *options;
        struct dataset_builder builder;
};

static void fer_reader_done(struct fer_reader *f)
{
        lines_close(&f->rows);
        lines_close(&f->votes);
        builder_done(&f->builder);
}

static int open_with_header(struct lines *l, const char *path, const char *header, struct dataset_error *error)
{
        char *line;
        size_t length;
        int r = lines_open(l, path, error);

        if (r < 0)
                return r;
        r = lines_next(l, &line, &length, error);
        if (r < 0)
                return r;
        if (r == 0 || strcmp(line, header) != 0)
                return dataset_fail(error, -EBADMSG, path, 1, "the first line is not '%s'", header);
        return 0;
}

/* The row of FER+ that belongs to the row just read. */
static int next_votes(struct fer_reader *f, const struct csv_row *row, unsigned votes[N_VOTES],
                      struct dataset_error *error)
{
        char *line;
        size_t length;
        int usage = 0, r = lines_next(&f->votes, &line, &length, error);

        if (r < 0)
                return r;
        if (r == 0)
                return dataset_fail(error, -EBADMSG, f->votes.path, 0, "ends after %zu lines; %s has more",
                                    f->votes.number, f->rows.path);
        r = parse_votes(&f->votes, line, votes, &usage, error);
        if (r < 0)
                return r;
        if (usage != (int)row->usage)
                return dataset_fail(error, -EBADMSG, f->votes.path, f->votes.number,
                                    "Usage differs from that of line %zu of %s", f->rows.number, f->rows.path);
        return 0;
}

/* Counts whether most taggers say what the label says. */
static void compare(struct fer_reader *f, unsigned label, const float *shares, unsigned n_classes)
{
        unsigned winner = 0;

        for (unsigned i = 1; i < n_classes; i++)
                winner = shares[i] > shares[winner] ? i : winner;
        f->n_voted += shares[winner] > 0;
        f->n_agreed += shares[winner] > 0 && winner == label;
}

/* Votes of other pictures in as many rows would teach nothing and never be noticed. */
static int check_agreement(const struct fer_reader *f, struct dataset_error *error)
{
        if (f->n_voted < LEAST_ROWS || (double)f->n_agreed >= LEAST_AGREEMENT * (double)f->n_voted)
                return 0;
        return dataset_fail(
                error, -EBADMSG, f->votes.path, 0,
                "agrees with the labels of only %.0f %% of the rows (66 are usual): these are not the votes "
                "on the pictures of %s",
                100 * (double)f->n_agreed / (double)f->n_voted, f->rows.path);
}

static int read_row(struct fer_reader *f, char *line, size_t length, struct dataset_error *error)
{
        const struct dataset_options *o = f->options;
        unsigned votes[N_VOTES] = { 0 }, n_classes = f->builder.d->n_classes;
        struct csv_row row = { 0 };
        uint8_t *pixels;
        float *shares;
        int r;

        r = dataset_split_row(&f->rows, line, length, &row, error);
        if (r < 0)
                return r;
        if (f->with_votes) {
                r = next_votes(f, &row, votes, error);
                if (r < 0)
                        return r;
        }
        if (builder_reserve(&f->builder, &pixels, &shares) < 0)
                return dataset_fail(error, -ENOMEM, f->rows.path, f->rows.number, "out of memory");
        r = parse_pixels(row.numbers, row.numbers_end, pixels);
        if (r < 0)
                return dataset_fail(error, -EBADMSG, f->rows.path, f->rows.number,
                                    "pixels are not %u numbers from 0 to 255", N_PIXELS);
        if (r != (int)N_PIXELS)
                return dataset_fail(error, -EBADMSG, f->rows.path, f->rows.number, "%d pixels instead of %u", r,
                                    N_PIXELS);

        if (o->usage && !(o->usage & row.usage))
                return 0;
        if (f->with_votes) {
                shares_of_votes(votes, n_classes, shares);
                compare(f, row.class, shares, n_classes);
                if (o->ferplus_majority) {
                        int class = majority_of_votes(votes, n_classes);

                        if (class < 0)
                                return 0;
                        row.class = (unsigned)class;
                }
        }
        builder_commit(&f->builder, row.class, row.usage);
        return 0;
}

static int read_rows(struct fer_reader *f, struct dataset_error *error)
{
        size_t length, limit = f->options->limit;
        char *line;
        int r;

        while (!limit || f->builder.d->n < limit) {
                r = lines_next(&f->rows, &line, &length, error);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                r = read_row(f, line, length, error);
                if (r < 0)
                        return r;
        }
        if (!f->with_votes)
                return 0;
        r = check_agreement(f, error);
        if (r < 0 || (limit && f->builder.d->n >= limit))
                return r;
        r = lines_next(&f->votes, &line, &length, error);
        if (r > 0)
                return dataset_fail(error, -EBADMSG, f->votes.path, f->votes.number, "more rows than %s has",
                                    f->rows.path);
        return r;
}

static int fer_load(const char *path, const struct dataset_options *options, struct dataset **ret,
                    struct dataset_error *error)
{
        _cleanup_(fer_reader_done) struct fer_reader f = {
                .rows.fd = -1, .votes.fd = -1, .with_votes = options->ferplus != NULL, .options = options
        };
        bool contempt = options->ferplus_majority && options->ferplus_contempt;
        int r;

        r = open_with_header(&f.rows, path, fer_header, error);
        if (r < 0)
                return r;
        if (f.with_votes) {
                r = open_with_header(&f.votes, options->ferplus, ferplus_header, error);
                if (r < 0)
                        return r;
        }
        r = builder_init(&f.builder, SIDE_PX, SIDE_PX, contempt ? N_LABELS : N_LABELS_BASIC, f.with_votes);
        if (r < 0)
                return dataset_fail(error, r, path, 0, "out of memory");
        r = read_rows(&f, error);
        if (r < 0)
                return r;
        r = builder_finish(&f.builder, ret);
        if (r == -EINVAL)
                return dataset_fail(error, r, path, 0, "no row of the wanted kind");
        if (r < 0)
                return dataset_fail(error, r, path, 0, "out of memory");
        return 0;
}

static bool fer_probe(const char *path, bool is_folder)
{
        struct lines l = { .fd = -1 };
        struct dataset_error ignored;
        char *line;
        size_t length;

        if (is_folder)
                return false;
        /* "emotion" is enough: a file with a wrong header is better told that than "unknown format" */
        bool yes = lines_open(&l, path, &ignored) == 0 && lines_next(&l, &line, &length, &ignored) > 0 &&
                   strncmp(line, "emotion", 7) == 0;
        lines_close(&l);
        return yes;
}

const struct dataset_format dataset_fer2013 = { .name = "fer2013", .probe = fer_probe, .load = fer_load };
