/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "basic/clock.h"
#include "basic/log.h"
#include "bridge/http-private.h"

#define REQUEST_USEC 20000000
#define FILE_MAX 262144
#define SEND_BYTES 16384 /* of the kernel, a connection: what a reader may lag behind unseen */

void list_add(struct list **head, struct list *l)
{
        l->next = *head;
        l->place = head;
        if (l->next)
                l->next->place = &l->next;
        *head = l;
}

void list_remove(struct list *l)
{
        if (!l->place)
                return;
        *l->place = l->next;
        if (l->next)
                l->next->place = l->place;
        l->place = NULL;
}

struct http_connection *http_connection_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *i = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return i ? i->socket_context : NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
        struct http *h = cls;
        struct http_connection *c = *context;

        if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
                if (c) {
                        list_remove(&c->list);
                        h->counts.connections--;
                        free(c);
                }
                *context = NULL;
                return;
        }
        c = calloc(1, sizeof(*c));
        if (!c)
                return;
        c->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        c->deadline_usec = clock_usec() + REQUEST_USEC;
        (void)setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &(int){ SEND_BYTES }, sizeof(int));
        list_add(&h->connections, &c->list);
        h->counts.connections++;
        *context = c;
}

/* === The loop === */

static void arm(struct http *h)
{
        uint64_t least_ms = UINT64_MAX;

        for (size_t i = 0; i < ARRAY_LEN(h->listeners); i++) {
                MHD_UNSIGNED_LONG_LONG ms;

                if (h->listeners[i].daemon && MHD_get_timeout(h->listeners[i].daemon, &ms) == MHD_YES)
                        least_ms = MIN(least_ms, (uint64_t)ms);
        }
        if (least_ms != UINT64_MAX)
                (void)sd_event_source_set_time_relative(h->timer, least_ms * 1000);
        (void)sd_event_source_set_enabled(h->timer, least_ms != UINT64_MAX ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void run(struct http *h)
{
        for (size_t i = 0; i < ARRAY_LEN(h->listeners); i++)
                if (h->listeners[i].daemon)
                        MHD_run(h->listeners[i].daemon);
        arm(h);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        run(userdata);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        run(userdata);
        return 0;
}

void http_wake(struct http *h)
{
        for (struct list *l = h->streams; l; l = l->next)
                http_stream_wake((struct http_stream *)l);
        run(h);
}

void http_tick(struct http *h)
{
        uint64_t now_usec = clock_usec();

        for (struct list *l = h->streams; l; l = l->next)
                http_stream_tick((struct http_stream *)l, now_usec);
        for (struct list *l = h->connections; l; l = l->next) {
                struct http_connection *c = (struct http_connection *)l;

                if (c->exempt || now_usec < c->deadline_usec)
                        continue;
                c->deadline_usec = now_usec + REQUEST_USEC;
                h->counts.slow_senders++;
                shutdown(c->fd, SHUT_RDWR);
        }
        run(h);
}

const struct http_counts *http_counts(const struct http *h)
{
        return &h->counts;
}

/* === Start and end === */

/* Return: the socket; -EAFNOSUPPORT or -EADDRNOTAVAIL where there is no such address; another negative errno. */
static int listen_on(int family, int port)
{
        struct sockaddr_in v4 = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)port),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
        const struct sockaddr *address = family == AF_INET ? (void *)&v4 : (void *)&v6;
        int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
        if (family == AF_INET6)
                (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
        if (bind(fd, address, family == AF_INET ? sizeof(v4) : sizeof(v6)) < 0 || listen(fd, 128) < 0)
                r = -errno;
        if (r < 0)
                fd_close(fd);
        return r < 0 ? r : fd;
}

static void _printf_(2, 0) on_log(void *cls, const char *format, va_list ap)
{
        log_vfull(LOG_DEBUG, 0, format, ap);
}

/* No address of ours needs a percent sign, so none is decoded: what is hidden behind one is not found. */
static size_t on_unescape(void *cls, struct MHD_Connection *connection, char *text)
{
        return strlen(text);
}

static int start_listener(struct http *h, size_t i, int family)
{
        int fd = listen_on(family, h->parts.settings->port);
        const union MHD_DaemonInfo *info;

        if (fd < 0)
                return fd;
        h->listeners[i].daemon = MHD_start_daemon(
                MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, http_on_request, h,
                MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                (unsigned)h->parts.settings->connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)8192,
                MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)1024, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, h,
                MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL,
                MHD_OPTION_END);
        if (!h->listeners[i].daemon) {
                fd_close(fd);
                return -EIO;
        }
        info = MHD_get_daemon_info(h->listeners[i].daemon, MHD_DAEMON_INFO_EPOLL_FD);
        return info ? sd_event_add_io(h->parts.event, &h->listeners[i].io, info->epoll_fd, EPOLLIN, on_io, h) : -EIO;
}

static int read_file(const char *folder, const char *name, struct http_file *ret)
{
        _cleanup_(closep) int fd = -1;
        _cleanup_(freep) char *path = NULL;
        struct stat st;
        ssize_t n;

        if (asprintf(&path, "%s/%s", folder, name) < 0)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0)
                return log_error_errno(errno, "%s cannot be read: %m", path);
        if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
                return log_error_errno(EFBIG, "%s is no file of that kind", path);
        ret->text = malloc((size_t)st.st_size + 1);
        if (!ret->text)
                return -ENOMEM;
        n = read(fd, ret->text, (size_t)st.st_size);
        if (n != st.st_size)
                return log_error_errno(n < 0 ? errno : EIO, "%s cannot be read: %m", path);
        ret->size = (size_t)n;
        return 0;
}

int http_new(const struct http_parts *parts, struct http **ret)
{
        _cleanup_(http_freep) struct http *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->parts = *parts;
        r = read_file(parts->folder, "board.html", &h->board);
        if (r >= 0)
                r = read_file(parts->folder, "emotion.js", &h->script);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(parts->event, &h->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, h);
        if (r >= 0)
                r = start_listener(h, 0, AF_INET);
        if (r < 0)
                return log_error_errno(r, "http.port %d of 127.0.0.1 cannot be listened on: %m", parts->settings->port);
        r = start_listener(h, 1, AF_INET6);
        if (r < 0 && r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL)
                return log_error_errno(r, "http.port %d of ::1 cannot be listened on: %m", parts->settings->port);
        *ret = STEAL(h);
        return 0;
}

struct http *http_free(struct http *h)
{
        if (!h)
                return NULL;
        /* what sleeps must be awake when libmicrohttpd ends */
        for (struct list *l = h->streams; l; l = l->next) {
                ((struct http_stream *)l)->closing = true;
                http_stream_wake((struct http_stream *)l);
        }
        http_end_requests(h);
        for (size_t i = 0; i < ARRAY_LEN(h->listeners); i++) {
                sd_event_source_disable_unref(h->listeners[i].io);
                if (!h->listeners[i].daemon)
                        continue;
                MHD_run(h->listeners[i].daemon);
                MHD_stop_daemon(h->listeners[i].daemon);
        }
        sd_event_source_disable_unref(h->timer);
        free(h->board.text);
        free(h->script.text);
        free(h);
        return NULL;
}
