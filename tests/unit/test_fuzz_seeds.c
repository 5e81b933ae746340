/* A corpus that is turned away at its version explores nothing: the valid seeds must be taken, the
 * damaged ones refused for what they are. */
#include "gateway/core/asset.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define FOLDER   "tests/fuzz/corpus/"
#define SUM_SIZE 8

static uint8_t *load(const char *name, size_t *ret_size)
{
	char path[256];
	uint8_t *data = malloc(1 << 20);
	FILE *file;

	(void)snprintf(path, sizeof(path), FOLDER "%s", name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s is gone", path);
	ck_assert_ptr_nonnull(data);
	*ret_size = fread(data, 1, 1 << 20, file);
	(void)fclose(file);
	return data;
}

/* FNV-1a, as the fuzz target sets it right. */
static void seal(uint8_t *data, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i + SUM_SIZE < size; i++)
		sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < SUM_SIZE; i++)
		data[size - SUM_SIZE + i] = (uint8_t)(sum >> (8 * i));
}

static mw_err unpack_baseline(const char *name, char why[128])
{
	struct mw_baseline *baseline = NULL;
	char path[128];
	uint8_t *data;
	size_t size;
	mw_err err;

	(void)snprintf(path, sizeof(path), "baseline/%s", name);
	data = load(path, &size);
	seal(data, size);
	err = mw_baseline_unpack(data, size, why, 128, &baseline);
	mw_baseline_free(baseline);
	free(data);
	return err;
}

START_TEST(baselines_that_are_valid_are_taken)
{
	static const char *const valid[] = {"valid_1", "valid_2", "valid_3", "scale_tiny"};
	char why[128] = "";

	for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++)
		ck_assert_msg(unpack_baseline(valid[i], why) == MW_E_OK, "%s: %s", valid[i], why);
}
END_TEST

START_TEST(damaged_baselines_are_refused_where_the_damage_is)
{
	static const struct {
		const char *name, *why;
	} damaged[] = {
	    {"old_version", "unknown version"},
	    {"no_channels", "channel count"},
	    {"more_channels_than_bytes", "size"},
	    {"head_only", "size"},
	    {"not_a_number", "impossible numbers"},
	    {"scale_zero", "impossible numbers"},
	    {"kind_unknown", "impossible numbers"},
	    {"spread_zero", "impossible numbers"},
	    {"partner_absent", "impossible numbers"},
	    {"lag_far", "impossible numbers"},
	    {"regimes_many", "impossible numbers"},
	    {"command_absent", "impossible numbers"},
	    {"plateaus_many", "impossible numbers"},
	    {"regime_of_no_plateau", "impossible numbers"},
	};
	char why[128];

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		why[0] = '\0';
		ck_assert_msg(unpack_baseline(damaged[i].name, why) == MW_E_CORRUPT, "%s is taken",
			      damaged[i].name);
		ck_assert_msg(strstr(why, damaged[i].why) != NULL, "%s: %s", damaged[i].name, why);
	}
}
END_TEST

START_TEST(stored_assets_are_taken_in_every_phase)
{
	static const struct {
		const char *name;
		enum mw_asset_phase phase;
		bool event;
	} stored[] = {{"asset/learning", MW_PHASE_LEARNING, false},
		      {"asset/watching", MW_PHASE_WATCHING, false},
		      {"asset/raised", MW_PHASE_WATCHING, true}};
	static const struct mw_asset_opts opts = {.name = "press-1",
						  .learn_rows = MW_LEARN_ROWS_MIN};

	for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
		struct mw_asset *asset = NULL;
		size_t size;
		uint8_t *data = load(stored[i].name, &size);

		ck_assert_msg(mw_asset_unpack(&opts, data, size, &asset) == MW_E_OK,
			      "%s is refused: write the seeds anew", stored[i].name);
		ck_assert_int_eq(mw_asset_phase(asset), stored[i].phase);
		ck_assert_int_eq(mw_asset_event(asset) != NULL, stored[i].event);
		mw_asset_free(asset);
		free(data);
	}
}
END_TEST

MW_TEST_MAIN("fuzz_seeds", baselines_that_are_valid_are_taken,
	     damaged_baselines_are_refused_where_the_damage_is,
	     stored_assets_are_taken_in_every_phase)
