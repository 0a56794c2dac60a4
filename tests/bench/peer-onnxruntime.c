/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * peer-onnxruntime LIBRARY MODEL INPUT OUTPUT SECONDS DIM...: times onnxruntime through its C interface, one thread.
 *
 * The interface is a table of functions that only ever grows at its end, so the few that are used here are taken by
 * their place in it and no header is needed; the library is opened at run time.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

#include "tests/bench/timing.h"

/* places in struct OrtApi, all of version 1 */
enum {
        GET_ERROR_MESSAGE = 2,
        CREATE_ENV = 3,
        CREATE_SESSION = 7,
        RUN = 9,
        CREATE_SESSION_OPTIONS = 10,
        SET_GRAPH_OPTIMIZATION_LEVEL = 23,
        SET_INTRA_OP_THREADS = 24,
        SET_INTER_OP_THREADS = 25,
        CREATE_TENSOR_WITH_DATA = 49,
        CREATE_CPU_MEMORY_INFO = 69,
};
#define OPTIMISE_ALL 99
#define LOG_ERROR 3
#define ELEMENT_FLOAT 1
#define MAX_DIMS 8

typedef void (*any_fn)(void);
struct api_base {
        const any_fn *(*get_api)(uint32_t version);
        const char *(*get_version)(void);
};

struct peer {
        const any_fn *api;
        void *session, *input;
        const char *input_name, *output_name;
        void *output;
};

static void check(const struct peer *p, void *status)
{
        if (!status)
                return;
        fprintf(stderr, "onnxruntime: %s\n", ((const char *(*)(void *))p->api[GET_ERROR_MESSAGE])(status));
        exit(1);
}

static void run(void *userdata)
{
        struct peer *p = userdata;

        /* the first run makes the output, later ones write into it */
        check(p, ((void *(*)(void *, void *, const char *const *, void *const *, size_t, const char *const *, size_t,
                             void **))p->api[RUN])(p->session, NULL, &p->input_name, &p->input, 1, &p->output_name, 1,
                                                   &p->output));
}

static void open_session(struct peer *p, const char *model)
{
        void *env, *options;

        check(p, ((void *(*)(int, const char *, void **))p->api[CREATE_ENV])(LOG_ERROR, "peer", &env));
        check(p, ((void *(*)(void **))p->api[CREATE_SESSION_OPTIONS])(&options));
        check(p, ((void *(*)(void *, int))p->api[SET_GRAPH_OPTIMIZATION_LEVEL])(options, OPTIMISE_ALL));
        check(p, ((void *(*)(void *, int))p->api[SET_INTRA_OP_THREADS])(options, 1));
        check(p, ((void *(*)(void *, int))p->api[SET_INTER_OP_THREADS])(options, 1));
        check(p, ((void *(*)(void *, const char *, void *, void **))p->api[CREATE_SESSION])(env, model, options,
                                                                                            &p->session));
}

static void make_input(struct peer *p, const int64_t *dims, size_t n_dims)
{
        size_t n = 1;
        void *memory;
        float *x;

        for (size_t i = 0; i < n_dims; i++)
                n *= (size_t)dims[i];
        x = malloc(n * sizeof(*x));
        if (!x)
                exit(1);
        timing_fill(x, n);
        check(p, ((void *(*)(int, int, void **))p->api[CREATE_CPU_MEMORY_INFO])(1, 0, &memory));
        check(p, ((void *(*)(void *, void *, size_t, const int64_t *, size_t, int,
                             void **))p->api[CREATE_TENSOR_WITH_DATA])(memory, x, n * sizeof(*x), dims, n_dims,
                                                                       ELEMENT_FLOAT, &p->input));
}

int main(int argc, char **argv)
{
        double start = timing_now_us();
        int64_t dims[MAX_DIMS];
        struct peer p = { 0 };
        void *library;
        any_fn symbol;

        if (argc < 7 || argc - 6 > MAX_DIMS) {
                fprintf(stderr, "usage: peer-onnxruntime LIBRARY MODEL INPUT OUTPUT SECONDS DIM...\n");
                return 2;
        }
        library = dlopen(argv[1], RTLD_NOW);
        if (!library) {
                fprintf(stderr, "%s\n", dlerror());
                return 1;
        }
        *(void **)&symbol = dlsym(library, "OrtGetApiBase");
        if (!symbol)
                return 1;
        const struct api_base *base = ((const struct api_base *(*)(void))symbol)();
        p.api = base->get_api(1);
        if (!p.api)
                return 1;
        p.input_name = argv[3];
        p.output_name = argv[4];
        for (int i = 6; i < argc; i++)
                dims[i - 6] = strtol(argv[i], NULL, 10);
        open_session(&p, argv[2]);
        make_input(&p, dims, (size_t)argc - 6);
        run(&p);
        timing_report(run, &p, strtod(argv[5], NULL), (timing_now_us() - start) / 1e3);
        printf("version=%s\n", base->get_version());
        return 0;
}
