/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plugins good and bad, and their settings. */
#undef NDEBUG
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "daemon/vision/plugin-about.h"
#include "daemon/vision/plugin-host.h"
#include "tests/plugins/fake.h"

static char modules[512], scratch[512];

static const char *path_of(const char *folder, const char *file)
{
        static char path[1024];

        snprintf(path, sizeof(path), "%s/%s", folder, file);
        return path;
}

/* The script of a module that the host holds open. */
static struct fake_script *script_of(const char *file)
{
        void *h = dlopen(path_of(modules, file), RTLD_NOW | RTLD_NOLOAD);
        struct fake_script *s;

        assert_non_null(h);
        s = dlsym(h, "fake_script");
        assert_non_null(s);
        dlclose(h);
        return s;
}

static struct plugin_host *host_of(const char *folder, const char *detector, const char *aligner,
                                   const config_setting_t *settings)
{
        static const char *const dirs[] = { "/nonexistent", "/usr/share/common-licenses", NULL };
        struct plugin_host_config config = {
                .folder = folder, .model_dirs = dirs, .detector = detector, .aligner = aligner, .settings = settings
        };
        struct plugin_host *h = NULL;

        assert_int_equal(plugin_host_new(&config, &h), 0);
        assert_non_null(h);
        return h;
}

static const struct plugin_info *info_of(const struct plugin_host *h, const char *name)
{
        for (size_t i = 0; i < plugin_host_n_plugins(h); i++)
                if (strcmp(plugin_host_plugin(h, i)->name, name) == 0)
                        return plugin_host_plugin(h, i);
        return NULL;
}

static void assert_contains(const char *text, const char *part)
{
        if (!text || !strstr(text, part))
                fail_msg("'%s' does not say '%s'", text ? text : "(null)", part);
}

static void test_refusals(void **state)
{
        static const struct {
                const char *name, *error;
        } cases[] = {
                { "broken-no-symbol", "exports no symbol emo_plugin" },
                { "broken-bad-magic", "magic 0x12345678" },
                { "broken-bad-abi", "ABI 2" },
                { "broken-bad-size", "its descriptor says" },
                { "broken-other-name", "calls itself 'another'" },
                { "broken-no-hook", "its detector lacks a function" },
                { "broken-nothing-offered", "neither a detector nor an aligner" },
                { "broken-bad-format", "pixel format 77" },
                { "broken-unresolved", "nobody_defines_this" },
                { "broken-not-a-descriptor", "is not a plugin descriptor" },
                { "broken-small-ops", "operations have" },
                { "broken-bad-text", "its version" },
        };
        struct plugin_host *h = host_of(modules, "fake", "fake", NULL);

        assert_null(plugin_host_error(h));
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                const struct plugin_info *p = info_of(h, cases[i].name);

                assert_non_null(p);
                assert_contains(p->error, cases[i].error);
                assert_null(p->version);
                assert_false(p->used_detector);
        }
        assert_null(info_of(h, "fake")->error);
        assert_true(info_of(h, "fake")->third_party);
        assert_true(info_of(h, "fake")->used_detector && info_of(h, "fake")->used_aligner);
        assert_string_equal(info_of(h, "fake")->version, "1");
        assert_null(info_of(h, "fake-bgr")->error);
        assert_false(info_of(h, "fake-bgr")->used_detector);
        plugin_host_free(h);

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) { /* asked for, too */
                h = host_of(modules, cases[i].name, "fake", NULL);
                assert_contains(plugin_host_error(h), cases[i].error);
                plugin_host_free(h);
        }
}

static void test_failing_open(void **state)
{
        struct plugin_host *h = host_of(modules, "broken-fails-open", "fake", NULL);
        struct emo_error error;
        struct emo_box box;
        struct emo_image image = { 0 };
        struct emo_detect_hints hints = { 0 };

        assert_contains(plugin_host_error(h), "there is no oracle");
        assert_contains(info_of(h, "broken-fails-open")->error, "there is no oracle");
        assert_int_equal(plugin_host_detect(h, &image, &hints, &box, 1, &error), -ENODEV);
        assert_int_equal(plugin_host_format(h, PLUGIN_DETECTOR), EMO_GRAY8);
        plugin_host_free(h);
}

