#include "gateway/io/conf.h"

#include "gateway/core/event.h"
#include "gateway/io/conf_options.h"
#include "gateway/io/http.h"
#include "gateway/io/mqtt.h"
#include "gateway/io/plugin_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATEWAY_NAME_MAX 64
#define PATH_TEXT        32 /* "assets[99999]" */
#define INNER_TEXT       64 /* "assets[99999].channels[12]" */
#define LIST_MAX         100000

struct conf {
	struct mw_conf_raw raw; /* first: what callers hold is &raw.config */
	struct mw_conf_arena arena;
	size_t n_profile;
	struct conf_profile *profile; /* each file once */
};

struct conf_profile {
	char *path;
	struct mw_profile *profile;
};

/* What one load works with. */
struct load {
	struct mw_conf_reader reader;
	const config_setting_t *root;
	struct conf *conf;
	struct mw_plugin_host *plugins;
};

/* --- words of closed sets --------------------------------------------------------------------- */

static bool one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

/* The member's own line when it is written in the file, else its group's. */
static const config_setting_t *place(const config_setting_t *group, const char *key)
{
	const config_setting_t *member = group ? config_setting_get_member(group, key) : NULL;

	return member ? member : group;
}

static mw_err check_machine(const struct load *load, const config_setting_t *group,
			    const char *path, const char *type)
{
	char all[512] = "";

	if (mw_machine_from_code(type) >= 0)
		return MW_E_OK;
	for (int i = 0; i < MW_N_MACHINE; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s",
			       mw_machine_code((enum mw_machine)i));
	return mw_conf_fail(&load->reader, place(group, "type"), path, "type",
			    "unknown machine type \"%.40s\"; known:%s", type, all);
}

static mw_err check_role(const struct load *load, const config_setting_t *group, const char *path,
			 const char *role)
{
	char all[512] = "";

	if (*role == '\0' || mw_role_from_code(role) >= 0)
		return MW_E_OK;
	for (int i = 0; i < MW_N_ROLE; i++)
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s",
			       mw_role_code((enum mw_role)i));
	return mw_conf_fail(&load->reader, place(group, "role"), path, "role",
			    "unknown role \"%.40s\"; known:%s", role, all);
}

static mw_err check_name(const struct load *load, const config_setting_t *group, const char *path,
			 const char *name, size_t size)
{
	if (*name != '\0' && strlen(name) < size && !strpbrk(name, "/+#"))
		return MW_E_OK;
	return mw_conf_fail(&load->reader, place(group, "name"), path, "name",
			    "must have 1 to %zu bytes and none of / + #", size - 1);
}

/* --- groups ----------------------------------------------------------------------------------- */

static const config_setting_t *group_of(const struct load *load, const char *name)
{
	return config_setting_get_member(load->root, name);
}

