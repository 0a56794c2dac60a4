# SPDX-License-Identifier: LGPL-2.1-or-later
# Each model comes with its card and the log of the run that made it; its recipe is in recipes/.
dist_model_DATA = models/emotion-default.onnx
EXTRA_DIST += models/emotion-default.md models/emotion-default.csv
