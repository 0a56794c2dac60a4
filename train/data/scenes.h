/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Pictures with the boxes of all their faces: a folder with pictures and boxes.csv, one line a face, its
 * columns found by name: file, width, height, face_index or index, x or left, y or top, w or box_width, h or
 * box_height, and, where there are any, five points left_eye_x, left_eye_y, right_eye_.., nose_..,
 * mouth_left_.., mouth_right_.. . A picture without faces has one line with an empty box. sources.csv (file,
 * group, note), if there is one, says which pictures belong together and which are known to look like faces
 * ("hard"), or have covered faces ("mask", "sunglasses", joined to others by '+'). A group of more than a twentieth of the
 * folder's pictures is cut into runs of forty in the order of names, or keeping it back would leave too little.
 */

#include "nn/image.h"
#include "train/data/dataset.h"

#define SCENE_POINTS 5
#define SCENE_LEVELS 4 /* of the pyramid: whole, half, quarter, eighth */

struct scene_face {
        float x, y, w, h;              /* pixels; left, top */
        float points[SCENE_POINTS][2]; /* picture's left eye, right eye, nose, mouth's left and right corner */
        bool has_points;
};

struct scene {
        char *file;
        struct nn_image levels[SCENE_LEVELS]; /* each half the one before; at least 1 pixel */
        unsigned n_faces;
        struct scene_face *faces;
        bool hard;    /* has no face but something like one */
        bool covered; /* faces wear masks or sunglasses: points under them are guesses */
        bool kept;    /* of the tenth of all groups that is never trained on */
};

enum scene_part {
        SCENES_ALL,
        SCENES_TRAINING,
        SCENES_KEPT,
};

struct scene_options {
        enum scene_part part;
        bool face_free; /* only those */
};

struct scene_set {
        size_t n;
        struct scene *scenes;
};

/* @path: a folder, or several with ':' between them. Return: 0; -EBADMSG a wrong or cut file, or a picture of another size than the table says; -ENOMEM; errno.
 */
int scene_set_load(const char *path, const struct scene_options *options, struct scene_set **ret,
                   struct dataset_error *error);
struct scene_set *scene_set_free(struct scene_set *s);
DEFINE_CLEANUP(struct scene_set *, scene_set_free)
