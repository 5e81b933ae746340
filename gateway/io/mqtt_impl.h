/* mqtt_impl.h -- the insides of one connection, shared by mqtt.c (life and links), mqtt_connect.c
 * (what is said at connect) and mqtt_message.c (what goes in and out).  Paho stays in those files.
 */
#ifndef MW_IO_MQTT_IMPL_H
#define MW_IO_MQTT_IMPL_H

#include "gateway/base/log.h"
#include "gateway/io/mqtt.h"

#include <MQTTAsync.h>
#include <pthread.h>
#include <stdatomic.h>

#define MW_MQTT_IN_FLIGHT    20 /* publishes without an answer */
#define MW_MQTT_CONNECT_S    10 /* an attempt takes at most this long */
#define MW_MQTT_PASSWORD_MAX 1024

enum mw_mqtt_link { MW_LINK_IDLE, MW_LINK_CONNECTING, MW_LINK_CONNECTED };

struct mw_mqtt_subscribed {
	struct mw_mqtt *mqtt;
	const char *filter;
	int qos;
};

/* A publish that waits for its answer; Paho's callback gets its address. */
struct mw_mqtt_slot {
	struct mw_mqtt *mqtt;
	atomic_bool busy;
	uint64_t tag;
	_Atomic int64_t since_ns;
};

struct mw_mqtt {
	struct mw_conf_mqtt config;
	struct mw_mqtt_events events;
	void *ctx;
	char uri[300];
	struct mw_mqtt_subscribed *subscribed;
	size_t n_subscribed;
	struct {
		char *topic, *payload, *content_type;
		size_t size;
		int qos;
		bool retained;
	} will;

	pthread_rwlock_t handle; /* written only to replace a client that is stuck */
	MQTTAsync client;
	_Atomic int link; /* enum mw_mqtt_link */
	struct mw_mqtt_slot slot[MW_MQTT_IN_FLIGHT];

	/* the control thread only */
	int64_t pause_ns, next_try_ns, connecting_ns;

	pthread_mutex_t lock; /* guards goodbye and the log's limit */
	pthread_cond_t said;
	bool goodbye;
	struct mw_log_limit unmatched_limit;

	atomic_uint_fast64_t received, oversized, unmatched, published, failed, connects;
};

/* Is version 5 spoken? */
static inline bool mw_mqtt_is_v5(const struct mw_mqtt *mqtt)
{
	return mqtt->config.version == 5;
}

/* A setting of "" is none. */
static inline const char *mw_mqtt_or_null(const char *text)
{
	return text && *text != '\0' ? text : NULL;
}

/* The link came up (subscribes), or is down; tells the owner once.  Any thread. */
void mw_mqtt_link_up(struct mw_mqtt *mqtt);
void mw_mqtt_link_down(struct mw_mqtt *mqtt, const char *reason);

/* First line of the file, without its end.  MW_E_IO. */
MW_MUST_CHECK mw_err mw_mqtt_read_password(const char *path, char password[MW_MQTT_PASSWORD_MAX]);
/* Begins to connect; a Paho code. */
int mw_mqtt_start_connect(struct mw_mqtt *mqtt, const char *password);
/* Adds a property with a text; value is the second one of a user property, else NULL. */
void mw_mqtt_add_text(MQTTProperties *properties, enum MQTTPropertyCodes code, const char *data,
		      const char *value);
/* The same with bytes. */
void mw_mqtt_add_data(MQTTProperties *properties, enum MQTTPropertyCodes code, const void *data,
		      size_t size);
void mw_mqtt_add_number(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value);

/* Paho's messageArrived. */
int mw_mqtt_on_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message);
/* Frees a busy slot and tells the owner; a free one is left alone. */
void mw_mqtt_answer(struct mw_mqtt_slot *slot, bool ok);

#endif
