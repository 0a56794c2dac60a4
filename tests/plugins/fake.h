/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * A backend that answers what a test has written. The test finds the script by dlsym("fake_script") in the module
 * that the host has loaded.
 */

#include <stdatomic.h>

#include "plugins/emo-plugin.h"

#define FAKE_MAX_BOXES 40

struct fake_script {
        struct emo_box boxes[FAKE_MAX_BOXES]; /* in the picture; a region is given those whose centre it holds */
        int n_boxes;
        int detect_result; /* instead of the number of boxes, if not 0 */
        int align_result;
        struct emo_alignment alignment; /* given for every box if use_alignment, else the box itself */
        int use_alignment;
        int landmarks;          /* give 68 points that lie in the nearest box of the script */
        float align_confidence; /* of these points, if not 0 */
        int detect_nothing;     /* no box, whatever the script has */
        atomic_uint n_everywhere, n_regions, n_aligned;
        const struct emo_host *_Atomic host; /* of the instance that was opened last */
        int note_sequence;                   /* fill the next one; only while there is one instance */
        uint64_t sequence;                   /* of the picture that was aligned last */
        atomic_uint n_open, n_close;
        char found_file[256]; /* of the setting "file" */
        double number;        /* of the setting "number" */
};
