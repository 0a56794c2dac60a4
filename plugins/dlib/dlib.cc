// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <new>
#include <vector>

#include <syslog.h>

#include <dlib/image_processing/frontal_face_detector.h>
#include <dlib/image_transforms.h>

#include "plugins/dlib/gray-view.h"
#include "plugins/dlib/landmarks.h"
#include "plugins/emo-plugin.h"

namespace
{

// of the searched picture, after upsampling: dlib needs some 20 bytes for each
constexpr uint64_t MAX_PIXELS = 64u * 1000 * 1000;
// dlib maps boxes with integers; far above any camera
constexpr float MAX_COORDINATE = 1e6f;

struct settings {
        int64_t upsample = 0;
        double threshold = 0;
        const char *landmarks = nullptr; // owned by the host
};

struct detector {
        settings set;
        dlib::frontal_face_detector find;
        // kept between calls, so that they stop growing
        dlib::array2d<unsigned char> larger[2];
        std::vector<dlib::rect_detection> found;
};

struct aligner {
        dlib::shape_predictor predict;
};

void say(emo_error *error, const char *what, const char *why)
{
        snprintf(error->text, sizeof(error->text), "%.120s%.120s", what, why);
        // dlib tells where it was in further lines
        error->text[std::strcspn(error->text, "\n")] = '\0';
}

// Runs @work and turns what it throws into an errno and a sentence.
template <typename F> int guarded(emo_error *error, F work) noexcept
{
        try {
                return work();
        } catch (const std::bad_alloc &) {
                say(error, "out of memory", "");
                return -ENOMEM;
        } catch (const std::exception &e) {
                say(error, "dlib: ", e.what());
                return -EIO;
        } catch (...) {
                say(error, "dlib failed", "");
                return -EIO;
        }
}

// Detector and aligner share one group of settings, so either reads all of it.
int read_settings(const emo_host *host, settings *ret)
{
        if (host->get_int(host->self, "upsample", 0, 2, &ret->upsample) < 0 ||
            host->get_float(host->self, "threshold", -1, 2, &ret->threshold) < 0 ||
            host->get_string(host->self, "landmarks", &ret->landmarks) < 0)
                return -EINVAL;
        return 0;
}

int detector_open(const emo_host *host, void **ret_self, emo_error *error)
{
        return guarded(error, [&] {
                auto d = std::make_unique<detector>();
                int r = read_settings(host, &d->set);

                if (r < 0) {
                        say(error, "a setting in plugins.dlib is of the wrong type or out of range", "");
                        return r;
                }
                d->find = dlib::get_frontal_face_detector();
                *ret_self = d.release();
                return 0;
        });
}

void detector_close(void *self)
{
        delete static_cast<detector *>(self);
}

// Cuts the hint's region to the picture. False if nothing is left.
bool cut(const emo_image *image, const emo_detect_hints *hints, uint32_t *x, uint32_t *y, emo::gray_view *ret)
{
        uint32_t width_px = image->width_px, height_px = image->height_px;

        *x = *y = 0;
        if (hints->roi_width) {
                if (hints->roi_x >= width_px || hints->roi_y >= height_px || !hints->roi_height)
                        return false;
                *x = hints->roi_x;
                *y = hints->roi_y;
                width_px = std::min(hints->roi_width, width_px - *x);
                height_px = std::min(hints->roi_height, height_px - *y);
        }
        *ret = { image->data + *y * image->stride_bytes + *x, static_cast<long>(height_px), static_cast<long>(width_px),
                 static_cast<long>(image->stride_bytes) };
        return width_px && height_px;
}

// Fills d->found, in pixels of @view doubled d->set.upsample times.
void search(detector *d, const emo::gray_view &view)
{
        dlib::pyramid_down<2> twice;

        d->found.clear();
        if (d->set.upsample == 0) {
                d->find(view, d->found, d->set.threshold);
                return;
        }
        dlib::pyramid_up(view, d->larger[0], twice);
        if (d->set.upsample > 1)
                dlib::pyramid_up(d->larger[0], d->larger[1], twice);
        d->find(d->larger[d->set.upsample - 1], d->found, d->set.threshold);
}

// @x, @y: of the searched part in the picture.
emo_box to_box(const detector *d, const dlib::rect_detection &hit, uint32_t x, uint32_t y)
{
        dlib::drectangle r = hit.rect;

        // dlib's edges are the outermost pixels' centres: half a pixel more on each side
        r = dlib::drectangle(r.left() - 0.5, r.top() - 0.5, r.right() + 0.5, r.bottom() + 0.5);
        if (d->set.upsample)
                r = dlib::pyramid_down<2>().rect_down(r, static_cast<unsigned int>(d->set.upsample));
        emo_box b = {};
        b.x = static_cast<float>(r.left() + x);
        b.y = static_cast<float>(r.top() + y);
        b.width = static_cast<float>(r.right() - r.left());
        b.height = static_cast<float>(r.bottom() - r.top());
        // dlib counts its score from its own limit on, whatever was asked for: there the confidence is a half
        b.confidence = static_cast<float>(1 / (1 + std::exp(-2 * hit.detection_confidence)));
        return b;
}

bool wanted(const emo_box &b, const emo_detect_hints *hints)
{
        float side_px = std::max(b.width, b.height);

        return side_px >= static_cast<float>(hints->min_face_px) &&
               (!hints->max_face_px || side_px <= static_cast<float>(hints->max_face_px));
}

int detector_detect(void *self, const emo_image *image, const emo_detect_hints *hints, emo_box *ret, size_t max_boxes,
                    emo_error *error)
{
        auto d = static_cast<detector *>(self);

        return guarded(error, [&] {
                emo::gray_view view;
                uint32_t x, y;
                size_t n = 0;

                if (!cut(image, hints, &x, &y, &view))
                        return 0;
                uint64_t n_pixels = static_cast<uint64_t>(view.n_rows) * static_cast<uint64_t>(view.n_columns);

                if (n_pixels > MAX_PIXELS >> (2 * d->set.upsample)) {
                        snprintf(error->text, sizeof(error->text), "a picture of %ldx%ld is too large", view.n_columns,
                                 view.n_rows);
                        return -EFBIG;
                }
                search(d, view);
                // dlib sorts too, but does not promise to
                std::stable_sort(d->found.begin(), d->found.end(), [](const auto &a, const auto &b) {
                        return a.detection_confidence > b.detection_confidence;
                });
                for (size_t i = 0; i < d->found.size() && n < max_boxes; i++) {
                        emo_box b = to_box(d, d->found[i], x, y);

                        if (wanted(b, hints))
                                ret[n++] = b;
                }
                return static_cast<int>(n);
        });
}

int read_landmarks(const char *path, dlib::shape_predictor *ret, emo_error *error)
{
        std::ifstream file(path, std::ios::binary);

        if (!file) {
                snprintf(error->text, sizeof(error->text), "%.200s cannot be opened", path);
                return -EIO;
        }
        try {
                emo::landmarks_read(file, *ret);
        } catch (const std::bad_alloc &) {
                throw;
        } catch (const std::exception &e) {
                char what[121];

                snprintf(what, sizeof(what), "%.80s is no file of 68 landmarks: ", path);
                say(error, what, e.what());
                return -EINVAL;
        }
        return 0;
}

int aligner_open(const emo_host *host, void **ret_self, emo_error *error)
{
        return guarded(error, [&] {
                auto a = std::make_unique<aligner>();
                char path[4096];
                settings set;
                int r = read_settings(host, &set);

                if (r < 0) {
                        say(error, "a setting in plugins.dlib is of the wrong type or out of range", "");
                        return r;
                }
                if (!set.landmarks || !*set.landmarks) {
                        say(error, "the aligner needs a file of 68 landmarks: set plugins.dlib.landmarks", "");
                        return -EINVAL;
                }
                r = host->find_file(host->self, set.landmarks, path, sizeof(path));
                if (r < 0) {
                        say(error, "plugins.dlib.landmarks: no file ", set.landmarks);
                        return r;
                }
                r = read_landmarks(path, &a->predict, error);
                if (r < 0)
                        return r;
                host->log(host->self, LOG_DEBUG, path);
                *ret_self = a.release();
                return 0;
        });
}

void aligner_close(void *self)
{
        delete static_cast<aligner *>(self);
}

// False for a box that dlib cannot work with.
bool to_rectangle(const emo_box *box, dlib::rectangle *ret)
{
        if (!(std::fabs(box->x) < MAX_COORDINATE && std::fabs(box->y) < MAX_COORDINATE && box->width < MAX_COORDINATE &&
              box->height < MAX_COORDINATE && box->width >= 2 && box->height >= 2))
                return false;
        long left = std::lround(box->x + 0.5f), top = std::lround(box->y + 0.5f);

        *ret = dlib::rectangle(left, top, left + std::lround(box->width) - 1, top + std::lround(box->height) - 1);
        return true;
}

// Centre of points @first..@first + 5: an eye.
void eye_centre(const emo_alignment *a, int first, float *x, float *y)
{
        *x = *y = 0;
        for (int i = first; i < first + 6; i++) {
                *x += a->points[i][0] / 6;
                *y += a->points[i][1] / 6;
        }
}

// The square about all points, rolled as the line between the eyes is.
void fill_square(emo_alignment *a)
{
        float low[2] = { a->points[0][0], a->points[0][1] }, high[2] = { low[0], low[1] };
        float left_x, left_y, right_x, right_y;

        for (uint32_t i = 1; i < a->n_points; i++)
                for (int k = 0; k < 2; k++) {
                        low[k] = std::min(low[k], a->points[i][k]);
                        high[k] = std::max(high[k], a->points[i][k]);
                }
        eye_centre(a, 36, &left_x, &left_y);
        eye_centre(a, 42, &right_x, &right_y);
        a->x = (low[0] + high[0]) / 2;
        a->y = (low[1] + high[1]) / 2;
        a->side_px = std::max({ high[0] - low[0], high[1] - low[1], 1.f });
        a->roll_rad = std::atan2(right_y - left_y, right_x - left_x);
}

int aligner_align(void *self, const emo_image *image, const emo_box *box, emo_alignment *ret, emo_error *error)
{
        auto a = static_cast<aligner *>(self);

        return guarded(error, [&] {
                dlib::rectangle where;
                emo_detect_hints everywhere = {};
                emo::gray_view view;
                uint32_t x, y;

                if (!to_rectangle(box, &where) || !cut(image, &everywhere, &x, &y, &view)) {
                        say(error, "a box of no size, or far from the picture", "");
                        return -EINVAL;
                }
                dlib::full_object_detection shape = a->predict(view, where);

                *ret = {};
                ret->n_points = emo::N_LANDMARKS;
                for (unsigned long i = 0; i < emo::N_LANDMARKS; i++) {
                        ret->points[i][0] = static_cast<float>(shape.part(i).x());
                        ret->points[i][1] = static_cast<float>(shape.part(i).y());
                }
                fill_square(ret);
                // the trees answer for any picture, and do not say how well
                ret->confidence = 1;
                return 0;
        });
}

const emo_detector_ops detector_ops = { sizeof(emo_detector_ops), detector_open, detector_detect, detector_close };
const emo_aligner_ops aligner_ops = { sizeof(emo_aligner_ops), aligner_open, aligner_align, aligner_close };

} // namespace

#define NAME "dlib"
#define DESCRIPTION "HOG face detector and 68 landmarks by regression trees (dlib)"
#define LICENCE "LGPL-2.1-or-later"
EMO_PLUGIN_ABOUT(NAME, PLUGIN_VERSION, DESCRIPTION, LICENCE, "detector aligner");

// in the order of the structure: not all compilers of C++17 know names here
const struct emo_plugin emo_plugin = {
        EMO_PLUGIN_MAGIC, EMO_PLUGIN_ABI, sizeof(struct emo_plugin),
        EMO_GRAY8,        NAME,           PLUGIN_VERSION,
        DESCRIPTION,      LICENCE,        &detector_ops,
        &aligner_ops,
};
