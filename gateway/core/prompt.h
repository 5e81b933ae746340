/*
 * prompt.h -- the native prompt of schemas/prompt.md: evidence in, token codes out.
 */
#ifndef MW_CORE_PROMPT_H
#define MW_CORE_PROMPT_H

#include "gateway/core/evidence.h"
#include "model/corpus/machines.h"

#define MW_PROMPT_VERSION      2
#define MW_PROMPT_SLOTS        10
#define MW_PROMPT_NONE         0xFFFFu
#define MW_PROMPT_ROW_LEN      (1 + MW_HISTORY + MW_WINDOW_PATCHES) /* 20 */
#define MW_PROMPT_FIRST_PATCH  (1 + MW_HISTORY)
#define MW_PROMPT_MAX_CHANNELS 16
#define MW_PROMPT_MAX_ROWS     (1 + MW_PROMPT_MAX_CHANNELS)
#define MW_CODE_BINS           32
#define MW_PROMPT_SYMPTOMS     6 /* two on each history position */
/* What the machine's profile says of a channel, as one code: limits x topology x weak point. */
#define MW_PROMPT_LIMITS     4 /* none said, within, outside the normal, outside the alarm limits */
#define MW_PROMPT_TOPOLOGIES 3 /* nothing said, drives others, is driven only */
#define MW_PROMPT_PROFILES   (MW_PROMPT_LIMITS * MW_PROMPT_TOPOLOGIES * 2)

/* First code of each table, in order; MW_CODE_END = how many codes before the words. */
enum mw_code {
	MW_CODE_PATCH = 0,
	MW_CODE_HISTORY = MW_CODE_PATCH + MW_N_FEATURES * MW_CODE_BINS,
	MW_CODE_ASSET = MW_CODE_HISTORY + MW_N_FEATURES * MW_CODE_BINS,
	MW_CODE_ASSET_HISTORY = MW_CODE_ASSET + MW_N_FEATURES * MW_CODE_BINS,
	MW_CODE_HEADER = MW_CODE_ASSET_HISTORY + MW_N_FEATURES * MW_CODE_BINS,
	MW_CODE_ROW = MW_CODE_HEADER + MW_N_FEATURES * MW_CODE_BINS,
	MW_CODE_ROLE = MW_CODE_ROW + MW_PROMPT_MAX_ROWS,
	MW_CODE_MACHINE = MW_CODE_ROLE + MW_N_ROLE,
	MW_CODE_COUNT = MW_CODE_MACHINE + MW_N_MACHINE, /* 1, 2, 3-4, 5-8, 9+ channels */
	MW_CODE_GAP = MW_CODE_COUNT + 5,
	MW_CODE_SYMPTOM = MW_CODE_GAP + 4,
	MW_CODE_MODE = MW_CODE_SYMPTOM + MW_PROMPT_SYMPTOMS * MW_CODE_BINS, /* enum mw_mode */
	MW_CODE_PROFILE = MW_CODE_MODE + 4,
	MW_CODE_ASK = MW_CODE_PROFILE + MW_PROMPT_PROFILES,
	MW_CODE_EN = MW_CODE_ASK + 1,
	MW_CODE_KO = MW_CODE_EN + 1,
	MW_CODE_VERDICT = MW_CODE_KO + 1, /* normal, operation, fault, unknown */
	MW_CODE_FAULT = MW_CODE_VERDICT + 4,
	MW_CODE_SEVERITY = MW_CODE_FAULT + MW_N_FAULT, /* 1..3 */
	MW_CODE_CHANNEL = MW_CODE_SEVERITY + 3,        /* channel row 1..16 */
	MW_CODE_END_CHANNELS = MW_CODE_CHANNEL + MW_PROMPT_MAX_CHANNELS,
	MW_CODE_ONSET = MW_CODE_END_CHANNELS + 1, /* patch 0..15, before, none */
	MW_CODE_EOS = MW_CODE_ONSET + MW_WINDOW_PATCHES + 2,
	MW_CODE_END = MW_CODE_EOS + 1
};

