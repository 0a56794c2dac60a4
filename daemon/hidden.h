/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What to add to "there is no such file": the unit hides the folders of users from the service. "" for other paths. */
const char *hidden_hint(const char *path);
