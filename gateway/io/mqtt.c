#include "gateway/io/mqtt_impl.h"

#include "gateway/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define STUCK_CONNECT_NS (3 * MW_MQTT_CONNECT_S * MW_NS_PER_S)
#define STUCK_PUBLISH_NS (60 * MW_NS_PER_S)

/* --- the link: up, down ----------------------------------------------------------------------- */

static void tell_link(struct mw_mqtt *mqtt, bool connected, const char *reason)
{
	if (mqtt->events.on_connected)
		mqtt->events.on_connected(mqtt->ctx, connected, reason);
}

void mw_mqtt_link_down(struct mw_mqtt *mqtt, const char *reason)
{
	if (atomic_exchange(&mqtt->link, MW_LINK_IDLE) != MW_LINK_IDLE)
		tell_link(mqtt, false, reason);
}

static void refused_subscription(const struct mw_mqtt_subscribed *s, const char *reason)
{
	mw_log(MW_LOG_ERROR, "mqtt.subscribe_refused", "filter=\"%s\" \"%s\"", s->filter, reason);
}

static void on_subscribe_failure(void *context, MQTTAsync_failureData *data)
{
	if (data && data->code != MQTTASYNC_OPERATION_INCOMPLETE) /* the next connect renews it */
		refused_subscription(context, data->message ? data->message : "refused");
}

static void on_subscribe_failure5(void *context, MQTTAsync_failureData5 *data)
{
	const char *reason = data ? MQTTReasonCode_toString(data->reasonCode) : NULL;

	if (data && data->code != MQTTASYNC_OPERATION_INCOMPLETE)
		refused_subscription(context, reason ? reason : "refused");
}

/* One SUBSCRIBE per filter: only then does Paho say which one was refused. */
static void subscribe(struct mw_mqtt *mqtt)
{
	for (size_t i = 0; i < mqtt->n_subscribed; i++) {
		struct mw_mqtt_subscribed *s = &mqtt->subscribed[i];
		MQTTAsync_responseOptions opts = MQTTAsync_responseOptions_initializer;
		int rc;

		opts.context = s;
		if (mw_mqtt_is_v5(mqtt)) {
			opts.onFailure5 = on_subscribe_failure5;
			opts.subscribeOptions.retainHandling = 1; /* only when it is new */
		} else {
			opts.onFailure = on_subscribe_failure;
		}
		rc = MQTTAsync_subscribe(mqtt->client, s->filter, s->qos, &opts);
		if (rc != MQTTASYNC_SUCCESS)
			refused_subscription(s, MQTTAsync_strerror(rc));
	}
}

void mw_mqtt_link_up(struct mw_mqtt *mqtt)
{
	atomic_store(&mqtt->link, MW_LINK_CONNECTED);
	atomic_fetch_add(&mqtt->connects, 1);
	subscribe(mqtt);
	tell_link(mqtt, true, "connected");
}

static void on_lost(void *context, char *cause)
{
	mw_mqtt_link_down(context, cause ? cause : "connection lost");
}

/* Paho does not call connectionLost when the broker said goodbye itself. */
static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
	const char *text = MQTTReasonCode_toString(reason);

	(void)properties;
	mw_mqtt_link_down(context, text ? text : "the broker closed the connection");
}

/* --- connecting, and the watchdog ------------------------------------------------------------- */

static void try_connect(struct mw_mqtt *mqtt, int64_t now_ns)
{
	char password[MW_MQTT_PASSWORD_MAX] = "";
	int rc;

	mqtt->next_try_ns = now_ns + mqtt->pause_ns;
	mqtt->pause_ns *= 2;
	if (mqtt->pause_ns > mqtt->config.reconnect_max_ns)
		mqtt->pause_ns = mqtt->config.reconnect_max_ns;
	mqtt->connecting_ns = now_ns;
	atomic_store(&mqtt->link, MW_LINK_CONNECTING);
	if (mw_mqtt_or_null(mqtt->config.password_file) &&
	    mw_mqtt_read_password(mqtt->config.password_file, password) != MW_E_OK) {
		mw_mqtt_link_down(mqtt, "the password file cannot be read");
		return;
	}
	rc = mw_mqtt_start_connect(mqtt, password);
	if (rc != MQTTASYNC_SUCCESS)
		mw_mqtt_link_down(mqtt, MQTTAsync_strerror(rc));
}

static mw_err make_client(struct mw_mqtt *mqtt)
{
	MQTTAsync_createOptions v5 = MQTTAsync_createOptions_initializer5;
	MQTTAsync_createOptions v3 = MQTTAsync_createOptions_initializer;
	MQTTAsync_createOptions *opts = mw_mqtt_is_v5(mqtt) ? &v5 : &v3;

	if (!mw_mqtt_is_v5(mqtt))
		opts->MQTTVersion = MQTTVERSION_3_1_1;
	if (MQTTAsync_createWithOptions(&mqtt->client, mqtt->uri, mqtt->config.client_id,
					MQTTCLIENT_PERSISTENCE_NONE, NULL,
					opts) != MQTTASYNC_SUCCESS) {
		mqtt->client = NULL;
		return MW_E_INVAL;
	}
	(void)MQTTAsync_setCallbacks(mqtt->client, mqtt, on_lost, mw_mqtt_on_arrived, NULL);
	(void)MQTTAsync_setDisconnected(mqtt->client, mqtt, on_disconnected);
	return MW_E_OK;
}

