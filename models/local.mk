# SPDX-License-Identifier: LGPL-2.1-or-later
# Each model comes with its card and the log of the run that made it; its recipe is in recipes/.
dist_model_DATA = models/emotion-default.onnx models/emotion-default-int8.onnx models/emotion-tiny.onnx models/landmarks.onnx models/detect.onnx
EXTRA_DIST += models/emotion-default.md models/emotion-default.csv models/emotion-default.svg models/emotion-tiny.md models/emotion-tiny.csv
# not installed: by the original labels, for docs/EXPERIMENTS.md
EXTRA_DIST += models/emotion-fer2013.onnx models/emotion-fer2013.md models/emotion-fer2013.csv models/emotion-fer2013.svg
EXTRA_DIST += models/landmarks.md models/landmarks.csv models/detect.md models/detect.csv models/detect.svg

EXTRA_DIST += models/meanfaces.png

# The clip for machines without a camera, and what each of its frames shows: made here, so that only the mean faces
# are kept in the source.
models/synthetic.avi: $(srcdir)/models/meanfaces.png emotion-nn$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) models && ./emotion-nn$(EXEEXT) clip $(srcdir)/models/meanfaces.png -o $@.tmp \
		--truth models/synthetic.csv && mv $@.tmp $@
models/synthetic.csv: models/synthetic.avi
	@test -f $@ || { rm -f models/synthetic.avi; $(MAKE) $(AM_MAKEFLAGS) models/synthetic.avi; }
pkgdata_DATA = models/synthetic.avi models/synthetic.csv
CLEANFILES += models/synthetic.avi models/synthetic.csv
