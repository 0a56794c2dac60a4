/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cblas.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "basic/macro.h"
#include "train/cmd/cmd.h"
#include "train/cmd/train-options.h"
#include "train/data/template-file.h"
#include "train/run/progress.h"
#include "train/run/run-files.h"
#include "train/run/run-identity.h"
#include "train/run/start.h"
#include "train/run/trainer.h"

/* The one thing that a signal handler can reach. Blocking the signals and asking for pending ones would not do: the
 * BLAS library has started threads of its own by now, and those would take the signal and die of it. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
        interrupted = 1;
}

/* What a run owns. */
struct run {
        struct train_options options;
        struct recipe *recipe;
        struct training_config config;
        struct net *net;
        struct task task; /* ops NULL: classification */
        struct dataset *train, *valid;
        struct trainer *trainer;
        struct progress progress;
        char labels[DATASET_MAX_CLASSES * DATASET_LABEL_MAX];
        char face_template[FACE_TEMPLATE_TEXT]; /* of an aligned set, or "" */
        struct run_files files;
};

static void run_done(struct run *run)
{
        trainer_free(run->trainer);
        task_done(&run->task);
        net_free(run->net);
        dataset_free(run->train);
        dataset_free(run->valid);
        recipe_free(run->recipe);
}

/* Return: -EINVAL, after the message. */
static int refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int refuse(const char *format, ...)
{
        va_list ap;

        fputs("emotion-nn train: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return -EINVAL;
}

/* What only a classifier's run reads must not stand in another recipe as if it did something. */
static int check_task_recipe(const struct run *run)
{
        const struct training_config *c = &run->config;
        const struct {
                const char *key;
                bool is_set;
        } keys[] = {
                { "label_smoothing", c->label_smoothing > 0 },
                { "votes", c->votes > 0 },
                { "votes_task", c->votes_task > 0 },
                { "class_balance", c->class_balance > 0 },
                { "class_bias", c->class_bias },
                { "mixup", c->mixup > 0 },
                { "teachers", c->n_teachers > 0 },
                { "rows", c->rows > 0 },
                { "validation_rows", c->validation_rows > 0 },
        };

        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
                if (keys[i].is_set)
                        return refuse("%s: %s is for classifiers", run->options.recipe, keys[i].key);
        if (run->options.labels.ferplus)
                return refuse("--ferplus is for classifiers");
        return 0;
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
        if (r >= 0 && run->config.votes_task > 0 && run->net->n_classes)
                r = net_add_head(run->net, "votes_task", run->net->n_classes, &error);
        if (r >= 0)
                r = task_choose(run->recipe, &run->task.ops, &error);
        if (r >= 0 && run->task.ops)
                r = run->task.ops->configure(&run->task, run->recipe, &run->config, run->net, &error);
        else if (r >= 0 && !run->net->n_classes)
                r = recipe_fail(config_root_setting(&run->recipe->config), &error,
                                "a classifier has no outputs = [...]");
        if (r >= 0)
                r = recipe_check_unknown(run->recipe, &error);
        if (r < 0)
                return refuse("%s", error.text);
        if (run->options.epochs)
                run->config.epochs = run->options.epochs;
        return run->task.ops ? check_task_recipe(run) : 0;
}

static int read_task_data(struct run *run)
{
        const struct task_options options = { .data = run->options.data, .background = run->options.background };
        struct dataset_error error = { "out of memory" };

        return run->task.ops->read(&run->task, &options, &error) < 0 ? refuse("%s", error.text) : 0;
}

/* The classes for the model's metadata, where commas part them. */
static int join_labels(struct run *run, const struct dataset *d)
{
        size_t used = 0;

        for (unsigned i = 0; i < d->n_classes; i++) {
                size_t left = sizeof(run->labels) - used;
                int n = snprintf(run->labels + used, left, "%s%s", i ? "," : "", d->labels[i]);

                if (strchr(d->labels[i], ',') || (size_t)n >= left)
                        return refuse("%s: \"%.64s\" is too long for the name of a class, or has a comma",
                                      run->options.data, d->labels[i]);
                used += (size_t)n;
        }
        return 0;
}

static int check_data(struct run *run, const struct dataset *d)
{
        if (d->n_classes != run->net->n_classes)
                return refuse("%s has %u classes, the network %u", run->options.data, d->n_classes,
                              run->net->n_classes);
        if ((run->config.votes_task > 0 || run->config.votes > 0) && !d->votes)
                return refuse("%s: %s needs --ferplus", run->options.recipe,
                              run->config.votes_task > 0 ? "votes_task" : "votes");
        return join_labels(run, d);
}

/* A set without validation rows is trained without validation. */
static int divide(struct run *run, const struct dataset *all)
{
        int r = dataset_subset(all, DATASET_TRAINING, run->config.rows, &run->train);

        if (r >= 0)
                r = dataset_subset(all, DATASET_PUBLIC_TEST, run->config.validation_rows, &run->valid);
        if (r == -EINVAL && run->train) {
                fprintf(stderr,
                        "emotion-nn train: %s has no rows marked PublicTest: best.onnx will be the last, and its "
                        "probabilities are not calibrated\n",
                        run->options.data);
                return 0;
        }
        return r < 0 ? refuse("%s: %s", run->options.data, strerror(-r)) : 0;
}

static int read_data(struct run *run)
{
        _cleanup_(dataset_freep) struct dataset *all = NULL;
        struct dataset_options options = run->options.labels;
        struct dataset_error error = { "out of memory" };
        int r;

        options.usage = DATASET_TRAINING | DATASET_PUBLIC_TEST;
        options.width_px = run->net->in.w;
        options.height_px = run->net->in.h;
        r = dataset_load(run->options.data, &options, &all, &error);
        if (r >= 0)
                r = template_file_read(run->options.data, run->face_template, &error);
        if (r < 0)
                return refuse("%s", error.text);
        r = check_data(run, all);
        return r < 0 ? r : divide(run, all);
}

/* Teachers, and, for a run that is @fresh, the weights to begin from. */
static int begin(struct run *run, bool fresh)
{
        struct training_config *c = &run->config;
        struct recipe_error error = { "out of memory" };
        _cleanup_(freep) char *path = NULL;
        struct distill *d = NULL;
        int r = 0;

        if (fresh && (c->start || run->options.init)) {
                path = run->options.init ? strdup(run->options.init) : recipe_resolve(c->recipe_path, c->start);
                r = path ? trainer_start(run->trainer, path, &error) : -ENOMEM;
        }
        if (r >= 0 && c->n_teachers)
                r = distill_new(c, run->net, run->train, &d, &error);
        if (r < 0)
                return refuse("%s", error.text);
        trainer_teach(run->trainer, d);
        return 0;
}

static int make_trainer(struct run *run)
{
        int r = net_prepare(run->net, run->config.batch, run->config.seed);

        if (r >= 0 && run->task.ops) {
                r = run->task.ops->prepare(&run->task);
                if (r >= 0)
                        r = trainer_new_task(run->net, &run->config, &run->task, &run->trainer);
        } else if (r >= 0)
                r = trainer_new(run->net, &run->config, run->train, run->valid && run->valid->n ? run->valid : NULL,
                                &run->trainer);
        if (r >= 0)
                r = run_identity(run->recipe, run->train, &run->trainer->identity);
        return r < 0 ? refuse("cannot start: %s", strerror(-r)) : 0;
}

static struct export_info info_of(const struct run *run)
{
        return (struct export_info){ .name = run->config.name,
                                     .licence = run->config.licence,
                                     .labels = run->labels,
                                     .face_template = run->face_template };
}

static int prepare(struct run *run)
{
        const struct export_info info = info_of(run);
        int r = make_trainer(run);

        if (r >= 0)
                r = run_files_open(&run->files, run->options.out);
        if (r < 0)
                return r;
        r = run_files_check(run->trainer, &info);
        if (r < 0)
                return refuse("%s: the network cannot be written as ONNX: %s%s", run->options.recipe, strerror(-r),
                              r == -EOPNOTSUPP ? "; a named output must not be followed by an activation in its own "
                                                 "layer, nor be a batch norm"
                                               : "");
        r = run->options.resume ? trainer_load(run->trainer, run->files.checkpoint) : -ENOENT;
        if (r == -ENOENT || r >= 0)
                return begin(run, r < 0);
        return refuse("%s: %s", run->files.checkpoint, r == -ESTALE ? "of another recipe or data set" : strerror(-r));
}

/* Return: 1 stopped by the user, with all that is needed to go on saved; negative errno: not saved. */
static int stop(struct run *run)
{
        int r = trainer_save(run->trainer, run->files.checkpoint);

        progress_end(&run->progress);
        if (r < 0)
                (void)refuse("stopped in epoch %u; cannot save %s: %s", run->trainer->epoch + 1, run->files.checkpoint,
                             strerror(-r));
        else
                fprintf(stderr, "emotion-nn train: stopped in epoch %u; --resume goes on\n", run->trainer->epoch + 1);
        return r < 0 ? r : 1;
}

static int diverged(struct run *run)
{
        progress_end(&run->progress);
        return refuse("the loss is no number in epoch %u", run->trainer->epoch + 1);
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

/* A full disk costs the files of an epoch, not the run: the next one tries again, and the last one counts.
 * Return: 0 done and saved; 1 stopped by the user; negative errno. */
static int loop(struct run *run)
{
        struct trainer *t = run->trainer;
        const struct export_info info = info_of(run);
        int saved = 0;

        while (t->epoch < run->config.epochs) {
                double best_before = t->best_accuracy;
                int r = run_epoch(run);

                if (r != 0)
                        return r;
                if (trainer_finish_epoch(t) < 0)
                        return diverged(run);
                progress_epoch(&run->progress, t);
                saved = run_files_save(&run->files, t, &info, best_before);
        }
        return saved;
}

static int cmd_train_run(int argc, char **argv)
{
        struct run run = { 0 };
        struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND };
        int r;

        r = train_options_parse(argc, argv, &run.options);
        if (r != 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        openblas_set_num_threads(1);

        r = read_recipe(&run);
        if (r >= 0)
                r = run.task.ops ? read_task_data(&run) : read_data(&run);
        if (r >= 0)
                r = prepare(&run);
        if (r >= 0) {
                progress_begin(&run.progress, run.trainer);
                r = loop(&run);
        }
        run_done(&run);
        return r != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

const struct cmd cmd_train = { "train", "train a network from a recipe", cmd_train_run };
