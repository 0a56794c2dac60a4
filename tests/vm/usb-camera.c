/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "basic/macro.h"

/*
 * A USB camera made of a program, for the real uvcvideo driver: usage: usb-camera FILE [FRAMES_PER_SECOND]
 *
 * FILE is JPEG pictures of one size, one behind the other; they are sent round and round. Speaks USB/IP
 * (kernel: Documentation/usb/usbip_protocol.rst) over a socket pair to vhci-hcd of the same kernel (modprobe
 * vhci-hcd; root), as a bulk camera of USB Video Class 1.0. Commands, one a line, on standard input: count
 * prints "sent N": frames that left completely since the program began unplug        the camera goes away; so
 * it does when the program ends or is killed. Prints "sent N" stall         no more frames          resume
 * frames again error         the next frame carries the error bit short         the next frame is cut to a
 * third
 */

#define PAYLOAD_BYTES 16384 /* of one transfer */
#define MAX_WAITING 64
#define PROBE_BYTES 26

struct transfer {
        uint32_t sequence, length;
};

struct camera {
        int fd; /* to vhci-hcd */
        const uint8_t *file;
        size_t file_bytes, file_pos;
        unsigned width_px, height_px, rate_hz;
        uint8_t configuration[256];
        size_t configuration_bytes;
        uint8_t probe[PROBE_BYTES], commit[PROBE_BYTES];
        struct transfer waiting[MAX_WAITING];
        size_t n_waiting;
        bool streaming, stalled, mark_error, cut;
        const uint8_t *frame; /* what is left of the frame under way */
        size_t frame_bytes;
        uint8_t frame_id; /* toggles */
        double due;
        unsigned n_sent;
};

/* Header of both directions, 48 bytes, big endian; the last fields depend on the command. */
struct message {
        uint32_t command, sequence, device, direction, endpoint;
        union {
                struct {
                        uint32_t flags;
                        int32_t length, start, n_packets, interval;
                        uint8_t setup[8];
                } submit;
                struct {
                        int32_t status, length, start, n_packets, n_errors;
                        uint8_t padding[8];
                } result;
                struct {
                        uint32_t sequence;
                        uint8_t padding[24];
                } unlink;
        };
};
_Static_assert(sizeof(struct message) == 48, "header of USB/IP");

enum { SUBMIT = 1, UNLINK = 2, SUBMITTED = 3, UNLINKED = 4 };

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + t.tv_nsec * 1e-9;
}

