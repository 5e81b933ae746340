/*
 * mqtt.h -- one connection to one broker (Eclipse Paho MQTT C, MQTTAsync), 3.1.1 or 5, TLS.
 *
 * Persistent session with a fixed client id; reconnects with back-off for ever, also when the
 * broker is not there at start; subscriptions are renewed at every connect; the last will says
 * offline.  With MQTT 5 the broker is asked not to send packets over four times max_packet_bytes;
 * what lies between is refused here and counted, as is everything larger with 3.1.1.
 *
 * Callbacks come from Paho's threads, hold no lock of ours and must return at once:
 * Paho 1.3.12 sends the PUBACK when on_message returns, whatever it returns.
 */
#ifndef MW_IO_MQTT_H
#define MW_IO_MQTT_H

#include "gateway/io/conf.h"

struct mw_mqtt;

struct mw_mqtt_message {
	const char *topic;
	const void *payload;
	size_t size;
	int qos;
	bool retained;
	const char *content_type; /* MQTT 5, may be NULL */
	int64_t expiry_s;         /* MQTT 5 message expiry, 0 = none */
	/* MQTT 5 user properties, pairs name,value; CloudEvents attributes travel here */
	const char *const *property; /* NULL-terminated, may be NULL */
	/* MQTT 5 request and response; on a publish only the correlation is sent */
	const char *response_topic; /* may be NULL */
	const void *correlation;    /* correlation_size bytes */
	size_t correlation_size;
};

struct mw_mqtt_events {
	/* A message for subscription `source`: the index of the first one that matches. */
	void (*on_message)(void *ctx, size_t source, const struct mw_mqtt_message *message);
	/* Connected, lost, or an attempt failed (reason says which and why; lent for the call). */
	void (*on_connected)(void *ctx, bool connected, const char *reason);
	/* PUBACK (or failure) of a publish with this tag.  After a failure the message may still
	 * have arrived. */
	void (*on_delivered)(void *ctx, uint64_t tag, bool ok);
};

struct mw_mqtt_subscription {
	const char *filter;
	int qos;
};

struct mw_mqtt_stats {
	uint64_t received;  /* messages that arrived */
	uint64_t oversized; /* ... of them refused: topic and payload exceed max_packet_bytes */
	uint64_t
	    unmatched; /* ... of them for no subscription of ours, or with a NUL in the topic */
	uint64_t published; /* delivered: PUBACK, or written at QoS 0 */
	uint64_t failed;    /* given to on_delivered as not ok */
	uint64_t reconnects;
};

/* Lends: what config's strings and the subscriptions' filters point to.  The rest is copied. `will`
 * and every member of events may be NULL.  The password file is read here and again at every
 * connect. */
MW_MUST_CHECK mw_err mw_mqtt_new(const struct mw_conf_mqtt *config,
				 const struct mw_mqtt_subscription *subscription, size_t n,
				 const struct mw_mqtt_message *will,
				 const struct mw_mqtt_events *events, void *ctx, char *why,
				 size_t why_size, struct mw_mqtt **ret_mqtt);
/* Starts connecting; never waits for the broker. */
MW_MUST_CHECK mw_err mw_mqtt_start(struct mw_mqtt *mqtt);
/* 1 Hz watchdog from the control thread: reconnects when due (Paho's own stops when the clock
 * jumps). */
void mw_mqtt_tick(struct mw_mqtt *mqtt, int64_t mono_now_ns);
/* MW_E_AGAIN: not connected or in-flight window full: offer it again later. */
mw_err mw_mqtt_publish(struct mw_mqtt *mqtt, const struct mw_mqtt_message *message, uint64_t tag);
bool mw_mqtt_connected(const struct mw_mqtt *mqtt);
void mw_mqtt_stats(struct mw_mqtt *mqtt, struct mw_mqtt_stats *ret_stats);
/* Says goodbye (publishes nothing itself), waits at most timeout_ns, frees. */
void mw_mqtt_free(struct mw_mqtt *mqtt, int64_t timeout_ns);

/* --- topics: pure, in topic.c ----------------------------------------------------------------- */

#define MW_TOPIC_MAX 1024 /* bytes of a topic filter */

/* Does the topic match the filter (3.1.1 section 4.7)?  "$share/GROUP/" before a filter is ignored.
 */
bool mw_topic_matches(const char *filter, struct mw_str topic);
/* MW_E_INVAL and why the text is no topic filter. */
MW_MUST_CHECK mw_err mw_topic_check_filter(const char *filter, char *why, size_t why_size);
/* How many levels a topic that matches the filter has; -1: any number ("#"). */
int mw_topic_levels(const char *filter);
/* If *at is at a "$N", steps over it and returns N (at least 1; -1: no number after the $).  Else
 * 0. */
int mw_topic_reference(const char **at);
/* Expands "$2/$4" with the topic's levels; MW_E_MALFORMED: level missing, empty, too long, or
 * control characters / invalid UTF-8 in it.  The empty pattern expands to the empty text. */
mw_err mw_topic_expand(const char *pattern, struct mw_str topic, char *ret_text, size_t size);

#endif
