// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// A file of dlib's shape_predictor (Kazemi and Sullivan 2014: an ensemble of regression trees), checked as it is read.

#include <istream>

#include <dlib/image_processing/shape_predictor.h>

namespace emo
{

constexpr unsigned long N_LANDMARKS = 68;

// Reads a predictor of 68 points from @in, which must be seekable.
// Throws: std::exception with a reason that fits behind a file's name: not such a file, cut, not 68 points, or with
// indices and numbers that dlib would follow out of its memory.
void landmarks_read(std::istream &in, dlib::shape_predictor &ret);

} // namespace emo
