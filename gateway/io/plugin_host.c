#include "gateway/io/plugin_host.h"

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/utf8.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_BYTES 32
#define CONFIG_MAX     (64u << 10)
#define STATE_MAX      (16u << 20)
#define WHY_SIZE       256

struct loaded {
	char name[NAME_MAX_BYTES + 1];
	const struct mw_plugin *plugin;
	struct loaded *next;
};

struct mw_plugin_host {
	char *dir;
	struct loaded *loaded;
};

/* Samples of the payload being decoded; tags are offsets, because their bytes may move. */
struct held {
	struct mw_sample *sample;
	size_t n, room;
	char *tags;
	size_t tags_n, tags_room;
};

struct mw_instance {
	const struct mw_plugin *plugin;
	void *state;
	struct held held;
	bool decoding;
	mw_err fault; /* the first refused sample: sticks until the payload ends */
	char why[WHY_SIZE];
	struct mw_plugin_counter counter[MW_PLUGIN_COUNTERS];
	size_t n_counter;
};

/* --- what a plugin may call ------------------------------------------------------------------- */

static void host_log(mw_instance *instance, int level, const char *msgid, const char *fmt, ...)
{
	char text[WHY_SIZE];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (instance->decoding) /* whoever called decode logs it, once, with topic and limit */
		memcpy(instance->why, text, sizeof(text));
	else if (level >= MW_LOG_ERROR && level <= MW_LOG_DEBUG)
		mw_log((enum mw_log_level)level, msgid, "plugin=%s %s", instance->plugin->name,
		       text);
}

static int64_t host_now_ns(mw_instance *instance)
{
	(void)instance;
	return mw_clock_now_ns();
}

static void host_count(mw_instance *instance, const char *counter, uint64_t n)
{
	struct mw_plugin_counter *slot = instance->counter;

	for (size_t i = 0; i < instance->n_counter; i++, slot++)
		if (strcmp(slot->name, counter) == 0) {
			slot->n += n;
			return;
		}
	if (instance->n_counter == MW_PLUGIN_COUNTERS || strlen(counter) >= sizeof(slot->name))
		return;
	(void)snprintf(slot->name, sizeof(slot->name), "%s", counter);
	slot->n = n;
	instance->n_counter++;
}

static mw_err host_emit_finding(mw_instance *instance, const struct mw_finding *finding)
{
	(void)instance;
	(void)finding;
	return MW_E_UNSUPPORTED;
}

/* Doubles an array until it has room for n elements. */
static bool reserve(void **items, size_t *room, size_t n, size_t element)
{
	size_t want = *room > 0 ? *room : 64;
	void *grown;

	if (n <= *room)
		return true;
	while (want < n)
		want *= 2;
	grown = realloc(*items, want * element);
	if (!grown)
		return false;
	*items = grown;
	*room = want;
	return true;
}

static mw_err refuse(mw_instance *instance, mw_err err, const char *why)
{
	if (instance->fault == MW_E_OK) {
		instance->fault = err;
		(void)snprintf(instance->why, sizeof(instance->why), "%s", why);
	}
	return err;
}

static mw_err hold(mw_instance *instance, const struct mw_sample *sample)
{
	struct held *held = &instance->held;
	struct mw_sample *copy;

	if (!reserve((void **)&held->sample, &held->room, held->n + 1, sizeof(*held->sample)) ||
	    !reserve((void **)&held->tags, &held->tags_room, held->tags_n + sample->tag.len + 1, 1))
		return refuse(instance, MW_E_NOMEM, "out of memory");
	copy = &held->sample[held->n++];
	*copy = *sample;
	copy->tag.ptr = NULL;
	if (sample->tag.len > 0)
		memcpy(held->tags + held->tags_n, sample->tag.ptr, sample->tag.len);
	held->tags_n += sample->tag.len;
	return MW_E_OK;
}

static mw_err host_emit_sample(mw_instance *instance, const struct mw_sample *sample)
{
	if (!instance->decoding)
		return MW_E_INVAL;
	if (instance->fault != MW_E_OK)
		return instance->fault;
	if (!isfinite(sample->value) && sample->quality == 0)
		return refuse(instance, MW_E_MALFORMED, "a value is not finite");
	if (sample->tag.len >= MW_DECODE_TAG_SIZE)
		return refuse(instance, MW_E_MALFORMED, "a channel's name is too long");
	if (!mw_utf8_is_clean(sample->tag.ptr, sample->tag.len))
		return refuse(instance, MW_E_MALFORMED, "a channel's name is not clean UTF-8");
	if (instance->held.n == MW_DECODE_SAMPLES)
		return refuse(instance, MW_E_FULL, "more samples than one payload may have");
	return hold(instance, sample);
}

static const struct mw_host host_table = {
    .abi = MW_PLUGIN_ABI,
    .size = sizeof(struct mw_host),
    .log = host_log,
    .now_ns = host_now_ns,
    .emit_sample = host_emit_sample,
    .emit_finding = host_emit_finding,
    .count = host_count,
};

