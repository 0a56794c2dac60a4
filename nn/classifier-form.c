/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"
#include "nn/classifier-form.h"
#include "nn/error.h"

#define IMAGENET "0.485,0.456,0.406/0.229,0.224,0.225"

/* What people call the seven, and the eighth. */
static const struct {
        const char *word, *label;
} words[] = {
        { "angry", "anger" }, { "mad", "anger" },          { "disgusted", "disgust" },     { "fearful", "fear" },
        { "scared", "fear" }, { "afraid", "fear" },        { "happy", "happiness" },       { "joy", "happiness" },
        { "sad", "sadness" }, { "surprised", "surprise" }, { "contemptuous", "contempt" },
};

/* Letters, digits, - and _: a label becomes a D-Bus string, a key of a file and a word on a terminal. */
bool nn_form_label_is_valid(const char *s)
{
        size_t n = strlen(s);

        return n > 0 && n < 32 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == n && strcmp(s, "unsure") != 0;
}

/* The next of a list that is parted by commas and spaces. Return: its length; 0 at the end. */
static size_t next_word(const char **list)
{
        *list += strspn(*list, ", ");
        return strcspn(*list, ",");
}

static int add_label(struct nn_form *f, const char *label, const char *said, struct nn_error *error)
{
        if (f->n_labels >= NN_FORM_MAX_LABELS)
                return nn_fail(error, -EINVAL, "more than %d labels", NN_FORM_MAX_LABELS);
        for (unsigned i = 0; i < f->n_labels; i++)
                if (strcmp(f->labels[i], label) == 0)
                        return nn_fail(error, -EINVAL, "the label '%s' twice: outputs %u and %u ('%.40s')", label, i,
                                       f->n_labels, said);
        snprintf(f->labels[f->n_labels++], NN_FORM_LABEL_MAX, "%s", label);
        return 0;
}

static int end_labels(const struct nn_form *f, struct nn_error *error)
{
        return f->n_labels < 2 ? nn_fail(error, -EINVAL, "fewer than two labels") : 0;
}

/* As they stand. */
static int labels_of_file(const char *text, struct nn_form *f, struct nn_error *error)
{
        size_t n;

        for (; (n = next_word(&text)); text += n) {
                char word[NN_FORM_LABEL_MAX];
                int r;

                snprintf(word, sizeof(word), "%.*s", (int)n, text);
                while (*word && word[strlen(word) - 1] == ' ')
                        word[strlen(word) - 1] = '\0';
                r = add_label(f, word, word, error);
                if (r < 0)
                        return r;
        }
        return end_labels(f, error);
}

int nn_form_labels(const char *text, struct nn_form *ret, struct nn_error *error)
{
        size_t n;

        ret->n_labels = 0;
        for (; (n = next_word(&text)); text += n) {
                char said[64], label[64], *equals;
                int r;

                snprintf(said, sizeof(said), "%.*s", (int)n, text);
                equals = strchr(said, '=');
                snprintf(label, sizeof(label), "%s", equals ? equals + 1 : said + strspn(said, " "));
                for (char *s = label; *s; s++)
                        *s = (char)tolower((unsigned char)*s);
                while (*label && label[strlen(label) - 1] == ' ')
                        label[strlen(label) - 1] = '\0';
                for (size_t i = 0; i < ARRAY_LEN(words); i++)
                        if (strcmp(label, words[i].word) == 0)
                                snprintf(label, sizeof(label), "%s", words[i].label);
                if (!nn_form_label_is_valid(label))
                        return nn_fail(error, -EINVAL, "the label '%.40s' cannot be used", said);
                r = add_label(ret, label, said, error);
                if (r < 0)
                        return r;
        }
        return end_labels(ret, error);
}

static int read_labels(const struct nn_model *m, const char *text, struct nn_form *f, struct nn_error *error)
{
        const char *own = nn_model_metadata(m, "emotiond.labels");

        if (text && *text)
                return nn_form_labels(text, f, error);
        return own ? labels_of_file(own, f, error) : 0;
}

/* What @text says, or else the file; NULL: neither. */
static const char *say(const struct nn_model *m, const char *text, const char *key)
{
        return text && *text ? text : nn_model_metadata(m, key);
}

/* One number for all channels, or three; up to @end. */
static int read_three(const char *text, const char *end, float *ret)
{
        unsigned n = 0;

        while (n < 3) {
                char *after;
                float v = strtof(text, &after);

                if (after == text || after > end || !isfinite(v))
                        return -EINVAL;
                ret[n++] = v;
                text = after;
                if (*text != ',')
                        break;
                text++;
        }
        if (text != end || n == 2)
                return -EINVAL;
        for (; n < 3; n++)
                ret[n] = ret[0];
        return 0;
}

