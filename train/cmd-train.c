/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cblas.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "basic/macro.h"
#include "train/cmd.h"
#include "train/data/template-file.h"
#include "train/export.h"
#include "train/progress.h"
#include "train/start.h"
#include "train/trainer.h"

/* The one thing that a signal handler can reach. Blocking the signals and asking for pending ones would not do: the
 * BLAS library has started threads of its own by now, and those would take the signal and die of it. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
        interrupted = 1;
}

struct options {
        const char *recipe, *data, *ferplus, *background, *out, *init;
        unsigned threads;
        int epochs; /* 0: the recipe's */
        bool resume;
};

static void print_help(void)
{
        printf("emotion-nn train RECIPE --data FILE --out DIR [OPTION...]\n\n"
               "Trains the network of a recipe. DIR receives log.csv, checkpoint, best.onnx and last.onnx.\n\n"
               "  --data FILE       a data set: FER2013's csv, or a folder with one folder a class; for landmarks\n"
               "                    the folder of train.csv, for a detector that of boxes.csv\n"
               "  --background DIR  for landmarks: scenes whose pictures without faces teach what is none\n"
               "  --ferplus FILE    the FER+ votes beside a FER2013 csv, for soft labels\n"
               "  --out DIR         made if it is missing\n"
               "  --threads N       1 to 64 (default 1)\n"
               "  --epochs N        instead of the recipe's number\n"
               "  --init FILE       begin from the weights of a checkpoint or of an ONNX file that this tool wrote,\n"
               "                    of a network with the same layers\n"
               "  --resume          go on from DIR/checkpoint if there is one\n");
}

static int parse_number(const char *s, long lo, long hi, const char *option, long *ret)
{
        char *end;
        long n = strtol(s, &end, 10);

        if (end == s || *end || n < lo || n > hi) {
                fprintf(stderr, "emotion-nn train: %s must be %ld to %ld\n", option, lo, hi);
                return -EINVAL;
        }
        *ret = n;
        return 0;
}

/* Return: 1 to stop with success (help), 0, -EINVAL. */
static int parse(int argc, char **argv, struct options *o)
{
        static const struct option options[] = {
                { "data", required_argument, NULL, 'd' },  { "ferplus", required_argument, NULL, 'f' },
                { "out", required_argument, NULL, 'o' },   { "threads", required_argument, NULL, 't' },
                { "epochs", required_argument, NULL, 'e' }, { "resume", no_argument, NULL, 'r' },
                { "init", required_argument, NULL, 'i' },  { "help", no_argument, NULL, 'h' },
                { "background", required_argument, NULL, 'b' },
                { 0 },
        };
        long n;
        int c;

        *o = (struct options) { .threads = 1 };
        while ((c = getopt_long(argc, argv, "ho:", options, NULL)) >= 0) {
                switch (c) {
                case 'd':
                        o->data = optarg;
                        break;
                case 'f':
                        o->ferplus = optarg;
                        break;
                case 'b':
                        o->background = optarg;
                        break;
                case 'o':
                        o->out = optarg;
                        break;
                case 't':
                        if (parse_number(optarg, 1, 64, "--threads", &n) < 0)
                                return -EINVAL;
                        o->threads = (unsigned)n;
                        break;
                case 'e':
                        if (parse_number(optarg, 1, 100000, "--epochs", &n) < 0)
                                return -EINVAL;
                        o->epochs = (int)n;
                        break;
                case 'i':
                        o->init = optarg;
                        break;
                case 'r':
                        o->resume = true;
                        break;
                case 'h':
                        print_help();
                        return 1;
                default:
                        return -EINVAL;
                }
        }
        if (argc - optind != 1 || !o->data || !o->out) {
                fprintf(stderr, "emotion-nn train: needs one RECIPE, --data and --out; see --help\n");
                return -EINVAL;
        }
        o->recipe = argv[optind];
        return 0;
}

