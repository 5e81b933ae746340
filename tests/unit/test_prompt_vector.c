/*
 * test_prompt_vector.c -- the encoder against the Python one: the same features, the same codes.
 *
 * The features come from a file, so this program has an evidence of its own: a struct mw_evidence
 * that hands out what the file says, by the functions of evidence.h that the encoder asks.  The
 * file is model/train/prompt_vector.py's.
 */
#include "gateway/core/profile.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define VECTOR "tests/data/prompt_vector.bin"

struct shown {
	double weight;
	float header[MW_N_FEATURES];
	float history[MW_HISTORY][MW_N_FEATURES];
	float patch[MW_WINDOW_PATCHES][MW_N_FEATURES];
	uint8_t gap[MW_WINDOW_PATCHES];
	float symptom[MW_N_SYMPTOM];
	double now;
};

struct mw_evidence {
	size_t n;
	enum mw_mode mode;
	struct shown channel[MW_MAX_CHANNELS];
	float history[MW_HISTORY][MW_N_FEATURES];
	float patch[MW_WINDOW_PATCHES][MW_N_FEATURES];
};

/* --- the evidence that the encoder sees -------------------------------------------------------- */

size_t mw_evidence_n_channels(const struct mw_evidence *evidence)
{
	return evidence->n;
}

double mw_evidence_weight(const struct mw_evidence *evidence, size_t channel)
{
	return evidence->channel[channel].weight;
}

void mw_evidence_header(const struct mw_evidence *evidence, size_t channel,
			float ret_feature[MW_N_FEATURES])
{
	memcpy(ret_feature, evidence->channel[channel].header, sizeof(float) * MW_N_FEATURES);
}

void mw_evidence_history(const struct mw_evidence *evidence, size_t channel, size_t h,
			 float ret_feature[MW_N_FEATURES])
{
	memcpy(ret_feature, evidence->channel[channel].history[h], sizeof(float) * MW_N_FEATURES);
}

void mw_evidence_patch(const struct mw_evidence *evidence, size_t channel, size_t patch,
		       float ret_feature[MW_N_FEATURES])
{
	memcpy(ret_feature, evidence->channel[channel].patch[patch], sizeof(float) * MW_N_FEATURES);
}

void mw_evidence_asset_history(const struct mw_evidence *evidence, size_t h,
			       float ret_feature[MW_N_FEATURES])
{
	memcpy(ret_feature, evidence->history[h], sizeof(float) * MW_N_FEATURES);
}

void mw_evidence_asset_patch(const struct mw_evidence *evidence, size_t patch,
			     float ret_feature[MW_N_FEATURES])
{
	memcpy(ret_feature, evidence->patch[patch], sizeof(float) * MW_N_FEATURES);
}

unsigned mw_evidence_gap(const struct mw_evidence *evidence, size_t channel, size_t patch)
{
	return evidence->channel[channel].gap[patch];
}

enum mw_mode mw_evidence_mode(const struct mw_evidence *evidence)
{
	return evidence->mode;
}

float mw_evidence_symptom(const struct mw_evidence *evidence, size_t channel,
			  enum mw_symptom_kind symptom)
{
	return evidence->channel[channel].symptom[symptom];
}

double mw_evidence_now(const struct mw_evidence *evidence, size_t channel)
{
	return evidence->channel[channel].now;
}

/* --- the file --------------------------------------------------------------------------------- */

struct vector {
	uint8_t *data;
	size_t size, at;
};

static void vector_open(struct vector *vector)
{
	FILE *file = fopen(VECTOR, "rb");
	long size;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	rewind(file);
	*vector = (struct vector){malloc((size_t)size), (size_t)size, 0};
	ck_assert_ptr_nonnull(vector->data);
	ck_assert_uint_eq(fread(vector->data, 1, vector->size, file), vector->size);
	(void)fclose(file);
}

static void take(struct vector *vector, void *ret, size_t size)
{
	ck_assert_uint_le(size, vector->size - vector->at);
	memcpy(ret, vector->data + vector->at, size);
	vector->at += size;
}

static uint32_t take_u32(struct vector *vector)
{
	uint32_t value;

	take(vector, &value, sizeof(value));
	return value;
}

/* The order of the symptoms is the contract's; the others have no code. */
static void take_symptoms(struct vector *vector, struct shown *ret)
{
	static const enum mw_symptom_kind order[] = {MW_SYMPTOM_IMPULSE, MW_SYMPTOM_POWER,
						     MW_SYMPTOM_BAND,    MW_SYMPTOM_COUPLING,
						     MW_SYMPTOM_DRIFT,   MW_SYMPTOM_STILL};

	for (size_t s = 0; s < MW_N_SYMPTOM; s++)
		ret->symptom[s] = 1e9f;
	for (size_t s = 0; s < sizeof(order) / sizeof(order[0]); s++)
		take(vector, &ret->symptom[order[s]], sizeof(float));
}