static void test_names(void **state)
{
        static const struct {
                const char *detector, *aligner, *error;
        } cases[] = {
                { "nobody", "fake", "no plugin 'nobody' for the detector" },
                { "fake", "../fake", "no plugin '../fake' for the aligner" },
                { NULL, "fake", "no detector is configured" },
                { "fake", "", "no aligner is configured" },
                { "fake", "broken-ignores-settings", "is no aligner" },
        };

        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                struct plugin_host *h = host_of(modules, cases[i].detector, cases[i].aligner, NULL);

                assert_contains(plugin_host_error(h), cases[i].error);
                plugin_host_free(h);
        }
        struct plugin_host *h = host_of("/nonexistent", "fake", "fake", NULL);

        assert_contains(plugin_host_error(h), "/nonexistent");
        assert_int_equal(plugin_host_n_plugins(h), 0);
        plugin_host_free(h);
}

/* Copies @size bytes of the fake module (0: all) to scratch/@name. */
static void copy_module(const char *name, long size)
{
        char *data = malloc(1 << 22);
        FILE *f = fopen(path_of(modules, "fake.so"), "re");
        size_t n;

        assert_non_null(f);
        n = fread(data, 1, 1 << 22, f);
        fclose(f);
        assert_true((long)n > size);
        f = fopen(path_of(scratch, name), "we");
        assert_non_null(f);
        fwrite(data, 1, size > 0 ? (size_t)size : n, f);
        fclose(f);
        free(data);
}

static void write_text(const char *name, const char *text)
{
        FILE *f = fopen(path_of(scratch, name), "we");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

/* Files that the dynamic linker should not see, or would hang or die on. */
static void test_files(void **state)
{
        static const struct {
                const char *name, *error;
        } cases[] = {
                { "empty", "not a shared object" },
                { "text", "not a shared object" },
                { "cut", "cut short" },
                { "fifo", "is not a file" },
                { "folder", "is not a file" },
                { "dangling", "No such file" },
                { "Bad_Name", "no plugin name" },
                { "elsewhere", "calls itself 'fake'" },
                { "", "no plugin name" },
        };

        write_text("empty.so", "");
        write_text("text.so", "#!/bin/sh\necho this is no ELF file, though it is longer than its header would be\n");
        write_text("readme.txt", "not looked at\n");
        write_text(".hidden.so", "not looked at\n");
        write_text("lib.so", "");
        copy_module("cut.so", 9000);
        copy_module("Bad_Name.so", 0);
        copy_module("elsewhere.so", 0);
        copy_module("fake.so", 0);
        copy_module("libfake.so", 0);
        assert_int_equal(mkfifo(path_of(scratch, "fifo.so"), 0600), 0);
        assert_int_equal(mkdir(path_of(scratch, "folder.so"), 0700), 0);
        assert_int_equal(symlink("/nonexistent", path_of(scratch, "dangling.so")), 0);

        struct plugin_host *h = host_of(scratch, "fake", "fake", NULL);

        assert_int_equal(plugin_host_n_plugins(h), 11);
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
                assert_non_null(info_of(h, cases[i].name));
                assert_contains(info_of(h, cases[i].name)->error, cases[i].error);
        }
        assert_null(plugin_host_error(h));
        assert_null(info_of(h, "readme"));
        size_t n_fake = 0;
        for (size_t i = 0; i < plugin_host_n_plugins(h); i++)
                if (strcmp(plugin_host_plugin(h, i)->name, "fake") == 0 && n_fake++)
                        assert_contains(plugin_host_plugin(h, i)->error, "name of another file");
        assert_int_equal(n_fake, 2);
        plugin_host_free(h);
}

static bool is_loaded(const char *folder, const char *file)
{
        void *h = dlopen(path_of(folder, file), RTLD_NOW | RTLD_NOLOAD);

        if (h)
                dlclose(h);
        return h;
}

