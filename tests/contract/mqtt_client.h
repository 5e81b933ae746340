/* mqtt_client.h -- a client and what it saw, for contract tests of the MQTT connection. */
#ifndef MW_TESTS_MQTT_CLIENT_H
#define MW_TESTS_MQTT_CLIENT_H

#include "gateway/io/mqtt.h"
#include "tests/contract/broker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define DEADLINE_NS (20 * MW_NS_PER_S)
#define SEEN_MAX    64
#define PROBE       "probe"

static const int64_t versions[] = {5, 311};
#define EACH_VERSION (int)(sizeof(versions) / sizeof(versions[0]))

struct seen_message {
	size_t source;
	char topic[128], payload[256], content_type[64], property[256];
	bool retained;
	int qos;
	int64_t expiry_s;
};

struct client {
	struct mw_conf_mqtt config;
	struct mw_mqtt *mqtt;
	pthread_mutex_t lock;
	struct seen_message seen[SEEN_MAX];
	atomic_size_t n_seen;
	atomic_int ups, downs, delivered, failed, probes;
	_Atomic uint64_t last_tag;
	char reason[128];
};

static inline void on_message(void *ctx, size_t source, const struct mw_mqtt_message *message)
{
	struct client *c = ctx;
	struct seen_message *seen = &c->seen[atomic_load(&c->n_seen) % SEEN_MAX];

	if (message->size == strlen(PROBE) && memcmp(message->payload, PROBE, message->size) == 0) {
		atomic_fetch_add(&c->probes, 1);
		return;
	}
	*seen = (struct seen_message){.source = source,
				      .retained = message->retained,
				      .qos = message->qos,
				      .expiry_s = message->expiry_s};
	(void)snprintf(seen->topic, sizeof(seen->topic), "%s", message->topic);
	(void)snprintf(seen->payload, sizeof(seen->payload), "%.*s",
		       (int)(message->size < 255 ? message->size : 255),
		       (const char *)message->payload);
	if (message->content_type)
		(void)snprintf(seen->content_type, sizeof(seen->content_type), "%s",
			       message->content_type);
	for (const char *const *p = message->property; p && p[0]; p += 2)
		(void)snprintf(seen->property + strlen(seen->property),
			       sizeof(seen->property) - strlen(seen->property), "%s=%s;", p[0],
			       p[1]);
	atomic_fetch_add(&c->n_seen, 1);
}

static inline void on_connected(void *ctx, bool connected, const char *reason)
{
	struct client *c = ctx;

	if (!connected) {
		(void)pthread_mutex_lock(&c->lock);
		(void)snprintf(c->reason, sizeof(c->reason), "%s", reason);
		(void)pthread_mutex_unlock(&c->lock);
	}
	atomic_fetch_add(connected ? &c->ups : &c->downs, 1);
}

static inline void on_delivered(void *ctx, uint64_t tag, bool ok)
{
	struct client *c = ctx;

	atomic_store(&c->last_tag, tag);
	atomic_fetch_add(ok ? &c->delivered : &c->failed, 1);
}

static const struct mw_mqtt_events all_events = {on_message, on_connected, on_delivered};

static inline void client_init(struct client *c, const struct broker *b, int64_t version,
			       const char *id)
{
	*c = (struct client){.config = {.host = "127.0.0.1",
					.port = b->port,
					.version = version,
					.client_id = id,
					.username = "",
					.password_file = "",
					.keepalive_ns = 5 * MW_NS_PER_S,
					.session_expiry_ns = 3600 * MW_NS_PER_S,
					.reconnect_min_ns = 100 * MW_NS_PER_MS,
					.reconnect_max_ns = 500 * MW_NS_PER_MS,
					.max_packet_bytes = 1 << 20,
					.tls_ca_file = "",
					.tls_cert_file = "",
					.tls_key_file = "",
					.tls_verify = true,
					.prefix = "test"}};
	(void)pthread_mutex_init(&c->lock, NULL);
}

static inline void client_start(struct client *c, const char *const *filter,
				const struct mw_mqtt_message *will)
{
	struct mw_mqtt_subscription subscription[4];
	char why[256] = "";
	size_t n = 0;
	mw_err err;

	for (; filter && filter[n]; n++)
		subscription[n] = (struct mw_mqtt_subscription){filter[n], 1};
	err = mw_mqtt_new(&c->config, subscription, n, will, &all_events, c, why, sizeof(why),
			  &c->mqtt);
	ck_assert_msg(err == MW_E_OK, "%s", why);
	ck_assert_int_eq(mw_mqtt_start(c->mqtt), MW_E_OK);
}

static inline void client_done(struct client *c)
{
	mw_mqtt_free(c->mqtt, MW_NS_PER_S);
	(void)pthread_mutex_destroy(&c->lock);
}

/* Ticks and waits until the expression holds, at most for the deadline. */
#define WAIT_UNTIL(c, holds)                                                                       \
	do {                                                                                       \
		int64_t until_ = mw_clock_mono_ns() + DEADLINE_NS;                                 \
		bool held_ = (holds);                                                              \
                                                                                                   \
		while (!held_ && mw_clock_mono_ns() < until_) {                                    \
			mw_mqtt_tick((c)->mqtt, mw_clock_mono_ns());                               \
			(void)usleep(2000);                                                        \
			held_ = (holds);                                                           \
		}                                                                                  \
		ck_assert_msg(held_, "not within the deadline: %s", #holds);                       \
	} while (0)

static inline void publish(struct client *c, const struct mw_mqtt_message *message, uint64_t tag)
{
	int before = atomic_load(&c->delivered);

	WAIT_UNTIL(c, mw_mqtt_publish(c->mqtt, message, tag) == MW_E_OK);
	WAIT_UNTIL(c, atomic_load(&c->delivered) > before);
}

static inline struct mw_mqtt_message text_message(const char *topic, const char *text)
{
	return (struct mw_mqtt_message){
	    .topic = topic, .payload = text, .size = strlen(text), .qos = 1};
}

static inline bool send_probe(struct client *c, const char *topic, int64_t *next_ns)
{
	struct mw_mqtt_message probe = text_message(topic, PROBE);

	probe.qos = 0;
	if (mw_clock_mono_ns() >= *next_ns && mw_mqtt_publish(c->mqtt, &probe, 0) == MW_E_OK)
		*next_ns = mw_clock_mono_ns() + 300 * MW_NS_PER_MS;
	return false;
}

/* Subscriptions are not acknowledged to us: a probe to ourselves comes back once they hold. */
static inline void wait_subscribed(struct client *c, const char *topic)
{
	int before = atomic_load(&c->probes);
	int64_t next_ns = 0;

	WAIT_UNTIL(c, atomic_load(&c->probes) > before || send_probe(c, topic, &next_ns));
}

static const char *const own[] __attribute__((unused)) = {"own/#", NULL};

#endif
