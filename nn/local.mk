# SPDX-License-Identifier: LGPL-2.1-or-later
# The engine. libnn.la holds every object and is for this project's own programs and tests; libemotion-nn.so is
# made of it and exports emotion-nn.h only.

# Messages of the ONNX file format, generated from the schema that Debian's libonnx-dev installs. Generated code is
# not held to our warnings.
nn/onnx.pb-c.c: $(ONNX_PROTO_DIR)/onnx.proto
	$(AM_V_GEN)$(MKDIR_P) nn && $(PROTOC_C) --c_out=nn -I"$(ONNX_PROTO_DIR)" onnx.proto
nn/onnx.pb-c.h: nn/onnx.pb-c.c
	@test -f $@ && touch $@ || { rm -f nn/onnx.pb-c.c; $(MAKE) $(AM_MAKEFLAGS) nn/onnx.pb-c.c; }
BUILT_SOURCES += nn/onnx.pb-c.c nn/onnx.pb-c.h
# BUILT_SOURCES come first for make all and make check only: a target that is made by name needs this
$(libnn_la_OBJECTS): | nn/onnx.pb-c.h
CLEANFILES += nn/onnx.pb-c.c nn/onnx.pb-c.h

noinst_LTLIBRARIES += libonnxproto.la libnnimage.la libnn.la libfacenets.la
nodist_libonnxproto_la_SOURCES = nn/onnx.pb-c.c nn/onnx.pb-c.h
libonnxproto_la_CFLAGS = $(PROTOBUF_C_CFLAGS) $(SANITIZE_CFLAGS)
libonnxproto_la_LIBADD = $(PROTOBUF_C_LIBS)

nn_kernel_libs =
include nn/kernels/local.mk

# pictures and messages only, for programs that get the engine from libemotion-nn.la
libnnimage_la_SOURCES = nn/error.h nn/error.c nn/image.h nn/image.c nn/image-bgr.c \
	nn/face-template.h nn/face-template.c nn/classifier-form.h nn/classifier-form.c
libnnimage_la_LIBADD = $(nn_image_libs) -lm

# faces by networks: boxes and landmarks; for programs that link the engine beside it
libfacenets_la_SOURCES = nn/detect.h nn/detect.c nn/landmarks.h nn/landmarks.c

libnn_la_SOURCES = \
	nn/emotion-nn.h nn/tensor.c nn/model.c \
	nn/graph.h nn/graph.c nn/memory.h \
	nn/onnx-external.h nn/onnx-external.c nn/onnx-float.h nn/onnx-float.c \
	nn/onnx-read.h nn/onnx-read.c nn/onnx-unpack.h nn/onnx-unpack.c \
	nn/onnx-write.h nn/onnx-write.c \
	nn/op.h nn/op.c nn/op-table.c nn/op-window.h nn/op-window.c nn/op-broadcast.h nn/op-move.h \
	nn/op-arith.c \
	nn/op-broadcast.c \
	nn/op-bytes.c \
	nn/op-conv.c \
	nn/op-deconv.c \
	nn/op-make.c \
	nn/op-math.c \
	nn/op-matrix.c \
	nn/op-move.c \
	nn/op-norm.c \
	nn/op-pad.c \
	nn/op-pad.h \
	nn/op-pool.c \
	nn/op-qlinear.c \
	nn/op-quant.c nn/op-quant.h \
	nn/op-reduce.c \
	nn/op-resize.c \
	nn/op-shape.c \
	nn/op-split.c \
	nn/op-topk.c \
	nn/op-unary.c \
	nn/plan.h nn/plan.c nn/plan-fuse.c nn/plan-infer.c nn/plan-layout.c nn/plan-memory.c nn/plan-quant.c
libnn_la_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_C_CFLAGS)
libnn_la_LIBADD = libonnxproto.la libnnimage.la libbasic.la $(nn_kernel_libs) $(PROTOBUF_C_LIBS) -lm

lib_LTLIBRARIES += libemotion-nn.la
libemotion_nn_la_SOURCES =
libemotion_nn_la_LIBADD = libnn.la
libemotion_nn_la_LDFLAGS = $(AM_LDFLAGS) -version-info 0:0:0 -Wl,--version-script=$(top_srcdir)/nn/emotion-nn.map \
	-Wl,--no-undefined
EXTRA_libemotion_nn_la_DEPENDENCIES = nn/emotion-nn.map
EXTRA_DIST += nn/emotion-nn.map nn/emotion-nn.pc.in
include_HEADERS += nn/emotion-nn.h

nn/emotion-nn.pc: nn/emotion-nn.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) nn && $(SUBSTITUTE) $(srcdir)/nn/emotion-nn.pc.in > $@.tmp && mv $@.tmp $@
pkgconfig_DATA += nn/emotion-nn.pc
CLEANFILES += nn/emotion-nn.pc
