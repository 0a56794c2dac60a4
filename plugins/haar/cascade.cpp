// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <new>
#include <numeric>
#include <vector>

#include <opencv2/core/ocl.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>

#include "plugins/haar/cascade.h"

struct cascade {
        cv::CascadeClassifier classifier;
        cv::Mat shrunk;
        // kept between calls, so that they stop growing
        std::vector<cv::Rect> objects;
        std::vector<int> n_hits;
        std::vector<size_t> order;
};

namespace
{

// Runs @work and turns what it throws into an errno and a sentence.
template <typename F> int guarded(char *why, size_t why_size, F work)
{
        try {
                return work();
        } catch (const std::bad_alloc &) {
                snprintf(why, why_size, "out of memory");
                return -ENOMEM;
        } catch (const cv::Exception &e) {
                snprintf(why, why_size, "OpenCV: %s", e.err.c_str());
                return e.code == cv::Error::StsNoMem ? -ENOMEM : -EIO;
        } catch (const std::exception &e) {
                snprintf(why, why_size, "OpenCV: %s", e.what());
                return -EIO;
        } catch (...) {
                snprintf(why, why_size, "OpenCV failed");
                return -EIO;
        }
}

// A header over the caller's pixels; OpenCV only reads them.
cv::Mat wrap(const uint8_t *data, uint32_t width_px, uint32_t height_px, size_t stride_bytes)
{
        return cv::Mat(static_cast<int>(height_px), static_cast<int>(width_px), CV_8UC1, const_cast<uint8_t *>(data),
                       stride_bytes);
}

} // namespace

int cascade_new(const char *path, struct cascade **ret, char *why, size_t why_size)
{
        return guarded(why, why_size, [&] {
                // one frame keeps one core busy at most, and the thread that called
                cv::setNumThreads(1);
                cv::ocl::setUseOpenCL(false);
                auto c = new cascade;
                int r = 0;

                try {
                        if (!c->classifier.load(path) || c->classifier.empty()) {
                                snprintf(why, why_size, "%s is no cascade that OpenCV reads", path);
                                r = -EINVAL;
                        }
                } catch (...) {
                        delete c;
                        throw;
                }
                if (r < 0)
                        delete c;
                else
                        *ret = c;
                return r;
        });
}

void cascade_free(struct cascade *c)
{
        delete c;
}

int cascade_search_gray(struct cascade *c, const uint8_t *data, uint32_t width_px, uint32_t height_px,
                        size_t stride_bytes, const struct cascade_search *how, struct cascade_hit *ret, size_t max,
                        char *why, size_t why_size)
{
        return guarded(why, why_size, [&] {
                cv::Mat image = wrap(data, width_px, height_px, stride_bytes);
                int min = static_cast<int>(how->min_px), limit = static_cast<int>(how->max_px);

                c->objects.clear();
                c->n_hits.clear();
                c->classifier.detectMultiScale(image, c->objects, c->n_hits, how->scale_factor, how->neighbours, 0,
                                               cv::Size(min, min), cv::Size(limit, limit));
                c->order.resize(c->objects.size());
                std::iota(c->order.begin(), c->order.end(), 0);
                std::stable_sort(c->order.begin(), c->order.end(),
                                 [&](size_t a, size_t b) { return c->n_hits.at(a) > c->n_hits.at(b); });
                size_t n = std::min(max, c->order.size());

                for (size_t i = 0; i < n; i++) {
                        const cv::Rect &r = c->objects[c->order[i]];

                        ret[i] = { r.x, r.y, r.width, r.height, c->n_hits.at(c->order[i]) };
                }
                return static_cast<int>(n);
        });
}

int cascade_shrink(struct cascade *c, const uint8_t *data, uint32_t width_px, uint32_t height_px, size_t stride_bytes,
                   uint32_t to_width_px, uint32_t to_height_px, const uint8_t **ret, size_t *ret_stride_bytes,
                   char *why, size_t why_size)
{
        return guarded(why, why_size, [&] {
                cv::resize(wrap(data, width_px, height_px, stride_bytes), c->shrunk,
                           cv::Size(static_cast<int>(to_width_px), static_cast<int>(to_height_px)), 0, 0,
                           cv::INTER_AREA);
                *ret = c->shrunk.data;
                *ret_stride_bytes = c->shrunk.step;
                return 0;
        });
}