/* --- loading ---------------------------------------------------------------------------------- */

mw_err mw_plugin_host_new(const char *dir, struct mw_plugin_host **ret_host)
{
	struct mw_plugin_host *host = calloc(1, sizeof(*host));

	if (!host || !(host->dir = strdup(dir))) {
		free(host);
		return MW_E_NOMEM;
	}
	*ret_host = host;
	return MW_E_OK;
}

void mw_plugin_host_free(struct mw_plugin_host *host)
{
	if (!host)
		return;
	while (host->loaded) {
		struct loaded *first = host->loaded;

		host->loaded = first->next;
		free(first);
	}
	free(host->dir);
	free(host);
}

static mw_err check_owner(const char *path, char *why, size_t why_size)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return mw_why(errno == ENOENT ? MW_E_NOTFOUND : MW_E_IO, why, why_size, "%s: %s",
			      path, strerror(errno));
	if (info.st_uid != 0 && info.st_uid != geteuid())
		return mw_why(MW_E_IO, why, why_size, "%s belongs to neither root nor this user",
			      path);
	if (info.st_mode & (S_IWGRP | S_IWOTH))
		return mw_why(MW_E_IO, why, why_size,
			      "%s may be written by others; \"chmod go-w\" it", path);
	return MW_E_OK;
}

static size_t option_size(uint32_t type)
{
	switch (type) {
	case MW_OPT_BOOL:
		return sizeof(bool);
	case MW_OPT_INT:
	case MW_OPT_DURATION:
		return sizeof(int64_t);
	case MW_OPT_FLOAT:
		return sizeof(double);
	case MW_OPT_STR:
		return sizeof(const char *);
	case MW_OPT_SIZE:
		return sizeof(uint64_t);
	default:
		return 0;
	}
}

static mw_err check_options(const struct mw_plugin *plugin, char *why, size_t why_size)
{
	for (const struct mw_option *option = plugin->options; option && option->name; option++) {
		size_t size = option_size(option->type);

		if (size == 0 || option->offset % size != 0 || option->offset > CONFIG_MAX ||
		    option->offset + size > plugin->config_size || !option->help)
			return mw_why(MW_E_UNSUPPORTED, why, why_size,
				      "option \"%.32s\" does not fit the plugin's own struct",
				      option->name);
	}
	return MW_E_OK;
}

static bool has_its_function(const struct mw_plugin *plugin)
{
	switch (plugin->kind) {
	case MW_DECODER:
		return MW_HAS(plugin, decode) && plugin->decode;
	case MW_DETECTOR:
		return MW_HAS(plugin, detect) && plugin->detect;
	case MW_SINK:
		return MW_HAS(plugin, deliver) && plugin->deliver;
	default:
		return false;
	}
}

mw_err mw_plugin_check(const struct mw_plugin *plugin, char *why, size_t why_size)
{
	if (plugin->abi != MW_PLUGIN_ABI)
		return mw_why(MW_E_UNSUPPORTED, why, why_size, "plugin has ABI %u, this is ABI %u",
			      plugin->abi, MW_PLUGIN_ABI);
	if (!MW_HAS(plugin, fini) || !has_its_function(plugin))
		return mw_why(MW_E_UNSUPPORTED, why, why_size,
			      "plugin does not offer what its kind needs");
	if (!plugin->name || !plugin->version || !plugin->summary || !plugin->init)
		return mw_why(MW_E_UNSUPPORTED, why, why_size,
			      "plugin lacks name, version, summary or init");
	if (plugin->config_size > CONFIG_MAX || plugin->state_size > STATE_MAX)
		return mw_why(MW_E_UNSUPPORTED, why, why_size, "plugin asks for too much memory");
	return check_options(plugin, why, why_size);
}

/* A name is a file's name, never a path. */
static bool good_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '_')
			return false;
	return len > 0 && len <= NAME_MAX_BYTES;
}

static mw_err open_plugin(const char *path, char *why, size_t why_size,
			  const struct mw_plugin **ret_plugin)
{
	mw_plugin_entry_fn *entry;
	const struct mw_plugin *plugin;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = library ? dlsym(library, "mw_plugin_entry") : NULL;
	mw_err err;

	if (!library)
		return mw_why(MW_E_UNSUPPORTED, why, why_size, "%s", dlerror());
	if (!symbol)
		return mw_why(MW_E_UNSUPPORTED, why, why_size, "%s has no mw_plugin_entry", path);
	memcpy(&entry, &symbol, sizeof(entry)); /* ISO C has no cast from object to function */
	plugin = entry();
	if (!plugin)
		return mw_why(MW_E_UNSUPPORTED, why, why_size, "%s offers nothing", path);
	err = mw_plugin_check(plugin, why, why_size);
	if (!err)
		*ret_plugin = plugin;
	return err;
}

