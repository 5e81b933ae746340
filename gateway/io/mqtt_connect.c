#include "gateway/io/mqtt_impl.h"

#include "gateway/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define RECEIVE_MAXIMUM 100
#define PACKET_SLACK    4 /* times max_packet_bytes: what the broker may send at all */

/* First line of the file, without its end.  The file may be exchanged while we run. */
mw_err mw_mqtt_read_password(const char *path, char password[MW_MQTT_PASSWORD_MAX])
{
	FILE *file = fopen(path, "re");
	bool ok = file && fgets(password, MW_MQTT_PASSWORD_MAX, file);

	if (file)
		(void)fclose(file);
	if (!ok)
		return MW_E_IO;
	password[strcspn(password, "\r\n")] = '\0';
	return MW_E_OK;
}

void mw_mqtt_add_text(MQTTProperties *properties, enum MQTTPropertyCodes code, const char *data,
		      const char *value)
{
	MQTTProperty property = {.identifier = code};

	/* Paho copies; its struct just has no const */
	property.value.data.data = (char *)(uintptr_t)data;
	property.value.data.len = (int)strlen(data);
	if (value) {
		property.value.value.data = (char *)(uintptr_t)value;
		property.value.value.len = (int)strlen(value);
	}
	(void)MQTTProperties_add(properties, &property);
}

void mw_mqtt_add_data(MQTTProperties *properties, enum MQTTPropertyCodes code, const void *data,
		      size_t size)
{
	MQTTProperty property = {.identifier = code};

	property.value.data.data = (char *)(uintptr_t)data;
	property.value.data.len = (int)size;
	(void)MQTTProperties_add(properties, &property);
}

void mw_mqtt_add_number(MQTTProperties *properties, enum MQTTPropertyCodes code, uint32_t value)
{
	MQTTProperty property = {.identifier = code};

	if (code == MQTTPROPERTY_CODE_RECEIVE_MAXIMUM)
		property.value.integer2 = (unsigned short)value;
	else
		property.value.integer4 = value;
	(void)MQTTProperties_add(properties, &property);
}

static void on_connect(void *context, MQTTAsync_successData *data)
{
	(void)data;
	mw_mqtt_link_up(context);
}

static void on_connect5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	mw_mqtt_link_up(context);
}

static void on_connect_failure(void *context, MQTTAsync_failureData *data)
{
	mw_mqtt_link_down(context, data && data->message ? data->message : "connection failed");
}

static void on_connect_failure5(void *context, MQTTAsync_failureData5 *data)
{
	const char *reason = data ? data->message : NULL;

	if (data && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR)
		reason = MQTTReasonCode_toString(data->reasonCode);
	mw_mqtt_link_down(context, reason ? reason : "connection failed");
}

static int log_tls_error(const char *text, size_t len, void *context)
{
	(void)context;
	mw_log(MW_LOG_WARN, "mqtt.tls", "\"%.*s\"", (int)(len < 300 ? len : 300), text);
	return 1;
}

static void fill_tls(const struct mw_mqtt *mqtt, MQTTAsync_SSLOptions *tls)
{
	tls->trustStore = mw_mqtt_or_null(mqtt->config.tls_ca_file);
	tls->keyStore = mw_mqtt_or_null(mqtt->config.tls_cert_file);
	tls->privateKey = mw_mqtt_or_null(mqtt->config.tls_key_file);
	tls->enableServerCertAuth = mqtt->config.tls_verify;
	tls->verify = mqtt->config.tls_verify; /* the name, too */
	tls->ssl_error_cb = log_tls_error;
}

static void fill_will(const struct mw_mqtt *mqtt, MQTTAsync_willOptions *will)
{
	will->topicName = mqtt->will.topic;
	will->payload.data = mqtt->will.payload;
	will->payload.len = (int)mqtt->will.size;
	will->qos = mqtt->will.qos;
	will->retained = mqtt->will.retained;
}

/* The broker must not cut a session short that is longer than four bytes of seconds can say. */
static uint32_t seconds(int64_t ns)
{
	int64_t s = ns / MW_NS_PER_S;

	return s < UINT32_MAX ? (uint32_t)s : UINT32_MAX;
}

static void fill_properties(const struct mw_mqtt *mqtt, MQTTProperties *connect,
			    MQTTProperties *will)
{
	uint64_t most = mqtt->config.max_packet_bytes * PACKET_SLACK;

	mw_mqtt_add_number(connect, MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
			   seconds(mqtt->config.session_expiry_ns));
	mw_mqtt_add_number(connect, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM, RECEIVE_MAXIMUM);
	if (most > 0 && most < UINT32_MAX)
		mw_mqtt_add_number(connect, MQTTPROPERTY_CODE_MAXIMUM_PACKET_SIZE, (uint32_t)most);
	if (mqtt->will.content_type)
		mw_mqtt_add_text(will, MQTTPROPERTY_CODE_CONTENT_TYPE, mqtt->will.content_type,
				 NULL);
}

static MQTTAsync_connectOptions connect_options(struct mw_mqtt *mqtt)
{
	MQTTAsync_connectOptions v5 = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_connectOptions v3 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions opts = mw_mqtt_is_v5(mqtt) ? v5 : v3;

	if (mw_mqtt_is_v5(mqtt)) {
		opts.cleanstart = 0;
		opts.onSuccess5 = on_connect5;
		opts.onFailure5 = on_connect_failure5;
	} else {
		opts.MQTTVersion = MQTTVERSION_3_1_1;
		opts.cleansession = 0;
		opts.onSuccess = on_connect;
		opts.onFailure = on_connect_failure;
	}
	opts.context = mqtt;
	opts.keepAliveInterval = (int)seconds(mqtt->config.keepalive_ns);
	opts.connectTimeout = MW_MQTT_CONNECT_S;
	opts.maxInflight = MW_MQTT_IN_FLIGHT;
	opts.username = mw_mqtt_or_null(mqtt->config.username);
	return opts;
}

int mw_mqtt_start_connect(struct mw_mqtt *mqtt, const char *password)
{
	MQTTAsync_connectOptions opts = connect_options(mqtt);
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
	MQTTProperties connect_properties = MQTTProperties_initializer;
	MQTTProperties will_properties = MQTTProperties_initializer;
	int rc;

	opts.password = mw_mqtt_or_null(password);
	if (mqtt->config.tls) {
		fill_tls(mqtt, &tls);
		opts.ssl = &tls;
	}
	if (mqtt->will.topic) {
		fill_will(mqtt, &will);
		opts.will = &will;
	}
	if (mw_mqtt_is_v5(mqtt)) {
		fill_properties(mqtt, &connect_properties, &will_properties);
		opts.connectProperties = &connect_properties;
		if (mqtt->will.topic)
			opts.willProperties = &will_properties;
	}
	rc = MQTTAsync_connect(mqtt->client, &opts);
	MQTTProperties_free(&connect_properties);
	MQTTProperties_free(&will_properties);
	return rc;
}
