/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "nn/image.h"
#include "picture/picture.h"
#include "train/data/reader.h"

#define DEFAULT_SIDE_PX 48u
#define MAX_SIDE_PX 1024u

int dataset_picture_size(const char *path, const struct dataset_options *options, unsigned *ret_width_px,
                         unsigned *ret_height_px, struct dataset_error *error)
{
        unsigned width = options->width_px ? options->width_px : DEFAULT_SIDE_PX;
        unsigned height = options->height_px ? options->height_px : DEFAULT_SIDE_PX;

        if (width > MAX_SIDE_PX || height > MAX_SIDE_PX)
                return dataset_fail(error, -EINVAL, path, 0, "pictures of more than %u pixels a side", MAX_SIDE_PX);
        *ret_width_px = width;
        *ret_height_px = height;
        return 0;
}

int dataset_read_picture(const char *path, unsigned width_px, unsigned height_px, uint8_t *ret,
                         struct dataset_error *error)
{
        _cleanup_(picture_freep) struct picture *p = NULL;
        int r = picture_decode_file(path, PICTURE_GRAY8, &p);

        if (r == -EBADMSG)
                return dataset_fail(error, r, path, 0, "not a PNG or JPEG, or broken");
        if (r < 0)
                return dataset_fail(error, r, path, 0, "%s", strerror(-r));
        struct nn_image im = { p->data, p->width_px, p->height_px, p->stride_bytes };
        r = nn_image_resize(&im, width_px, height_px, ret);
        if (r < 0)
                return dataset_fail(error, r, path, 0, "cannot be resized");
        return 0;
}

int dataset_add_picture(struct dataset_builder *b, const char *path, unsigned class, struct dataset_error *error)
{
        uint8_t *pixels;
        int r = builder_reserve(b, &pixels, NULL);

        if (r < 0)
                return dataset_fail(error, r, path, 0, "out of memory");
        r = dataset_read_picture(path, b->d->width_px, b->d->height_px, pixels, error);
        if (r < 0)
                return r;
        builder_commit(b, class, DATASET_TRAINING);
        return 0;
}

int dataset_finish_pictures(struct dataset_builder *b, const char *path, struct dataset **ret,
                            struct dataset_error *error)
{
        int r = builder_finish(b, ret);

        if (r == -EINVAL)
                return dataset_fail(error, r, path, 0, "no picture of the wanted kind");
        if (r < 0)
                return dataset_fail(error, r, path, 0, "out of memory");
        return 0;
}

bool dataset_is_picture_name(const char *name)
{
        static const char *const endings[] = { ".png", ".jpg", ".jpeg" };
        const char *dot = strrchr(name, '.');

        if (!dot || name[0] == '.')
                return false;
        for (size_t i = 0; i < ARRAY_LEN(endings); i++)
                if (strcasecmp(dot, endings[i]) == 0)
                        return true;
        return false;
}

/* FER2013's, CK+'s and RaFD's words for our labels. */
int dataset_label_from_word(const char *s, size_t length)
{
        static const struct {
                const char *word;
                int label;
        } words[] = {
                { "anger", LABEL_ANGER },         { "angry", LABEL_ANGER },       { "disgust", LABEL_DISGUST },
                { "disgusted", LABEL_DISGUST },   { "fear", LABEL_FEAR },         { "fearful", LABEL_FEAR },
                { "happiness", LABEL_HAPPINESS }, { "happy", LABEL_HAPPINESS },   { "sadness", LABEL_SADNESS },
                { "sad", LABEL_SADNESS },         { "surprise", LABEL_SURPRISE }, { "surprised", LABEL_SURPRISE },
                { "neutral", LABEL_NEUTRAL },     { "contempt", LABEL_CONTEMPT }, { "contemptuous", LABEL_CONTEMPT },
        };

        for (size_t i = 0; i < ARRAY_LEN(words); i++)
                if (strlen(words[i].word) == length && strncasecmp(words[i].word, s, length) == 0)
                        return words[i].label;
        return -EINVAL;
}
