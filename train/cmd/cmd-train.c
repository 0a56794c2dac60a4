/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cblas.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "basic/macro.h"
#include "train/cmd/cmd.h"
#include "train/run/progress.h"
#include "train/run/run-files.h"
#include "train/run/run-identity.h"
#include "train/run/start.h"
#include "train/run/trainer.h"

/* The one thing that a signal handler can reach. Blocking the signals and
 * asking for pending ones would not do: the BLAS library has started threads of
 * its own by now, and those would take the signal and die of it. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
        interrupted = 1;
}

struct options {
        const char *recipe, *data, *background, *offsets, *out;
        const char *init;              /* weights to begin from, in place of the recipe's */
        struct dataset_options labels; /* ferplus, and what is made of it */
        unsigned threads, epochs;      /* epochs 0: the recipe's */
        bool resume, force;
};

/* What a run owns. */
struct run {
        struct options options;
        struct recipe *recipe;
        struct training_config config;
        struct net *net;
        struct task task;
        struct trainer *trainer;
        struct progress progress;
        struct run_files files;
};

static void run_done(struct run *run)
{
        trainer_free(run->trainer);
        task_done(&run->task);
        net_free(run->net);
        recipe_free(run->recipe);
}

static int read_recipe(struct run *run)
{
        struct recipe_error error = { "out of memory" };
        int r;

        r = recipe_load(run->options.recipe, &run->recipe, &error);
        if (r >= 0)
                r = training_config_read(run->recipe, &run->config, &error);
        if (r >= 0)
                r = net_new(run->recipe, run->options.threads, &run->net, &error);
        if (r >= 0)
                r = task_choose(run->recipe, &run->task.ops, &error);
        if (r >= 0)
                r = run->task.ops->configure(&run->task, run->recipe, &run->config, run->net, &error);
        if (r >= 0)
                r = recipe_check_unknown(run->recipe, &error);
        if (r < 0)
                return cmd_fail(&cmd_train, "%s", error.text);
        if (run->options.epochs)
                run->config.epochs = run->options.epochs;
        return 0;
}

/* What a task cannot use must not be given as if it did something. */
static int check_options(const struct run *run)
{
        if (run->options.labels.ferplus && !run->task.ops->takes_votes)
                return cmd_fail(&cmd_train, "--ferplus is for classifiers");
        if (run->options.labels.hold_out > 0 && !run->task.ops->takes_votes)
                return cmd_fail(&cmd_train, "--hold-out is for classifiers");
        if (run->options.offsets && !run->task.ops->takes_offsets)
                return cmd_fail(&cmd_train, "--offsets is for landmarks");
        return 0;
}

static int read_data(struct run *run)
{
        const struct task_options options = { .data = run->options.data,
                                              .background = run->options.background,
                                              .offsets = run->options.offsets,
                                              .labels = run->options.labels };
        struct dataset_error error = { "out of memory" };

        if (run->task.ops->read(&run->task, &options, &error) < 0)
                return cmd_fail(&cmd_train, "%s", error.text);
        if (run->task.n_rows < run->config.batch)
                return cmd_fail(
                        &cmd_train, "%s has %zu rows to train on, fewer than one batch of %u: lower batch in %s",
                        run->options.data, (size_t)run->task.n_rows, (unsigned)run->config.batch, run->options.recipe);
        if (*run->task.remark)
                cmd_warn(&cmd_train, "%s", run->task.remark);
        return 0;
}

/* The weights to begin from, for a fresh run. */
static int begin(struct run *run)
{
        const char *init = run->options.init, *start = run->config.start;
        struct recipe_error error = { "out of memory" };
        _cleanup_(freep) char *path = NULL;
        int r;

        if (!init && !start)
                return 0;
        path = init ? strdup(init) : recipe_resolve(run->config.recipe_path, start);
        r = path ? trainer_start(run->trainer, path, &error) : -ENOMEM;
        return r < 0 ? cmd_fail(&cmd_train, "%s", error.text) : 0;
}

static int make_trainer(struct run *run)
{
        struct recipe_error error = { "" };
        int r = net_prepare(run->net, run->config.batch, run->config.seed);

        if (r >= 0)
                r = run->task.ops->prepare(&run->task, &error);
        if (r >= 0)
                r = trainer_new(run->net, &run->config, &run->task, &run->trainer);
        if (r >= 0)
                r = run_identity(run->recipe, &run->task, &run->trainer->identity);
        if (r < 0 && *error.text)
                return cmd_fail(&cmd_train, "%s", error.text);
        return r < 0 ? cmd_fail(&cmd_train, "cannot start: %s", strerror(-r)) : 0;
}

/* Hours of work are not written over because a name was given twice. */
static int check_out(const struct run *run)
{
        if (run->options.resume || run->options.force || !run_files_exist(&run->files))
                return 0;
        return cmd_fail(&cmd_train,
                        "%s holds the files of another run: --resume goes on with it, --force writes over it",
                        run->options.out);
}

static int prepare(struct run *run)
{
        int r = make_trainer(run);

        if (r >= 0)
                r = run_files_open(&run->files, run->options.out);
        if (r >= 0)
                r = check_out(run);
        if (r < 0)
                return r;
        r = run->task.ops->export(&run->task, NULL);
        if (r < 0)
                return cmd_fail(&cmd_train, "%s: the network cannot be written as ONNX: %s%s", run->options.recipe,
                                strerror(-r),
                                r == -EOPNOTSUPP ? "; a named output must not be followed by an activation in its own "
                                                   "layer, nor be a batch norm"
                                                 : "");
        r = run->options.resume ? trainer_load(run->trainer, run->files.checkpoint) : -ENOENT;
        if (r == -ENOENT)
                return begin(run);
        return r < 0 ? cmd_fail(&cmd_train, "%s: %s", run->files.checkpoint,
                                r == -ESTALE ? "of another recipe or data set" : strerror(-r))
                     : 0;
}

