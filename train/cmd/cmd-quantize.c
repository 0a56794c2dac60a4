/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emotion-nn quantize: a network of 8-bit numbers from one of floats. */
#include <string.h>

#include "train/cmd/cmd.h"
#include "train/model/quantize.h"

struct job {
        const char *model, *data, *out;
        struct quantize_options options;
        unsigned rows, method;
};

static const char *const methods[] = { "mse", "minmax", NULL };

#define AT(member) .at = offsetof(struct job, member)

static const struct cmd_option rows[] = {
        { .name = "data",
          .kind = CMD_TEXT,
          .value = "DATA",
          AT(data),
          .help = "pictures to find the scales of activations with; only Training rows are used, see emotion-nn(1)" },
        CMD_OUTPUT("OUT.onnx", AT(out), "where to write"),
        { .name = "rows",
          .kind = CMD_COUNT,
          .value = "N",
          AT(rows),
          1,
          1u << 24,
          .help = "how many pictures (default 1000)" },
        { .name = "method",
          .kind = CMD_CHOICE,
          .value = "mse|minmax",
          AT(method),
          .words = methods,
          .help = "mse: scales with the least squared error (default); minmax: scales that fit all values seen" },
        { .name = "weights-only",
          AT(options.weights_only),
          .help = "8-bit weights in large fully connected layers, and nothing else; needs no data" },
        CMD_THREADS(AT(options.threads)),
        { 0 },
};

static int run(int argc, char **argv)
{
        struct job j = { .rows = 1000, .options = { .threads = 1 } };
        _cleanup_(dataset_freep) struct dataset *d = NULL;
        struct dataset_options set = { .usage = DATASET_TRAINING };
        struct quantize_summary summary;
        struct dataset_error data_error;
        struct classifier_error error;
        struct cmd_operands model;
        int r = cmd_parse(&cmd_quantize, argc, argv, &j, &model);

        if (r)
                return r < 0;
        if (!j.data && !j.options.weights_only)
                return cmd_fail(&cmd_quantize, "--data or --weights-only is needed; see emotion-nn quantize --help");
        j.model = model.at[0];
        j.options.min_max = j.method == 1;
        set.limit = j.rows;
        if (!j.options.weights_only && dataset_load(j.data, &set, &d, &data_error) < 0)
                return cmd_fail(&cmd_quantize, "%s", data_error.text);
        if (quantize(j.model, d, &j.options, j.out, &summary, &error) < 0)
                return cmd_fail(&cmd_quantize, "%s", error.text);
        printf("%u convolutions, %u activations, weights of %u fully connected layers\n", summary.n_convolutions,
               summary.n_activations, summary.n_layers);
        return 0;
}

const struct cmd cmd_quantize = {
        .name = "quantize",
        .summary = "write a model with 8-bit numbers",
        .synopsis = "MODEL --data DATA --output OUT.onnx [OPTION...]\nMODEL --weights-only --output OUT.onnx",
        .about = "Writes a model with 8-bit weights and activations, as standard ONNX with QuantizeLinear and "
                 "DequantizeLinear.",
        .operand = "MODEL",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = run,
};
