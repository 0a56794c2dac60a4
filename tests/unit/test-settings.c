/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include <cmocka.h>

#include "daemon/settings.h"

struct place {
        char folder[64], file[128], dropins[160];
};

static int make_place(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        strcpy(p->folder, "/tmp/test-settings-XXXXXX");
        if (!mkdtemp(p->folder))
                return -1;
        snprintf(p->file, sizeof(p->file), "%s/emotiond.conf", p->folder);
        snprintf(p->dropins, sizeof(p->dropins), "%s.d", p->file);
        *state = p;
        return 0;
}

static int remove_place(void **state)
{
        struct place *p = *state;
        char command[128];
        int r;

        snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
        r = system(command);
        free(p);
        return r;
}

static void write_text(const char *path, const char *text)
{
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static void write_dropin(const struct place *p, const char *name, const char *text)
{
        char path[256];

        mkdir(p->dropins, 0755);
        snprintf(path, sizeof(path), "%s/%s", p->dropins, name);
        write_text(path, text);
}

static struct settings *load(const struct place *p, const char *text)
{
        struct settings *s = NULL;
        struct settings_error e;
        int r;

        if (text)
                write_text(p->file, text);
        r = settings_load(p->file, false, NULL, &s, &e);
        if (r < 0)
                fail_msg("%s", e.text);
        assert_string_equal(e.text, "");
        return s;
}

/* @line 0: no line is named */
static void refuse(const struct place *p, const char *text, int error, int line, const char *part)
{
        struct settings *s = NULL;
        struct settings_error e;
        char where[256];
        int r;

        write_text(p->file, text);
        r = settings_load(p->file, false, NULL, &s, &e);
        assert_null(s);
        if (line)
                snprintf(where, sizeof(where), "%s:%d: ", p->file, line);
        else
                snprintf(where, sizeof(where), "%s: ", p->file);
        if (r != error || strncmp(e.text, where, strlen(where)) != 0 || !strstr(e.text, part))
                fail_msg("%.60s...: %d, \"%s\" (wanted %d, \"%s\", \"%s\")", text, r, e.text, error, where, part);
}

static void test_bad_values(void **state)
{
        struct place *p = *state;

        refuse(p, "camera: {\n width = 99999;\n};", -EINVAL, 2, "camera.width: 99999 is outside 0..7680");
        refuse(p, "camera: { width = -1; };", -EINVAL, 1, "0..7680");
        refuse(p, "camera: { width = 4294967936L; };", -EINVAL, 1, "outside 0..7680");
        refuse(p, "camera: {\n\n width = 640.5; };", -EINVAL, 3, "an integer in 0..7680 is wanted");
        refuse(p, "camera: { width = \"640\"; };", -EINVAL, 1, "is a string");
        refuse(p, "camera: { width = [ 640 ]; };", -EINVAL, 1, "is a list");
        refuse(p, "camera: { width = { a = 1; }; };", -EINVAL, 1, "is a group");
        refuse(p, "camera: { replay_loop = 1; };", -EINVAL, 1, "true or false");
        refuse(p, "camera: { policy = \"sometimes\"; };", -EINVAL, 1, "not one of on-demand|always");
        refuse(p, "camera: { policy = \"on-demand|always\"; };", -EINVAL, 1, "not one of");
        refuse(p, "camera: { policy = \"\"; };", -EINVAL, 1, "not one of");
        refuse(p, "camera: { device = \"video0\"; };", -EINVAL, 1, "absolute path");
        refuse(p, "camera: { device = 0; };", -EINVAL, 1, "a string is wanted");
        refuse(p, "camera: { replay = \"a\\nb\"; };", -EINVAL, 1, "control character");
        refuse(p, "decision: { min_confidence = 1.5; };", -EINVAL, 1, "outside 0..1");
        refuse(p, "decision: { min_confidence = 1e999; };", -EINVAL, 1, "outside 0..1");
        refuse(p, "decision: { min_confidence = true; };", -EINVAL, 1, "a number in 0..1 is wanted");
        refuse(p, "camera: {\n rotate = 45;\n};", -EINVAL, 2, "camera.rotate: 45 is not one of 0, 90, 180 and 270");
        refuse(p, "camera: { controls = 5; };", -EINVAL, 1, "camera.controls: is a group");
        refuse(p, "camera: { controls = {\n gain = \"high\"; }; };", -EINVAL, 2, "camera.controls.gain: is neither");
        refuse(p, "camera: { controls = { gain = 1.5; }; };", -EINVAL, 1, "an integer");
        refuse(p, "camera: { rotate = 90.0; };", -EINVAL, 1, "one of 0, 90, 180 and 270 is wanted");
        refuse(p, "camera: { closed_hours = \"18:00-09:00\"; };", -EINVAL, 1, "ends before it begins");
        refuse(p, "zones: {\n a = ( ( 0, 0 ), ( 1, 1 ), ( 1, 0 ), ( 0, 1 ) );\n};", -EINVAL, 2, "zones.a: has sides");
        refuse(p, "vision: { detector = \"../evil\"; };", -EINVAL, 1, "not a plugin's name");
        refuse(p, "vision: { detector = \"\"; };", -EINVAL, 1, "not a plugin's name");
        refuse(p, "vision: { max_faces = 33; };", -EINVAL, 1, "1..32");
        refuse(p, "classifier: { model = \"../x.onnx\"; };", -EINVAL, 1, "absolute path");
        refuse(p, "classifier: { model = \"..\"; };", -EINVAL, 1, "absolute path");
        refuse(p, "classifier: { layout = \"chwn\"; };", -EINVAL, 1, "is not one of auto|nchw|nhwc");
        refuse(p, "classifier: { channels = \"rgba\"; };", -EINVAL, 1, "is not one of");
        refuse(p, "classifier: { output = 1; };", -EINVAL, 1, "one of");
        refuse(p, "classifier: { labels = [ \"a\", \"b\" ]; };", -EINVAL, 1, "a string is wanted");
        refuse(p, "service: { log_level = \"chatty\"; };", -EINVAL, 1, "error|warning|notice|info|debug");
}

static void test_bad_structure(void **state)
{
        struct place *p = *state;

        refuse(p, "camera: {\n policy = \"always\";\n widht = 3;\n};", -EINVAL, 3, "camera.widht: no such setting");
        refuse(p, "\nkamera: { };", -EINVAL, 2, "kamera: no such group");
        refuse(p, "camera = 3;", -EINVAL, 1, "is a group");
        refuse(p, "camera: { width = 1; width = 2; };", -EINVAL, 1, "duplicate");
        refuse(p, "camera: { width = ", -EINVAL, 1, "syntax");
        refuse(p, "}{", -EINVAL, 1, "syntax");
        refuse(p, "plugins: { haar = 3; };", -EINVAL, 1, "one group for each plugin");
        refuse(p, "plugins = [ 1 ];", -EINVAL, 1, "is a group");
        refuse(p, "# a\n  @include \"/etc/passwd\"\n", -EINVAL, 2, "@include");
}

static void test_bad_files(void **state)
{
        struct place *p = *state;
        struct settings *s = NULL;
        struct settings_error e;
        FILE *f;

        assert_int_equal(settings_load("/nonexistent/x", false, NULL, &s, &e), -ENOENT);
        assert_non_null(strstr(e.text, "/nonexistent/x"));
        assert_int_equal(settings_load(p->folder, false, NULL, &s, &e), -EINVAL);
        assert_non_null(strstr(e.text, "not a regular file"));
        assert_int_equal(settings_load("/dev/zero", false, NULL, &s, &e), -EINVAL);
        assert_int_equal(mkfifo(p->file, 0600), 0); /* would wait for a writer */
        assert_int_equal(settings_load(p->file, false, NULL, &s, &e), -EINVAL);
        unlink(p->file);

        f = fopen(p->file, "w");
        for (int i = 0; i < 10 << 10; i++)
                fprintf(f, "%1023s\n", "#");
        fclose(f);
        assert_int_equal(settings_load(p->file, false, NULL, &s, &e), -EFBIG);
        f = fopen(p->file, "w");
        fwrite("camera: {};\0garbage", 1, 19, f);
        fclose(f);
        assert_int_equal(settings_load(p->file, false, NULL, &s, &e), -EINVAL);
        assert_non_null(strstr(e.text, "NUL"));
        assert_null(s);
}

static void test_deep_nesting(void **state)
{
        struct place *p = *state;
        struct settings *s = NULL;
        struct settings_error e;
        FILE *f = fopen(p->file, "w");
        int r;

        fputs("plugins: { a: { x = ", f);
        for (int i = 0; i < 100000; i++)
                fputc('(', f);
        fclose(f);
        assert_int_equal(settings_load(p->file, false, NULL, &s, &e), -EINVAL);

        /* as deep as the parser goes: it is taken or refused, and never overflows our stack */
        f = fopen(p->file, "w");
        fputs("plugins: { a: { x = ", f);
        for (int i = 0; i < 3000; i++)
                fputc('(', f);
        for (int i = 0; i < 3000; i++)
                fputc(')', f);
        fputs("; }; };", f);
        fclose(f);
        r = settings_load(p->file, false, NULL, &s, &e);
        assert_true(r == 0 || r == -EINVAL);
        settings_unref(s);
}

static void test_numbers(void **state)
{
        struct place *p = *state;
        struct settings *s =
                load(p, "camera: { frame_rate = 30; width = 1280L; }; decision: { min_confidence = 0.625; };");

        assert_true(s->camera.frame_rate_hz > 29.9 && s->camera.frame_rate_hz < 30.1);
        assert_int_equal(s->camera.width_px, 1280);
        assert_true(s->decision.min_confidence > 0.62 && s->decision.min_confidence < 0.63);
        settings_unref(s);
}

static void test_dropins(void **state)
{
        struct place *p = *state;
        struct settings *s;
        struct settings_error e;
        char path[256];

        write_dropin(p, "20-b.conf", "camera: { width = 320; };");
        write_dropin(p, "10-a.conf", "camera: { width = 160; height = 120; };");
        write_dropin(p, "30-c.conf.bak", "nonsense");
        write_dropin(p, ".40-hidden.conf", "nonsense");
        snprintf(path, sizeof(path), "%s/50-masked.conf", p->dropins);
        assert_int_equal(symlink("/dev/null", path), 0);
        s = load(p, "camera: { width = 800; policy = \"always\"; };");
        assert_int_equal(s->camera.width_px, 320);
        assert_int_equal(s->camera.height_px, 120);
        assert_int_equal(s->camera.policy, CAMERA_ALWAYS);
        settings_unref(s);

        write_dropin(p, "60-bad.conf", "\ncamera: { width = 1; zoom = 2; };");
        s = NULL;
        assert_int_equal(settings_load(p->file, false, NULL, &s, &e), -EINVAL);
        assert_non_null(strstr(e.text, "60-bad.conf:2: camera.zoom"));
        assert_null(s);
        /* drop-ins alone are enough */
        snprintf(path, sizeof(path), "%s/60-bad.conf", p->dropins);
        unlink(path);
        unlink(p->file);
        assert_int_equal(settings_load(p->file, true, NULL, &s, &e), 0);
        assert_int_equal(s->camera.width_px, 320);
        settings_unref(s);
}

static void test_plugins_merge(void **state)
{
        struct place *p = *state;
        struct settings *s;
        config_setting_t *haar, *scale;
        double v = 0;

        write_dropin(p, "1.conf", "plugins: {\n haar: { scale = 1.3; };\n mine: { on = true; list = [ 1, 2 ]; };\n};");
        s = load(p, "plugins: { haar: { scale = 1.1; cascade = \"x.xml\"; }; };");
        assert_non_null(s->plugins);
        haar = config_setting_get_member(s->plugins, "haar");
        scale = config_setting_get_member(haar, "scale");
        v = config_setting_get_float(scale);
        assert_true(v > 1.29 && v < 1.31);
        assert_non_null(config_setting_get_member(haar, "cascade"));
        assert_non_null(config_setting_get_member(s->plugins, "mine"));
        /* a plugin's complaint names the place */
        assert_int_equal(config_setting_source_line(scale), 2);
        assert_non_null(strstr(config_setting_source_file(scale), "1.conf"));
        settings_unref(s);
}

/* Zones of all files are there, and a later one takes the place of one of its name. */
static void test_zones_merge(void **state)
{
        struct place *p = *state;
        struct settings *s;

        write_dropin(p, "1.conf",
                     "zones: { a = ( ( 0, 0 ), ( 1, 0 ), ( 0.5, 1.0 ) ); c = ( [ 0, 0 ], [ 1, 0 ], [ 1, 1 ] ); };");
        s = load(p, "zones: { a = ( ( 0, 0 ), ( 1, 0 ), ( 1, 1 ) ); b = ( ( 0, 0 ), ( 1, 0 ), ( 1, 1 ) ); };");
        assert_int_equal(s->zones.n, 3);
        assert_string_equal(s->zones.items[0].name, "a");
        assert_true(s->zones.items[0].points[2][0] < 0.6);
        assert_string_equal(s->zones.items[2].name, "c");
        settings_unref(s);
}

static void test_controls(void **state)
{
        struct place *p = *state;
        struct settings *s, *other;

        write_dropin(p, "1.conf", "camera: { controls = { gain = 20; focus_auto = false; }; };");
        s = load(p, "camera: { controls = { exposure_auto = 1; gain = 5; }; };");
        assert_int_equal(s->n_controls, 3);
        assert_string_equal(s->controls[0].name, "exposure_auto");
        assert_string_equal(s->controls[1].name, "gain");
        assert_int_equal(s->controls[1].value, 20);
        assert_int_equal(s->controls[2].value, 0);
        other = load(p, "camera: { controls = { exposure_auto = 3; gain = 5; }; };");
        assert_true(settings_same_camera(s, s));
        assert_false(settings_same_camera(s, other));
        settings_unref(s);
        settings_unref(other);
}

/* How the picture is turned and when the camera is on can change while it is open. */
static void test_same_camera(void **state)
{
        struct place *p = *state;
        struct settings *a = load(p, ""),
                        *b = load(p, "camera: { rotate = 90; mirror = true; closed_hours = \"01:00-02:00\"; };"),
                        *c = load(p, "camera: { width = 320; };");

        assert_int_equal(b->camera.rotate_deg, 90);
        assert_int_equal(b->closed.n, 1);
        assert_true(settings_same_camera(a, b));
        assert_false(settings_same_camera(a, c));
        settings_unref(a);
        settings_unref(b);
        settings_unref(c);
}

static void test_override(void **state)
{
        struct place *p = *state;
        struct settings_override o = { "/a/b.avi", 1, 0, "debug" };
        struct settings *s = NULL;
        struct settings_error e;

        write_text(p->file, "camera: { replay_loop = true; replay = \"/c\"; };");
        assert_int_equal(settings_load(p->file, false, &o, &s, &e), 0);
        assert_string_equal(s->camera.replay, "/a/b.avi");
        assert_int_equal(s->camera.replay_pace, 1);
        assert_false(s->camera.replay_loop);
        assert_int_equal(settings_log_level(s), LOG_DEBUG);
        s = settings_unref(s);
        o.log_level = "loud";
        assert_int_equal(settings_load(p->file, false, &o, &s, &e), -EINVAL);
        assert_non_null(strstr(e.text, "--log-level"));
}

/* The shipped file shows every key with its default, and says nothing else. */
static void test_shipped_file(void **state)
{
        struct settings *shipped = NULL, *defaults = NULL;
        struct settings_error e;
        config_t tree;
        char file[512], path[64], def[300], a[300], b[300];

        snprintf(file, sizeof(file), "%s/conf/emotiond.conf", getenv("EMO_SRCDIR"));
        if (settings_load(file, false, NULL, &shipped, &e) < 0)
                fail_msg("%s", e.text);
        assert_int_equal(settings_load(NULL, true, NULL, &defaults, &e), 0);
        config_init(&tree);
        assert_true(config_read_file(&tree, file));
        for (size_t i = 0; i < settings_key_count(); i++) {
                settings_key(i, path, def, sizeof(def));
                if (!config_lookup(&tree, path))
                        fail_msg("%s is not in the shipped file", path);
                settings_format(shipped, i, a, sizeof(a));
                settings_format(defaults, i, b, sizeof(b));
                assert_string_equal(a, b);
                assert_string_equal(a, def);
        }
        config_destroy(&tree);
        settings_unref(shipped);
        settings_unref(defaults);
}

/* The manual page names every key and its default. */
static void test_manual(void **state)
{
        char file[512], path[64], def[300], text[65536], wanted[400];
        FILE *f;
        size_t n;

        snprintf(file, sizeof(file), "%s/docs/emotiond.conf.5", getenv("EMO_SRCDIR"));
        f = fopen(file, "r");
        assert_non_null(f);
        n = fread(text, 1, sizeof(text) - 1, f);
        text[n] = '\0';
        fclose(f);
        for (size_t i = 0; i < settings_key_count(); i++) {
                settings_key(i, path, def, sizeof(def));
                snprintf(wanted, sizeof(wanted), "\\fB%s = %s\\fP\n", strchr(path, '.') + 1, def);
                if (!strstr(text, wanted))
                        fail_msg("not in the manual: %s", wanted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_bad_values, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_bad_structure, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_bad_files, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_deep_nesting, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_numbers, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_dropins, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_plugins_merge, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_controls, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_zones_merge, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_same_camera, make_place, remove_place),
                cmocka_unit_test_setup_teardown(test_override, make_place, remove_place),
                cmocka_unit_test(test_shipped_file),
                cmocka_unit_test(test_manual),
        };

        return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