static mw_err check_gateway(const struct load *load)
{
	static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
	static const char *const languages[] = {"en", "ko", NULL};
	const config_setting_t *group = group_of(load, "gateway");
	struct mw_conf_raw *raw = &load->conf->raw;
	const char *name = raw->config.gateway.name;

	if (*name == '\0' || strlen(name) > GATEWAY_NAME_MAX ||
	    name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")])
		return mw_conf_fail(&load->reader, place(group, "name"), "gateway", "name",
				    "must be 1 to 64 of A-Z a-z 0-9 _ and -");
	if (!one_of(raw->language, languages))
		return mw_conf_fail(&load->reader, place(group, "language"), "gateway", "language",
				    "must be \"en\" or \"ko\"");
	if (!one_of(raw->config.gateway.log_level, levels))
		return mw_conf_fail(&load->reader, place(group, "log_level"), "gateway",
				    "log_level",
				    "must be \"error\", \"warn\", \"info\" or \"debug\"");
	raw->config.gateway.language =
	    strcmp(raw->language, "ko") == 0 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN;
	return MW_E_OK;
}

/* "" becomes "<stem><gateway.name>". */
static mw_err complete_name(struct load *load, const char *stem, const char **text)
{
	char full[128];

	if (**text != '\0')
		return MW_E_OK;
	(void)snprintf(full, sizeof(full), "%s%s", stem, load->conf->raw.config.gateway.name);
	*text = mw_conf_strdup(&load->conf->arena, full);
	return *text ? MW_E_OK : MW_E_NOMEM;
}

static const char *mqtt_fault(const struct mw_conf_mqtt *mqtt, const char **ret_key)
{
	*ret_key = "version";
	if (mqtt->version != 5 && mqtt->version != 311)
		return "must be 5 or 311";
	*ret_key = "host";
	if (*mqtt->host == '\0')
		return "must not be empty";
	*ret_key = "reconnect_max";
	if (mqtt->reconnect_max_ns < mqtt->reconnect_min_ns)
		return "must not be shorter than reconnect_min";
	*ret_key = "prefix";
	if (strpbrk(mqtt->prefix, "+#$") || strlen(mqtt->prefix) > 256)
		return "must be a topic without + # and $, at most 256 bytes";
	*ret_key = "tls_key_file";
	if ((*mqtt->tls_key_file != '\0') != (*mqtt->tls_cert_file != '\0'))
		return "tls_cert_file and tls_key_file go together";
	*ret_key = "tls";
	if (!mqtt->tls && (*mqtt->tls_ca_file != '\0' || *mqtt->tls_cert_file != '\0'))
		return "must be true when TLS files are given";
	return NULL;
}

static mw_err check_mqtt(struct load *load)
{
	struct mw_conf_mqtt *mqtt = &load->conf->raw.config.mqtt;
	const char *key;
	const char *fault = mqtt_fault(mqtt, &key);
	mw_err err;

	if (fault)
		return mw_conf_fail(&load->reader, place(group_of(load, "mqtt"), key), "mqtt", key,
				    "%s", fault);
	if (mqtt->port == 0)
		mqtt->port = mqtt->tls ? 8883 : 1883;
	err = complete_name(load, "millwright-", &mqtt->client_id);
	return err ? err : complete_name(load, "millwright/", &mqtt->prefix);
}

static mw_err check_paths(const struct load *load)
{
	const struct mw_config *config = &load->conf->raw.config;

	if (*config->spool.dir == '\0')
		return mw_conf_fail(&load->reader, place(group_of(load, "spool"), "dir"), "spool",
				    "dir", "must not be empty");
	if (*config->store.path == '\0')
		return mw_conf_fail(&load->reader, place(group_of(load, "store"), "path"), "store",
				    "path", "must not be empty");
	return MW_E_OK;
}

static mw_err check_http(const struct load *load)
{
	char why[256];

	if (mw_http_check_listen(load->conf->raw.config.http.listen, why, sizeof(why)) == MW_E_OK)
		return MW_E_OK;
	return mw_conf_fail(&load->reader, place(group_of(load, "http"), "listen"), "http",
			    "listen", "%s", why);
}

static mw_err read_groups(struct load *load)
{
	mw_err err = MW_E_OK;

	for (const struct mw_conf_section *s = mw_conf_sections; s->name && !err; s++) {
		const struct mw_conf_group group = {s->name, s->options, s->nested};

		if (s->is_list)
			break;
		err = mw_conf_read_group(&load->reader,
					 *s->name ? group_of(load, s->name) : load->root,
					 load->root, &group, &load->conf->raw);
	}
	if (!err)
		err = check_gateway(load);
	if (!err)
		err = check_mqtt(load);
	if (!err)
		err = check_paths(load);
	return err ? err : check_http(load);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* The elements of a list, as zeroed structs; *ret_n = 0 when it is not there. */
static mw_err open_list(struct load *load, const config_setting_t *list, const char *path,
			size_t element, void **ret_items, size_t *ret_n)
{
	int n = list ? config_setting_length(list) : 0;

	if (list && !config_setting_is_list(list))
		return mw_conf_fail(&load->reader, list, path, NULL,
				    "must be a list of groups: ( { ... }, { ... } )");
	if (n > LIST_MAX)
		return mw_conf_fail(&load->reader, list, path, NULL, "has more than %d elements",
				    LIST_MAX);
	*ret_items = n > 0 ? mw_conf_alloc(&load->conf->arena, (size_t)n * element) : NULL;
	if (n > 0 && !*ret_items)
		return MW_E_NOMEM;
	*ret_n = (size_t)n;
	return MW_E_OK;
}

static mw_err read_element(struct load *load, const config_setting_t *list, const char *section,
			   const char *path, size_t i, void *base)
{
	const struct mw_conf_section *s = mw_conf_section(section);
	const struct mw_conf_group group = {path, s->options, s->nested};

	return mw_conf_read_group(&load->reader, config_setting_get_elem(list, (unsigned)i), list,
				  &group, base);
}

static const char *pattern_fault(const char *pattern, const char *topic)
{
	int levels = mw_topic_levels(topic);

	for (const char *at = pattern; *at != '\0';) {
		int n = mw_topic_reference(&at);

		if (n < 0)
			return "a $ needs the number of a topic level after it";
		if (n > 0 && levels >= 0 && n > levels)
			return "names a level that the topic does not have";
		if (n == 0)
			at++;
	}
	return NULL;
}

static mw_err check_source(struct load *load, const config_setting_t *group, const char *path,
			   const struct mw_conf_source *source)
{
	char why[256];
	const char *fault;

	if (mw_topic_check_filter(source->topic, why, sizeof(why)) != MW_E_OK)
		return mw_conf_fail(&load->reader, place(group, "topic"), path, "topic", "%s", why);
	fault = *source->asset == '\0' ? "must not be empty"
				       : pattern_fault(source->asset, source->topic);
	if (fault)
		return mw_conf_fail(&load->reader, place(group, "asset"), path, "asset", "%s",
				    fault);
	fault = pattern_fault(source->channel, source->topic);
	if (fault)
		return mw_conf_fail(&load->reader, place(group, "channel"), path, "channel", "%s",
				    fault);
	return check_machine(load, group, path, source->type);
}

static mw_err read_decoder(struct load *load, const config_setting_t *group, const char *path,
			   struct mw_conf_source *source)
{
	const config_setting_t *setting = config_setting_get_member(group, "options");
	const struct mw_plugin *plugin;
	struct mw_conf_group options = {.path = path};
	char inner[INNER_TEXT], why[256] = "";
	void *base;
	mw_err err;

	if (mw_plugin_load(load->plugins, source->decoder, why, sizeof(why), &plugin) != MW_E_OK)
		return mw_conf_fail(&load->reader, place(group, "decoder"), path, "decoder", "%s",
				    why);
	if (plugin->kind != MW_DECODER)
		return mw_conf_fail(&load->reader, place(group, "decoder"), path, "decoder",
				    "plugin \"%s\" is no decoder", source->decoder);
	base = mw_conf_alloc(&load->conf->arena, plugin->config_size);
	if (!base)
		return MW_E_NOMEM;
	(void)snprintf(inner, sizeof(inner), "%.*s.options", PATH_TEXT, path);
	options = (struct mw_conf_group){inner, plugin->options, NULL};
	err = mw_conf_read_group(&load->reader, setting, group, &options, base);
	if (err)
		return err;
	if (plugin->check && plugin->check(base, why, sizeof(why)) != MW_E_OK)
		return mw_conf_fail(&load->reader, place(group, "options"), inner, NULL, "%s", why);
	source->decoder_config = base;
	return MW_E_OK;
}

static mw_err refuse_same_topic(const struct load *load, const config_setting_t *group,
				const char *path, const struct mw_conf_source *all, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(all[k].topic, all[i].topic) == 0)
			return mw_conf_fail(&load->reader, place(group, "topic"), path, "topic",
					    "is also the topic of sources[%zu], which would take "
					    "every message",
					    k);
	return MW_E_OK;
}

static mw_err read_sources(struct load *load)
{
	const config_setting_t *list = group_of(load, "sources");
	struct mw_config *config = &load->conf->raw.config;
	void *items;
	size_t n;
	mw_err err = open_list(load, list, "sources", sizeof(*config->source), &items, &n);
	struct mw_conf_source *source;

	if (err)
		return err;
	if (n == 0)
		return mw_conf_fail(&load->reader, list ? list : load->root, "sources", NULL,
				    "at least one source is needed");
	source = items;
	for (size_t i = 0; i < n && !err; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		char path[PATH_TEXT];

		(void)snprintf(path, sizeof(path), "sources[%zu]", i);
		err = read_element(load, list, "sources", path, i, &source[i]);
		if (!err)
			err = check_source(load, group, path, &source[i]);
		if (!err)
			err = refuse_same_topic(load, group, path, source, i);
		if (!err)
			err = read_decoder(load, group, path, &source[i]);
	}
	config->source = source;
	config->n_source = n;
	return err;
}

static mw_err read_channels(struct load *load, const config_setting_t *group, const char *path,
			    struct mw_conf_asset *asset)
{
	const config_setting_t *list = config_setting_get_member(group, "channels");
	struct mw_conf_channel *channel;
	char inner[INNER_TEXT];
	void *items;
	mw_err err;

	(void)snprintf(inner, sizeof(inner), "%.*s.channels", PATH_TEXT, path);
	err = open_list(load, list, inner, sizeof(*channel), &items, &asset->n_channel);
	if (!err && asset->n_channel > MW_MAX_CHANNELS)
		err = mw_conf_fail(&load->reader, list, inner, NULL, "has more than %d channels",
				   MW_MAX_CHANNELS);
	if (err)
		return err;
	channel = items;
	for (size_t i = 0; i < asset->n_channel && !err; i++) {
		const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);

		(void)snprintf(inner, sizeof(inner), "%.*s.channels[%zu]", PATH_TEXT, path, i);
		err = read_element(load, list, "channels", inner, i, &channel[i]);
		if (!err)
			err = check_name(load, element, inner, channel[i].name, MW_NAME_SIZE);
		if (!err && strlen(channel[i].unit) >= MW_UNIT_SIZE)
			err = mw_conf_fail(&load->reader, place(element, "unit"), inner, "unit",
					   "must have at most %d bytes", MW_UNIT_SIZE - 1);
		if (!err)
			err = check_role(load, element, inner, channel[i].role);
		for (size_t k = 0; k < i && !err; k++)
			if (strcmp(channel[k].name, channel[i].name) == 0)
				err = mw_conf_fail(&load->reader, place(element, "name"), inner,
						   "name", "is there twice");
	}
	asset->channel = channel;
	return err;
}