/* A file that says what it is is loaded only if it is wanted, and then its descriptor says what is true. */
static void test_about(void **state)
{
        struct plugin_host *h = host_of(modules, "fake", "fake", NULL);
        const struct plugin_info *p = info_of(h, "fake-about");

        assert_non_null(p);
        assert_null(p->error);
        assert_string_equal(p->version, "0.9");
        assert_string_equal(p->description, "what the file says");
        assert_string_equal(p->licence, "MIT");
        assert_true(p->detector && p->aligner && p->third_party);
        assert_false(p->used_detector || p->used_aligner);
        assert_false(is_loaded(modules, "fake-about.so"));
        plugin_host_free(h);

        h = host_of(modules, "fake-about", "fake-about", NULL);
        p = info_of(h, "fake-about");
        assert_null(plugin_host_error(h));
        assert_true(p->used_detector && p->used_aligner);
        assert_string_equal(p->version, "1");
        assert_string_equal(p->licence, "LGPL-2.1-or-later");
        assert_true(is_loaded(modules, "fake-about.so"));
        plugin_host_free(h);
        assert_false(is_loaded(modules, "fake-about.so"));
}

/* Where the text is damaged, is for another ABI or another plugin, the descriptor is asked. */
static void test_damaged_about(void **state)
{
        static const char *const words[][2] = { { "emo-plugin 1\n", "emo-plugin 2\n" },
                                                { "\nfake-about\n", "\nfake-abort\n" },
                                                { "\n0.9\n", "\n0\001\n\n" },
                                                { "detector aligner\n", "detector-aligner\n" },
                                                { "detector aligner\n", "detector aligner " },
                                                { ".emo_about", ".emo_abort" } };
        char *data = NULL;
        size_t size = 0;
        FILE *in = fopen(path_of(modules, "fake-about.so"), "re"), *out;
        struct plugin_about a;

        assert_non_null(in);
        assert_int_equal(fseek(in, 0, SEEK_END), 0);
        size = (size_t)ftell(in);
        data = malloc(size);
        rewind(in);
        assert_int_equal(fread(data, 1, size, in), size);
        fclose(in);
        assert_int_equal(plugin_about_read(path_of(modules, "fake-about.so"), &a), 0);
        for (size_t i = 0; i < ARRAY_LEN(words); i++) {
                char *at = memmem(data, size, words[i][0], strlen(words[i][0]));

                assert_non_null(at);
                memcpy(at, words[i][1], strlen(words[i][0]));
                out = fopen(path_of(scratch, "fake-about.so"), "we");
                assert_non_null(out);
                assert_int_equal(fwrite(data, 1, size, out), size);
                assert_int_equal(fclose(out), 0);
                memcpy(at, words[i][0], strlen(words[i][0]));

                struct plugin_host *h = host_of(scratch, "fake", "fake", NULL);

                assert_null(info_of(h, "fake-about")->error);
                assert_string_equal(info_of(h, "fake-about")->version, "1");
                plugin_host_free(h);
        }
        /* whatever is cut off */
        for (size_t n = 0; n < size; n += 1 + n / 8) {
                out = fopen(path_of(scratch, "fake-about.so"), "we");
                assert_non_null(out);
                assert_int_equal(fwrite(data, 1, n, out), n);
                assert_int_equal(fclose(out), 0);
                assert_int_equal(plugin_about_read(path_of(scratch, "fake-about.so"), &a), -ENODATA);
        }
        assert_int_equal(plugin_about_read("/nonexistent.so", &a), -ENOENT);
        assert_int_equal(plugin_about_read("/dev/zero", &a), -ENODATA);
        unlink(path_of(scratch, "fake-about.so"));
        free(data);
}

static void replace_module(const char *from, const char *to)
{
        char *data = malloc(1 << 22), *at;
        FILE *f = fopen(path_of(modules, "fake.so"), "re");
        size_t n;

        assert_non_null(f);
        n = fread(data, 1, 1 << 22, f);
        fclose(f);
        at = memmem(data, n, from, strlen(from));
        assert_non_null(at);
        memcpy(at, to, strlen(from));
        unlink(path_of(scratch, "fake.so"));
        f = fopen(path_of(scratch, "fake.so"), "we");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, n, f), n);
        fclose(f);
        free(data);
}