static int read_normalisation(const char *text, struct nn_form *f, struct nn_error *error)
{
        int known = nn_normalisation_from_string(text ? text : "unit");
        const char *slash;

        if (known >= 0) {
                f->normalisation = (enum nn_normalisation)known;
                return 0;
        }
        if (strcmp(text, "imagenet") == 0)
                return read_normalisation(IMAGENET, f, error);
        slash = strchr(text, '/');
        f->by_mean = true;
        if (!slash || read_three(text, slash, f->mean) < 0 ||
            read_three(slash + 1, slash + 1 + strlen(slash + 1), f->std) < 0)
                return nn_fail(error, -EINVAL, "the unknown normalisation '%.40s'", text);
        for (unsigned i = 0; i < 3; i++)
                if (!(f->std[i] > 1e-6f))
                        return nn_fail(error, -EINVAL, "normalisation '%.60s': a standard deviation must be above 0",
                                       text);
        return 0;
}

/* Where the channels stand: as is said, or as the shape tells. */
static int read_layout(const char *text, const struct nn_tensor *in, struct nn_form *f, struct nn_error *error)
{
        bool first = in->dims[1] == 1 || in->dims[1] == 3, last = in->dims[3] == 1 || in->dims[3] == 3;

        if (text && strcmp(text, "nchw") != 0 && strcmp(text, "nhwc") != 0)
                return nn_fail(error, -EINVAL, "emotiond.layout is '%.40s', not nchw or nhwc", text);
        if (!text && !first && !last)
                return nn_fail(error, -EINVAL, "no classifier: its input is no picture of one channel or three");
        f->nhwc = text ? strcmp(text, "nhwc") == 0 : !first;
        int64_t n = in->dims[f->nhwc ? 3 : 1];
        if (n != 1 && n != 3 && n >= 0)
                return nn_fail(error, -EINVAL, "layout %s: the input then has %lld channels, not 1 or 3",
                               f->nhwc ? "nhwc" : "nchw", (long long)n);
        f->n_channels = n < 0 ? 0 : (unsigned)n;
        return 0;
}

static int read_channels(const char *text, struct nn_form *f, struct nn_error *error)
{
        static const char *const names[] = { [NN_FORM_GRAY] = "gray", [NN_FORM_RGB] = "rgb", [NN_FORM_BGR] = "bgr" };
        unsigned i = f->n_channels == 3 ? NN_FORM_RGB : NN_FORM_GRAY;

        for (i = text ? 0 : i; text && i < ARRAY_LEN(names) && strcmp(text, names[i]) != 0;)
                i++;
        if (i == ARRAY_LEN(names))
                return nn_fail(error, -EINVAL, "emotiond.channels is '%.40s', not gray, rgb or bgr", text);
        if (!f->n_channels) /* the file leaves it open */
                f->n_channels = i == NN_FORM_GRAY ? 1 : 3;
        if (f->n_channels == 1 && i != NN_FORM_GRAY)
                return nn_fail(error, -EINVAL, "emotiond.channels is '%s', but the input has one channel", names[i]);
        f->channels = (enum nn_form_channels)i;
        return 0;
}

static int read_size(const char *text, const struct nn_tensor *in, struct nn_form *f, struct nn_error *error)
{
        int64_t height = in->dims[f->nhwc ? 1 : 2], width = in->dims[f->nhwc ? 2 : 3];
        unsigned w = 0, h = 0;
        int end = 0;

        if (text && (sscanf(text, "%5ux%5u%n", &w, &h, &end) != 2 || text[end]))
                return nn_fail(error, -EINVAL, "emotiond.size is '%.40s', not a size such as 48x48", text);
        if (text && ((width >= 0 && width != w) || (height >= 0 && height != h)))
                return nn_fail(error, -EINVAL, "emotiond.size is '%.40s', but the input is %lldx%lld", text,
                               (long long)width, (long long)height);
        f->open_size = width < 0 || height < 0;
        width = text ? (int64_t)w : width;
        height = text ? (int64_t)h : height;
        if (width < 1 || height < 1)
                return nn_fail(error, -EINVAL, "the file does not fix the sides of its input: emotiond.size is needed");
        if (width > NN_FORM_MAX_SIDE_PX || height > NN_FORM_MAX_SIDE_PX)
                return nn_fail(error, -EINVAL, "the sides of the input are beyond %d pixels", NN_FORM_MAX_SIDE_PX);
        f->width_px = (unsigned)width;
        f->height_px = (unsigned)height;
        return 0;
}