static mw_err keep_profile(struct conf *conf, const char *path, struct mw_profile *profile)
{
	struct conf_profile *more =
	    reallocarray(conf->profile, conf->n_profile + 1, sizeof(*conf->profile));
	char *copy = mw_conf_strdup(&conf->arena, path);

	if (more)
		conf->profile = more;
	if (!more || !copy) {
		mw_profile_free(profile);
		return MW_E_NOMEM;
	}
	conf->profile[conf->n_profile++] = (struct conf_profile){copy, profile};
	return MW_E_OK;
}

/* The profile file of an asset: beside the configuration, or a shipped one. */
static mw_err find_profile(const struct load *load, const config_setting_t *group, const char *path,
			   const char *name, char *ret_file, size_t size)
{
	const char *slash = strrchr(load->reader.file, '/');
	char dir[4096] = ".";

	if (slash)
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - load->reader.file),
			       load->reader.file);
	if (mw_conf_profile_file(name, slash == load->reader.file ? "/" : dir, ret_file, size) ==
	    MW_E_OK)
		return MW_E_OK;
	return mw_conf_fail(&load->reader, place(group, "profile"), path, "profile",
			    "no such file: \"%.200s\", neither here nor among the shipped ones",
			    name);
}

/* Sets what the asset's profile says; many assets may share one file. */
static mw_err read_profile(struct load *load, const config_setting_t *group, const char *path,
			   struct mw_conf_asset *asset)
{
	struct conf *conf = load->conf;
	struct mw_profile *profile;
	char file[4096];
	mw_err err;

