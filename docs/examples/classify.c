/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * classify MODEL PICTURE: what a network says about a picture and about its mirror image, in one pass.
 *
 * PICTURE is a binary PGM file (P5, 255 grey values) of the size that the network takes. Build with
 *
 *      cc -o classify classify.c $(pkg-config --cflags --libs emotion-nn) -lm
 */
#include <emotion-nn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Grey values of a picture of exactly this size. */
static int read_pgm(const char *path, int64_t width, int64_t height, unsigned char *pixels)
{
        long w, h, largest;
        size_t n = (size_t)(width * height);
        FILE *f = fopen(path, "rb");
        int ok;

        if (!f)
                return -1;
        ok = fscanf(f, "P5 %ld %ld %ld", &w, &h, &largest) == 3 && w == width && h == height && largest == 255 &&
             fgetc(f) != EOF && fread(pixels, 1, n, f) == n;
        fclose(f);
        return ok ? 0 : -1;
}

/* The form of input that the model's file asks for; "contrast" is mean 0 and standard deviation 1. */
static void normalise(const char *how, size_t n, float *x)
{
        double mean = 0, square = 0, deviation = 255;

        if (how && strcmp(how, "contrast") == 0) {
                for (size_t i = 0; i < n; i++) {
                        mean += (double)x[i] / (double)n;
                        square += (double)x[i] * (double)x[i] / (double)n;
                }
                deviation = fmax(sqrt(fmax(square - mean * mean, 0)), 8);
        }
        for (size_t i = 0; i < n; i++)
                x[i] = (float)(((double)x[i] - mean) / deviation);
}

/* Image 0 of the batch is the picture, image 1 its mirror image. */
static void fill(const struct nn_model *model, const unsigned char *pixels, struct nn_tensor *input)
{
        int64_t height = input->dims[2], width = input->dims[3], n = height * width;
        float *x = input->data;

        for (int64_t i = 0; i < n; i++) {
                x[i] = pixels[i];
                x[n + i] = pixels[i / width * width + (width - 1 - i % width)];
        }
        normalise(nn_model_metadata(model, "emotiond.normalisation"), (size_t)n, x);
        normalise(nn_model_metadata(model, "emotiond.normalisation"), (size_t)n, x + n);
}

/* One line a class: its name if the file tells it, and the mean of the two images' values. */
static void print(const struct nn_model *model, const struct nn_tensor *output)
{
        const char *label = nn_model_metadata(model, "emotiond.labels");
        int64_t classes = nn_tensor_n_elements(output) / 2;
        const float *y = output->data;

        for (int64_t i = 0; i < classes; i++) {
                int length = label ? (int)strcspn(label, ",") : 0;

                printf("%-10.*s %.3f\n", length, label ? label : "", (double)(y[i] + y[classes + i]) / 2);
                label = label && label[length] ? label + length + 1 : NULL;
        }
}

static int classify(const struct nn_model *model, struct nn_plan *plan, const char *path)
{
        struct nn_tensor *input = nn_plan_input(plan, 0);
        unsigned char *pixels;
        int r = -1;

        if (input->type != NN_FLOAT32 || input->n_dims != 4 || input->dims[1] != 1) {
                fprintf(stderr, "the network does not take grey pictures\n");
                return -1;
        }
        pixels = malloc((size_t)(input->dims[2] * input->dims[3]));
        if (pixels && read_pgm(path, input->dims[3], input->dims[2], pixels) == 0) {
                fill(model, pixels, input);
                r = nn_plan_run(plan); /* as often as you like, each time with new values in the input */
        } else {
                fprintf(stderr, "%s is no picture of %dx%d pixels\n", path, (int)input->dims[3], (int)input->dims[2]);
        }
        free(pixels);
        if (r == 0)
                print(model, nn_plan_output(plan, 0));
        return r;
}

int main(int argc, char **argv)
{
        const struct nn_plan_options options = { .batch = 2 };
        struct nn_model *model = NULL;
        struct nn_plan *plan = NULL;
        struct nn_error error = { "" };
        int r;

        if (argc != 3) {
                fprintf(stderr, "usage: classify MODEL PICTURE\n");
                return 2;
        }
        r = nn_model_load(argv[1], &model, &error);
        if (r == 0)
                r = nn_plan_new(model, &options, &plan, &error);
        if (r < 0)
                fprintf(stderr, "%s: %s\n", argv[1], error.text);
        else
                r = classify(model, plan, argv[2]);
        nn_plan_free(plan); /* before its model; both take NULL */
        nn_model_free(model);
        return r < 0;
}