static int receive_all(int fd, void *data, size_t size)
{
        for (uint8_t *p = data; size > 0;) {
                ssize_t n = read(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return -EPIPE;
                p += n;
                size -= n;
        }
        return 0;
}

static int send_all(int fd, const void *data, size_t size)
{
        for (const uint8_t *p = data; size > 0;) {
                ssize_t n = send(fd, p, size, MSG_NOSIGNAL);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return -EPIPE;
                p += n;
                size -= n;
        }
        return 0;
}

static int answer(struct camera *c, uint32_t sequence, int status, const void *data, size_t size, int32_t actual)
{
        uint8_t buffer[sizeof(struct message) + PAYLOAD_BYTES];
        struct message m = {
                .command = htonl(SUBMITTED),
                .sequence = htonl(sequence),
                .result = { .status = htonl(status), .length = htonl(actual), .n_packets = htonl(0xffffffff) },
        };

        memcpy(buffer, &m, sizeof(m));
        if (size)
                memcpy(buffer + sizeof(m), data, size);
        return send_all(c->fd, buffer, sizeof(m) + size);
}

/* ---- descriptors ---- */

static void add(struct camera *c, const void *data, size_t size)
{
        memcpy(c->configuration + c->configuration_bytes, data, size);
        c->configuration_bytes += size;
}

#define ADD(c, ...) add((c), (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define LE16(v) (uint8_t)(v), (uint8_t)((v) >> 8)
#define LE32(v) LE16(v), LE16((v) >> 16)

static void build_configuration(struct camera *c)
{
        uint32_t frame_bytes = c->width_px * c->height_px * 2, interval = 10000000 / c->rate_hz;

        ADD(c, 9, 2, 0, 0, 2, 1, 0, 0x80, 50); /* configuration; its length comes last */
        ADD(c, 8, 11, 0, 2, 14, 3, 0, 2);      /* two interfaces that belong together: video */
        ADD(c, 9, 4, 0, 0, 0, 14, 1, 0, 2);    /* video control: */
        ADD(c, 13, 0x24, 1, LE16(0x0100), LE16(13 + 18 + 9), LE32(48000000), 1, 1);
        ADD(c, 18, 0x24, 2, 1, LE16(0x0201), 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0); /* the camera */
        ADD(c, 9, 0x24, 3, 2, LE16(0x0101), 0, 1, 0);                             /* leads to USB */
        ADD(c, 9, 4, 1, 0, 1, 14, 2, 0, 0);                                       /* video streaming: */
        ADD(c, 14, 0x24, 1, 1, LE16(14 + 11 + 30 + 6), 0x81, 0, 2, 0, 0, 0, 1, 0);
        ADD(c, 11, 0x24, 6, 1, 1, 1, 1, 0, 0, 0, 0); /* Motion-JPEG with one size */
        ADD(c, 30, 0x24, 7, 1, 0, LE16(c->width_px), LE16(c->height_px), LE32(frame_bytes * 8 * c->rate_hz),
            LE32(frame_bytes * 8 * c->rate_hz), LE32(frame_bytes), LE32(interval), 1, LE32(interval));
        ADD(c, 6, 0x24, 13, 1, 1, 4);
        ADD(c, 7, 5, 0x81, 2, LE16(512), 0); /* bulk */
        c->configuration[2] = c->configuration_bytes & 255;
        c->configuration[3] = c->configuration_bytes >> 8;
}

static int string_descriptor(int index, uint8_t *out)
{
        static const char *const texts[] = { NULL, "emotiond tests", "Simulated Camera", "0001" };
        int n = 0;

        if (index == 0) {
                memcpy(out, "\4\3\x09\x04", 4);
                return 4;
        }
        if (index >= (int)ARRAY_LEN(texts))
                return -EPIPE;
        for (; texts[index][n]; n++) {
                out[2 + 2 * n] = texts[index][n];
                out[3 + 2 * n] = 0;
        }
        out[0] = 2 + 2 * n;
        out[1] = 3;
        return out[0];
}

static int descriptor(struct camera *c, int kind, int index, uint8_t *out)
{
        static const uint8_t device[18] = { 18,   1,    0x00, 0x02, 0xef, 2, 1, 64, 0x6b,
                                            0x1d, 0x02, 0x01, 0x01, 0x00, 1, 2, 3,  1 };
        static const uint8_t qualifier[10] = { 10, 6, 0x00, 0x02, 0xef, 2, 1, 64, 1, 0 };

        switch (kind) {
        case 1:
                memcpy(out, device, sizeof(device));
                return sizeof(device);
        case 2:
                memcpy(out, c->configuration, c->configuration_bytes);
                return c->configuration_bytes;
        case 3:
                return string_descriptor(index, out);
        case 6:
                memcpy(out, qualifier, sizeof(qualifier));
                return sizeof(qualifier);
        default:
                return -EPIPE;
        }
}

/* ---- requests on endpoint 0; return: bytes in @out, or -EPIPE ---- */

static int standard_request(struct camera *c, const uint8_t *setup, uint8_t *out)
{
        int type = setup[0], request = setup[1];

        if (type == 0x80 && request == 6)
                return descriptor(c, setup[3], setup[2], out);
        if ((type & 0x80) && request == 0) {
                out[0] = out[1] = 0;
                return 2;
        }
        if (type == 0x80 && request == 8) {
                out[0] = 1;
                return 1;
        }
        if ((type & 0x80) && request == 10) {
                out[0] = 0;
                return 1;
        }
        /* setting the interface, or clearing its endpoint, is how uvcvideo stops a bulk stream */
        if ((type == 1 && request == 11 && setup[4] == 1) || (type == 2 && request == 1))
                c->streaming = false;
        return type & 0x80 ? -EPIPE : 0;
}

/* A streaming proposal, filled in: there is only one. */
static void fix_proposal(struct camera *c, uint8_t *p)
{
        uint32_t interval = htole32(10000000 / c->rate_hz), frame = htole32(c->width_px * c->height_px * 2);
        uint32_t payload = htole32(PAYLOAD_BYTES);

        p[2] = p[3] = 1;
        memcpy(p + 4, &interval, 4);
        memcpy(p + 18, &frame, 4);
        memcpy(p + 22, &payload, 4);
}

static int streaming_request(struct camera *c, const uint8_t *setup, const uint8_t *in, uint8_t *out)
{
        size_t length = setup[6] | setup[7] << 8;
        bool commit = setup[3] == 2;
        uint8_t *p = commit ? c->commit : c->probe;

        if (setup[3] != 1 && setup[3] != 2)
                return -EPIPE;
        switch (setup[1]) {
        case 0x01: /* set */
                memcpy(p, in, MIN(length, (size_t)PROBE_BYTES));
                fix_proposal(c, p);
                if (commit)
                        c->streaming = true;
                return 0;
        case 0x81: /* current, least, most, default */
        case 0x82:
        case 0x83:
        case 0x87:
                memcpy(out, p, PROBE_BYTES);
                fix_proposal(c, out);
                return PROBE_BYTES;
        case 0x85: /* length */
                out[0] = PROBE_BYTES;
                out[1] = 0;
                return 2;
        case 0x86: /* may be read and set */
                out[0] = 3;
                return 1;
        default:
                return -EPIPE;
        }
}

static int control_request(struct camera *c, const uint8_t *setup, const uint8_t *in, uint8_t *out)
{
        if ((setup[0] & 0x60) == 0)
                return standard_request(c, setup, out);
        if (setup[4] == 1)
                return streaming_request(c, setup, in, out);
        if (setup[5] == 0 && setup[3] == 2) { /* why the last request failed: invalid control */
                out[0] = 6;
                return 1;
        }
        return -EPIPE;
}

static int on_submit(struct camera *c, const struct message *m)
{
        static uint8_t in[65536], out[65536];
        uint32_t sequence = ntohl(m->sequence), endpoint = ntohl(m->endpoint);
        bool to_host = ntohl(m->direction);
        int length = ntohl(m->submit.length), n;

        if (length < 0 || (!to_host && length > (int)sizeof(in)))
                return -EPIPE;
        if (!to_host && length > 0 && receive_all(c->fd, in, length) < 0)
                return -EPIPE;
        if (endpoint == 1 && to_host && c->n_waiting < MAX_WAITING) {
                c->waiting[c->n_waiting++] = (struct transfer){ sequence, length };
                return 0;
        }
        if (endpoint != 0)
                return answer(c, sequence, -EPIPE, NULL, 0, 0);
        n = MIN(control_request(c, m->submit.setup, in, out), length);
        if (n < 0)
                return answer(c, sequence, n, NULL, 0, 0);
        return answer(c, sequence, 0, out, to_host ? n : 0, to_host ? n : length);
}

static int on_unlink(struct camera *c, const struct message *m)
{
        struct message reply = { .command = htonl(UNLINKED), .sequence = m->sequence };
        uint32_t sequence = ntohl(m->unlink.sequence);

        for (size_t i = 0; i < c->n_waiting; i++)
                if (c->waiting[i].sequence == sequence) {
                        c->n_waiting--;
                        memmove(c->waiting + i, c->waiting + i + 1, (c->n_waiting - i) * sizeof(c->waiting[0]));
                        reply.result.status = htonl(-ECONNRESET);
                        break;
                }
        return send_all(c->fd, &reply, sizeof(reply));
}

static int on_message(struct camera *c)
{
        struct message m;

        if (receive_all(c->fd, &m, sizeof(m)) < 0)
                return -EPIPE;
        return ntohl(m.command) == UNLINK ? on_unlink(c, &m) : on_submit(c, &m);
}

/* ---- frames ---- */

static void begin_frame(struct camera *c)
{
        const uint8_t *start, *end = c->file + c->file_bytes, *p;

        if (c->file_pos + 4 >= c->file_bytes)
                c->file_pos = 0;
        start = c->file + c->file_pos;
        for (p = start + 2; p + 2 < end && !(p[0] == 0xff && p[1] == 0xd9); p++)
                ;
        c->frame = start;
        c->frame_bytes = p + 2 - start;
        c->file_pos += c->frame_bytes;
        if (c->cut)
                c->frame_bytes /= 3;
        c->cut = false;
        c->frame_id ^= 1;
}

/* Hands the frame under way to the transfers that wait. */
static int send_payloads(struct camera *c)
{
        while (c->frame && c->n_waiting > 0) {
                struct transfer t = c->waiting[0];
                uint8_t payload[PAYLOAD_BYTES] = { 2 };
                size_t n = MIN(MIN((size_t)t.length, sizeof(payload)) - 2, c->frame_bytes);
                bool last = n == c->frame_bytes;

                payload[1] = 0x80 | c->frame_id | (last ? 2 : 0) | (c->mark_error ? 0x40 : 0);
                memcpy(payload + 2, c->frame, n);
                c->n_waiting--;
                memmove(c->waiting, c->waiting + 1, c->n_waiting * sizeof(c->waiting[0]));
                if (answer(c, t.sequence, 0, payload, n + 2, n + 2) < 0)
                        return -EPIPE;
                c->frame += n;
                c->frame_bytes -= n;
                if (last) {
                        c->frame = NULL;
                        c->mark_error = false;
                        c->n_sent++;
                }
        }
        return 0;
}

static int step_stream(struct camera *c)
{
        double t = now();

        if (!c->streaming) {
                c->frame = NULL;
                c->due = t;
                return 0;
        }
        if (!c->frame && t >= c->due && !c->stalled) {
                begin_frame(c);
                c->due += 1.0 / c->rate_hz;
                if (c->due < t - 0.5)
                        c->due = t;
        }
        return send_payloads(c);
}

static int poll_timeout_ms(const struct camera *c)
{
        double left = c->due - now();

        if (!c->streaming || c->frame || c->stalled)
                return -1;
        return left > 0 ? (int)(left * 1000) + 1 : 0;
}

/* Return: 1 the camera is to go; 0. */
static int on_command(struct camera *c, const char *line)
{
        if (strstr(line, "count") || strstr(line, "unplug"))
                printf("sent %u\n", c->n_sent);
        if (strstr(line, "stall"))
                c->stalled = true;
        if (strstr(line, "resume")) {
                c->stalled = false;
                c->due = now();
        }
        if (strstr(line, "error"))
                c->mark_error = true;
        if (strstr(line, "short"))
                c->cut = true;
        return !!strstr(line, "unplug");
}

/* Runs until unplugged. */
static int run(struct camera *c)
{
        struct pollfd p[2] = { { .fd = c->fd, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN } };

        for (;;) {
                if (step_stream(c) < 0)
                        return 0;
                if (poll(p, 2, poll_timeout_ms(c)) < 0)
                        continue;
                if (p[1].revents) {
                        char line[64];
                        ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

                        line[MAX(n, (ssize_t)0)] = '\0';
                        if (n <= 0)
                                p[1].fd = -1;
                        else if (on_command(c, line))
                                return 0;
                }
                if (p[0].revents && on_message(c) < 0)
                        return 0;
        }
}

/* ---- start ---- */

/* Maps the pictures; their size from the first one's frame header. */
static int load(struct camera *c, const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        c->file_bytes = st.st_size;
        c->file = mmap(NULL, c->file_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
        close(fd);
        if (c->file == MAP_FAILED)
                return -errno;
        for (size_t i = 0; i + 9 < c->file_bytes; i++)
                if (c->file[i] == 0xff && c->file[i + 1] == 0xc0) {
                        c->height_px = c->file[i + 5] << 8 | c->file[i + 6];
                        c->width_px = c->file[i + 7] << 8 | c->file[i + 8];
                        return 0;
                }
        return -EBADMSG;
}

/* Gives the kernel one end of a socket pair as a high-speed device on port 0. */
static int attach(struct camera *c)
{
        FILE *f;
        int fds[2], ok;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        f = fopen("/sys/devices/platform/vhci_hcd.0/attach", "we");
        if (!f)
                return -errno;
        fprintf(f, "0 %d 1 3", fds[1]);
        ok = fclose(f);
        if (ok < 0)
                return -errno;
        close(fds[1]);
        c->fd = fds[0];
        return 0;
}

int main(int argc, char *argv[])
{
        static struct camera c;
        int r;

        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc < 2) {
                fprintf(stderr, "usage: usb-camera FILE [FRAMES_PER_SECOND]\n");
                return 2;
        }
        c.rate_hz = argc > 2 ? strtoul(argv[2], NULL, 10) : 10;
        c.rate_hz = CLAMP(c.rate_hz, 1u, 120u);
        r = load(&c, argv[1]);
        if (r < 0) {
                fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
                return 1;
        }
        build_configuration(&c);
        fix_proposal(&c, c.probe);
        fix_proposal(&c, c.commit);
        r = attach(&c);
        if (r < 0) {
                fprintf(stderr, "cannot attach to vhci-hcd: %s\n", strerror(-r));
                return 1;
        }
        return run(&c);
}