enum mw_verdict { MW_VERDICT_NORMAL, MW_VERDICT_OPERATION, MW_VERDICT_FAULT, MW_VERDICT_UNKNOWN };
enum mw_language { MW_LANGUAGE_EN, MW_LANGUAGE_KO };

/* What is known of the machine, beside its data. */
struct mw_profile_channel; /* profile.h */
struct mw_machine_info {
	enum mw_machine machine;
	enum mw_role role[MW_MAX_CHANNELS];
	/* What the machine's profile says of each channel, lent; NULL: nothing. */
	const struct mw_profile_channel *profile[MW_MAX_CHANNELS];
};

/* The window in real numbers, before they become codes. */
struct mw_prompt_features {
	uint32_t n_rows, n_channels; /* prompt rows with the asset's; channels of the asset */
	uint8_t channel[MW_PROMPT_MAX_CHANNELS];
	enum mw_machine machine;
	enum mw_mode mode;
	enum mw_language language;
	/* [row][position]: row 0 the asset, without a header */
	float feature[MW_PROMPT_MAX_ROWS][MW_PROMPT_ROW_LEN][MW_N_FEATURES];
	/* by channel row, from 0 */
	enum mw_role role[MW_PROMPT_MAX_CHANNELS];
	uint8_t profile[MW_PROMPT_MAX_CHANNELS]; /* < MW_PROMPT_PROFILES, or MW_PROMPT_NO_PROFILE */
	float symptom[MW_PROMPT_MAX_CHANNELS][MW_PROMPT_SYMPTOMS];
	uint8_t gap[MW_PROMPT_MAX_CHANNELS][MW_WINDOW_PATCHES];
};
#define MW_PROMPT_NO_PROFILE 0xFF

struct mw_prompt {
	uint32_t n_rows;                         /* 1 + channel rows */
	uint8_t channel[MW_PROMPT_MAX_CHANNELS]; /* channel row i+1 shows this asset channel */
	uint16_t
	    code[MW_PROMPT_MAX_ROWS * MW_PROMPT_ROW_LEN * MW_PROMPT_SLOTS]; /* [row][pos][slot] */
	uint16_t question[MW_PROMPT_SLOTS];                                 /* tail position 0 */
};

/* Needs mw_evidence_window_ready and, for the symptoms, mw_evidence_read. */
void mw_prompt_gather(const struct mw_evidence *evidence, const struct mw_machine_info *info,
		      enum mw_language language, struct mw_prompt_features *ret_features);
void mw_prompt_code(const struct mw_prompt_features *features, struct mw_prompt *ret_prompt);

/* Both: encodes the present window.  Needs mw_evidence_window_ready.  Deterministic; never fails. */
void mw_prompt_encode(const struct mw_evidence *evidence, const struct mw_machine_info *info,
		      enum mw_language language, struct mw_prompt *ret_prompt);

/* One of the tables above: "patch", its first code and how many codes it has. */
struct mw_prompt_table {
	const char *name;
	unsigned first, size;
};
#define MW_PROMPT_N_TABLE 23
const struct mw_prompt_table *mw_prompt_tables(void); /* MW_PROMPT_N_TABLE, by first code */

#define MW_TOKEN_NAME_SIZE 40
/* The name of a code (< MW_CODE_END), as it stands in a model file: "<patch.level:3>",
 * "<row:asset>",
 * "<role:pressure>", "<verdict:normal>", "<onset:before>".  Every name is different. */
void mw_prompt_token_name(unsigned code, char ret_name[MW_TOKEN_NAME_SIZE]);

/* Guesses a channel's role from its name and unit ("discharge_pressure", "bar"); OTHER if unsure.
 */
enum mw_role mw_role_guess(const char *name, const char *unit);
/* How a channel of that role is judged: set points and states are commands. */
enum mw_channel_use mw_role_use(enum mw_role role);

#endif
