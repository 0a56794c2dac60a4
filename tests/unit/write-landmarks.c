/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* write-landmarks FILE: a network of landmarks that finds two white dots on black, for tests of programs. */
#include "tests/unit/face-nets.h"

int main(int argc, char **argv)
{
        return argc == 2 && face_net_write_points(argv[1], &(struct face_points_net){ .crop = 1.3 }) >= 0 ? 0 : 1;
}