/* The linker gives the file that it has mapped, not the one that took its place: then the plugin says so. */
static void test_replaced_file(void **state)
{
        static const char *const old = "answers what a test has written";
        static const char *const new = "answers what a test had written";
        struct plugin_host *first, *h;

        replace_module(old, old);
        first = host_of(scratch, "fake", "fake", NULL);
        assert_null(plugin_host_error(first));
        replace_module(old, old); /* installed again as it was */
        h = host_of(scratch, "fake", "fake", NULL);
        assert_null(info_of(h, "fake")->error);
        plugin_host_free(h);
        replace_module(old, new);
        h = host_of(scratch, "fake", "fake", NULL);
        assert_null(plugin_host_error(h));
        assert_contains(info_of(h, "fake")->error, "has changed on disk");
        assert_true(info_of(h, "fake")->used_detector && info_of(h, "fake")->used_aligner);
        assert_string_equal(info_of(h, "fake")->description, old);
        plugin_host_free(h);
        plugin_host_free(first);
        h = host_of(scratch, "fake", "fake", NULL);
        assert_null(info_of(h, "fake")->error);
        assert_string_equal(info_of(h, "fake")->description, new);
        plugin_host_free(h);
}

static void with_settings(const char *text, void (*check)(const config_setting_t *))
{
        config_t config;

        write_text("settings.conf", text);
        config_init(&config);
        assert_int_equal(config_read_file(&config, path_of(scratch, "settings.conf")), CONFIG_TRUE);
        check(config_lookup(&config, "plugins"));
        config_destroy(&config);
}

static void check_good_settings(const config_setting_t *settings)
{
        struct plugin_host *h = host_of(modules, "fake", "fake", settings);

        assert_null(plugin_host_error(h));
        assert_float_equal(script_of("fake.so")->number, 3, 0);
        assert_string_equal(script_of("fake.so")->found_file, "/usr/share/common-licenses/GPL-2");
        assert_int_equal(script_of("fake.so")->n_open, 2);
        plugin_host_free(h);
}

static const char *expected;

static void check_bad_settings(const config_setting_t *settings)
{
        struct plugin_host *h = host_of(modules, "fake", "fake", settings);

        assert_contains(plugin_host_error(h), expected);
        assert_contains(info_of(h, "fake")->error, expected);
        plugin_host_free(h);
}

static void check_ignored_error(const config_setting_t *settings)
{
        struct plugin_host *h = host_of(modules, "broken-ignores-settings", "fake", settings);

        assert_contains(plugin_host_error(h),
                        "settings.conf:1: plugins.broken-ignores-settings.count = 9 is outside 1..5");
        plugin_host_free(h);
}

static void test_settings(void **state)
{
        static const struct {
                const char *text, *error;
        } bad[] = {
                { "plugins: {\n fake: {\n  number = \"3\"; }; };",
                  "settings.conf:3: plugins.fake.number must be a number, and is a string" },
                { "plugins: { fake: { number = 10.5; }; };", "number = 10.5 is outside 0..10" },
                { "plugins: { fake: { group: { flag = 1; }; }; };", "fake.group.flag must be true or false" },
                { "plugins: { fake: { file = true; }; };", "fake.file must be a string, and is true or false" },
                { "plugins: { fake = 5; };", "plugins.fake must be a group, and is a whole number" },
                { "plugins: { fake: { file = \"no-such-file\"; }; };", "fake says no" },
                { "plugins: { fake: { file = \"../../etc/passwd\"; }; };", "fake says no" },
        };

        with_settings("plugins: { fake: { number = 3; file = \"GPL-2\"; unknown = 1; group: { flag = true; }; }; };",
                      check_good_settings);
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                expected = bad[i].error;
                with_settings(bad[i].text, check_bad_settings);
        }
        with_settings("plugins: { broken-ignores-settings: { count = 9; }; };", check_ignored_error);
}

