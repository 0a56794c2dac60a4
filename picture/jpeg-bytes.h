/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * The bytes of a JPEG file: markers and segments (ITU-T T.81, annex B), without decoding. For this folder only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picture/orient.h"

enum jpeg_marker {
        JPEG_SOF0 = 0xc0,
        JPEG_SOF3 = 0xc3, /* lossless */
        JPEG_DHT = 0xc4,
        JPEG_JPG = 0xc8,
        JPEG_SOF11 = 0xcb, /* lossless, arithmetic */
        JPEG_DAC = 0xcc,
        JPEG_SOF15 = 0xcf,
        JPEG_RST0 = 0xd0,
        JPEG_RST7 = 0xd7,
        JPEG_SOI = 0xd8,
        JPEG_EOI = 0xd9,
        JPEG_SOS = 0xda,
        JPEG_APP1 = 0xe1,
        JPEG_APP14 = 0xee,
};

/* What the segments before the first scan say. */
struct jpeg_frame {
        uint8_t kind; /* JPEG_SOF0 ..; 0: there is none */
        unsigned precision, components;
        unsigned width_px, height_px;
        bool adobe;                   /* an Adobe marker: four colours are stored inverted */
        bool whole_scan;              /* the first scan holds all components */
        enum orientation orientation; /* EXIF's */
};

/* Where the next marker begins, from @at on, or @size. As libjpeg sees it: 0xff before it fills, 0xff 0 is data. */
size_t jpeg_find_marker(const uint8_t *data, size_t size, size_t at);
/* How long the segment at @at is, its marker included; 0 if it is cut or has no length. */
size_t jpeg_segment_bytes(const uint8_t *data, size_t size, size_t at);
/* Where the first picture begins, 0xff 0xd8 0xff; @size if there is none. */
size_t jpeg_find_start(const uint8_t *data, size_t size);
/* Where the marker of the picture's end is; @size if there is none, or a restart marker is missing before it. */
size_t jpeg_find_end(const uint8_t *data, size_t size);
/* Inside a scan every 0xff of the data is followed by 0, so a start-of-scan marker is seen wherever it
 * stands; those of thumbnails in application data are counted too, which errs by one or two. */
unsigned jpeg_count_scans(const uint8_t *data, size_t size);
/* @data begins with 0xff 0xd8. What is not said is 0. */
void jpeg_read_frame(const uint8_t *data, size_t size, struct jpeg_frame *ret);