/* A client that answers nothing any more is thrown away; what it held is reported as not delivered.
 */
static void replace_client(struct mw_mqtt *mqtt, const char *reason)
{
	mw_mqtt_link_down(mqtt, reason);
	(void)pthread_rwlock_wrlock(&mqtt->handle);
	if (mqtt->client)
		MQTTAsync_destroy(&mqtt->client);
	for (size_t i = 0; i < MW_MQTT_IN_FLIGHT; i++)
		mw_mqtt_answer(&mqtt->slot[i], false);
	if (make_client(mqtt) != MW_E_OK)
		mw_log(MW_LOG_ERROR, "mqtt.no_client", "\"the client cannot be made again\"");
	(void)pthread_rwlock_unlock(&mqtt->handle);
}

static bool publish_is_stuck(struct mw_mqtt *mqtt, int64_t now_ns)
{
	for (size_t i = 0; i < MW_MQTT_IN_FLIGHT; i++)
		if (atomic_load(&mqtt->slot[i].busy) &&
		    now_ns - atomic_load(&mqtt->slot[i].since_ns) > STUCK_PUBLISH_NS)
			return true;
	return false;
}

static void tick_connected(struct mw_mqtt *mqtt, int64_t now_ns)
{
	mqtt->pause_ns = mqtt->config.reconnect_min_ns;
	mqtt->next_try_ns = now_ns + mqtt->pause_ns;
	if (!MQTTAsync_isConnected(mqtt->client))
		mw_mqtt_link_down(mqtt, "connection lost");
	else if (publish_is_stuck(mqtt, now_ns))
		replace_client(mqtt, "the broker does not answer publishes");
}

void mw_mqtt_tick(struct mw_mqtt *mqtt, int64_t mono_now_ns)
{
	int link = atomic_load(&mqtt->link);

	if (link == MW_LINK_CONNECTED)
		tick_connected(mqtt, mono_now_ns);
	else if (link == MW_LINK_CONNECTING && mono_now_ns - mqtt->connecting_ns > STUCK_CONNECT_NS)
		replace_client(mqtt, "connecting takes too long");
	else if (link == MW_LINK_IDLE && !mqtt->client)
		replace_client(mqtt, "no client");
	else if (link == MW_LINK_IDLE && mono_now_ns >= mqtt->next_try_ns)
		try_connect(mqtt, mono_now_ns);
}

/* --- life ------------------------------------------------------------------------------------- */

static mw_err copy_will(struct mw_mqtt *mqtt, const struct mw_mqtt_message *will)
{
	if (!will)
		return MW_E_OK;
	mqtt->will.topic = strdup(will->topic);
	mqtt->will.payload = malloc(will->size + 1);
	if (!mqtt->will.topic || !mqtt->will.payload)
		return MW_E_NOMEM;
	if (will->size > 0)
		memcpy(mqtt->will.payload, will->payload, will->size);
	mqtt->will.size = will->size;
	mqtt->will.qos = will->qos;
	mqtt->will.retained = will->retained;
	if (!will->content_type)
		return MW_E_OK;
	mqtt->will.content_type = strdup(will->content_type);
	return mqtt->will.content_type ? MW_E_OK : MW_E_NOMEM;
}

static mw_err copy_subscriptions(struct mw_mqtt *mqtt, const struct mw_mqtt_subscription *from,
				 size_t n)
{
	mqtt->subscribed = calloc(n > 0 ? n : 1, sizeof(*mqtt->subscribed));
	if (!mqtt->subscribed)
		return MW_E_NOMEM;
	mqtt->n_subscribed = n;
	for (size_t i = 0; i < n; i++)
		mqtt->subscribed[i] =
		    (struct mw_mqtt_subscribed){mqtt, from[i].filter, from[i].qos};
	return MW_E_OK;
}

static void name_broker(struct mw_mqtt *mqtt)
{
	bool is_v6 = strchr(mqtt->config.host, ':') != NULL && mqtt->config.host[0] != '[';

	(void)snprintf(mqtt->uri, sizeof(mqtt->uri), "%s://%s%s%s:%d",
		       mqtt->config.tls ? "ssl" : "tcp", is_v6 ? "[" : "", mqtt->config.host,
		       is_v6 ? "]" : "", (int)mqtt->config.port);
}

