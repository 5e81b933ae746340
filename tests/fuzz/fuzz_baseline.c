/* Stored baselines, with the check sum made right so that what lies behind it is reached: refused,
 * or one that gives bounded evidence and codes of their tables for any rows. */
#include "gateway/core/prompt.h"
#include "tests/fuzz/seal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_row(const struct mw_row_evidence *row, size_t n)
{
	for (size_t c = 0; c < n; c++) {
		require(fabs(row->z[c]) <= 60 && fabs(row->d[c]) <= 100);
		require(fabs(row->r[c]) <= 60 && fabs(row->e[c]) <= 60);
		require(fabs(row->l[c]) <= 60);
	}
	require(isfinite(row->t2) && isfinite(row->q));
	require(isfinite(row->dyn) && isfinite(row->mewma));
}

static void check_prompt(const struct mw_evidence *evidence)
{
	static const struct mw_machine_info info;
	struct mw_prompt prompt;

	mw_prompt_encode(evidence, &info, MW_LANGUAGE_EN, &prompt);
	require(prompt.n_rows >= 2 && prompt.n_rows <= MW_PROMPT_MAX_ROWS);
	for (size_t i = 0; i < prompt.n_rows * MW_PROMPT_ROW_LEN * MW_PROMPT_SLOTS; i++)
		require(prompt.code[i] == MW_PROMPT_NONE || prompt.code[i] < MW_CODE_ASK);
}

static void check_symptoms(struct mw_evidence *evidence)
{
	mw_evidence_read(evidence);
	for (size_t c = 0; c < mw_evidence_n_channels(evidence); c++)
		for (int k = 0; k < MW_N_SYMPTOM; k++)
			require(fabsf(mw_evidence_symptom(evidence, c, (enum mw_symptom_kind)k)) <=
				60);
}

/* Rows near the healthy location, with absurd and missing ones among them. */
static void use(const struct mw_baseline *baseline)
{
	static const double odd[] = {NAN, INFINITY, -1e300, 0, 1e30};
	size_t n = mw_baseline_n_channels(baseline);
	double value[MW_MAX_CHANNELS];
	struct mw_evidence *evidence;

	require(mw_evidence_new(baseline, &evidence) == MW_E_OK);
	for (size_t t = 0; t < MW_WINDOW_ROWS + MW_PATCH_ROWS; t++) {
		for (size_t c = 0; c < n; c++)
			value[c] = (t + c) % 7 == 0 ? odd[t % 5]
						    : mw_baseline_location(baseline, c) + (double)t;
		mw_evidence_push(evidence, (int64_t)t, value);
		check_row(mw_evidence_last(evidence), n);
		if ((t + 1) % MW_PATCH_ROWS == 0)
			mw_evidence_remember(evidence, t % 3 != 0);
	}
	check_symptoms(evidence);
	check_prompt(evidence);
	mw_evidence_free(evidence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mw_baseline *baseline = NULL;
	uint8_t *copy = malloc(size + 1);
	char why[128] = "";

	require(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	if (size >= SUM_SIZE)
		seal(copy, size);
	if (mw_baseline_unpack(copy, size, why, sizeof(why), &baseline) == MW_E_OK)
		use(baseline);
	else
		require(why[0] != '\0');
	mw_baseline_free(baseline);
	free(copy);
	return 0;
}
