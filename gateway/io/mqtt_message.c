#include "gateway/io/mqtt_impl.h"

#include "gateway/base/clock.h"

#include <string.h>

#define PROPERTIES_MAX  16 /* user properties handed on with a message */
#define PROPERTY_TEXT   4096
#define LOG_INTERVAL_NS (60 * MW_NS_PER_S)

/* --- receiving -------------------------------------------------------------------------------- */

/* MQTT 5 properties as C strings, in a fixed space: what does not fit is left out. */
struct properties {
	const char *pair[2 * PROPERTIES_MAX + 1];
	size_t n, used;
	char text[PROPERTY_TEXT];
};

static const char *keep_text(struct properties *p, const MQTTLenString *text)
{
	char *copy = p->text + p->used;
	size_t len = text->len > 0 ? (size_t)text->len : 0;

	if (len >= sizeof(p->text) - p->used)
		return NULL;
	memcpy(copy, text->data, len);
	copy[len] = '\0';
	p->used += len + 1;
	return copy;
}

static void keep_pair(struct properties *p, const MQTTProperty *property)
{
	const char *name, *value;

	if (p->n + 2 > 2 * PROPERTIES_MAX)
		return;
	name = keep_text(p, &property->value.data);
	value = name ? keep_text(p, &property->value.value) : NULL;
	if (!value)
		return;
	p->pair[p->n++] = name;
	p->pair[p->n++] = value;
	p->pair[p->n] = NULL;
}

/* The correlation is the packet's own memory, which lives as long as the call. */
static void keep_request(const MQTTProperty *property, struct properties *p,
			 struct mw_mqtt_message *message)
{
	const MQTTLenString *data = &property->value.data;

	if (property->identifier == MQTTPROPERTY_CODE_RESPONSE_TOPIC) {
		message->response_topic = keep_text(p, data);
	} else if (property->identifier == MQTTPROPERTY_CODE_CORRELATION_DATA && data->len > 0) {
		message->correlation = data->data;
		message->correlation_size = (size_t)data->len;
	}
}

static void keep_properties(const MQTTProperties *from, struct properties *p,
			    struct mw_mqtt_message *message)
{
	for (int i = 0; i < from->count; i++) {
		const MQTTProperty *property = &from->array[i];

		if (property->identifier == MQTTPROPERTY_CODE_CONTENT_TYPE)
			message->content_type = keep_text(p, &property->value.data);
		else if (property->identifier == MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL)
			message->expiry_s = property->value.integer4;
		else if (property->identifier == MQTTPROPERTY_CODE_USER_PROPERTY)
			keep_pair(p, property);
		else
			keep_request(property, p, message);
	}
	message->property = p->n > 0 ? p->pair : NULL;
}

static bool find_source(const struct mw_mqtt *mqtt, struct mw_str topic, size_t *ret_source)
{
	for (size_t i = 0; i < mqtt->n_subscribed; i++)
		if (mw_topic_matches(mqtt->subscribed[i].filter, topic)) {
			*ret_source = i;
			return true;
		}
	return false;
}

/* A persistent session keeps subscriptions that the configuration no longer has. */
static void count_unmatched(struct mw_mqtt *mqtt, const char *topic)
{
	uint64_t suppressed;
	bool speak;

	atomic_fetch_add(&mqtt->unmatched, 1);
	(void)pthread_mutex_lock(&mqtt->lock);
	speak =
	    mw_log_allow(&mqtt->unmatched_limit, mw_clock_mono_ns(), LOG_INTERVAL_NS, &suppressed);
	(void)pthread_mutex_unlock(&mqtt->lock);
	if (speak)
		mw_log(MW_LOG_WARN, "mqtt.unmatched",
		       "topic=\"%.200s\" more=%llu \"for no source; perhaps an older subscription "
		       "of this client id\"",
		       topic, (unsigned long long)suppressed);
}

static void take_message(struct mw_mqtt *mqtt, const char *topic, size_t topic_len,
			 const MQTTAsync_message *from)
{
	struct mw_mqtt_message message = {.topic = topic,
					  .payload = from->payload,
					  .size = (size_t)from->payloadlen,
					  .qos = from->qos,
					  .retained = from->retained != 0};
	struct properties properties;
	size_t source;

	atomic_fetch_add(&mqtt->received, 1);
	if (topic_len + message.size > mqtt->config.max_packet_bytes) {
		atomic_fetch_add(&mqtt->oversized, 1);
		return;
	}
	if (memchr(topic, '\0', topic_len) ||
	    !find_source(mqtt, (struct mw_str){topic, topic_len}, &source)) {
		count_unmatched(mqtt, topic);
		return;
	}
	properties.n = properties.used = 0;
	if (mw_mqtt_is_v5(mqtt))
		keep_properties(&from->properties, &properties, &message);
	if (mqtt->events.on_message)
		mqtt->events.on_message(mqtt->ctx, source, &message);
}