	if (*asset->profile == '\0')
		return MW_E_OK;
	err = find_profile(load, group, path, asset->profile, file, sizeof(file));
	for (size_t i = 0; i < conf->n_profile && !err && !asset->known; i++)
		if (strcmp(conf->profile[i].path, file) == 0)
			asset->known = conf->profile[i].profile;
	if (!err && !asset->known) {
		err = mw_conf_load_profile(file, load->reader.why, load->reader.why_size, &profile);
		if (!err)
			err = keep_profile(conf, file, profile);
		if (!err)
			asset->known = profile;
	}
	if (!err && strcmp(asset->type, "other") == 0)
		asset->type = mw_machine_code(asset->known->machine);
	return err;
}

static int compare_assets(const void *a, const void *b)
{
	return strcmp((*(const struct mw_conf_asset *const *)a)->name,
		      (*(const struct mw_conf_asset *const *)b)->name);
}

/* Sorted, because a plant may list thousands. */
static mw_err refuse_same_assets(const struct load *load, const config_setting_t *list,
				 const struct mw_conf_asset *asset, size_t n)
{
	const struct mw_conf_asset **sorted = n > 0 ? calloc(n, sizeof(*sorted)) : NULL;
	mw_err err = n > 0 && !sorted ? MW_E_NOMEM : MW_E_OK;

	for (size_t i = 0; i < n && sorted; i++)
		sorted[i] = &asset[i];
	if (sorted)
		qsort(sorted, n, sizeof(*sorted), compare_assets);
	for (size_t i = 1; i < n && sorted && !err; i++)
		if (compare_assets(&sorted[i - 1], &sorted[i]) == 0)
			err = mw_conf_fail(&load->reader, list, "assets", NULL,
					   "\"%s\" is there twice", sorted[i]->name);
	free(sorted);
	return err;
}