static mw_err load(struct mw_plugin_host *host, const char *name, char *why, size_t why_size,
		   const struct mw_plugin **ret_plugin)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%s/%s.so", host->dir, name);
	mw_err err;

	if (n < 0 || (size_t)n >= sizeof(path))
		return mw_why(MW_E_IO, why, why_size, "plugin_dir is too long");
	err = check_owner(host->dir, why, why_size);
	if (!err)
		err = check_owner(path, why, why_size);
	return err ? err : open_plugin(path, why, why_size, ret_plugin);
}

mw_err mw_plugin_load(struct mw_plugin_host *host, const char *name, char *why, size_t why_size,
		      const struct mw_plugin **ret_plugin)
{
	const struct mw_plugin *plugin;
	struct loaded *entry;
	mw_err err;

	if (!good_name(name))
		return mw_why(MW_E_NOTFOUND, why, why_size,
			      "\"%.40s\" is no plugin name (a-z 0-9 _, at most %d)", name,
			      NAME_MAX_BYTES);
	for (entry = host->loaded; entry; entry = entry->next)
		if (strcmp(entry->name, name) == 0) {
			*ret_plugin = entry->plugin;
			return MW_E_OK;
		}
	err = load(host, name, why, why_size, &plugin);
	if (err)
		return err;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	memcpy(entry->name, name, strlen(name) + 1);
	entry->plugin = plugin;
	entry->next = host->loaded;
	host->loaded = entry;
	*ret_plugin = plugin;
	return MW_E_OK;
}

void mw_plugin_each(struct mw_plugin_host *host,
		    void (*fn)(void *ctx, const struct mw_plugin *plugin), void *ctx)
{
	struct dirent **entry;
	int n = scandir(host->dir, &entry, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char *dot = strrchr(entry[i]->d_name, '.');
		const struct mw_plugin *plugin;

		if (dot && strcmp(dot, ".so") == 0) {
			*dot = '\0';
			if (mw_plugin_load(host, entry[i]->d_name, NULL, 0, &plugin) == MW_E_OK)
				fn(ctx, plugin);
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
}

/* --- instances -------------------------------------------------------------------------------- */

static mw_err start_instance(mw_instance *instance, const void *config)
{
	const struct mw_plugin *plugin = instance->plugin;
	mw_err err = plugin->init(instance->state, config, &host_table, instance);

	if (err == MW_E_OK && plugin->start)
		err = plugin->start(instance->state);
	return err;
}

mw_err mw_instance_new(struct mw_plugin_host *host, const struct mw_plugin *plugin,
		       const void *config, char *why, size_t why_size,
		       struct mw_instance **ret_instance)
{
	mw_instance *instance = calloc(1, sizeof(*instance));
	mw_err err;

	(void)host;
	if (instance)
		instance->state = calloc(1, plugin->state_size > 0 ? plugin->state_size : 1);
	if (!instance || !instance->state) {
		free(instance);
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	}
	instance->plugin = plugin;
	err = start_instance(instance, config);
	if (err) {
		if (plugin->fini)
			plugin->fini(instance->state);
		free(instance->state);
		free(instance);
		return mw_why(err, why, why_size, "plugin \"%s\" does not start: %s", plugin->name,
			      mw_err_text(err));
	}
	*ret_instance = instance;
	return MW_E_OK;
}

void mw_instance_free(struct mw_instance *instance)
{
	if (!instance)
		return;
	if (instance->plugin->stop)
		instance->plugin->stop(instance->state);
	if (instance->plugin->fini)
		instance->plugin->fini(instance->state);
	free(instance->state);
	free(instance->held.sample);
	free(instance->held.tags);
	free(instance);
}

static void hand_over(struct held *held, const struct mw_decoded *into)
{
	const char *tag = held->tags;

	for (size_t i = 0; i < held->n; i++) {
		held->sample[i].tag.ptr = tag;
		tag += held->sample[i].tag.len;
		into->sample(into->ctx, &held->sample[i]);
	}
}

mw_err mw_instance_decode(struct mw_instance *instance, struct mw_str topic, const void *payload,
			  size_t size, const struct mw_decoded *into)
{
	mw_err err;

	if (instance->plugin->kind != MW_DECODER)
		return MW_E_UNSUPPORTED;
	instance->held.n = 0;
	instance->held.tags_n = 0;
	instance->fault = MW_E_OK;
	instance->why[0] = '\0';
	instance->decoding = true;
	err = instance->plugin->decode(instance->state, topic, payload, size);
	instance->decoding = false;
	if (instance->fault != MW_E_OK) /* a plugin that overlooks a refusal does not get past it */
		err = instance->fault == MW_E_NOMEM ? MW_E_NOMEM : MW_E_MALFORMED;
	if (err == MW_E_OK)
		hand_over(&instance->held, into);
	else if (instance->why[0] == '\0')
		(void)snprintf(instance->why, sizeof(instance->why), "%s", mw_err_text(err));
	return err;
}

const char *mw_instance_why(const struct mw_instance *instance)
{
	return instance->why;
}

const struct mw_plugin_counter *mw_instance_counters(const struct mw_instance *instance,
						     size_t *ret_n)
{
	*ret_n = instance->n_counter;
	return instance->counter;
}
