/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* first-result MODEL: what a process that classifies one face costs: time to load, to plan, to run once; memory. */
#include "nn/emotion-nn.h"
#include "tests/bench/timing.h"

/* What the whole process used so far, its start included: other load on the machine does not count. */
static double cpu_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

int main(int argc, char **argv)
{
        double start = timing_now_us(), loaded, planned, done;
        struct nn_model *m = NULL;
        struct nn_plan *p = NULL;
        struct nn_error error = { { 0 } };
        struct nn_tensor *x;
        struct rusage usage;

        if (argc != 2) {
                fprintf(stderr, "usage: first-result MODEL\n");
                return 2;
        }
        if (nn_model_load(argv[1], &m, &error) < 0) {
                fprintf(stderr, "%s\n", error.text);
                return 1;
        }
        loaded = timing_now_us();
        if (nn_plan_new_last(m, NULL, &p, &error) < 0) {
                fprintf(stderr, "%s\n", error.text);
                return 1;
        }
        planned = timing_now_us();
        x = nn_plan_input(p, 0);
        timing_fill(x->data, (size_t)nn_tensor_n_elements(x));
        if (nn_plan_run(p) < 0)
                return 1;
        done = timing_now_us();
        getrusage(RUSAGE_SELF, &usage);
        printf("load_ms=%.3f\nplan_ms=%.3f\nfirst_run_ms=%.3f\ntotal_ms=%.3f\ncpu_ms=%.3f\npeak_kb=%ld\n",
               (loaded - start) / 1e3, (planned - loaded) / 1e3, (done - planned) / 1e3, (done - start) / 1e3, cpu_ms(),
               usage.ru_maxrss);
        nn_plan_free(p);
        nn_model_free(m);
        return 0;
}
