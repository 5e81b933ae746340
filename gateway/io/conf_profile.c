#include "gateway/base/utf8.h"
#include "gateway/io/conf_options.h"
#include "gateway/io/conf_site_fault.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE_VERSION 1
#define PATH_TEXT       48 /* "channels[255]" */

/* One file being read. */
struct load {
	struct mw_conf_reader reader;
	const config_setting_t *root;
	struct mw_profile *profile;
};

/* What the option tables fill; strings live in the reader's arena. */
struct raw_head {
	int64_t version;
	const char *name, *machine;
};
struct raw_channel {
	const char *name, *unit, *role, *kind;
	bool regime;
	double low, high, alarm_low, alarm_high;
};
struct raw_edge {
	const char *from, *to, *comment;
};
struct raw_weak {
	const char *fault, *channel;
	double weight;
};

#define HEAD(member) (uint32_t) offsetof(struct raw_head, member)
#define CHN(member)  (uint32_t) offsetof(struct raw_channel, member)
#define EDG(member)  (uint32_t) offsetof(struct raw_edge, member)
#define WEAK(member) (uint32_t) offsetof(struct raw_weak, member)

static const struct mw_option head_options[] = {
    {"version", MW_OPT_INT, HEAD(version), NULL, PROFILE_VERSION, PROFILE_VERSION,
     "Of the format: 1."},
    {"name", MW_OPT_STR, HEAD(name), "", 0, 0, "What people call this machine or kind of machine."},
    {"machine", MW_OPT_STR, HEAD(machine), "other", 0, 0, "Machine type."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option channel_options[] = {
    {"name", MW_OPT_STR, CHN(name), NULL, 0, 0,
     "The channel's name, or a pattern with * and ?; exact names go first, then patterns in "
     "order."},
    {"unit", MW_OPT_STR, CHN(unit), "", 0, 0, "Its unit."},
    {"role", MW_OPT_STR, CHN(role), "other", 0, 0, "What it measures or commands."},
    {"kind", MW_OPT_STR, CHN(kind), "measured", 0, 0,
     "What moves it: \"measured\", \"state\", \"counter\", \"command\" or \"alarm\"."},
    {"regime", MW_OPT_BOOL, CHN(regime), "false", 0, 0, "Does it select the operating regime?"},
    {"low", MW_OPT_FLOAT, CHN(low), "nan", 0, 0, "Least normal value; nothing said by default."},
    {"high", MW_OPT_FLOAT, CHN(high), "nan", 0, 0, "Largest normal value."},
    {"alarm_low", MW_OPT_FLOAT, CHN(alarm_low), "nan", 0, 0, "Below it the machine is in danger."},
    {"alarm_high", MW_OPT_FLOAT, CHN(alarm_high), "nan", 0, 0,
     "Above it the machine is in danger."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option edge_options[] = {
    {"from", MW_OPT_STR, EDG(from), NULL, 0, 0, "The channel that drives, as named in channels."},
    {"to", MW_OPT_STR, EDG(to), NULL, 0, 0, "The channel that is driven."},
    {"comment", MW_OPT_STR, EDG(comment), "", 0, 0, "How."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const struct mw_option weak_options[] = {
    {"fault", MW_OPT_STR, WEAK(fault), NULL, 0, 0, "A code of the fault library."},
    {"weight", MW_OPT_FLOAT, WEAK(weight), "2", 0.01, 100,
     "How many times as likely as on any machine of the type."},
    {"channel", MW_OPT_STR, WEAK(channel), "", 0, 0, "Where it shows; \"\" = anywhere."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

static const char *const head_nested[] = {"channels", "topology", "weak_points", "faults", NULL};
static const char *const channel_nested[] = {"aliases", NULL};
static const char *const weak_nested[] = {"cause", "check", NULL};

const struct mw_conf_section mw_conf_profile_sections[] = {
    {"", "A machine profile.", head_options, head_nested, false},
    {"channels", "What is known of channels; aliases = ( \"...\" ) are further exact names.",
     channel_options, channel_nested, true},
    {"topology", "What drives what.", edge_options, NULL, true},
    {"weak_points",
     "Where the machine tends to break; cause and check are { en = \"...\"; ko = \"...\"; }.",
     weak_options, weak_nested, true},
    {"faults",
     "The site's own faults, told by what is seen: name, causes and checks are { en = ...; ko = "
     "...; }, symptoms a list of groups.",
     mw_conf_site_options, mw_conf_site_nested, true},
    {"symptoms", "Of an element of faults: what a channel does.", mw_conf_sign_options, NULL, true},
    {NULL, NULL, NULL, NULL, false},
};

/* --- texts ------------------------------------------------------------------------------------ */

static const config_setting_t *place(const config_setting_t *group, const char *key)
{
	const config_setting_t *member = config_setting_get_member(group, key);

	return member ? member : group;
}

static mw_err copy(const struct load *load, const config_setting_t *where, const char *path,
		   const char *key, const char *text, char *into, size_t size)
{
	if (strlen(text) >= size)
		return mw_conf_fail(&load->reader, where, path, key, "must have at most %zu bytes",
				    size - 1);
	memcpy(into, text, strlen(text) + 1);
	return MW_E_OK;
}

/* A text of a list or a group, which no option table has checked. */
static mw_err copy_setting(const struct load *load, const config_setting_t *setting,
			   const char *path, const char *key, char *into, size_t size)
{
	const char *text = config_setting_get_string(setting);

	if (!text || *text == '\0' || !mw_utf8_is_clean(text, strlen(text)))
		return mw_conf_fail(
		    &load->reader, setting, path, key,
		    "must be a text in quotes, not empty, without control characters");
	return copy(load, setting, path, key, text, into, size);
}

static mw_err read_code(const struct load *load, const config_setting_t *where, const char *path,
			const char *key, int code, const char *text, int *ret_code)
{
	if (code < 0)
		return mw_conf_fail(&load->reader, where, path, key, "unknown %s \"%.40s\"", key,
				    text);
	*ret_code = code;
	return MW_E_OK;
}

/* --- channels --------------------------------------------------------------------------------- */

static mw_err read_aliases(const struct load *load, const config_setting_t *group, const char *path,
			   struct mw_profile_channel *into)
{
	const config_setting_t *list = config_setting_get_member(group, "aliases");
	int n = list ? config_setting_length(list) : 0;
	mw_err err = MW_E_OK;

	if (list && !config_setting_is_list(list) && !config_setting_is_array(list))
		return mw_conf_fail(&load->reader, list, path, "aliases",
				    "must be a list of texts: ( \"...\", \"...\" )");
	if (n > MW_PROFILE_MAX_ALIASES)
		return mw_conf_fail(&load->reader, list, path, "aliases", "has more than %d names",
				    MW_PROFILE_MAX_ALIASES);
	for (int i = 0; i < n && !err; i++)
		err = copy_setting(load, config_setting_get_elem(list, (unsigned)i), path,
				   "aliases", into->alias[i], MW_NAME_SIZE);
	into->n_alias = (size_t)n;
	return err;
}

static mw_err check_limits(const struct load *load, const config_setting_t *group, const char *path,
			   const struct mw_profile_channel *channel)
{
	if (channel->low > channel->high)
		return mw_conf_fail(&load->reader, place(group, "low"), path, "low",
				    "must not be above high");
	if (channel->alarm_low > channel->alarm_high || channel->alarm_low > channel->low)
		return mw_conf_fail(&load->reader, place(group, "alarm_low"), path, "alarm_low",
				    "must not be above low or alarm_high");
	if (channel->alarm_high < channel->high)
		return mw_conf_fail(&load->reader, place(group, "alarm_high"), path, "alarm_high",
				    "must not be below high");
	return MW_E_OK;
}

static mw_err take_channel(struct load *load, const config_setting_t *group, const char *path,
			   const struct raw_channel *raw)
{
	struct mw_profile_channel *into = &load->profile->channel[load->profile->n_channel];
	int role = 0, kind = 0;
	mw_err err = MW_E_OK;

	if (*raw->name == '\0')
		return mw_conf_fail(&load->reader, place(group, "name"), path, "name",
				    "must not be empty");
	for (size_t i = 0; i < load->profile->n_channel; i++)
		if (strcmp(load->profile->channel[i].name, raw->name) == 0)
			return mw_conf_fail(&load->reader, place(group, "name"), path, "name",
					    "is there twice");
	err = copy(load, place(group, "name"), path, "name", raw->name, into->name, MW_NAME_SIZE);
	if (!err)
		err = copy(load, place(group, "unit"), path, "unit", raw->unit, into->unit,
			   MW_UNIT_SIZE);
	if (!err)
		err = read_code(load, place(group, "role"), path, "role",
				mw_role_from_code(raw->role), raw->role, &role);
	if (!err)
		err = read_code(load, place(group, "kind"), path, "kind",
				mw_channel_kind_from_text(raw->kind), raw->kind, &kind);
	into->role = (enum mw_role)role;
	into->kind = (enum mw_channel_kind)kind;
	into->is_pattern = strpbrk(raw->name, "*?") != NULL;
	into->regime = raw->regime;
	into->low = raw->low;
	into->high = raw->high;
	into->alarm_low = raw->alarm_low;
	into->alarm_high = raw->alarm_high;
	if (!err)
		err = check_limits(load, group, path, into);
	if (!err)
		err = read_aliases(load, group, path, into);
	load->profile->n_channel += !err;
	return err;
}

/* --- lists ------------------------------------------------------------------------------------ */

static const struct mw_conf_section *section_of(const char *name)
{
	const struct mw_conf_section *section = mw_conf_profile_sections;

	while (strcmp(section->name, name) != 0)
		section++;
	return section;
}

static mw_err open_list(const struct load *load, const char *name, int max, size_t element,
			const config_setting_t **ret_list, void **ret_items)
{
	const config_setting_t *list = config_setting_get_member(load->root, name);
	int n = list ? config_setting_length(list) : 0;

	if (list && !config_setting_is_list(list))
		return mw_conf_fail(&load->reader, list, name, NULL,
				    "must be a list of groups: ( { ... }, { ... } )");
	if (n > max)
		return mw_conf_fail(&load->reader, list, name, NULL, "has more than %d elements",
				    max);
	*ret_items = calloc(n > 0 ? (size_t)n : 1, element);
	*ret_list = list;
	return *ret_items ? MW_E_OK : MW_E_NOMEM;
}

/* Element i of a list into its raw struct; `path` names it in messages. */
static mw_err read_element(const struct load *load, const config_setting_t *list, const char *name,
			   int i, char path[PATH_TEXT], void *base)
{
	const struct mw_conf_section *section = section_of(name);
	const struct mw_conf_group group = {path, section->options, section->nested};

	(void)snprintf(path, PATH_TEXT, "%s[%d]", name, i);
	return mw_conf_read_group(&load->reader, config_setting_get_elem(list, (unsigned)i), list,
				  &group, base);
}

static mw_err read_channels(struct load *load)
{
	const config_setting_t *list;
	void *items;
	mw_err err = open_list(load, "channels", MW_PROFILE_MAX_CHANNELS,
			       sizeof(struct mw_profile_channel), &list, &items);

	if (err)
		return err;
	load->profile->channel = items;
	for (int i = 0; list && i < config_setting_length(list) && !err; i++) {
		struct raw_channel raw;
		char path[PATH_TEXT];

		err = read_element(load, list, "channels", i, path, &raw);
		if (!err)
			err = take_channel(load, config_setting_get_elem(list, (unsigned)i), path,
					   &raw);
	}
	return err;
}

/* The index of a channel that the profile itself names. */
static mw_err find_channel(const struct load *load, const config_setting_t *group, const char *path,
			   const char *key, const char *name, int *ret_index)
{
	for (size_t i = 0; i < load->profile->n_channel; i++)
		if (strcmp(load->profile->channel[i].name, name) == 0) {
			*ret_index = (int)i;
			return MW_E_OK;
		}
	return mw_conf_fail(&load->reader, place(group, key), path, key,
			    "\"%.60s\" is not a name in channels", name);
}

static mw_err take_edge(struct load *load, const config_setting_t *group, const char *path,
			const struct raw_edge *raw)
{
	struct mw_profile *profile = load->profile;
	struct mw_profile_edge *into = &profile->edge[profile->n_edge];
	int from = 0, to = 0;
	mw_err err = find_channel(load, group, path, "from", raw->from, &from);

	if (!err)
		err = find_channel(load, group, path, "to", raw->to, &to);
	if (!err && from == to)
		err = mw_conf_fail(&load->reader, place(group, "to"), path, "to",
				   "must not be the channel itself");
	if (!err)
		err = copy(load, place(group, "comment"), path, "comment", raw->comment,
			   into->comment, MW_PROFILE_TEXT_SIZE);
	if (err)
		return err;
	into->from = (uint16_t)from;
	into->to = (uint16_t)to;
	profile->channel[from].n_out++;
	profile->channel[to].n_in++;
	profile->n_edge++;
	return MW_E_OK;
}

static mw_err read_topology(struct load *load)
{
	const config_setting_t *list;
	void *items;
	mw_err err = open_list(load, "topology", MW_PROFILE_MAX_EDGES,
			       sizeof(struct mw_profile_edge), &list, &items);

	if (err)
		return err;
	load->profile->edge = items;
	for (int i = 0; list && i < config_setting_length(list) && !err; i++) {
		struct raw_edge raw;
		char path[PATH_TEXT];

		err = read_element(load, list, "topology", i, path, &raw);
		if (!err)
			err =
			    take_edge(load, config_setting_get_elem(list, (unsigned)i), path, &raw);
	}
	return err;
}

static mw_err read_languages(const struct load *load, const config_setting_t *group,
			     const char *path, const char *key, char into[2][MW_PROFILE_TEXT_SIZE])
{
	static const struct mw_option none[] = {{NULL, 0, 0, NULL, 0, 0, NULL}};
	static const char *const languages[] = {"en", "ko", NULL};
	const config_setting_t *both = config_setting_get_member(group, key);
	char inner[PATH_TEXT + 8], unused;
	const struct mw_conf_group shape = {inner, none, languages};
	mw_err err;

	if (!both)
		return MW_E_OK;
	(void)snprintf(inner, sizeof(inner), "%s.%s", path, key);
	err = mw_conf_read_group(&load->reader, both, both, &shape, &unused);
	for (int l = 0; languages[l] && !err; l++) {
		const config_setting_t *text = config_setting_get_member(both, languages[l]);

		if (text)
			err = copy_setting(load, text, inner, languages[l], into[l],
					   MW_PROFILE_TEXT_SIZE);
	}
	return err;
}

static mw_err take_weak(struct load *load, const config_setting_t *group, const char *path,
			const struct raw_weak *raw)
{
	struct mw_profile *profile = load->profile;
	struct mw_profile_weak *into = &profile->weak[profile->n_weak];
	int fault = 0;
	mw_err err = read_code(load, place(group, "fault"), path, "fault",
			       mw_fault_from_code(raw->fault), raw->fault, &fault);

	into->channel = -1;
	if (!err && *raw->channel != '\0')
		err = find_channel(load, group, path, "channel", raw->channel, &into->channel);
	if (!err)
		err = read_languages(load, group, path, "cause", into->cause);
	if (!err)
		err = read_languages(load, group, path, "check", into->check);
	if (err)
		return err;
	into->fault = (enum mw_fault)fault;
	into->weight = raw->weight;
	if (into->channel >= 0)
		profile->channel[into->channel].weak =
		    fmax(profile->channel[into->channel].weak, into->weight);
	profile->n_weak++;
	return MW_E_OK;
}

static mw_err read_weak_points(struct load *load)
{
	const config_setting_t *list;
	void *items;
	mw_err err = open_list(load, "weak_points", MW_PROFILE_MAX_WEAK,
			       sizeof(struct mw_profile_weak), &list, &items);

	if (err)
		return err;
	load->profile->weak = items;
	for (int i = 0; list && i < config_setting_length(list) && !err; i++) {
		struct raw_weak raw;
		char path[PATH_TEXT];

		err = read_element(load, list, "weak_points", i, path, &raw);
		if (!err)
			err =
			    take_weak(load, config_setting_get_elem(list, (unsigned)i), path, &raw);
	}
	return err;
}

/* --- the file --------------------------------------------------------------------------------- */

static mw_err read_head(struct load *load)
{
	const struct mw_conf_group group = {"", head_options, head_nested};
	struct raw_head raw;
	int machine = 0;
	mw_err err = mw_conf_read_group(&load->reader, load->root, load->root, &group, &raw);

	if (!err)
		err = copy(load, place(load->root, "name"), "", "name", raw.name,
			   load->profile->name, MW_NAME_SIZE);
	if (!err)
		err = read_code(load, place(load->root, "machine"), "", "machine",
				mw_machine_from_code(raw.machine), raw.machine, &machine);
	load->profile->machine = (enum mw_machine)machine;
	return err;
}

static mw_err read_all(struct load *load)
{
	mw_err err = read_head(load);

	if (!err)
		err = read_channels(load);
	if (!err)
		err = read_topology(load);
	if (!err)
		err = read_weak_points(load);
	if (!err)
		err = mw_conf_read_site_faults(&load->reader, load->root, &load->profile->site,
					       &load->profile->n_site);
	if (err)
		return err;
	load->profile->paths = malloc(sizeof(*load->profile->paths));
	if (!load->profile->paths)
		return MW_E_NOMEM;
	mw_profile_paths(load->profile, load->profile->paths);
	return MW_E_OK;
}

mw_err mw_conf_load_profile(const char *path, char *why, size_t why_size,
			    struct mw_profile **ret_profile)
{
	struct mw_conf_arena arena = {NULL};
	struct load load = {.reader = {path, &arena, why, why_size}};
	config_t tree;
	mw_err err = mw_conf_open(path, why, why_size, &tree);

	if (err)
		return err;
	load.root = config_root_setting(&tree);
	load.profile = calloc(1, sizeof(*load.profile));
	err = load.profile ? read_all(&load) : MW_E_NOMEM;
	config_destroy(&tree);
	mw_conf_arena_done(&arena);
	if (err) {
		mw_profile_free(load.profile);
		return err == MW_E_NOMEM ? mw_why(err, why, why_size, "%s: out of memory", path)
					 : err;
	}
	*ret_profile = load.profile;
	return MW_E_OK;
}