static void init_locks(struct mw_mqtt *mqtt)
{
	pthread_condattr_t monotonic;

	(void)pthread_rwlock_init(&mqtt->handle, NULL);
	(void)pthread_mutex_init(&mqtt->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&mqtt->said, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	for (size_t i = 0; i < MW_MQTT_IN_FLIGHT; i++)
		mqtt->slot[i].mqtt = mqtt;
}

static mw_err check_password(const struct mw_conf_mqtt *config, char *why, size_t why_size)
{
	char password[MW_MQTT_PASSWORD_MAX];

	if (!mw_mqtt_or_null(config->password_file) ||
	    mw_mqtt_read_password(config->password_file, password) == MW_E_OK)
		return MW_E_OK;
	return mw_why(MW_E_IO, why, why_size, "password file %s: cannot be read",
		      config->password_file);
}

mw_err mw_mqtt_new(const struct mw_conf_mqtt *config,
		   const struct mw_mqtt_subscription *subscription, size_t n,
		   const struct mw_mqtt_message *will, const struct mw_mqtt_events *events,
		   void *ctx, char *why, size_t why_size, struct mw_mqtt **ret_mqtt)
{
	mw_err err = check_password(config, why, why_size);
	struct mw_mqtt *mqtt;

	if (err)
		return err;
	mqtt = calloc(1, sizeof(*mqtt));
	if (!mqtt)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	mqtt->config = *config;
	mqtt->events = *events;
	mqtt->ctx = ctx;
	mqtt->pause_ns = config->reconnect_min_ns;
	name_broker(mqtt);
	init_locks(mqtt);
	err = copy_subscriptions(mqtt, subscription, n);
	if (!err)
		err = copy_will(mqtt, will);
	if (!err)
		err = make_client(mqtt);
	if (err) {
		mw_mqtt_free(mqtt, 0);
		return mw_why(err, why, why_size, "no MQTT client for %s", config->host);
	}
	*ret_mqtt = mqtt;
	return MW_E_OK;
}

mw_err mw_mqtt_start(struct mw_mqtt *mqtt)
{
	try_connect(mqtt, mw_clock_mono_ns());
	return MW_E_OK;
}

bool mw_mqtt_connected(const struct mw_mqtt *mqtt)
{
	return atomic_load(&mqtt->link) == MW_LINK_CONNECTED;
}

void mw_mqtt_stats(struct mw_mqtt *mqtt, struct mw_mqtt_stats *ret_stats)
{
	uint64_t connects = atomic_load(&mqtt->connects);

	*ret_stats = (struct mw_mqtt_stats){.received = atomic_load(&mqtt->received),
					    .oversized = atomic_load(&mqtt->oversized),
					    .unmatched = atomic_load(&mqtt->unmatched),
					    .published = atomic_load(&mqtt->published),
					    .failed = atomic_load(&mqtt->failed),
					    .reconnects = connects > 0 ? connects - 1 : 0};
}

static void say_goodbye(struct mw_mqtt *mqtt)
{
	(void)pthread_mutex_lock(&mqtt->lock);
	mqtt->goodbye = true;
	(void)pthread_cond_signal(&mqtt->said);
	(void)pthread_mutex_unlock(&mqtt->lock);
}

static void on_goodbye(void *context, MQTTAsync_successData *data)
{
	(void)data;
	say_goodbye(context);
}

static void on_goodbye5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	say_goodbye(context);
}

static void disconnect(struct mw_mqtt *mqtt, int64_t timeout_ns)
{
	MQTTAsync_disconnectOptions v5 = MQTTAsync_disconnectOptions_initializer5;
	MQTTAsync_disconnectOptions v3 = MQTTAsync_disconnectOptions_initializer;
	MQTTAsync_disconnectOptions opts = mw_mqtt_is_v5(mqtt) ? v5 : v3;
	int64_t until_ns = mw_clock_mono_ns() + timeout_ns;
	const struct timespec until = {.tv_sec = (time_t)(until_ns / MW_NS_PER_S),
				       .tv_nsec = (long)(until_ns % MW_NS_PER_S)};

	opts.timeout = (int)(timeout_ns / MW_NS_PER_MS);
	opts.context = mqtt;
	if (mw_mqtt_is_v5(mqtt))
		opts.onSuccess5 = on_goodbye5;
	else
		opts.onSuccess = on_goodbye;
	if (MQTTAsync_disconnect(mqtt->client, &opts) != MQTTASYNC_SUCCESS)
		return;
	(void)pthread_mutex_lock(&mqtt->lock);
	while (!mqtt->goodbye)
		if (pthread_cond_timedwait(&mqtt->said, &mqtt->lock, &until) != 0)
			break;
	(void)pthread_mutex_unlock(&mqtt->lock);
}

void mw_mqtt_free(struct mw_mqtt *mqtt, int64_t timeout_ns)
{
	if (!mqtt)
		return;
	if (mqtt->client && timeout_ns > 0 && mw_mqtt_connected(mqtt))
		disconnect(mqtt, timeout_ns);
	if (mqtt->client)
		MQTTAsync_destroy(&mqtt->client);
	(void)pthread_cond_destroy(&mqtt->said);
	(void)pthread_mutex_destroy(&mqtt->lock);
	(void)pthread_rwlock_destroy(&mqtt->handle);
	free(mqtt->will.topic);
	free(mqtt->will.payload);
	free(mqtt->will.content_type);
	free(mqtt->subscribed);
	free(mqtt);
}
