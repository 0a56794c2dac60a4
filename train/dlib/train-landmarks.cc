// SPDX-License-Identifier: LGPL-2.1-or-later

// A file of 68 landmarks for the dlib plugin: dlib's own trainer of regression trees (Kazemi and Sullivan 2014), on the
// faces that landmarks.conf trains on, measured on those that it keeps back.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <getopt.h>

#include <dlib/image_processing.h>

#include "plugins/dlib/gray-view.h"

extern "C" {
#include "train/data/landmarks.h"
}

namespace
{

struct faces {
        std::vector<emo::gray_view> images;
        std::vector<std::vector<dlib::full_object_detection>> shapes; // one an image, as dlib wants them
        std::vector<const landmark_face *> faces;
};

struct options {
        const char *data = nullptr, *out = nullptr;
        unsigned long threads = 1, depth = 4, trees = 300, cascades = 10, oversampling = 20;
};

// What a detector of this project's boxes would give. dlib counts pixels' centres from 0.
dlib::rectangle face_box(const landmark_face &face)
{
        struct landmark_box b = landmark_box(face.points);

        return dlib::rectangle(std::lround(b.x - b.width / 2), std::lround(b.y - b.height / 2),
                               std::lround(b.x + b.width / 2) - 1, std::lround(b.y + b.height / 2) - 1);
}

void add(const landmark_face &face, faces &to)
{
        std::vector<dlib::point> parts;

        for (const auto &p : face.points)
                parts.emplace_back(std::lround(p[0] - 0.5f), std::lround(p[1] - 0.5f));
        to.images.push_back({ face.image.data, static_cast<long>(face.image.height_px),
                              static_cast<long>(face.image.width_px), static_cast<long>(face.image.stride_bytes) });
        to.shapes.push_back({ dlib::full_object_detection(face_box(face), parts) });
        to.faces.push_back(&face);
}

dlib::shape_predictor train(const options &o, const faces &f)
{
        dlib::shape_predictor_trainer trainer;

        trainer.set_cascade_depth(o.cascades);
        trainer.set_tree_depth(o.depth);
        trainer.set_num_trees_per_cascade_level(o.trees);
        trainer.set_oversampling_amount(o.oversampling);
        trainer.set_oversampling_translation_jitter(0.1); // of the box: detectors are off by that much
        trainer.set_num_threads(o.threads);
        trainer.be_verbose();
        return trainer.train(f.images, f.shapes);
}

double mean_error(const dlib::shape_predictor &predict, const faces &f)
{
        float points[LANDMARKS][2];
        double sum = 0;

        for (size_t i = 0; i < f.images.size(); i++) {
                dlib::full_object_detection found = predict(f.images[i], f.shapes[i][0].get_rect());

                for (unsigned long k = 0; k < LANDMARKS; k++) {
                        points[k][0] = static_cast<float>(found.part(k).x()) + 0.5f;
                        points[k][1] = static_cast<float>(found.part(k).y()) + 0.5f;
                }
                sum += landmark_error(points, f.faces[i]->points);
        }
        return sum / static_cast<double>(f.images.size());
}

int usage(FILE *to, int status)
{
        fputs("train-dlib-landmarks --data DIR --out FILE [OPTION...]\n\n"
              "Train regression trees for plugins.dlib.landmarks with dlib, on faces with 68 points.\n\n"
              "  --data DIR         train.csv and its pictures\n"
              "  --out FILE         the trees, some 40 MB\n"
              "  --trees N          a level of the cascade (300)\n"
              "  --depth N          of a tree (4); one more doubles the file\n"
              "  --oversampling N   guesses that a face is begun with (20)\n"
              "  --threads N        (1)\n",
              to);
        return status;
}

bool number(const char *text, unsigned long *ret)
{
        char *end;

        *ret = strtoul(text, &end, 10);
        return *text >= '0' && *text <= '9' && !*end && *ret >= 1 && *ret <= 10000;
}

bool parse(int argc, char **argv, options *o)
{
        static const struct option known[] = { { "data", required_argument, nullptr, 'd' },
                                               { "out", required_argument, nullptr, 'o' },
                                               { "trees", required_argument, nullptr, 't' },
                                               { "depth", required_argument, nullptr, 'l' },
                                               { "oversampling", required_argument, nullptr, 'n' },
                                               { "threads", required_argument, nullptr, 'j' },
                                               {} };
        bool good = true;

        for (int c; (c = getopt_long(argc, argv, "", known, nullptr)) >= 0;)
                switch (c) {
                case 'd':
                        o->data = optarg;
                        break;
                case 'o':
                        o->out = optarg;
                        break;
                case 't':
                        good = number(optarg, &o->trees) && good;
                        break;
                case 'l':
                        good = number(optarg, &o->depth) && o->depth <= 10 && good;
                        break;
                case 'n':
                        good = number(optarg, &o->oversampling) && good;
                        break;
                case 'j':
                        good = number(optarg, &o->threads) && good;
                        break;
                default:
                        good = false;
                }
        return good && optind == argc && o->data && o->out;
}

int run(const options &o)
{
        const landmark_options as_they_are = {};
        landmark_set *set = nullptr;
        dataset_error error = { "" };
        faces to_train_on, kept_back;

        if (landmark_set_load(o.data, &as_they_are, &set, &error) < 0)
                throw std::runtime_error(error.text);
        for (size_t i = 0; i < set->n; i++)
                add(set->faces[i], set->faces[i].kept ? kept_back : to_train_on);
        if (to_train_on.images.empty())
                throw std::runtime_error("no face to train on");
        printf("%zu faces to train on, %zu kept back\n", to_train_on.images.size(), kept_back.images.size());
        dlib::shape_predictor trees = train(o, to_train_on);

        dlib::serialize(o.out) << trees;
        printf("mean error, share of the distance of the eyes' outer corners: %.2f %% of the faces trained on",
               100 * mean_error(trees, to_train_on));
        if (!kept_back.images.empty())
                printf(", %.2f %% of those kept back", 100 * mean_error(trees, kept_back));
        putchar('\n');
        landmark_set_free(set);
        return 0;
}

} // namespace

int main(int argc, char **argv)
{
        options o;

        if (argc == 2 && std::string(argv[1]) == "--help")
                return usage(stdout, 0);
        if (!parse(argc, argv, &o))
                return usage(stderr, 2);
        try {
                return run(o);
        } catch (const std::exception &e) {
                fprintf(stderr, "train-dlib-landmarks: %s\n", e.what());
                return 1;
        }
}
