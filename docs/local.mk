# SPDX-License-Identifier: LGPL-2.1-or-later
# Manual pages of the tools, and guides; those of the service are listed by daemon/.
dist_man_MANS += docs/emotion-nn.1 docs/emotionctl.1
dist_doc_DATA = NEWS docs/README.md docs/ACCURACY.md docs/ARCHITECTURE.md docs/BENCHMARKS.md docs/BRIDGE.md docs/CAMERAS.md docs/CLIENTS.md \
	docs/EXPERIMENTS.md docs/FUZZING.md docs/INTEGRATION.md docs/LIBRARY.md docs/MODELS.md docs/OPERATORS.md \
	docs/PLUGINS.md docs/PRIVACY.md docs/REACTIONS.md docs/SECURITY.md docs/detectors.svg docs/curves.svg docs/final.svg
exampledir = $(docdir)/examples
dist_example_DATA = docs/examples/COPYING.MIT-0 docs/examples/classify.c docs/examples/watch-gio.c docs/examples/watch-sdbus.c \
	docs/examples/watch.js docs/examples/watch.py

# a folder each for what belongs together
examplekioskdir = $(exampledir)/kiosk
dist_examplekiosk_DATA = docs/examples/kiosk/index.html
exampleprometheusdir = $(exampledir)/prometheus
dist_exampleprometheus_DATA = docs/examples/prometheus/emotiond-alerts.yml docs/examples/prometheus/emotiond-alerts-test.yml \
	docs/examples/prometheus/emotiond-board.json

# what the pages and manuals point at, in folders as in the source
nobase_dist_doc_DATA = models/detect.md models/emotion-default.md models/emotion-tiny.md models/landmarks.md \
	plugins/box/README.md plugins/cnn/README.md plugins/dlib/README.md plugins/haar/README.md \
	recipes/README.md recipes/detect.conf recipes/final-all.conf recipes/final.conf recipes/landmarks.conf recipes/net-a.conf \
	tests/plugins/example/example.c

# one page a kind of change; where one stands there is a line of its own here
EXTRA_DIST += docs/howto/property.md
EXTRA_DIST += docs/howto/setting.md
EXTRA_DIST += docs/howto/verb.md
