/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "basic/macro.h"
#include "train/net/net.h"
#include "train/task/training.h"

static int read_optimiser(config_setting_t *s, struct training_config *c, struct recipe_error *error)
{
        static const char *const names[] = { "sgd", "adam", NULL };
        int r, kind = OPTIMISER_SGD;

        r = recipe_choice(s, "type", names, &kind, error);
        c->optimiser = (enum optimiser_kind)kind;
        if (r >= 0)
                r = recipe_real(s, "rate", 1e-9, 100, &c->rate, error);
        if (r >= 0)
                r = recipe_real(s, "momentum", 0, 0.9999, &c->momentum, error);
        if (r >= 0)
                r = recipe_real(s, "beta2", 0, 0.999999, &c->beta2, error);
        if (r >= 0)
                r = recipe_bool(s, "nesterov", &c->nesterov, error);
        if (r >= 0)
                r = recipe_real(s, "weight_decay", 0, 1, &c->weight_decay, error);
        return r;
}

static int read_schedule(config_setting_t *s, struct training_config *c, struct recipe_error *error)
{
        static const char *const names[] = { "constant", "cosine", "linear", "step", NULL };
        int r, kind = SCHEDULE_CONSTANT;

        r = recipe_choice(s, "type", names, &kind, error);
        c->schedule = (enum schedule_kind)kind;
        if (r >= 0)
                r = recipe_real(s, "warmup_epochs", 0, 1000, &c->warmup_epochs, error);
        if (r >= 0)
                r = recipe_real(s, "final", 0, 1, &c->final, error);
        if (r >= 0)
                r = recipe_real(s, "factor", 1e-6, 1, &c->factor, error);
        if (r >= 0)
                r = recipe_real(s, "step_epochs", 1e-3, 1e6, &c->step_epochs, error);
        return r;
}

static int read_augment(config_setting_t *s, struct augment_config *a, struct recipe_error *error)
{
        const struct {
                const char *key;
                double max, *value;
        } keys[] = {
                { "shift", 1, &a->shift },
                { "scale", 1, &a->scale },
                { "rotate_deg", 180, &a->rotate_deg },
                { "shear", 1, &a->shear },
                { "stretch", 1, &a->stretch },
                { "flip", 1, &a->flip },
                { "contrast", 1, &a->contrast },
                { "brightness", 1, &a->brightness },
                { "blur_px", 10, &a->blur_px },
                { "noise", 255, &a->noise },
                { "dark", 1, &a->dark },
                { "cutout", 1, &a->cutout },
                { "cutout_size", 1, &a->cutout_size },
        };

        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
                int r = recipe_real(s, keys[i].key, 0, keys[i].max, keys[i].value, error);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_children(config_setting_t *s, struct training_config *c, struct recipe_error *error)
{
        config_setting_t *g;
        int r;

        r = recipe_child(s, "optimiser", CONFIG_TYPE_GROUP, &g, error);
        if (r >= 0 && g)
                r = read_optimiser(g, c, error);
        if (r >= 0)
                r = recipe_child(s, "schedule", CONFIG_TYPE_GROUP, &g, error);
        if (r >= 0 && g)
                r = read_schedule(g, c, error);
        if (r >= 0)
                r = recipe_child(s, "augment", CONFIG_TYPE_GROUP, &g, error);
        if (r >= 0 && g)
                r = read_augment(g, &c->augment, error);
        return r;
}

static int read_training(config_setting_t *s, struct training_config *c, struct recipe_error *error)
{
        int64_t seed = 1;
        int r;

        r = recipe_unsigned(s, "epochs", 1, 100000, &c->epochs, error);
        if (r >= 0)
                r = recipe_unsigned(s, "batch", 2, NET_MAX_BATCH, &c->batch, error);
        if (r >= 0)
                r = recipe_int(s, "seed", 0, INT64_MAX, &seed, error);
        c->seed = (uint64_t)seed;
        if (r >= 0)
                r = recipe_real(s, "average", 0, 0.999999, &c->average, error);
        if (r >= 0)
                r = recipe_string(s, "start", &c->start, error);
        return r < 0 ? r : read_children(s, c, error);
}

int training_config_read(struct recipe *recipe, struct training_config *ret, struct recipe_error *error)
{
        config_setting_t *root = config_root_setting(&recipe->config), *s;
        struct training_config c = {
                .epochs = 30,
                .batch = 64,
                .rate = 0.05,
                .momentum = 0.9,
                .beta2 = 0.999,
                .factor = 0.1,
                .step_epochs = 10,
                .recipe_path = recipe->path,
        };
        int r;

        r = recipe_child(root, "training", CONFIG_TYPE_GROUP, &s, error);
        if (r >= 0 && !s)
                r = recipe_fail(root, error, "training = { ... } is missing");
        if (r >= 0)
                r = read_training(s, &c, error);
        if (r >= 0)
                r = recipe_string(root, "name", &c.name, error);
        if (r >= 0)
                r = recipe_string(root, "licence", &c.licence, error);
        if (r < 0)
                return r;
        *ret = c;
        return 0;
}

double schedule_rate(const struct training_config *c, double epoch)
{
        double at;

        if (epoch < c->warmup_epochs)
                return c->rate * (epoch + 0.01) / (c->warmup_epochs + 0.01);
        at = MIN((epoch - c->warmup_epochs) / MAX(c->epochs - c->warmup_epochs, 1e-9), 1.0);
        switch (c->schedule) {
        case SCHEDULE_CONSTANT:
                break;
        case SCHEDULE_COSINE:
                return c->rate * (c->final + (1 - c->final) * (1 + cos(M_PI * at)) / 2);
        case SCHEDULE_LINEAR:
                return c->rate * (1 + (c->final - 1) * at);
        case SCHEDULE_STEP:
                return c->rate * pow(c->factor, floor(epoch / c->step_epochs));
        }
        return c->rate;
}
