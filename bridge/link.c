/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "basic/log.h"
#include "bridge/link.h"

#define KEEPALIVE_S 30
#define LOOP_MS 1000
#define DELAY_MIN_MS 1000
#define DELAY_MAX_MS 30000
#define END_S 2

enum news_kind { NEWS_UP, NEWS_DOWN, NEWS_REFUSED, NEWS_ACKNOWLEDGED, NEWS_HEARD };

/* From the thread to the loop, whole in one write */
struct news {
        enum news_kind kind;
        int number;
        bool retained;
        char text[16];
};

struct link {
        struct link_parts parts; /* of the main thread */
        sd_event_source *source;
        char *status_topic, *listen_topic, *host, *last_said;
        int port;
        struct mosquitto *client;
        int news[2]; /* pipe */
        int stop;    /* eventfd */
        pthread_t thread;
        atomic_bool stopping, up;
        atomic_int owners; /* main and the thread: whoever leaves last frees */
};

/* === The thread === */

static void tell(struct link *l, const struct news *n)
{
        if (write(l->news[1], n, sizeof(*n)) != (ssize_t)sizeof(*n) && !l->stopping)
                log_warning_errno(errno, "news of the broker is lost: %m");
}

static void on_connect(struct mosquitto *client, void *userdata, int code)
{
        struct link *l = userdata;

        if (code) {
                tell(l, &(struct news){ NEWS_REFUSED, code });
                return;
        }
        if (l->listen_topic)
                mosquitto_subscribe(client, NULL, l->listen_topic, 1);
        l->up = true;
        tell(l, &(struct news){ NEWS_UP });
}

static void on_published(struct mosquitto *client, void *userdata, int mid)
{
        tell(userdata, &(struct news){ NEWS_ACKNOWLEDGED, mid });
}

static void on_message(struct mosquitto *client, void *userdata, const struct mosquitto_message *m)
{
        struct news n = { NEWS_HEARD, 0, m->retain };
        int length = MIN(m->payloadlen, (int)sizeof(n.text) - 1);

        if (length > 0)
                memcpy(n.text, m->payload, (size_t)length);
        tell(userdata, &n);
}

/* Until the next attempt, longer each time; not all devices at once when a broker comes back. */
static void rest(struct link *l, unsigned *delay_ms)
{
        struct pollfd p = { l->stop, POLLIN, 0 };
        unsigned any = 0;

        if (getrandom(&any, sizeof(any), 0) < 0)
                any = 0;
        (void)poll(&p, 1, (int)(*delay_ms / 2 + any % *delay_ms));
        *delay_ms = MIN(*delay_ms * 2, (unsigned)DELAY_MAX_MS);
}

static void unref(struct link *l)
{
        if (atomic_fetch_sub(&l->owners, 1) > 1)
                return;
        mosquitto_destroy(l->client);
        mosquitto_lib_cleanup();
        fd_close(l->news[0]);
        fd_close(l->news[1]);
        fd_close(l->stop);
        free(l->status_topic);
        free(l->listen_topic);
        free(l->host);
        free(l->last_said);
        free(l);
}

static void *run(void *userdata)
{
        struct link *l = userdata;
        unsigned delay_ms = DELAY_MIN_MS;

        while (!l->stopping) {
                int code = mosquitto_connect_async(l->client, l->host, l->port, KEEPALIVE_S), saved;

                while (code == MOSQ_ERR_SUCCESS && !l->stopping) {
                        code = mosquitto_loop(l->client, LOOP_MS, 1);
                        if (l->up)
                                delay_ms = DELAY_MIN_MS;
                }
                saved = code == MOSQ_ERR_ERRNO ? -errno : code;
                l->up = false;
                if (l->stopping)
                        break;
                tell(l, &(struct news){ NEWS_DOWN, saved });
                rest(l, &delay_ms);
        }
        /* what is left to say is said, for as long as the main thread waits */
        while (mosquitto_loop(l->client, LOOP_MS / 10, 1) == MOSQ_ERR_SUCCESS && l->owners > 1)
                ;
        unref(l);
        return NULL;
}

/* === The main thread === */

/* A reason is said once, not with each attempt. */
static void say(struct link *l, const char *why, const char *hint)
{
        if (l->last_said && strcmp(l->last_said, why) == 0)
                return;
        free(l->last_said);
        l->last_said = strdup(why);
        log_warning("mqtt: %s port %d: %s%s; windows wait on disk", l->host, l->port, why, hint);
}

static void say_down(struct link *l, int code)
{
        if (code == MOSQ_ERR_CONN_REFUSED) /* was told by CONNACK */
                return;
        if (code < 0)
                say(l, strerror(-code), "");
        else if (code == MOSQ_ERR_TLS)
                say(l, "TLS fails", ": is this the broker's authority, does its certificate name mqtt.host?");
        else if (code == MOSQ_ERR_EAI)
                say(l, "there is no such host", "");
        else
                say(l, mosquitto_strerror(code), "");
}

