/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Text for the bus, which carries UTF-8 only, while a device, a file or a model may call itself anything, and a buffer
 * may end in the middle of a character.
 */

/* Replaces in place, by a '?' each, the bytes that are not UTF-8 and the control characters. */
void utf8_clean(char *text);
