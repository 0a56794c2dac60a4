# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn, the tool. libtrain.la holds everything but main, for the tests. Each folder may use those before it.
noinst_LTLIBRARIES += libtrain.la
libtrain_la_SOURCES =
# what is read: recipes, and data sets of one format a file
libtrain_la_SOURCES += \
	train/data/cells.c \
	train/data/cells.h \
	train/data/ckplus.c \
	train/data/dataset.c \
	train/data/dataset.h \
	train/data/fer2013.c \
	train/data/folder.c \
	train/data/landmark-crop.c \
	train/data/landmark-crop.h \
	train/data/landmark-offsets.c \
	train/data/landmark-offsets.h \
	train/data/landmark-shape.c \
	train/data/landmark-shape.h \
	train/data/landmarks.c \
	train/data/landmarks.h \
	train/data/lines.c \
	train/data/picture-file.c \
	train/data/picture-list.c \
	train/data/picture-list.h \
	train/data/points.c \
	train/data/rafd.c \
	train/data/reader.h \
	train/data/recipe.c \
	train/data/recipe.h \
	train/data/sample.c \
	train/data/sample.h \
	train/data/scenes.c \
	train/data/scenes.h \
	train/data/template-file.c \
	train/data/template-file.h
# layers with their gradients
libtrain_la_SOURCES += \
	train/net/batchnorm.h \
	train/net/calibrate.c \
	train/net/calibrate.h \
	train/net/conv-columns.c \
	train/net/conv-engine.c \
	train/net/conv-kernel-simd.h \
	train/net/conv-kernel.c \
	train/net/conv-kernel.h \
	train/net/conv-planes.c \
	train/net/conv-winograd.c \
	train/net/conv.h \
	train/net/layer-act.c \
	train/net/layer-bn.c \
	train/net/layer-conv.c \
	train/net/layer-export.c \
	train/net/layer-export.h \
	train/net/layer-fc.c \
	train/net/layer-join.c \
	train/net/layer-lcn.c \
	train/net/layer-lrn.c \
	train/net/layer-pool.c \
	train/net/layer-prelu.c \
	train/net/layer-upsample.c \
	train/net/layer.h \
	train/net/loss.c \
	train/net/loss.h \
	train/net/net-gradients.c \
	train/net/net.c \
	train/net/net.h \
	train/net/random.c \
	train/net/random.h \
	train/net/vec.c \
	train/net/vec.h
# element-wise loops, once for each instruction set
train_vec_sources = train/net/vec-ops.h train/net/vec-simd.c
noinst_LTLIBRARIES += libtrainvec-portable.la
libtrainvec_portable_la_SOURCES = $(train_vec_sources)
libtrainvec_portable_la_CFLAGS = $(AM_CFLAGS) -DVEC_OPS=vec_ops_portable
train_vec_libs = libtrainvec-portable.la
if HOST_X86_64
noinst_LTLIBRARIES += libtrainvec-avx2.la libtrainvec-avx512.la
libtrainvec_avx2_la_SOURCES = $(train_vec_sources)
libtrainvec_avx2_la_CFLAGS = $(AM_CFLAGS) -DVEC_OPS=vec_ops_avx2 -mavx2 -mfma
libtrainvec_avx512_la_SOURCES = $(train_vec_sources)
libtrainvec_avx512_la_CFLAGS = $(AM_CFLAGS) -DVEC_OPS=vec_ops_avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq \
	-mavx512vl