/* What the profile says of the channel; false: it says nothing. */
static bool take_profile(struct vector *vector, struct mw_profile_channel *ret)
{
	bool has = take_u32(vector);

	take(vector, &ret->low, sizeof(double));
	take(vector, &ret->high, sizeof(double));
	take(vector, &ret->alarm_low, sizeof(double));
	take(vector, &ret->alarm_high, sizeof(double));
	ret->n_in = take_u32(vector);
	ret->n_out = take_u32(vector);
	take(vector, &ret->weak, sizeof(double));
	return has;
}

static void take_features(struct vector *vector, struct shown *ret)
{
	take(vector, ret->header, sizeof(ret->header));
	take(vector, ret->history, sizeof(ret->history));
	take(vector, ret->patch, sizeof(ret->patch));
	take(vector, ret->gap, sizeof(ret->gap));
	take_symptoms(vector, ret);
	take(vector, &ret->now, sizeof(ret->now));
}

/* A window, and what is known of its machine; the profiles are lent to ret_info. */
static enum mw_language take_window(struct vector *vector, struct mw_evidence *ret,
				    struct mw_machine_info *ret_info,
				    struct mw_profile_channel profile[MW_MAX_CHANNELS])
{
	enum mw_language language;

	ret->n = take_u32(vector);
	ck_assert_uint_le(ret->n, MW_MAX_CHANNELS);
	ret_info->machine = (enum mw_machine)take_u32(vector);
	ck_assert_uint_lt(ret_info->machine, MW_N_MACHINE);
	ret->mode = (enum mw_mode)take_u32(vector);
	language = take_u32(vector) ? MW_LANGUAGE_KO : MW_LANGUAGE_EN;
	for (size_t c = 0; c < ret->n; c++) {
		take(vector, &ret->channel[c].weight, sizeof(double));
		ret_info->role[c] = (enum mw_role)take_u32(vector);
		ck_assert_uint_lt(ret_info->role[c], MW_N_ROLE);
		take_features(vector, &ret->channel[c]);
		ret_info->profile[c] = take_profile(vector, &profile[c]) ? &profile[c] : NULL;
	}
	take(vector, ret->history, sizeof(ret->history));
	take(vector, ret->patch, sizeof(ret->patch));
	return language;
}

/* --- the codes -------------------------------------------------------------------------------- */

#define ROW_CODES (MW_PROMPT_ROW_LEN * MW_PROMPT_SLOTS)

/* Compares with the prompt that follows in the file, and marks the codes seen. */
static void expect_prompt(struct vector *vector, const struct mw_prompt *prompt,
			  bool seen[MW_CODE_END])
{
	uint8_t channel[MW_PROMPT_MAX_CHANNELS];
	uint16_t code[ROW_CODES], question[MW_PROMPT_SLOTS];

	ck_assert_uint_eq(prompt->n_rows, take_u32(vector));
	take(vector, channel, prompt->n_rows - 1);
	ck_assert_mem_eq(prompt->channel, channel, prompt->n_rows - 1);
	for (size_t row = 0; row < prompt->n_rows; row++) {
		const uint16_t *own = prompt->code + row * ROW_CODES;

		take(vector, code, sizeof(code));
		for (size_t i = 0; i < ROW_CODES; i++) {
			ck_assert_msg(own[i] == code[i],
				      "row %zu, position %zu, slot %zu: %u, not %u", row,
				      i / MW_PROMPT_SLOTS, i % MW_PROMPT_SLOTS, own[i], code[i]);
			if (code[i] != MW_PROMPT_NONE)
				seen[code[i]] = true;
		}
	}
	take(vector, question, sizeof(question));
	ck_assert_mem_eq(prompt->question, question, sizeof(question));
}

START_TEST(the_same_features_give_the_codes_of_the_python_encoder)
{
	struct mw_evidence *evidence = calloc(1, sizeof(*evidence));
	struct mw_profile_channel *profile = calloc(MW_MAX_CHANNELS, sizeof(*profile));
	bool seen[MW_CODE_END] = {false};
	struct vector vector;
	char magic[4];
	size_t count;

	ck_assert(evidence && profile);
	vector_open(&vector);
	take(&vector, magic, sizeof(magic));
	ck_assert_mem_eq(magic, "MWPV", sizeof(magic));
	ck_assert_uint_eq(take_u32(&vector), MW_PROMPT_VERSION);
	count = take_u32(&vector);
	ck_assert_uint_ge(count, 24);
	while (count-- > 0) {
		struct mw_machine_info info = {0};
		enum mw_language language = take_window(&vector, evidence, &info, profile);
		struct mw_prompt prompt;

		mw_prompt_encode(evidence, &info, language, &prompt);
		expect_prompt(&vector, &prompt, seen);
	}
	ck_assert_uint_eq(vector.at, vector.size);
	for (unsigned code = 0; code < MW_CODE_ASK; code++)
		ck_assert_msg(seen[code], "no window has the code %u", code);
	free(vector.data);
	free(profile);
	free(evidence);
}
END_TEST

MW_TEST_MAIN("prompt_vector", the_same_features_give_the_codes_of_the_python_encoder)
