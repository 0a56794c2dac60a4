/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * An aligned data set has the template that its faces were carried to beside it: template.txt in the folder of the set,
 * or of its csv file. A network trained on it takes the template into its metadata.
 */

#include "nn/face-template.h"
#include "train/data/dataset.h"

#define TEMPLATE_FILE "template.txt"

/**
 * template_file_read() - the template beside the set @data
 * @ret: its text, "" if there is none
 * Return: 0; -EBADMSG not a template; errno. @error is filled.
 */
int template_file_read(const char *data, char ret[FACE_TEMPLATE_TEXT], struct dataset_error *error);
/* The same from a file itself; -ENOENT if there is none. */
int template_file_load(const char *path, char ret[FACE_TEMPLATE_TEXT], struct dataset_error *error);
/* Writes @folder/template.txt. Return: 0 or errno of the file system. */
int template_file_write(const char *folder, const struct face_template *t);
