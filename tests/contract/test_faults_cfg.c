/* The shipped fault library: whole, in the model's order, and readable after "check" and "원인:".
 */
#include "model/corpus/machines.h"
#include "tests/unit/unit.h"

#include <ctype.h>
#include <libconfig.h>
#include <stdbool.h>
#include <string.h>

#define LIBRARY "schemas/faults.cfg"

static const char *const kind_name[] = {"none", "sensor", "process", "operation"};

static const config_setting_t *library(config_t *cfg)
{
	config_init(cfg);
	ck_assert_msg(config_read_file(cfg, LIBRARY), "%s:%d: %s", LIBRARY, config_error_line(cfg),
		      config_error_text(cfg));
	return config_lookup(cfg, "faults");
}

static const char *text_at(const config_setting_t *setting, const char *path)
{
	const config_setting_t *found = config_setting_lookup((config_setting_t *)setting, path);
	const char *text = found ? config_setting_get_string(found) : NULL;

	ck_assert_msg(text != NULL, "line %u: no %s", config_setting_source_line(setting), path);
	return text;
}

static bool has_digit(const char *text)
{
	for (; *text; text++)
		if (isdigit((unsigned char)*text))
			return true;
	return false;
}

static bool has_hangul(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0xEA && (unsigned char)*text <= 0xED)
			return true;
	return false;
}

/* Entries of one list; each a fragment: no digit, no capital at the start, no full stop. */
static int check_list(const config_setting_t *fault, const char *path, bool korean)
{
	const config_setting_t *list = config_setting_lookup((config_setting_t *)fault, path);
	int n;

	ck_assert_msg(list && config_setting_is_list(list), "line %u: no list %s",
		      config_setting_source_line(fault), path);
	n = config_setting_length(list);
	for (int i = 0; i < n; i++) {
		const char *text = config_setting_get_string_elem(list, i);

		ck_assert_msg(text && strlen(text) > 3, "%s %d", path, i);
		ck_assert_msg(!has_digit(text), "digit in: %s", text);
		ck_assert_msg(!isupper((unsigned char)text[0]), "capital: %s", text);
		ck_assert_msg(text[strlen(text) - 1] != '.', "full stop: %s", text);
		ck_assert_msg(has_hangul(text) == korean, "wrong language: %s", text);
	}
	return n;
}

static void check_fault(const config_setting_t *fault, enum mw_fault code)
{
	enum mw_fault_kind kind = mw_fault_kind_of(code);
	int least = code == MW_FAULT_NONE ? 0 : 2;
	int symptoms;
	int causes;
	int checks;

	ck_assert_str_eq(text_at(fault, "code"), mw_fault_code(code));
	ck_assert_str_eq(text_at(fault, "kind"), kind_name[kind]);
	ck_assert(strlen(text_at(fault, "name.en")) > 2);
	ck_assert(has_hangul(text_at(fault, "name.ko")));
	symptoms = check_list(fault, "symptoms.en", false);
	ck_assert_msg(symptoms >= 2 && symptoms <= 4, "%s: %d symptoms", mw_fault_code(code),
		      symptoms);
	ck_assert_int_eq(check_list(fault, "symptoms.ko", true), symptoms);
	causes = check_list(fault, "causes.en", false);
	checks = check_list(fault, "checks.en", false);
	ck_assert_msg(causes >= least && causes <= 4, "%s: %d causes", mw_fault_code(code), causes);
	ck_assert_msg(checks >= least && checks <= 4, "%s: %d checks", mw_fault_code(code), checks);
	ck_assert_int_eq(check_list(fault, "causes.ko", true), causes);
	ck_assert_int_eq(check_list(fault, "checks.ko", true), checks);
}

START_TEST(library_holds_every_code_in_order)
{
	config_t cfg;
	const config_setting_t *faults = library(&cfg);
	int version = 0;

	ck_assert(config_lookup_int(&cfg, "version", &version));
	ck_assert_int_eq(version, 1);
	ck_assert(faults && config_setting_is_list(faults));
	ck_assert_int_eq(config_setting_length(faults), MW_N_FAULT);
	for (int i = 0; i < MW_N_FAULT; i++)
		check_fault(config_setting_get_elem(faults, (unsigned)i), (enum mw_fault)i);
	config_destroy(&cfg);
}
END_TEST

START_TEST(names_are_unique_in_each_language)
{
	static const char *const path[] = {"name.en", "name.ko"};
	config_t cfg;
	const config_setting_t *faults = library(&cfg);
	unsigned n = (unsigned)config_setting_length(faults);

	for (unsigned i = 0; i < 2 * n * n; i++) {
		const config_setting_t *a = config_setting_get_elem(faults, i / 2 / n);
		const config_setting_t *b = config_setting_get_elem(faults, i / 2 % n);

		if (a < b || a > b)
			ck_assert_str_ne(text_at(a, path[i % 2]), text_at(b, path[i % 2]));
	}
	config_destroy(&cfg);
}
END_TEST

MW_TEST_MAIN("faults_cfg", library_holds_every_code_in_order, names_are_unique_in_each_language)
