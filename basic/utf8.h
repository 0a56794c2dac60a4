/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * Text from outside, made safe for the bus, the journal, a terminal and JSON. A device, a file, a plugin or a model may
 * call itself anything, and a buffer may end in the middle of a character.
 */

/**
 * utf8_clean() - keep what is a character and obeys nobody
 *
 * Replaces in place, by a '?' each, the bytes of: what is not UTF-8 or no character (the bus refuses it); control
 * characters of ASCII and Latin-1 (a terminal obeys them, and a line feed begins a new line of the journal); the
 * separators of lines and paragraphs; and what changes the direction of writing or hides text (Unicode's Bidi_Control
 * characters, tags, interlinear annotation), so that what is read is what stands there. The length stays.
 */
void utf8_clean(char *text);

/* The same for a copy, owned by the caller. NULL gives "". Return: NULL when there is no memory. */
char *utf8_clean_dup(const char *text);
