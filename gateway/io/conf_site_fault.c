#include "gateway/io/conf_site_fault.h"

#include "gateway/base/utf8.h"
#include "gateway/io/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_TEXT 64 /* "faults[63].symptoms[11]" */

struct raw_site {
	const char *code;
	double weight;
};
struct raw_sign {
	const char *channel, *role, *does, *other;
	double weight;
};

#define SITE(member) (uint32_t) offsetof(struct raw_site, member)
#define SIGN(member) (uint32_t) offsetof(struct raw_sign, member)

const struct mw_option mw_conf_site_options[] = {
    {"code", MW_OPT_STR, SITE(code), NULL, 0, 0,
     "The site's own code: small letters, digits and _; not one of the fault library's."},
    {"weight", MW_OPT_FLOAT, SITE(weight), "1", 0.01, 100,
     "How many times as likely as the site's other faults."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

const struct mw_option mw_conf_sign_options[] = {
    {"channel", MW_OPT_STR, SIGN(channel), "", 0, 0,
     "Which channel: a name, or a pattern with * and ?; \"\" = by role."},
    {"role", MW_OPT_STR, SIGN(role), "", 0, 0, "Or every channel that measures this."},
    {"does", MW_OPT_STR, SIGN(does), NULL, 0, 0,
     "What it does: above, below, rose, fell, sudden, gradual, growing, back, still, lost, spikes, "
     "noisy, calm, swings, over_limit, under_limit, slight, strong, after, before, with; steady."},
    {"other", MW_OPT_STR, SIGN(other), "", 0, 0,
     "after, before and with: which channel's beginning."},
    {"weight", MW_OPT_FLOAT, SIGN(weight), "1", 0.1, 10, "How much it says."},
    {NULL, 0, 0, NULL, 0, 0, NULL},
};

const char *const mw_conf_site_nested[] = {"name", "symptoms", "causes", "checks", NULL};

/* One element of the list. */
struct entry {
	const struct mw_conf_reader *reader;
	const config_setting_t *group;
	char path[PATH_TEXT];
	struct mw_site_fault *into;
};

static mw_err fail_at(const struct entry *entry, const char *key, const char *what)
{
	const config_setting_t *at = config_setting_get_member(entry->group, key);

	return mw_conf_fail(entry->reader, at ? at : entry->group, entry->path, key, "%s", what);
}

static mw_err copy(const struct entry *entry, const config_setting_t *setting, const char *key,
		   char *into, size_t size)
{
	const char *text = setting ? config_setting_get_string(setting) : NULL;

	if (!text || *text == '\0' || !mw_utf8_is_clean(text, strlen(text)))
		return mw_conf_fail(
		    entry->reader, setting ? setting : entry->group, entry->path, key,
		    "must be a text in quotes, not empty, without control characters");
	if (strlen(text) >= size)
		return mw_conf_fail(entry->reader, setting, entry->path, key,
				    "must have at most %zu bytes", size - 1);
	memcpy(into, text, strlen(text) + 1);
	return MW_E_OK;
}

/* --- words ------------------------------------------------------------------------------------ */

static const char *const language_key[] = {[MW_LANGUAGE_EN] = "en", [MW_LANGUAGE_KO] = "ko"};

static mw_err read_both(const struct entry *entry, const char *key,
			const config_setting_t *ret_language[2])
{
	static const struct mw_option none[] = {{NULL, 0, 0, NULL, 0, 0, NULL}};
	static const char *const languages[] = {"en", "ko", NULL};
	const config_setting_t *both = config_setting_get_member(entry->group, key);
	char path[PATH_TEXT + 16], unused;
	const struct mw_conf_group shape = {path, none, languages};
	mw_err err;

	(void)snprintf(path, sizeof(path), "%s.%s", entry->path, key);
	err = mw_conf_read_group(entry->reader, both, entry->group, &shape, &unused);
	for (int l = 0; l < 2 && !err; l++) {
		ret_language[l] = both ? config_setting_get_member(both, language_key[l]) : NULL;
		if (!ret_language[l])
			err = mw_conf_fail(entry->reader, both ? both : entry->group, path,
					   language_key[l], "is missing");
	}
	return err;
}

/* One text, or a list of a few, likeliest first. */
static mw_err read_phrases(const struct entry *entry, const config_setting_t *list, const char *key,
			   char into[MW_SITE_TEXTS][MW_PHRASE_SIZE])
{
	int n = config_setting_length(list);
	mw_err err = MW_E_OK;

	if (config_setting_type(list) == CONFIG_TYPE_STRING)
		return copy(entry, list, key, into[0], MW_PHRASE_SIZE);
	if (!config_setting_is_list(list) && !config_setting_is_array(list))
		return mw_conf_fail(entry->reader, list, entry->path, key,
				    "must be a list of texts: ( \"...\", \"...\" )");
	if (n < 1 || n > MW_SITE_TEXTS)
		return mw_conf_fail(entry->reader, list, entry->path, key,
				    "must have 1 to %d texts", MW_SITE_TEXTS);
	for (int i = 0; i < n && !err; i++)
		err = copy(entry, config_setting_get_elem(list, (unsigned)i), key, into[i],
			   MW_PHRASE_SIZE);
	return err;
}

static mw_err read_words(const struct entry *entry)
{
	const config_setting_t *name[2], *cause[2], *check[2];
	mw_err err = read_both(entry, "name", name);

	if (!err)
		err = read_both(entry, "causes", cause);
	if (!err)
		err = read_both(entry, "checks", check);
	for (int l = 0; l < 2 && !err; l++) {
		err = copy(entry, name[l], "name", entry->into->name[l], MW_NAME_SIZE);
		if (!err)
			err = read_phrases(entry, cause[l], "causes", entry->into->cause[l]);
		if (!err)
			err = read_phrases(entry, check[l], "checks", entry->into->check[l]);
	}
	return err;
}

/* --- signs ------------------------------------------------------------------------------------ */

static bool is_order(int does)
{
	return does == MW_CLAIM_AFTER || does == MW_CLAIM_BEFORE || does == MW_CLAIM_WITH;
}

static mw_err take_sign(const struct entry *sign, const struct raw_sign *raw,
			struct mw_site_sign *into)
{
	int role = *raw->role ? mw_role_from_code(raw->role) : MW_ROLE_OTHER;

	into->does = mw_sign_from_text(raw->does);
	into->weight = raw->weight;
	if (into->does < 0)
		return fail_at(sign, "does", "is not something that a channel does");
	if (role < 0)
		return fail_at(sign, "role", "unknown role");
	if ((*raw->channel == '\0') == (*raw->role == '\0'))
		return fail_at(sign, "channel", "either channel or role must be given");
	if (is_order(into->does) != (*raw->other != '\0'))
		return fail_at(sign, "other",
			       "belongs to after, before and with, and only to them");
	if (strlen(raw->channel) >= MW_NAME_SIZE || strlen(raw->other) >= MW_NAME_SIZE)
		return fail_at(sign, "channel", "is too long");
	into->role = (enum mw_role)role;
	memcpy(into->channel, raw->channel, strlen(raw->channel) + 1);
	memcpy(into->other, raw->other, strlen(raw->other) + 1);
	return MW_E_OK;
}

static mw_err read_signs(const struct entry *entry)
{
	const config_setting_t *list = config_setting_get_member(entry->group, "symptoms");
	int n = list ? config_setting_length(list) : 0;
	mw_err err = MW_E_OK;

	if (!list || !config_setting_is_list(list) || n < 1 || n > MW_SITE_SIGNS_MAX)
		return mw_conf_fail(entry->reader, list ? list : entry->group, entry->path,
				    "symptoms", "must be a list of 1 to %d groups",
				    MW_SITE_SIGNS_MAX);
	for (int i = 0; i < n && !err; i++) {
		struct entry sign = {entry->reader, config_setting_get_elem(list, (unsigned)i), "",
				     NULL};
		const struct mw_conf_group shape = {sign.path, mw_conf_sign_options, NULL};
		struct raw_sign raw;

		(void)snprintf(sign.path, sizeof(sign.path), "%.40s.symptoms[%d]", entry->path, i);
		err = mw_conf_read_group(entry->reader, sign.group, list, &shape, &raw);
		if (!err)
			err = take_sign(&sign, &raw, &entry->into->sign[i]);
	}
	entry->into->n_sign = (size_t)n;
	return err;
}

/* --- entries ---------------------------------------------------------------------------------- */

static mw_err check_code(const struct entry *entry, const char *code,
			 const struct mw_site_fault *before, size_t n_before)
{
	if (*code == '\0' || strlen(code) >= MW_CODE_SIZE ||
	    strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(code))
		return fail_at(entry, "code", "must be of small letters, digits and _, 63 at most");
	if (mw_fault_from_code(code) >= 0)
		return fail_at(entry, "code", "is a code of the fault library");
	for (size_t i = 0; i < n_before; i++)
		if (strcmp(before[i].code, code) == 0)
			return fail_at(entry, "code", "is there twice");
	return MW_E_OK;
}

static mw_err read_entry(struct entry *entry, const config_setting_t *list,
			 const struct mw_site_fault *before, size_t n_before)
{
	const struct mw_conf_group shape = {entry->path, mw_conf_site_options, mw_conf_site_nested};
	struct raw_site raw;
	mw_err err = mw_conf_read_group(entry->reader, entry->group, list, &shape, &raw);

	if (!err)
		err = check_code(entry, raw.code, before, n_before);
	if (err)
		return err;
	memcpy(entry->into->code, raw.code, strlen(raw.code) + 1);
	entry->into->weight = raw.weight;
	err = read_words(entry);
	return err ? err : read_signs(entry);
}

mw_err mw_conf_read_site_faults(const struct mw_conf_reader *reader, const config_setting_t *root,
				struct mw_site_fault **ret_fault, size_t *ret_n)
{
	const config_setting_t *list = config_setting_get_member(root, "faults");
	int n = list ? config_setting_length(list) : 0;
	struct mw_site_fault *fault;
	mw_err err = MW_E_OK;

	if (list && (!config_setting_is_list(list) || n > MW_SITE_FAULTS_MAX))
		return mw_conf_fail(reader, list, "faults", NULL,
				    "must be a list of at most %d groups", MW_SITE_FAULTS_MAX);
	if (n == 0) {
		*ret_fault = NULL;
		*ret_n = 0;
		return MW_E_OK;
	}
	fault = calloc((size_t)n, sizeof(*fault));
	if (!fault)
		return MW_E_NOMEM;
	for (int i = 0; i < n && !err; i++) {
		struct entry entry = {reader, config_setting_get_elem(list, (unsigned)i), "",
				      &fault[i]};

		(void)snprintf(entry.path, sizeof(entry.path), "faults[%d]", i);
		err = read_entry(&entry, list, fault, (size_t)i);
	}
	if (err) {
		free(fault);
		return err;
	}
	*ret_fault = fault;
	*ret_n = (size_t)n;
	return MW_E_OK;
}
