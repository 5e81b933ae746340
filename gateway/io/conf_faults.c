#include "gateway/io/conf.h"
#include "gateway/io/conf_table.h"

#include <stdlib.h>
#include <string.h>

#define FAULT_FILE_VERSION 1

static const char *const language_key[] = {[MW_LANGUAGE_EN] = "en", [MW_LANGUAGE_KO] = "ko"};
static const char *const kind_word[] = {
    [MW_KIND_NONE] = "none",
    [MW_KIND_SENSOR] = "sensor",
    [MW_KIND_PROCESS] = "process",
    [MW_KIND_OPERATION] = "operation",
};

/* One element of the list. */
struct entry {
	const struct mw_conf_reader *reader;
	const config_setting_t *group;
	const char *code;
};

static mw_err copy_text(const struct entry *entry, const config_setting_t *setting, const char *key,
			char **ret_text)
{
	const char *text = setting ? config_setting_get_string(setting) : NULL;

	if (!text || *text == '\0')
		return mw_conf_fail(entry->reader, setting ? setting : entry->group, entry->code,
				    key, "must be a text in quotes, not empty");
	*ret_text = strdup(text);
	return *ret_text ? MW_E_OK : MW_E_NOMEM;
}

/* The member `key` of the entry in one language: name = { en = "..."; ko = "..."; }. */
static const config_setting_t *in_language(const struct entry *entry, const char *key, int language)
{
	const config_setting_t *both = config_setting_get_member(entry->group, key);

	return both && config_setting_is_group(both)
		   ? config_setting_get_member(both, language_key[language])
		   : NULL;
}

/* A list or array of texts, or one text; nothing at all is an empty list. */
static mw_err read_texts(const struct entry *entry, const char *key, int language,
			 char *ret_text[MW_FAULT_TEXTS])
{
	const config_setting_t *list = in_language(entry, key, language);
	int n = list ? config_setting_length(list) : 0;
	mw_err err = MW_E_OK;

	if (!list)
		return config_setting_get_member(entry->group, key)
			   ? mw_conf_fail(entry->reader, entry->group, entry->code, key,
					  "has no %s", language_key[language])
			   : MW_E_OK;
	if (config_setting_type(list) == CONFIG_TYPE_STRING)
		return copy_text(entry, list, key, &ret_text[0]);
	if (!config_setting_is_list(list) && !config_setting_is_array(list))
		return mw_conf_fail(entry->reader, list, entry->code, key,
				    "must be a list of texts: ( \"...\", \"...\" )");
	if (n >= MW_FAULT_TEXTS)
		return mw_conf_fail(entry->reader, list, entry->code, key, "has more than %d texts",
				    MW_FAULT_TEXTS - 1);
	for (int i = 0; i < n && !err; i++)
		err =
		    copy_text(entry, config_setting_get_elem(list, (unsigned)i), key, &ret_text[i]);
	return err;
}

static mw_err read_language(const struct entry *entry, int language, struct mw_fault_text *text)
{
	mw_err err = copy_text(entry, in_language(entry, "name", language), "name", &text->name);

	if (!err)
		err = read_texts(entry, "symptoms", language, text->symptom);
	if (!err)
		err = read_texts(entry, "causes", language, text->cause);
	return err ? err : read_texts(entry, "checks", language, text->check);
}

static mw_err check_kind(const struct entry *entry, enum mw_fault fault)
{
	const config_setting_t *kind = config_setting_get_member(entry->group, "kind");
	const char *word = kind ? config_setting_get_string(kind) : NULL;

	if (word && strcmp(word, kind_word[mw_fault_kind_of(fault)]) == 0)
		return MW_E_OK;
	return mw_conf_fail(entry->reader, kind ? kind : entry->group, entry->code, "kind",
			    "must be \"%s\"", kind_word[mw_fault_kind_of(fault)]);
}

static mw_err read_fault(const struct mw_conf_reader *reader, const config_setting_t *group,
			 struct mw_fault_library *library)
{
	static const char *const keys[] = {"code",   "kind",   "name", "symptoms",
					   "causes", "checks", NULL};
	static const struct mw_option none[] = {{NULL, 0, 0, NULL, 0, 0, NULL}};
	static const struct mw_conf_group shape = {"faults", none, keys};
	const config_setting_t *code;
	struct entry entry = {reader, group, ""};
	char unused;
	int fault;
	mw_err err = mw_conf_read_group(reader, group, group, &shape, &unused);

	if (err)
		return err;
	code = config_setting_get_member(group, "code");
	entry.code = code ? config_setting_get_string(code) : NULL;
	fault = entry.code ? mw_fault_from_code(entry.code) : -1;
	if (fault < 0)
		return mw_conf_fail(reader, code ? code : group, "faults", "code",
				    "is not a known fault code");
	if (library->fault[fault][0].name)
		return mw_conf_fail(reader, code, entry.code, NULL, "is there twice");
	err = check_kind(&entry, (enum mw_fault)fault);
	for (int language = 0; language < 2 && !err; language++)
		err = read_language(&entry, language, &library->fault[fault][language]);
	return err;
}

static mw_err check_complete(const struct mw_conf_reader *reader, const config_setting_t *root,
			     const struct mw_fault_library *library)
{
	for (int fault = 0; fault < MW_N_FAULT; fault++)
		if (!library->fault[fault][0].name)
			return mw_conf_fail(reader, root, "faults", NULL, "\"%s\" is missing",
					    mw_fault_code((enum mw_fault)fault));
	return MW_E_OK;
}

static mw_err read_library(const struct mw_conf_reader *reader, const config_t *tree,
			   struct mw_fault_library *library)
{
	const config_setting_t *root = config_root_setting(tree);
	const config_setting_t *list = config_setting_get_member(root, "faults");
	int version = 0;
	mw_err err = MW_E_OK;

	if (!config_lookup_int(tree, "version", &version) || version != FAULT_FILE_VERSION)
		return mw_conf_fail(reader, root, "version", NULL, "must be %d",
				    FAULT_FILE_VERSION);
	if (!list || !config_setting_is_list(list))
		return mw_conf_fail(reader, list ? list : root, "faults", NULL,
				    "must be a list of groups");
	for (int i = 0; i < config_setting_length(list) && !err; i++)
		err = read_fault(reader, config_setting_get_elem(list, (unsigned)i), library);
	return err ? err : check_complete(reader, root, library);
}

mw_err mw_conf_load_faults(const char *path, char *why, size_t why_size,
			   struct mw_fault_library **ret_library)
{
	struct mw_conf_arena arena = {NULL};
	const struct mw_conf_reader reader = {path, &arena, why, why_size};
	struct mw_fault_library *library;
	config_t tree;
	mw_err err = mw_conf_open(path, why, why_size, &tree);

	if (err)
		return err;
	library = calloc(1, sizeof(*library));
	err = library ? read_library(&reader, &tree, library) : MW_E_NOMEM;
	config_destroy(&tree);
	mw_conf_arena_done(&arena);
	if (err) {
		mw_fault_library_free(library);
		return err == MW_E_NOMEM ? mw_why(err, why, why_size, "%s: out of memory", path)
					 : err;
	}
	*ret_library = library;
	return MW_E_OK;
}