/* What a plugin answers is not believed. */
static void test_absurd_boxes(void **state)
{
        struct plugin_host *h = host_of(modules, "fake", "fake", NULL);
        struct fake_script *s = script_of("fake.so");
        uint8_t pixels[16] = { 0 };
        struct emo_image image = { EMO_GRAY8, 100, 80, 100, pixels };
        struct emo_detect_hints hints = { 0 };
        struct emo_box ret[8];
        struct emo_error error;
        const struct emo_box boxes[] = {
                { NAN, 0, 10, 10, 1 },   { 0, NAN, 10, 10, 1 }, { 0, 0, NAN, 10, 1 }, { 0, 0, 10, INFINITY, 1 },
                { 10, 10, 20, 20, NAN }, { 0, 0, -5, 10, 1 },   { 0, 0, 0, 0, 1 },    { 1e30f, 0, 10, 10, 1 },
        };

        s->n_boxes = ARRAY_LEN(boxes);
        memcpy(s->boxes, boxes, sizeof(boxes));
        assert_int_equal(plugin_host_detect(h, &image, &hints, ret, 8, &error), 1);
        assert_float_equal(ret[0].x, 10, 0);
        assert_float_equal(ret[0].confidence, 0, 0);
        s->boxes[0] = (struct emo_box){ 0, 0, 1e6f, 1e6f, 1 };
        s->boxes[1] = (struct emo_box){ -50, -50, 20, 20, 1 };
        s->boxes[2] = (struct emo_box){ -10, -10, 40, 40, 7 };
        s->n_boxes = 3;
        assert_int_equal(plugin_host_detect(h, &image, &hints, ret, 8, &error), 1);
        assert_float_equal(ret[0].confidence, 1, 0);
        s->detect_result = 9;
        assert_int_equal(plugin_host_detect(h, &image, &hints, ret, 8, &error), -EPROTO);
        assert_contains(error.text, "claims 9 boxes");
        s->detect_result = -EIO;
        assert_int_equal(plugin_host_detect(h, &image, &hints, ret, 8, &error), -EIO);
        assert_string_equal(error.text, "fake cannot see");
        plugin_host_free(h);
}

static void test_absurd_alignments(void **state)
{
        struct plugin_host *h = host_of(modules, "fake", "fake", NULL);
        struct fake_script *s = script_of("fake.so");
        uint8_t pixels[16] = { 0 };
        struct emo_image image = { EMO_GRAY8, 100, 80, 100, pixels };
        struct emo_box box = { 10, 10, 20, 20, 1 };
        struct emo_alignment ret, bad[] = {
                { .n_points = 5, .confidence = 1 },
                { .n_points = 68, .points[67] = { NAN, 0 }, .confidence = 1 },
                { .n_points = 68, .points[3] = { 0, 1e9f }, .confidence = 1 },
                { .side_px = NAN, .confidence = 1 },
                { .side_px = 0, .confidence = 1 },
                { .side_px = 20, .x = NAN, .confidence = 1 },
                { .side_px = 20, .roll_rad = INFINITY, .confidence = 1 },
                { .side_px = 20, .confidence = NAN },
                { .side_px = 20, .confidence = 1.5f },
        };
        struct emo_error error;

        s->use_alignment = 1;
        for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
                s->alignment = bad[i];
                assert_int_equal(plugin_host_align(h, &image, &box, &ret, &error), -EPROTO);
                assert_contains(error.text, "cannot be");
        }
        s->alignment = (struct emo_alignment){ .side_px = 20, .confidence = 1 };
        assert_int_equal(plugin_host_align(h, &image, &box, &ret, &error), 0);
        plugin_host_free(h);
}

static int set_up(void **state)
{
        const char *build = getenv("EMO_BUILDDIR");

        snprintf(modules, sizeof(modules), "%s/tests/plugins/.libs", build ? build : ".");
        strcpy(scratch, "/tmp/test-plugin-host-XXXXXX");
        return mkdtemp(scratch) ? 0 : -1;
}

static int tear_down(void **state)
{
        static const char *const files[] = { "empty.so", "text.so",     "readme.txt",   ".hidden.so", "lib.so",
                                             "cut.so",   "Bad_Name.so", "elsewhere.so", "fake.so",    "libfake.so",
                                             "fifo.so",  "dangling.so", "settings.conf" };

        for (size_t i = 0; i < ARRAY_LEN(files); i++)
                unlink(path_of(scratch, files[i]));
        rmdir(path_of(scratch, "folder.so"));
        return rmdir(scratch);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refusals),      cmocka_unit_test(test_failing_open),
                cmocka_unit_test(test_names),         cmocka_unit_test(test_files),
                cmocka_unit_test(test_about),         cmocka_unit_test(test_damaged_about),
                cmocka_unit_test(test_replaced_file), cmocka_unit_test(test_settings),
                cmocka_unit_test(test_absurd_boxes),  cmocka_unit_test(test_absurd_alignments),
        };

        return cmocka_run_group_tests_name("plugin-host", tests, set_up, tear_down);
}
