/*
 * decoder.h -- a configured decoder for tests: options as they stand in a configuration file,
 * samples in an array.  Everything goes the way of the daemon: configuration, plugin host,
 * instance.
 */
#ifndef MW_TESTS_DECODER_H
#define MW_TESTS_DECODER_H

#include "gateway/io/conf.h"
#include "gateway/io/plugin_host.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLES_MAX 16

struct got {
	size_t n; /* may exceed SAMPLES_MAX: the rest is only counted */
	struct {
		char tag[MW_DECODE_TAG_SIZE];
		double value;
		int64_t time_ns;
		uint32_t quality;
	} sample[SAMPLES_MAX];
};

struct decoder {
	struct mw_config *config;
	struct mw_plugin_host *host;
	const struct mw_plugin *plugin;
	struct mw_instance *instance;
};

/* Writes a configuration with one source into a new temporary file. */
static inline void write_decoder_conf(const char *decoder, const char *options, char path[64])
{
	FILE *file;
	int fd;

	(void)snprintf(path, 64, "/tmp/mw-decoder-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	file = fdopen(fd, "w");
	(void)fprintf(file,
		      "gateway = { name = \"test\"; };\n"
		      "sources = ( { topic = \"t\"; asset = \"a\"; decoder = \"%s\";\n"
		      "options = { %s }; } );\n",
		      decoder, options);
	ck_assert_int_eq(fclose(file), 0);
}

static inline void decoder_init(struct decoder *d, const char *name, const char *options)
{
	char path[64], why[512] = "";

	write_decoder_conf(name, options, path);
	ck_assert_msg(mw_conf_load(path, why, sizeof(why), &d->config) == MW_E_OK, "%s", why);
	(void)unlink(path);
	ck_assert_int_eq(mw_plugin_host_new(d->config->plugin_dir, &d->host), MW_E_OK);
	ck_assert_msg(mw_plugin_load(d->host, name, why, sizeof(why), &d->plugin) == MW_E_OK, "%s",
		      why);
	ck_assert_msg(mw_instance_new(d->host, d->plugin, d->config->source[0].decoder_config, why,
				      sizeof(why), &d->instance) == MW_E_OK,
		      "%s", why);
}

static inline void decoder_done(struct decoder *d)
{
	mw_instance_free(d->instance);
	mw_plugin_host_free(d->host);
	mw_conf_free(d->config);
}

static inline void take_sample(void *ctx, const struct mw_sample *sample)
{
	struct got *got = ctx;
	size_t i = got->n++;

	if (i >= SAMPLES_MAX)
		return;
	ck_assert_uint_lt(sample->tag.len, sizeof(got->sample[i].tag));
	if (sample->tag.len > 0)
		memcpy(got->sample[i].tag, sample->tag.ptr, sample->tag.len);
	got->sample[i].tag[sample->tag.len] = '\0';
	got->sample[i].value = sample->value;
	got->sample[i].time_ns = sample->time_ns;
	got->sample[i].quality = sample->quality;
}

/* Decodes exactly these bytes: a copy without anything after it, so that a sanitizer sees an
 * overrun. */
static inline mw_err decode(struct decoder *d, const void *payload, size_t size,
			    struct got *ret_got)
{
	const struct mw_decoded into = {take_sample, ret_got};
	void *exact = malloc(size > 0 ? size : 1);
	mw_err err;

	if (size > 0)
		memcpy(exact, payload, size);
	ret_got->n = 0;
	err = mw_instance_decode(d->instance, (struct mw_str){"t", 1}, exact, size, &into);
	free(exact);
	return err;
}

#endif