static int read_input(const struct nn_model *m, const struct nn_form_text *t, struct nn_form *f, struct nn_error *error)
{
        const struct nn_tensor *in = nn_model_input(m, 0);
        int r;

        if (nn_model_n_inputs(m) != 1 || nn_model_n_outputs(m) != 1 || !in || in->type != NN_FLOAT32 || in->n_dims != 4)
                return nn_fail(error, -EINVAL,
                               "no classifier: it must have one input [N, 1 or 3, H, W] or [N, H, W, 1 or 3] of "
                               "float32, and one output");
        r = read_layout(say(m, t->layout, "emotiond.layout"), in, f, error);
        if (r >= 0)
                r = read_channels(say(m, t->channels, "emotiond.channels"), f, error);
        if (r >= 0)
                r = read_size(say(m, t->size, "emotiond.size"), in, f, error);
        if (f->n_channels && in->dims[f->nhwc ? 3 : 1] < 0)
                f->open_size = true;
        return r;
}

int nn_form_read(const struct nn_model *m, const struct nn_form_text *text, struct nn_form *ret, struct nn_error *error)
{
        static const struct nn_form_text nothing;
        const struct nn_form_text *t = text ? text : &nothing;
        const char *output = say(m, t->output, "emotiond.output");
        const char *face = say(m, t->face_template, "emotiond.template");
        int r;

        *ret = (struct nn_form){ .face_template = face_template_fer2013 };
        r = read_labels(m, t->labels, ret, error);
        if (r >= 0)
                r = read_normalisation(say(m, t->normalisation, "emotiond.normalisation"), ret, error);
        if (r >= 0)
                r = read_input(m, t, ret, error);
        if (r < 0)
                return r;
        if (output && strcmp(output, "logits") != 0 && strcmp(output, "probabilities") != 0)
                return nn_fail(error, -EINVAL, "emotiond.output is '%.40s', not probabilities or logits", output);
        ret->logits = output && strcmp(output, "logits") == 0;
        if (face && face_template_parse(face, &ret->face_template) < 0)
                return nn_fail(error, -EINVAL, "emotiond.template is '%.60s', not a template of a face", face);
        return 0;
}

struct nn_tensor nn_form_tensor(const struct nn_form *f, unsigned batch)
{
        int64_t n = batch, c = f->n_channels, h = f->height_px, w = f->width_px;
        struct nn_tensor t = { .type = NN_FLOAT32, .n_dims = 4, .dims = { n, c, h, w } };

        if (f->nhwc) {
                t.dims[1] = h;
                t.dims[2] = w;
                t.dims[3] = c;
        }
        return t;
}

bool nn_form_fits(const struct nn_form *f, const struct nn_tensor *input, unsigned batch)
{
        struct nn_tensor t = nn_form_tensor(f, batch);

        return input && input->type == NN_FLOAT32 && input->n_dims == 4 &&
               memcmp(input->dims, t.dims, 4 * sizeof(t.dims[0])) == 0;
}

size_t nn_form_size(const struct nn_form *f)
{
        return (size_t)f->n_channels * f->width_px * f->height_px;
}

/* One channel: where its plane lies, where it goes and how far apart its pixels stand there. */
static void fill_channel(const struct nn_form *f, const float *plane, bool mirror, unsigned channel, float *ret)
{
        size_t step = f->nhwc ? f->n_channels : 1;
        float mean = f->by_mean ? 255 * f->mean[channel] : 0;
        float scale = f->by_mean ? 1 / (255 * f->std[channel]) : 1;
        float *to = ret + (f->nhwc ? channel : (size_t)channel * f->width_px * f->height_px);

        for (unsigned y = 0; y < f->height_px; y++, plane += f->width_px)
                for (unsigned x = 0; x < f->width_px; x++, to += step)
                        *to = (plane[mirror ? f->width_px - 1 - x : x] - mean) * scale;
}

void nn_form_fill(const struct nn_form *f, const float *gray, const float *rgb, bool mirror, float *ret)
{
        size_t n = (size_t)f->width_px * f->height_px;

        for (unsigned c = 0; c < f->n_channels; c++) {
                const float *plane = gray;

                if (rgb && f->channels != NN_FORM_GRAY)
                        plane = rgb + n * (f->channels == NN_FORM_BGR ? 2 - c : c);
                fill_channel(f, plane, mirror, c, ret);
        }
        if (!f->by_mean)
                nn_normalise(f->normalisation, ret, nn_form_size(f));
}
