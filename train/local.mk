# SPDX-License-Identifier: LGPL-2.1-or-later
# emotion-nn, the tool. libtrain.la holds everything but main, for the tests.
noinst_LTLIBRARIES += libtrain.la
libtrain_la_SOURCES = \
	train/cmd.h train/random.h train/random.c train/augment.h train/augment.c train/metrics.h train/metrics.c \
	train/data/dataset.h train/data/dataset.c train/data/reader.h train/data/lines.c train/data/fer2013.c train/data/points.c train/cmd-points.c \
	train/recipe.h train/recipe.c train/training.h train/training.c train/net.h train/net.c train/net-gradients.c train/layer.h \
	train/layer-conv.c train/conv.h train/conv-planes.c train/conv-engine.c train/conv-winograd.c train/conv-columns.c \
	train/layer-bn.c train/layer-act.c train/layer-pool.c train/layer-join.c train/layer-fc.c \
	train/layer-lrn.c train/layer-lcn.c train/layer-prelu.c \
	train/conv-kernel.h train/conv-kernel.c train/conv-kernel-simd.h train/vec.h train/vec.c \
	train/loss.h train/loss.c train/calibrate.h train/calibrate.c train/trainer.h train/trainer.c \
	train/clock.h train/batch.h train/batch.c train/trainer-evaluate.c train/checkpoint.c train/progress.h train/progress.c \
	train/export.h train/export.c train/cmd-train.c train/train-options.h train/train-options.c train/run-files.h train/run-files.c \
	train/run-identity.h train/run-identity.c \
	train/distill.h train/distill.c train/start.h train/start.c
libtrain_la_SOURCES += \
	train/args.h train/args.c train/mean-face.h train/mean-face.c train/cmd-meanfaces.c \
	train/avi.h train/avi.c train/synthetic.h train/synthetic.c train/cmd-clip.c \
	train/svg.h train/svg.c train/evaluate.h train/evaluate.c train/cmd-eval.c train/classifier-file.h \
	train/classifier-file.c \
	train/data/picture-file.c train/data/folder.c train/data/rafd.c train/data/ckplus.c \
	train/cmd-data.c train/run-log.h train/run-log.c train/cmd-plot.c
libtrain_la_SOURCES += train/cmd-align.c train/data/template-file.h train/data/template-file.c
# what uses a model
libtrain_la_SOURCES += train/npy.h train/npy.c train/model-size.h train/model-size.c train/cmd-run.c train/cmd-show.c train/cmd-bench.c
libtrain_la_SOURCES += train/quantize.h train/quantize.c train/quantize-write.c train/cmd-quantize.c
# what a network is trained for besides classification
libtrain_la_SOURCES += \
	train/task.h train/task.c train/export-outputs.c train/layer-upsample.c train/sample.h train/sample.c \
	train/data/cells.h train/data/cells.c train/data/landmarks.h train/data/landmarks.c \
	train/data/scenes.h train/data/scenes.c train/landmark-shape.h train/landmark-shape.c \
	train/landmark-loss.h train/landmark-loss.c train/landmark-task.h train/landmark-task.c \
	train/detect-loss.h train/detect-loss.c train/detect-score.h train/detect-score.c train/detect-sample.h \
	train/detect-sample.c train/detect-target.h train/detect-target.c train/detect-task.c \
	train/evaluate-faces.h train/evaluate-landmarks.c train/evaluate-detector.c train/json.h train/eval-faces.h train/eval-faces.c
libtrain_la_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS) $(CONFIG_CFLAGS) $(BLAS_CFLAGS) $(JSON_C_CFLAGS)
libtrain_la_LIBADD = libfacenets.la libnn.la libpicture.la libbasic.la $(CONFIG_LIBS) $(BLAS_LIBS) $(JSON_C_LIBS) -lm

bin_PROGRAMS += emotion-nn
emotion_nn_SOURCES = train/main.c
emotion_nn_LDADD = libtrain.la

EXTRA_DIST += recipes/README.md \
	recipes/teachers/first.conf recipes/teachers/first.onnx recipes/teachers/first.csv \
	recipes/teachers/second.conf recipes/teachers/second.onnx recipes/teachers/second.csv \
	recipes/teachers/third.conf recipes/teachers/third.onnx recipes/teachers/third.csv \
	recipes/teachers/fourth.conf recipes/teachers/fourth.onnx recipes/teachers/fourth.csv \
	recipes/teachers/fifth.conf recipes/teachers/fifth.onnx recipes/teachers/fifth.csv \
	recipes/teachers/sixth.conf recipes/teachers/sixth.onnx recipes/teachers/sixth.csv \
	recipes/teachers/seventh.conf recipes/teachers/seventh.onnx recipes/teachers/seventh-int8.onnx recipes/teachers/seventh.csv \
	recipes/teachers/tiny-first.conf recipes/teachers/tiny-first.onnx recipes/teachers/tiny-first.csv \
	recipes/teachers/tiny-second.conf recipes/teachers/tiny-second.onnx recipes/teachers/tiny-second.csv \
	recipes/net-a.conf recipes/net-a-16.conf recipes/net-a-64.conf recipes/net-a-augmented.conf recipes/net-a-strong.conf \
	recipes/net-a-all.conf recipes/logs/net-a-all-aligned.csv recipes/final-all.conf recipes/logs/final-all-aligned.csv \
	recipes/final-taught.conf recipes/logs/final-taught-aligned.csv \
	recipes/final-batchnorm.conf recipes/logs/final-batchnorm-aligned.csv \
	recipes/net-c-batchnorm.conf recipes/logs/net-c-batchnorm-aligned.csv \
	recipes/net-b.conf recipes/net-b-augmented.conf recipes/net-c.conf recipes/net-c-augmented.conf \
	recipes/final.conf recipes/final-augmented.conf recipes/mlp-landmarks.conf \
	recipes/logs/net-a.csv recipes/logs/net-a-16.csv recipes/logs/net-a-64.csv recipes/logs/net-a-augmented.csv \
	recipes/logs/net-a-augmented-aligned.csv recipes/logs/net-a-strong-aligned.csv \
	recipes/logs/net-b.csv recipes/logs/net-b-augmented.csv recipes/logs/net-b-augmented-aligned.csv \
	recipes/logs/net-c.csv recipes/logs/net-c-augmented.csv \
	recipes/logs/final.csv recipes/logs/final-aligned.csv recipes/logs/final-augmented-aligned.csv recipes/logs/mlp-landmarks.csv \
	recipes/landmarks.conf recipes/detect.conf
EXTRA_DIST += recipes/pytorch/pack.py recipes/pytorch/teach.py recipes/pytorch/export.py recipes/pytorch/recipe.py \
	recipes/pytorch/network.py recipes/pytorch/pictures.py recipes/pytorch/learner.py recipes/pytorch/course.py \
	recipes/pytorch/evaluate.py recipes/pytorch/large-residual.conf recipes/pytorch/large-plain.conf \
	recipes/pytorch/default.conf recipes/pytorch/tiny.conf recipes/pytorch/deep.conf recipes/pytorch/deep.csv \
	recipes/pytorch/course.txt

# trees for the dlib plugin, by dlib's own trainer; not installed
if HAVE_DLIB
noinst_PROGRAMS += train-dlib-landmarks
endif
train_dlib_landmarks_SOURCES = train/dlib/train-landmarks.cc plugins/dlib/gray-view.h
train_dlib_landmarks_LDADD = libtrain.la $(DLIB_LIBS)