static mw_err read_assets(struct load *load)
{
	const config_setting_t *list = group_of(load, "assets");
	struct mw_config *config = &load->conf->raw.config;
	struct mw_conf_asset *asset;
	void *items;
	size_t n;
	mw_err err = open_list(load, list, "assets", sizeof(*asset), &items, &n);

	if (err)
		return err;
	asset = items;
	for (size_t i = 0; i < n && !err; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		char path[PATH_TEXT];

		(void)snprintf(path, sizeof(path), "assets[%zu]", i);
		err = read_element(load, list, "assets", path, i, &asset[i]);
		if (!err)
			err = check_name(load, group, path, asset[i].name, MW_NAME_SIZE);
		if (!err)
			err = check_machine(load, group, path, asset[i].type);
		if (!err && asset[i].learn_rows > 0 && asset[i].learn_rows < MW_BASELINE_MIN_ROWS)
			err = mw_conf_fail(&load->reader, place(group, "learn_rows"), path,
					   "learn_rows", "must be 0 or at least %d",
					   MW_BASELINE_MIN_ROWS);
		if (!err)
			err = read_profile(load, group, path, &asset[i]);
		if (!err)
			err = read_channels(load, group, path, &asset[i]);
	}
	config->asset = asset;
	config->n_asset = n;
	return err ? err : refuse_same_assets(load, list, asset, n);
}

/* --- the file --------------------------------------------------------------------------------- */

static mw_err open_plugins(struct load *load)
{
	struct mw_config *config = &load->conf->raw.config;
	char dir[4096];

	if (*config->plugin_dir == '\0') {
		mw_conf_plugin_dir(dir, sizeof(dir));
		config->plugin_dir = mw_conf_strdup(&load->conf->arena, dir);
		if (!config->plugin_dir)
			return MW_E_NOMEM;
	}
	return mw_plugin_host_new(config->plugin_dir, &load->plugins);
}

static mw_err read_all(struct load *load)
{
	struct mw_config *config = &load->conf->raw.config;
	mw_err err = read_groups(load);

	config->file = mw_conf_strdup(&load->conf->arena, load->reader.file);
	if (!err && !config->file)
		err = MW_E_NOMEM;
	if (!err)
		err = open_plugins(load);
	if (!err)
		err = read_sources(load);
	if (!err)
		err = read_assets(load);
	mw_plugin_host_free(load->plugins);
	return err;
}

mw_err mw_conf_load(const char *path, char *why, size_t why_size, struct mw_config **ret_config)
{
	struct conf *conf;
	struct load load;
	config_t tree;
	mw_err err = mw_conf_open(path, why, why_size, &tree);

	if (err)
		return err;
	conf = calloc(1, sizeof(*conf));
	err = MW_E_NOMEM;
	if (conf) {
		load = (struct load){.reader = {path, &conf->arena, why, why_size},
				     .root = config_root_setting(&tree),
				     .conf = conf};
		err = read_all(&load);
	}
	config_destroy(&tree);
	if (err) {
		mw_conf_free(conf ? &conf->raw.config : NULL);
		return err == MW_E_NOMEM ? mw_why(err, why, why_size, "%s: out of memory", path)
					 : err;
	}
	*ret_config = &conf->raw.config;
	return MW_E_OK;
}

void mw_conf_free(struct mw_config *config)
{
	struct conf *conf = (struct conf *)config;

	if (!conf)
		return;
	for (size_t i = 0; i < conf->n_profile; i++)
		mw_profile_free(conf->profile[i].profile);
	free(conf->profile);
	mw_conf_arena_done(&conf->arena);
	free(conf);
}
