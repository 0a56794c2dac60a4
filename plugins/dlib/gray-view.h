// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

// The host's gray picture as a "generic image" of dlib's: a view of memory that is only read, never copied.

#include <cstddef>
#include <cstdint>

#include <dlib/image_processing/generic_image.h>

namespace emo
{

struct gray_view {
        const uint8_t *data; // owned by the host, valid during the call
        long n_rows, n_columns, stride_bytes;
};

// dlib finds these by the argument's namespace.
inline long num_rows(const gray_view &v)
{
        return v.n_rows;
}

inline long num_columns(const gray_view &v)
{
        return v.n_columns;
}

inline long width_step(const gray_view &v)
{
        return v.stride_bytes;
}

inline const void *image_data(const gray_view &v)
{
        return v.data;
}

} // namespace emo

namespace dlib
{

template <> struct image_traits<emo::gray_view> {
        typedef unsigned char pixel_type;
};

} // namespace dlib