/* Runs under Paho's lock; the PUBACK leaves when it returns. */
int mw_mqtt_on_arrived(void *context, char *topic, int topic_len, MQTTAsync_message *message)
{
	take_message(context, topic, topic_len > 0 ? (size_t)topic_len : strlen(topic), message);
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

/* --- publishing ------------------------------------------------------------------------------- */

void mw_mqtt_answer(struct mw_mqtt_slot *slot, bool ok)
{
	struct mw_mqtt *mqtt = slot->mqtt;
	uint64_t tag = slot->tag;

	if (!atomic_exchange(&slot->busy, false))
		return;
	atomic_fetch_add(ok ? &mqtt->published : &mqtt->failed, 1);
	if (mqtt->events.on_delivered)
		mqtt->events.on_delivered(mqtt->ctx, tag, ok);
}

static void on_sent(void *context, MQTTAsync_successData *data)
{
	(void)data;
	mw_mqtt_answer(context, true);
}

static void on_sent5(void *context, MQTTAsync_successData5 *data)
{
	mw_mqtt_answer(context, data->reasonCode < MQTTREASONCODE_UNSPECIFIED_ERROR);
}

static void on_send_failure(void *context, MQTTAsync_failureData *data)
{
	(void)data;
	mw_mqtt_answer(context, false);
}

static void on_send_failure5(void *context, MQTTAsync_failureData5 *data)
{
	(void)data;
	mw_mqtt_answer(context, false);
}

static struct mw_mqtt_slot *free_slot(struct mw_mqtt *mqtt)
{
	for (size_t i = 0; i < MW_MQTT_IN_FLIGHT; i++)
		if (!atomic_exchange(&mqtt->slot[i].busy, true))
			return &mqtt->slot[i];
	return NULL;
}

static void add_properties(MQTTProperties *properties, const struct mw_mqtt_message *message)
{
	if (message->content_type)
		mw_mqtt_add_text(properties, MQTTPROPERTY_CODE_CONTENT_TYPE, message->content_type,
				 NULL);
	if (message->expiry_s > 0)
		mw_mqtt_add_number(properties, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL,
				   message->expiry_s < UINT32_MAX ? (uint32_t)message->expiry_s
								  : UINT32_MAX);
	if (message->correlation_size > 0)
		mw_mqtt_add_data(properties, MQTTPROPERTY_CODE_CORRELATION_DATA,
				 message->correlation, message->correlation_size);
	for (const char *const *p = message->property; p && p[0] && p[1]; p += 2)
		mw_mqtt_add_text(properties, MQTTPROPERTY_CODE_USER_PROPERTY, p[0], p[1]);
}

static int send_message(struct mw_mqtt *mqtt, const struct mw_mqtt_message *message,
			struct mw_mqtt_slot *slot)
{
	MQTTAsync_message out = MQTTAsync_message_initializer;
	MQTTAsync_responseOptions opts = MQTTAsync_responseOptions_initializer;
	int rc;

	out.payload = (void *)(uintptr_t)message->payload; /* copied by Paho */
	out.payloadlen = (int)message->size;
	out.qos = message->qos;
	out.retained = message->retained;
	opts.context = slot;
	if (mw_mqtt_is_v5(mqtt)) {
		add_properties(&out.properties, message);
		opts.onSuccess5 = on_sent5;
		opts.onFailure5 = on_send_failure5;
	} else {
		opts.onSuccess = on_sent;
		opts.onFailure = on_send_failure;
	}
	rc = MQTTAsync_sendMessage(mqtt->client, message->topic, &out, &opts);
	MQTTProperties_free(&out.properties);
	return rc;
}

static mw_err send_error(int rc)
{
	switch (rc) {
	case MQTTASYNC_SUCCESS:
		return MW_E_OK;
	case MQTTASYNC_BAD_UTF8_STRING:
	case MQTTASYNC_BAD_QOS:
		return MW_E_INVAL;
	default:
		return MW_E_AGAIN;
	}
}

mw_err mw_mqtt_publish(struct mw_mqtt *mqtt, const struct mw_mqtt_message *message, uint64_t tag)
{
	struct mw_mqtt_slot *slot;
	mw_err err;

	if (message->size > INT32_MAX || message->qos < 0 || message->qos > 1 ||
	    *message->topic == '\0' || strpbrk(message->topic, "+#"))
		return MW_E_INVAL;
	if (!mw_mqtt_connected(mqtt) || pthread_rwlock_tryrdlock(&mqtt->handle) != 0)
		return MW_E_AGAIN;
	slot = free_slot(mqtt);
	err = MW_E_AGAIN;
	if (slot) {
		slot->tag = tag;
		atomic_store(&slot->since_ns, mw_clock_mono_ns());
		err = send_error(send_message(mqtt, message, slot));
		if (err)
			atomic_store(&slot->busy, false);
	}
	(void)pthread_rwlock_unlock(&mqtt->handle);
	return err;
}