/* What a run owns. */
struct run {
        struct options options;
        struct recipe *recipe;
        struct training_config config;
        struct net *net;
        struct task task; /* ops NULL: classification */
        struct dataset *train, *valid;
        struct trainer *trainer;
        struct progress progress;
        char labels[256];
        char face_template[FACE_TEMPLATE_TEXT]; /* of an aligned set, or "" */
        char log[4096], checkpoint[4096], best[4096], last[4096];
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

static int read_recipe(struct run *run)
{
        struct recipe_error error = { "out of memory" };
        int r;

        r = recipe_load(run->options.recipe, &run->recipe, &error);
        if (r >= 0)
                r = training_config_read(run->recipe, &run->config, &error);
        if (r >= 0)
                r = net_new(run->recipe, run->options.threads, &run->net, &error);
        if (r >= 0 && run->config.votes_task > 0)
                r = net_add_head(run->net, "votes_task", run->net->n_classes, &error);
        if (r >= 0)
                r = task_choose(run->recipe, &run->task.ops, &error);
        if (r >= 0 && run->task.ops)
                r = run->task.ops->configure(&run->task, run->recipe, &run->config, run->net, &error);
        else if (r >= 0 && !run->net->n_classes)
                r = recipe_fail(config_root_setting(&run->recipe->config), &error, "a classifier has no outputs = [...]");
        if (r >= 0)
                r = recipe_check_unknown(run->recipe, &error);
        if (r < 0)
                fprintf(stderr, "emotion-nn train: %s\n", error.text);
        if (run->options.epochs)
                run->config.epochs = (unsigned)run->options.epochs;
        return r;
}

static int read_task_data(struct run *run)
{
        const struct task_options options = { .data = run->options.data, .background = run->options.background };
        struct dataset_error error = { "out of memory" };
        int r = run->task.ops->read(&run->task, &options, &error);

        if (r < 0)
                fprintf(stderr, "emotion-nn train: %s\n", error.text);
        return r;
}

static int read_data(struct run *run)
{
        _cleanup_(dataset_freep) struct dataset *all = NULL;
        const struct dataset_options options = { .usage = DATASET_TRAINING | DATASET_PUBLIC_TEST,
                                                 .ferplus = run->options.ferplus,
                                                 .width_px = run->net->in.w,
                                                 .height_px = run->net->in.h };
        struct dataset_error error = { "out of memory" };
        int r;

        r = dataset_load(run->options.data, &options, &all, &error);
        if (r >= 0)
                r = template_file_read(run->options.data, run->face_template, &error);
        if (r < 0) {
                fprintf(stderr, "emotion-nn train: %s\n", error.text);
                return r;
        }
        if (all->n_classes != run->net->n_classes) {
                fprintf(stderr, "emotion-nn train: %s has %u classes, the network %u\n", run->options.data,
                        all->n_classes, run->net->n_classes);
                return -EINVAL;
        }
        if (run->config.votes_task > 0 && !all->votes) {
                fprintf(stderr, "emotion-nn train: %s: votes_task needs --ferplus\n", run->options.recipe);
                return -EINVAL;
        }
        for (unsigned i = 0; i < all->n_classes; i++) {
                size_t used = strlen(run->labels);

                snprintf(run->labels + used, sizeof(run->labels) - used, "%s%s", i ? "," : "", all->labels[i]);
        }
        r = dataset_subset(all, DATASET_TRAINING, run->config.rows, &run->train);
        if (r >= 0)
                /* a set without validation rows is trained without validation */
                r = dataset_subset(all, DATASET_PUBLIC_TEST, run->config.validation_rows, &run->valid);
        if (r == -EINVAL && run->train)
                r = 0;
        if (r < 0)
                fprintf(stderr, "emotion-nn train: %s: %s\n", run->options.data, strerror(-r));
        return r;
}

/* Teachers, and, for a run that is @fresh, the weights to begin from. */
static int begin(struct run *run, bool fresh)
{
        struct training_config *c = &run->config;
        struct recipe_error error = { "out of memory" };
        _cleanup_(freep) char *path = NULL;
        struct distill *d = NULL;
        int r = 0;

        if (fresh && run->task.ops && (c->start || run->options.init)) {
                fprintf(stderr, "emotion-nn train: only a classifier begins from another run's weights\n");
                return -EINVAL;
        }
        if (fresh && (c->start || run->options.init)) {
                path = run->options.init ? strdup(run->options.init) : recipe_resolve(c->recipe_path, c->start);
                r = path ? trainer_start(run->trainer, path, &error) : -ENOMEM;
        }
        if (r >= 0 && c->n_teachers)
                r = distill_new(c, run->net, run->train, &d, &error);
        if (r < 0)
                fprintf(stderr, "emotion-nn train: %s\n", error.text);
        else
                trainer_teach(run->trainer, d);
        return r;
}

static int prepare(struct run *run)
{
        const char *out = run->options.out;
        int r;

        if (mkdir(out, 0777) < 0 && errno != EEXIST) {
                r = -errno;
                fprintf(stderr, "emotion-nn train: %s: %s\n", out, strerror(-r));
                return r;
        }
        if (strlen(out) > sizeof(run->log) - 32)
                return -ENAMETOOLONG;
        snprintf(run->log, sizeof(run->log), "%s/log.csv", out);
        snprintf(run->checkpoint, sizeof(run->checkpoint), "%s/checkpoint", out);
        snprintf(run->best, sizeof(run->best), "%s/best.onnx", out);
        snprintf(run->last, sizeof(run->last), "%s/last.onnx", out);

        r = net_prepare(run->net, run->config.batch, run->config.seed);
        if (r >= 0 && run->task.ops) {
                r = run->task.ops->prepare(&run->task);
                if (r >= 0)
                        r = trainer_new_task(run->net, &run->config, &run->task, &run->trainer);
        } else if (r >= 0)
                r = trainer_new(run->net, &run->config, run->train, run->valid && run->valid->n ? run->valid : NULL,
                                &run->trainer);
        if (r < 0) {
                fprintf(stderr, "emotion-nn train: cannot start: %s\n", strerror(-r));
                return r;
        }
        r = run->options.resume ? trainer_load(run->trainer, run->checkpoint) : -ENOENT;
        if (r == -ENOENT || r >= 0)
                return begin(run, r < 0);
        fprintf(stderr, "emotion-nn train: %s: %s\n", run->checkpoint,
                r == -ESTALE ? "of another recipe or data set" : strerror(-r));
        return r;
}

/* The weights to use as they are now, their logits scaled so that the probabilities are worth their face value. */
static int export_models(struct run *run, bool best)
{
        struct export_info info = { .name = run->config.name,
                                    .licence = run->config.licence,
                                    .labels = run->labels,
                                    .face_template = run->face_template };
        struct calibration calibration;
        int r;

        trainer_swap(run->trainer);
        if (run->task.ops) {
                r = run->task.ops->export(&run->task, run->last);
                if (r >= 0 && best)
                        r = run->task.ops->export(&run->task, run->best);
                trainer_swap(run->trainer);
                return r;
        }
        r = trainer_calibrate(run->trainer, &calibration);
        info.calibration = &calibration;
        if (r >= 0)
                r = export_net(run->net, &info, run->last);
        if (r >= 0 && best)
                r = export_net(run->net, &info, run->best);
        trainer_swap(run->trainer);
        return r;
}

/* A full disk costs the files, not the run: the next epoch tries again. */
static void save_epoch(struct run *run, bool best)
{
        int r;

        r = export_models(run, best);
        if (r >= 0)
                r = progress_write_log(run->trainer, run->log);
        if (r >= 0)
                r = trainer_save(run->trainer, run->checkpoint);
        if (r < 0)
                fprintf(stderr, "emotion-nn train: cannot save to %s: %s\n", run->options.out, strerror(-r));
}

/* Return: 0 done; 1 interrupted and saved; negative errno. */
static int loop(struct run *run)
{
        struct trainer *t = run->trainer;
        double before;
        int r;

        while (t->epoch < run->config.epochs) {
                while (!trainer_epoch_done(t)) {
                        if (interrupted) {
                                r = trainer_save(t, run->checkpoint);
                                progress_end(&run->progress);
                                fprintf(stderr, "emotion-nn train: stopped in epoch %u; --resume goes on\n",
                                        t->epoch + 1);
                                return r < 0 ? r : 1;
                        }
                        r = trainer_step(t);
                        if (r < 0) {
                                progress_end(&run->progress);
                                fprintf(stderr, "emotion-nn train: the loss is no number in epoch %u\n", t->epoch + 1);
                                return r;
                        }
                        progress_batch(&run->progress, t);
                }
                before = t->best_accuracy;
                r = trainer_finish_epoch(t, NULL);
                if (r < 0)
                        return r;
                progress_epoch(&run->progress, t);
                save_epoch(run, t->best_accuracy > before || !(t->valid || t->task));
        }
        return 0;
}

static int cmd_train_run(int argc, char **argv)
{
        struct run run = { 0 };
        struct sigaction action = { .sa_handler = interrupt, .sa_flags = SA_RESTART | SA_RESETHAND };
        int r;

        r = parse(argc, argv, &run.options);
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
