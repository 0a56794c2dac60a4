/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "basic/utf8.h"
#include "cli/bus.h"
#include "cli/text.h"
#include "picture/picture.h"

#define BUSY_TRIES 20
#define BUSY_PAUSE_USEC (200 * 1000)
#define N_ALWAYS 5u         /* the first keys of a face; the others only where they are known */
#define SERVICE_ABSENT (-1) /* beside enum ctl_exit: no other file will fare better */

/* The service reads regular files only, so that it cannot be made to wait: what comes through a pipe is kept in memory. */
static int fd_from_stdin(void)
{
        _cleanup_(closep) int fd = memfd_create("stdin", MFD_CLOEXEC);
        char buffer[65536];
        size_t total = 0;
        ssize_t n;
        int ret;

        if (fd < 0)
                return -errno;
        while ((n = read(STDIN_FILENO, buffer, sizeof(buffer))) != 0) {
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                total += (size_t)n;
                if (total > PICTURE_MAX_FILE_BYTES)
                        return -EFBIG;
                for (ssize_t done = 0, w; done < n; done += w) {
                        w = write(fd, buffer + done, (size_t)(n - done));
                        if (w < 0)
                                return -errno;
                }
        }
        ret = fd;
        fd = -1;
        return ret;
}

static int fail_file(const char *file, int r)
{
        const char *why = r == -EBADMSG  ? "not a whole JPEG or PNG file"
                          : r == -EFBIG  ? "too large a picture"
                          : r == -EINVAL ? "not a regular file"
                                         : strerror(-r);

        ctl_say("%s: %s", file, why);
        return r == -ENOENT || r == -ENOTDIR ? CTL_NOT_FOUND : CTL_FAILED;
}

static int new_request(struct ctl *c, int fd, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = ctl_new_call(c, BUS_PATH, BUS_IFACE_MANAGER, "ClassifyImage", &m);
        if (r < 0)
                return r;
        r = isnan(c->min_confidence)
                    ? sd_bus_message_append(m, "ha{sv}", fd, 0)
                    : sd_bus_message_append(m, "ha{sv}", fd, 1, "min-confidence", "d", c->min_confidence);
        if (r < 0)
                return r;
        *ret = STEAL(m);
        return 0;
}

/* Asks the service; when it has too many pictures to look at already, waits for its turn. */
static int classify_fd(struct ctl *c, const char *file, int fd, json_object **ret_faces)
{
        for (unsigned i = 1;; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                int r = new_request(c, fd, &m);

                if (r < 0)
                        return ctl_fail(NULL, r, file);
                r = sd_bus_call(c->bus, m, 0, &error, &reply);
                if (r < 0 && i < BUSY_TRIES && sd_bus_error_has_name(&error, SD_BUS_ERROR_LIMITS_EXCEEDED)) {
                        usleep(BUSY_PAUSE_USEC);
                        continue;
                }
                if (r < 0 && ctl_error_is_absent(&error)) {
                        (void)ctl_fail(&error, r, NULL);
                        return SERVICE_ABSENT;
                }
                if (r < 0)
                        return ctl_fail(&error, r, file);
                r = json_from_value(reply, ret_faces);
                return r < 0 ? ctl_fail(NULL, r, file) : 0;
        }
}

static json_object *face_to_json(json_object *face)
{
        static const char *const keys[] = { "box",     "landmarks", "emotion", "confidence", "scores",
                                            "quality", "yaw",       "pitch",   "roll",       "attention" };
        json_object *o = json_object_new_object();

        for (size_t i = 0; o && i < ARRAY_LEN(keys); i++) {
                json_object *v = member(face, keys[i]);

                if (!v && i >= N_ALWAYS)
                        continue;
                if (!v && strcmp(keys[i], "landmarks") == 0)
                        v = json_object_new_array();
                else
                        json_object_get(v);
                json_object_object_add(o, keys[i], v);
        }
        return o;
}

static void print_json(const struct ctl *c, const char *file, unsigned width, unsigned height, json_object *faces)
{
        _cleanup_(json_putp) json_object *o = json_object_new_object();
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < json_object_array_length(faces); i++)
                json_object_array_add(list, face_to_json(json_object_array_get_idx(faces, i)));
        json_object_object_add(o, "file", json_object_new_string(file));
        json_object_object_add(o, "width", json_object_new_int64(width));
        json_object_object_add(o, "height", json_object_new_int64(height));
        json_object_object_add(o, "faces", list);
        json_print(c, o);
}

static void print_text(const struct ctl *c, const char *file, json_object *faces)
{
        _cleanup_(freep) char *name = utf8_clean_dup(file);
        size_t n = json_object_array_length(faces);

        if (n == 0)
                printf("%s: %sno face%s\n", name ?: "", text_on(c, TEXT_FAINT), text_off(c));
        for (size_t i = 0; i < n; i++) {
                json_object *face = json_object_array_get_idx(faces, i), *box = member(face, "box");
                _cleanup_(freep) char *emotion = utf8_clean_dup(member_string(face, "emotion"));
                double b[4] = { 0 };

                for (size_t k = 0; k < 4 && json_object_is_type(box, json_type_array); k++)
                        b[k] = json_object_get_double(json_object_array_get_idx(box, k));
                printf("%s: %s%s%s %.0f%%, %.0fx%.0f+%.0f+%.0f\n", name ?: "", text_on(c, TEXT_BOLD), emotion ?: "",
                       text_off(c), 100 * member_double(face, "confidence"), b[2], b[3], b[0], b[1]);
        }
}

static int classify_file(struct ctl *c, const char *file)
{
        _cleanup_(json_putp) json_object *faces = NULL;
        _cleanup_(closep) int fd = -1;
        unsigned width, height;
        int r;

        /* O_NONBLOCK: a FIFO that nobody writes to must not hold us */
        if (strcmp(file, "-") == 0)
                fd = fd_from_stdin();
        else if ((fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) < 0)
                fd = -errno;
        if (fd < 0)
                return fail_file(file, fd);
        r = picture_probe_fd(fd, &width, &height);
        if (r < 0)
                return fail_file(file, r);
        r = classify_fd(c, file, fd, &faces);
        if (r)
                return r;
        if (!json_object_is_type(faces, json_type_array))
                return ctl_fail(NULL, -EBADMSG, file);
        if (c->json != CTL_JSON_OFF)
                print_json(c, file, width, height, faces);
        else
                print_text(c, file, faces);
        return 0;
}

int verb_classify(struct ctl *c, int argc, char **argv)
{
        int worst = ctl_connect(c);

        if (worst)
                return worst;
        for (int i = 0; i < argc; i++) {
                int r = classify_file(c, argv[i]);

                if (r == SERVICE_ABSENT)
                        return CTL_NOT_FOUND;
                /* a file that failed counts for more than one that is not there */
                if (r)
                        worst = worst == CTL_FAILED ? CTL_FAILED : r;
                if (fflush(stdout) < 0)
                        break;
        }
        return worst;
}
