/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* MaxPool, AveragePool, GlobalAveragePool, LRN */
#include <errno.h>
#include <inttypes.h>

#include "nn/op-window.h"

int nn_shape_pool(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        struct nn_pool2d_desc *d = &c->p.pool;
        struct nn_window w;
        int64_t dims[4];
        int r;

        if ((r = nn_call_need_float(c, 0)) < 0 || (r = nn_window_read(c, x, NULL, &w)) < 0)
                return r;
        if (nn_node_int(c->node, "storage_order", 0) != 0)
                return nn_call_fail(c, -EOPNOTSUPP, "storage_order other than 0 is not supported");
        *d = (struct nn_pool2d_desc){
                .n = (unsigned)x->dims[0],
                .c = (unsigned)x->dims[1],
                .h = w.n_axes == 2 ? (unsigned)x->dims[2] : 1,
                .w = (unsigned)x->dims[x->n_dims - 1],
                .out_h = w.out[0],
                .out_w = w.out[1],
                .kernel = { w.kernel[0], w.kernel[1] },
                .stride = { w.stride[0], w.stride[1] },
                .pad = { w.pad[0], w.pad[1] },
                .pad_end = { w.pad[2], w.pad[3] },
                .dilation = { w.dilation[0], w.dilation[1] },
                .average = c->op->average,
                .count_include_pad = nn_node_int(c->node, "count_include_pad", 0) != 0,
        };
        dims[0] = x->dims[0];
        dims[1] = x->dims[1];
        dims[2] = w.out[2 - w.n_axes];
        dims[3] = w.out[1];
        return nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, dims);
}

int nn_run_pool(struct nn_call *c)
{
        c->p.pool.layout = c->layout_in;
        nn_pool2d_run(c->isa, &c->p.pool, nn_f32(c->in[0]), nn_f32(c->out[0]));
        return 0;
}

double nn_work_pool(const struct nn_call *c)
{
        return (double)nn_tensor_n_elements(c->out[0]) * c->p.pool.kernel[0] * c->p.pool.kernel[1];
}

int nn_shape_global_pool(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int64_t dims[NN_MAX_DIMS];
        int r = nn_call_need_float(c, 0);

        if (r < 0)
                return r;
        if (x->n_dims < 3 || nn_tensor_n_elements(x) == 0)
                return nn_call_fail(c, -EINVAL, "input of shape %s", NN_SHAPE_STRING(x));
        for (unsigned i = 0; i < x->n_dims; i++)
                dims[i] = i < 2 ? x->dims[i] : 1;
        return nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, dims);
}

int nn_run_global_pool(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];

        nn_global_pool(c->isa, c->op->average, c->layout_in, (size_t)x->dims[0], (size_t)x->dims[1],
                       (size_t)nn_product(x->dims, 2, x->n_dims), nn_f32(x), nn_f32(c->out[0]));
        return 0;
}

int nn_shape_lrn(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        int r = nn_call_need_float(c, 0);

        if (r < 0)
                return r;
        c->p.lrn.alpha = nn_node_float(c->node, "alpha", 1e-4f);
        c->p.lrn.beta = nn_node_float(c->node, "beta", 0.75f);
        c->p.lrn.bias = nn_node_float(c->node, "bias", 1);
        c->p.lrn.size = nn_node_int(c->node, "size", 0);
        if (c->p.lrn.size < 1 || c->p.lrn.size > 1 << 20 || x->n_dims < 2)
                return nn_call_fail(c, -EINVAL, "size %" PRId64 ", input of shape %s", c->p.lrn.size,
                                    NN_SHAPE_STRING(x));
        return nn_call_set_output(c, 0, NN_FLOAT32, x->n_dims, x->dims);
}

int nn_run_lrn(struct nn_call *c)
{
        const struct nn_tensor *x = c->in[0];
        const struct nn_lrn_desc d = {
                .n = (size_t)x->dims[0],
                .c = (size_t)x->dims[1],
                .hw = (size_t)nn_product(x->dims, 2, x->n_dims),
                .size = (unsigned)c->p.lrn.size,
                .alpha = c->p.lrn.alpha,
                .beta = c->p.lrn.beta,
                .bias = c->p.lrn.bias,
                .layout = c->layout_in,
        };

        nn_lrn(c->isa, &d, nn_f32(x), nn_f32(c->out[0]));
        return 0;
}

double nn_work_lrn(const struct nn_call *c)
{
        return (double)nn_tensor_n_elements(c->out[0]) * (double)c->p.lrn.size;
}