/* Return: 1 stopped by the user, with all that is needed to go on saved;
 * negative errno: not saved. */
static int stop(struct run *run)
{
        int r = trainer_save(run->trainer, run->files.checkpoint);

        progress_end(&run->progress);
        if (r < 0)
                cmd_fail(&cmd_train, "stopped in epoch %u; cannot save %s: %s", run->trainer->epoch + 1,
                         run->files.checkpoint, strerror(-r));
        else
                cmd_warn(&cmd_train, "stopped in epoch %u; --resume goes on", run->trainer->epoch + 1);
        return r < 0 ? r : 1;
}

static int diverged(struct run *run)
{
        progress_end(&run->progress);
        return cmd_fail(&cmd_train, "the loss is no number in epoch %u", run->trainer->epoch + 1);
}

/* Return: as stop(), and 0 at the end of the epoch. */
static int run_epoch(struct run *run)
{
        while (!trainer_epoch_done(run->trainer)) {
                if (interrupted)
                        return stop(run);
                if (trainer_step(run->trainer) < 0)
                        return diverged(run);
                progress_batch(&run->progress, run->trainer);
        }
        return 0;
}

/* A full disk costs the files of an epoch, not the run: the next one tries
 * again, and the last one counts. Return: 0 done and saved; 1 stopped by the
 * user; negative errno. */
static int loop(struct run *run)
{
        struct trainer *t = run->trainer;
        int saved = 0;

        while (t->epoch < run->config.epochs) {
                double best_before = t->best_accuracy;
                int r = run_epoch(run);

                if (r != 0)
                        return r;
                if (trainer_finish_epoch(t) < 0)
                        return diverged(run);
                progress_epoch(&run->progress, t);
                saved = run_files_save(&run->files, t, best_before);
        }
        return saved;
}

#define AT(member) .at = offsetof(struct options, member)

static const struct cmd_option rows[] = {
        { .name = "data",
          .kind = CMD_TEXT,
          .value = "DATA",
          AT(data),
          .needed = true,
          .help = "a data set: FER2013's csv, or a folder with one folder for each class; for landmarks the folder of "
                  "train.csv, for a detector that of boxes.csv, and of these also several, joined by ':'" },
        CMD_OUTPUT("DIR", AT(out), "made if it is missing"),
        { .name = "background",
          .kind = CMD_TEXT,
          .value = "DIR",
          AT(background),
          .help = "for landmarks: scenes whose pictures without faces teach what is not a face" },
        { .name = "offsets",
          .kind = CMD_TEXT,
          .value = "FILE",
          AT(offsets),
          .help = "for landmarks: how far the points of the first folder lie from their places (point,right,low)" },
        CMD_FERPLUS(AT(labels.ferplus), ", for soft labels"),
        CMD_MAJORITY(AT(labels.ferplus_majority)),
        CMD_CONTEMPT(AT(labels.ferplus_contempt)),
        { .name = "hold-out",
          .kind = CMD_REAL,
          .value = "SHARE",
          AT(labels.hold_out),
          0,
          0.5,
          .help = "of a folder of pictures for classifiers, keep this share of the rows for validation, 0 to 0.5; pictures "
                  "whose names begin alike, up to the first blank, dot, - or _, are one person and stay together" },
        CMD_THREADS(AT(threads)),
        { .name = "epochs",
          .kind = CMD_COUNT,
          .value = "N",
          AT(epochs),
          1,
          100000,
          .help = "train for this many epochs instead of the recipe's number" },
        { .name = "init",
          .kind = CMD_TEXT,
          .value = "FILE",
          AT(init),
          .help = "begin from the weights of a checkpoint, or of an ONNX file that this tool wrote, of a network with "
                  "the same layers" },
        { .name = "resume", AT(resume), .help = "go on from DIR/checkpoint if there is one" },
        { .name = "force", AT(force), .help = "write over the files of another run in DIR" },
        { 0 },
};

static int cmd_train_run(int argc, char **argv)
{
        struct run run = { .options = { .threads = 1 } };
        struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND };
        struct cmd_operands recipe;
        int r = cmd_parse(&cmd_train, argc, argv, &run.options, &recipe);

        if (r)
                return r < 0;
        run.options.recipe = recipe.at[0];
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        openblas_set_num_threads(1);

        r = read_recipe(&run);
        if (r >= 0)
                r = check_options(&run);
        if (r >= 0)
                r = read_data(&run);
        if (r >= 0)
                r = prepare(&run);
        if (r >= 0) {
                progress_begin(&run.progress, run.trainer);
                r = loop(&run);
        }
        run_done(&run);
        return r;
}

const struct cmd cmd_train = {
        .name = "train",
        .summary = "train a network from a recipe",
        .about = "Trains the network of a recipe. DIR receives log.csv, checkpoint, best.onnx and last.onnx.",
        .operand = "RECIPE",
        .min_operands = 1,
        .max_operands = 1,
        .options = rows,
        .run = cmd_train_run,
};