train_vec_libs += libtrainvec-avx2.la libtrainvec-avx512.la
endif
# what is made of a trained network, and what is measured of it
libtrain_la_SOURCES += \
	train/model/blend.c \
	train/model/blend.h \
	train/model/classifier-file.c \
	train/model/classifier-file.h \
	train/model/detect-score.c \
	train/model/detect-score.h \
	train/model/evaluate-detector.c \
	train/model/face-finder.c \
	train/model/face-finder.h \
	train/model/evaluate-faces.h \
	train/model/evaluate-landmarks.c \
	train/model/evaluate.c \
	train/model/evaluate.h \
	train/model/export-outputs.c \
	train/model/export.c \
	train/model/export.h \
	train/model/metrics.c \
	train/model/measured.c \
	train/model/measured.h \
	train/model/metadata-file.c \
	train/model/metadata-file.h \
	train/model/metrics.h \
	train/model/model-size.c \
	train/model/model-size.h \
	train/model/npy.c \
	train/model/npy.h \
	train/model/quantize-write.c \
	train/model/quantize.c \
	train/model/quantize.h
# what a network is trained for
libtrain_la_SOURCES += \
	train/task/augment.c \
	train/task/augment.h \
	train/task/classify-batch.c \
	train/task/classify-evaluate.c \
	train/task/classify.c \
	train/task/classify.h \
	train/task/detect-loss.c \
	train/task/detect-loss.h \
	train/task/detect-sample.c \
	train/task/detect-sample.h \
	train/task/detect-target.c \
	train/task/detect-target.h \
	train/task/detect-task.c \
	train/task/distill.c \
	train/task/distill.h \
	train/task/landmark-loss.c \
	train/task/landmark-loss.h \
	train/task/landmark-task.c \
	train/task/occlude.c \
	train/task/occlude.h \
	train/task/task.c \
	train/task/task.h \
	train/task/training.c \
	train/task/training.h
# a training run
libtrain_la_SOURCES += \
	train/run/checkpoint.c \
	train/run/progress.c \
	train/run/progress.h \
	train/run/run-files.c \
	train/run/run-files.h \
	train/run/run-identity.c \
	train/run/run-identity.h \
	train/run/run-log.c \
	train/run/run-log.h \
	train/run/start.c \
	train/run/start.h \
	train/run/trainer.c \
	train/run/trainer.h
# the commands
libtrain_la_SOURCES += \
	train/cmd/avi.c \
	train/cmd/avi.h \
	train/cmd/cmd-adopt.c \
	train/cmd/cmd-align.c \
	train/cmd/cmd-bench.c \
	train/cmd/cmd-blend.c \
	train/cmd/cmd-clip.c \
	train/cmd/cmd-crop.c \
	train/cmd/cmd-data.c \
	train/cmd/cmd-eval.c \
	train/cmd/cmd-meanfaces.c \
	train/cmd/cmd-plot.c \
	train/cmd/cmd-points.c \
	train/cmd/cmd-quantize.c \
	train/cmd/cmd-run.c \
	train/cmd/cmd-show.c \
	train/cmd/cmd-train.c \
	train/cmd/cmd.h \
	train/cmd/eval-faces.c \
	train/cmd/eval-faces.h \
	train/cmd/help.c \
	train/cmd/json.h \
	train/cmd/mean-face.c \
	train/cmd/mean-face.h \
	train/cmd/parse.c \
	train/cmd/shapes.c \
	train/cmd/shapes.h \
	train/cmd/synthetic.c \
	train/cmd/synthetic.h
libtrain_la_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS) $(CONFIG_CFLAGS) $(BLAS_CFLAGS) $(JSON_C_CFLAGS)
libtrain_la_LIBADD = $(train_vec_libs) libsvg.la libfacenets.la libnn.la libpicture.la libbasic.la $(CONFIG_LIBS) $(BLAS_LIBS) $(JSON_C_LIBS) -lm

bin_PROGRAMS += emotion-nn
emotion_nn_SOURCES = train/cmd/main.c
emotion_nn_LDADD = libtrain.la

# trees for the dlib plugin, by dlib's own trainer; not installed
if HAVE_DLIB
noinst_PROGRAMS += train-dlib-landmarks
endif
train_dlib_landmarks_SOURCES = train/dlib/train-landmarks.cc plugins/dlib/gray-view.h
train_dlib_landmarks_LDADD = libtrain.la $(DLIB_LIBS)
