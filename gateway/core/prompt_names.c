/* The names of the codes, as they stand in a model file. */
#include "gateway/core/prompt.h"

#include <stdio.h>

#define FEATURES (MW_N_FEATURES * MW_CODE_BINS)

const struct mw_prompt_table *mw_prompt_tables(void)
{
	static const struct mw_prompt_table table[MW_PROMPT_N_TABLE] = {
	    {"patch", MW_CODE_PATCH, FEATURES},
	    {"history", MW_CODE_HISTORY, FEATURES},
	    {"asset", MW_CODE_ASSET, FEATURES},
	    {"asset_history", MW_CODE_ASSET_HISTORY, FEATURES},
	    {"header", MW_CODE_HEADER, FEATURES},
	    {"row", MW_CODE_ROW, MW_PROMPT_MAX_ROWS},
	    {"role", MW_CODE_ROLE, MW_N_ROLE},
	    {"machine", MW_CODE_MACHINE, MW_N_MACHINE},
	    {"count", MW_CODE_COUNT, MW_CODE_GAP - MW_CODE_COUNT},
	    {"gap", MW_CODE_GAP, MW_CODE_SYMPTOM - MW_CODE_GAP},
	    {"symptom", MW_CODE_SYMPTOM, MW_PROMPT_SYMPTOMS * MW_CODE_BINS},
	    {"mode", MW_CODE_MODE, MW_CODE_PROFILE - MW_CODE_MODE},
	    {"profile", MW_CODE_PROFILE, MW_PROMPT_PROFILES},
	    {"ask", MW_CODE_ASK, 1},
	    {"en", MW_CODE_EN, 1},
	    {"ko", MW_CODE_KO, 1},
	    {"verdict", MW_CODE_VERDICT, MW_CODE_FAULT - MW_CODE_VERDICT},
	    {"fault", MW_CODE_FAULT, MW_N_FAULT},
	    {"severity", MW_CODE_SEVERITY, MW_CODE_CHANNEL - MW_CODE_SEVERITY},
	    {"channel", MW_CODE_CHANNEL, MW_PROMPT_MAX_CHANNELS},
	    {"end_channels", MW_CODE_END_CHANNELS, 1},
	    {"onset", MW_CODE_ONSET, MW_CODE_EOS - MW_CODE_ONSET},
	    {"eos", MW_CODE_EOS, 1},
	};

	return table;
}

static const char *const channel_feature[MW_N_FEATURES] = {
    "level", "slope", "step_rms", "static", "static_spread", "dynamic", "dynamic_rms",
};
static const char *const asset_feature[MW_N_FEATURES] = {
    "t2", "q", "dynamic", "mewma", "max_z", "max_static", "max_dynamic",
};
static const char *const header_feature[MW_N_FEATURES] = {
    "slow_share",          "trend",          "step_noise",  "static_unexplained",
    "dynamic_unexplained", "constant_share", "tail_weight",
};
static const char *const symptom[MW_PROMPT_SYMPTOMS] = {"impulse",  "power", "band",
							"coupling", "drift", "still"};
static const char *const mode[] = {"single", "steady", "settling", "new"};
static const char *const verdict[] = {"normal", "operation", "fault", "unknown"};

/* Texts of a table whose codes have one, or NULL: numbered from `from`. */
static const char *text_of(unsigned table, unsigned i, unsigned *ret_from)
{
	*ret_from = 0;
	switch (table) {
	case MW_CODE_ROW:
		return i == 0 ? "asset" : NULL;
	case MW_CODE_ROLE:
		return mw_role_code((enum mw_role)i);
	case MW_CODE_MACHINE:
		return mw_machine_code((enum mw_machine)i);
	case MW_CODE_MODE:
		return mode[i];
	case MW_CODE_VERDICT:
		return verdict[i];
	case MW_CODE_FAULT:
		return mw_fault_code((enum mw_fault)i);
	case MW_CODE_ONSET:
		return i < MW_WINDOW_PATCHES ? NULL : i == MW_WINDOW_PATCHES ? "before" : "none";
	case MW_CODE_SEVERITY:
	case MW_CODE_CHANNEL:
		*ret_from = 1;
		return NULL;
	default:
		return NULL;
	}
}

static const char *feature_of(unsigned table, unsigned feature)
{
	switch (table) {
	case MW_CODE_ASSET:
	case MW_CODE_ASSET_HISTORY:
		return asset_feature[feature];
	case MW_CODE_HEADER:
		return header_feature[feature];
	case MW_CODE_SYMPTOM:
		return symptom[feature];
	default:
		return channel_feature[feature];
	}
}

static const struct mw_prompt_table *table_of(unsigned code)
{
	const struct mw_prompt_table *table = mw_prompt_tables();

	while (code >= table->first + table->size)
		table++;
	return table;
}

void mw_prompt_token_name(unsigned code, char ret_name[MW_TOKEN_NAME_SIZE])
{
	const struct mw_prompt_table *table = table_of(code);
	unsigned i = code - table->first;
	unsigned from;
	const char *text = text_of(table->first, i, &from);

	if (table->size == 1)
		(void)snprintf(ret_name, MW_TOKEN_NAME_SIZE, "<%s>", table->name);
	else if (table->size == FEATURES || table->first == MW_CODE_SYMPTOM)
		(void)snprintf(ret_name, MW_TOKEN_NAME_SIZE, "<%s.%s:%u>", table->name,
			       feature_of(table->first, i / MW_CODE_BINS), i % MW_CODE_BINS);
	else if (text)
		(void)snprintf(ret_name, MW_TOKEN_NAME_SIZE, "<%s:%s>", table->name, text);
	else
		(void)snprintf(ret_name, MW_TOKEN_NAME_SIZE, "<%s:%u>", table->name, from + i);
}