static void take(struct link *l, const struct news *n)
{
        const struct link_parts *p = &l->parts;

        switch (n->kind) {
        case NEWS_UP:
                log_info("mqtt: connected to %s port %d", l->host, l->port);
                free(l->last_said);
                l->last_said = NULL;
                p->up(p->userdata);
                break;
        case NEWS_DOWN:
                say_down(l, n->number);
                p->down(p->userdata);
                break;
        case NEWS_REFUSED:
                say(l, mosquitto_connack_string(n->number), ": look at mqtt.user and mqtt.password");
                break;
        case NEWS_ACKNOWLEDGED:
                p->acknowledged(p->userdata, n->number);
                break;
        case NEWS_HEARD:
                p->heard(p->userdata, n->text, n->retained);
        }
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        struct link *l = userdata;
        struct news n;
        unsigned k = 0;

        while (k++ < 64 && read(fd, &n, sizeof(n)) == (ssize_t)sizeof(n))
                take(l, &n);
        l->parts.drained(l->parts.userdata);
        return 0;
}

static int set_tls(struct link *l, const struct bridge_mqtt *s)
{
        int code;

        if (!s->tls)
                return 0;
        code = mosquitto_tls_set(l->client, s->ca_file[0] ? s->ca_file : NULL, s->ca_file[0] ? NULL : "/etc/ssl/certs",
                                 s->cert_file[0] ? s->cert_file : NULL, s->key_file[0] ? s->key_file : NULL, NULL);
        if (code == MOSQ_ERR_SUCCESS)
                code = mosquitto_tls_opts_set(l->client, 1, "tlsv1.2", NULL);
        if (code == MOSQ_ERR_SUCCESS)
                return 0;
        log_error("mqtt: TLS cannot be set up: %s", mosquitto_strerror(code));
        return -EINVAL;
}

static int set_client(struct link *l, const struct bridge_mqtt *s)
{
        char name[2 * BRIDGE_NAME_MAX];

        snprintf(name, sizeof(name), "%s-%s", s->prefix, s->device);
        l->client = mosquitto_new(name, true, l);
        if (!l->client)
                return -ENOMEM;
        mosquitto_threaded_set(l->client, true);
        mosquitto_connect_callback_set(l->client, on_connect);
        mosquitto_publish_callback_set(l->client, on_published);
        mosquitto_message_callback_set(l->client, on_message);
        if (mosquitto_will_set(l->client, l->status_topic, 7, "offline", 1, true) != MOSQ_ERR_SUCCESS)
                return -EINVAL;
        if (s->user[0] && mosquitto_username_pw_set(l->client, s->user, s->password) != MOSQ_ERR_SUCCESS)
                return -ENOMEM;
        return set_tls(l, s);
}

static int set_up(struct link *l)
{
        const struct bridge_mqtt *s = l->parts.settings;
        int r;

        l->host = strdup(s->host);
        l->port = s->port ?: s->tls ? 8883 : 1883;
        l->status_topic = strdup(l->parts.status_topic);
        l->listen_topic = l->parts.listen_topic ? strdup(l->parts.listen_topic) : NULL;
        if (!l->host || !l->status_topic || (l->parts.listen_topic && !l->listen_topic))
                return -ENOMEM;
        l->stop = eventfd(0, EFD_CLOEXEC);
        if (l->stop < 0 || pipe2(l->news, O_CLOEXEC) < 0 || fcntl(l->news[0], F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        r = set_client(l, s);
        if (r < 0)
                return r;
        r = sd_event_add_io(l->parts.event, &l->source, l->news[0], EPOLLIN, on_news, l);
        return r < 0 ? r : 0;
}

int link_new(const struct link_parts *parts, struct link **ret)
{
        struct link *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        mosquitto_lib_init();
        *l = (struct link){ .parts = *parts, .news = { -1, -1 }, .stop = -1, .owners = 1 };
        r = set_up(l);
        if (r == 0) {
                l->owners = 2;
                r = -pthread_create(&l->thread, NULL, run, l);
                if (r < 0)
                        l->owners = 1;
        }
        if (r < 0) {
                sd_event_source_disable_unref(l->source);
                unref(l);
                return log_error_errno(r, "mqtt: the connection cannot be made: %m");
        }
        *ret = l;
        return 0;
}

struct link *link_free(struct link *l)
{
        struct timespec end;

        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->source);
        l->stopping = true;
        l->news[0] = fd_close(l->news[0]); /* a thread that tells more than is read does not wait */
        if (l->up)
                (void)link_publish(l, l->status_topic, "offline", false, true, NULL);
        mosquitto_disconnect(l->client);
        if (eventfd_write(l->stop, 1) < 0)
                log_debug_errno(errno, "mqtt: the thread is not woken: %m");
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += END_S;
        if (pthread_timedjoin_np(l->thread, NULL, &end) != 0)
                pthread_detach(l->thread); /* it looks up a name, and ends when that ends */
        unref(l);
        return NULL;
}

int link_publish(struct link *l, const char *topic, const char *text, bool sure, bool retain, int *ret_mid)
{
        int code = mosquitto_publish(l->client, ret_mid, topic, (int)strlen(text), text, sure, retain);

        /* a connection that broke just now: the library keeps what is of QoS 1, and sends it again */
        if (code == MOSQ_ERR_SUCCESS || (sure && code == MOSQ_ERR_NO_CONN))
                return 0;
        return code == MOSQ_ERR_NOMEM ? -ENOMEM : code == MOSQ_ERR_NO_CONN ? -ENOTCONN : -EIO;
}
