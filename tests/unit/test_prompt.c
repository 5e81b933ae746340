#include "gateway/core/prompt.h"
#include "tests/unit/signals.h"
#include "tests/unit/unit.h"

#include <string.h>

#define LEARN 200
#define ROWS  (LEARN + 120)

static const struct mw_machine_info info = {.machine = MW_MACHINE_PUMP};

/* The prompt of the window that ends with `rows`. */
static void encode(const double *value, size_t rows, size_t n, const struct mw_machine_info *about,
		   struct mw_prompt *ret)
{
	struct mw_baseline *baseline;
	struct mw_evidence *evidence = signals_feed(value, LEARN, rows, n, &baseline);

	mw_prompt_encode(evidence, about, MW_LANGUAGE_EN, ret);
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
}

static const uint16_t *codes(const struct mw_prompt *prompt, size_t row, size_t position)
{
	return prompt->code + (row * MW_PROMPT_ROW_LEN + position) * MW_PROMPT_SLOTS;
}

#define ROW_CODES (MW_PROMPT_ROW_LEN * MW_PROMPT_SLOTS)

/* --- names ------------------------------------------------------------------------------------ */

START_TEST(every_code_has_a_name_of_its_own)
{
	char(*name)[MW_TOKEN_NAME_SIZE] = calloc(MW_CODE_END, sizeof(*name));

	ck_assert_ptr_nonnull(name);
	for (unsigned i = 0; i < MW_CODE_END; i++) {
		mw_prompt_token_name(i, name[i]);
		ck_assert_int_eq(name[i][0], '<');
		ck_assert_int_eq(name[i][strlen(name[i]) - 1], '>');
		for (unsigned j = 0; j < i; j++)
			ck_assert_str_ne(name[i], name[j]);
	}
	free(name);
}
END_TEST

START_TEST(codes_are_named_as_the_model_file_names_them)
{
	static const struct {
		unsigned code;
		const char *name;
	} known[] = {
	    {MW_CODE_PATCH + 3, "<patch.level:3>"},
	    {MW_CODE_PATCH + MW_CODE_BINS * MW_F_DYNAMIC_RMS, "<patch.dynamic_rms:0>"},
	    {MW_CODE_HISTORY, "<history.level:0>"},
	    {MW_CODE_ASSET + MW_CODE_BINS * MW_G_MEWMA + 31, "<asset.mewma:31>"},
	    {MW_CODE_HEADER, "<header.slow_share:0>"},
	    {MW_CODE_ROW, "<row:asset>"},
	    {MW_CODE_ROW + 1, "<row:1>"},
	    {MW_CODE_ROLE + MW_ROLE_PRESSURE, "<role:pressure>"},
	    {MW_CODE_MACHINE + MW_MACHINE_PUMP, "<machine:pump>"},
	    {MW_CODE_COUNT + 2, "<count:2>"},
	    {MW_CODE_GAP, "<gap:0>"},
	    {MW_CODE_ASK, "<ask>"},
	    {MW_CODE_EN, "<en>"},
	    {MW_CODE_KO, "<ko>"},
	    {MW_CODE_VERDICT, "<verdict:normal>"},
	    {MW_CODE_VERDICT + 3, "<verdict:unknown>"},
	    {MW_CODE_FAULT + MW_FAULT_BEARING_WEAR, "<fault:bearing_wear>"},
	    {MW_CODE_SEVERITY, "<severity:1>"},
	    {MW_CODE_CHANNEL + 15, "<channel:16>"},
	    {MW_CODE_END_CHANNELS, "<end_channels>"},
	    {MW_CODE_ONSET, "<onset:0>"},
	    {MW_CODE_ONSET + 16, "<onset:before>"},
	    {MW_CODE_ONSET + 17, "<onset:none>"},
	    {MW_CODE_EOS, "<eos>"},
	};
	char name[MW_TOKEN_NAME_SIZE];

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		mw_prompt_token_name(known[i].code, name);
		ck_assert_str_eq(name, known[i].name);
	}
}
END_TEST

START_TEST(the_tables_follow_each_other_without_a_gap)
{
	const struct mw_prompt_table *table = mw_prompt_tables();
	unsigned next = 0;

	for (size_t i = 0; i < MW_PROMPT_N_TABLE; i++) {
		ck_assert_uint_eq(table[i].first, next);
		next += table[i].size;
	}
	ck_assert_uint_eq(next, MW_CODE_END);
}
END_TEST

/* --- layout ----------------------------------------------------------------------------------- */

/* Feature f of the position lies in its table's own 32 bins. */
static void expect_features(const uint16_t *position, unsigned table)
{
	for (unsigned f = 0; f < MW_N_FEATURES; f++)
		ck_assert_uint_eq((position[f] - table) / MW_CODE_BINS, f);
}

/* A history position carries symptoms s and s + 1. */
static void expect_symptoms(const uint16_t *position, unsigned s)
{
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq((unsigned)(position[MW_N_FEATURES + 1 + i] - MW_CODE_SYMPTOM) /
				      MW_CODE_BINS,
				  s + i);
}

static void expect_row(const struct mw_prompt *prompt, size_t row)
{
	unsigned history = row ? MW_CODE_HISTORY : MW_CODE_ASSET_HISTORY;
	unsigned patch = row ? MW_CODE_PATCH : MW_CODE_ASSET;

	for (size_t p = 0; p < MW_PROMPT_ROW_LEN; p++) {
		const uint16_t *position = codes(prompt, row, p);

		ck_assert_uint_eq(position[MW_N_FEATURES], MW_CODE_ROW + row);
		if (p >= MW_PROMPT_FIRST_PATCH)
			expect_features(position, patch);
		else if (p > 0)
			expect_features(position, history);
		if (p >= MW_PROMPT_FIRST_PATCH && row > 0)
			ck_assert_uint_eq(position[MW_N_FEATURES + 1], MW_CODE_GAP);
		else if (p > 0 && row > 0)
			expect_symptoms(position, 2 * (unsigned)(p - 1));
		else if (p > 0)
			ck_assert_uint_eq(position[MW_N_FEATURES + 1], MW_PROMPT_NONE);
		if (p >= MW_PROMPT_FIRST_PATCH || (p > 0 && row == 0) || (p == 0 && row > 0))
			ck_assert_uint_eq(position[MW_N_FEATURES + 2], MW_PROMPT_NONE);
	}
}

START_TEST(every_position_holds_the_codes_of_its_tables)
{
	struct mw_machine_info about = info;
	double *value = signals_new(1, ROWS, 3);
	struct mw_prompt prompt;

	about.role[1] = MW_ROLE_FLOW;
	encode(value, ROWS, 3, &about, &prompt);
	ck_assert_uint_eq(prompt.n_rows, 4);
	for (size_t row = 0; row < 4; row++)
		expect_row(&prompt, row);
	for (size_t row = 1; row < 4; row++)
		expect_features(codes(&prompt, row, 0), MW_CODE_HEADER);
	ck_assert_uint_eq(codes(&prompt, 0, 0)[0], MW_CODE_MODE + MW_MODE_SINGLE);
	ck_assert_uint_eq(codes(&prompt, 0, 0)[MW_N_FEATURES + 1],
			  MW_CODE_MACHINE + MW_MACHINE_PUMP);
	ck_assert_uint_eq(codes(&prompt, 2, 0)[MW_N_FEATURES + 1], MW_CODE_ROLE + MW_ROLE_FLOW);
	ck_assert_uint_eq(prompt.question[0], MW_CODE_ASK);
	ck_assert_uint_eq(prompt.question[1], MW_CODE_EN);
	ck_assert_uint_eq(prompt.question[2], MW_PROMPT_NONE);
	free(value);
}
END_TEST

START_TEST(the_count_of_channels_has_five_buckets)
{
	static const struct {
		size_t n;
		unsigned bucket;
	} counts[] = {{1, 0}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {8, 3}, {9, 4}, {40, 4}};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		double *value = signals_new(2, ROWS, counts[i].n);
		struct mw_prompt prompt;

		encode(value, ROWS, counts[i].n, &info, &prompt);
		ck_assert_uint_eq(codes(&prompt, 0, 0)[MW_N_FEATURES + 2],
				  MW_CODE_COUNT + counts[i].bucket);
		free(value);
	}
}
END_TEST

START_TEST(missing_samples_are_told)
{
	double *value = signals_new(3, ROWS, 2);
	struct mw_prompt prompt;

	for (size_t t = ROWS - 4; t < ROWS; t++)
		value[t * 2 + 1] = NAN;
	encode(value, ROWS, 2, &info, &prompt);
	ck_assert_uint_eq(codes(&prompt, 2, MW_PROMPT_ROW_LEN - 1)[MW_N_FEATURES + 1],
			  MW_CODE_GAP + 3);
	ck_assert_uint_eq(codes(&prompt, 2, MW_PROMPT_ROW_LEN - 2)[MW_N_FEATURES + 1], MW_CODE_GAP);
	ck_assert_uint_eq(codes(&prompt, 1, MW_PROMPT_ROW_LEN - 1)[MW_N_FEATURES + 1], MW_CODE_GAP);
	free(value);
}
END_TEST

START_TEST(of_a_wide_machine_the_channels_that_stand_out_get_a_row)
{
	const size_t n = 40;
	double *value = signals_new(4, ROWS, n);
	struct mw_prompt prompt;
	bool has_5 = false, has_33 = false;

	for (size_t t = ROWS - 30; t < ROWS; t++) {
		value[t * n + 5] += 25;
		value[t * n + 33] -= 25;
	}
	encode(value, ROWS, n, &info, &prompt);
	ck_assert_uint_eq(prompt.n_rows, MW_PROMPT_MAX_ROWS);
	for (size_t i = 0; i < MW_PROMPT_MAX_CHANNELS; i++) {
		if (i > 0)
			ck_assert_uint_gt(prompt.channel[i], prompt.channel[i - 1]);
		has_5 = has_5 || prompt.channel[i] == 5;
		has_33 = has_33 || prompt.channel[i] == 33;
	}
	ck_assert(has_5 && has_33);
	free(value);
}
END_TEST

/* --- properties ------------------------------------------------------------------------------- */

START_TEST(units_do_not_matter)
{
	static const struct {
		double gain, offset;
	} unit[] = {{1.8, 32}, {1e-3, 0}, {3600, -1e5}};
	double *value = signals_new(5, ROWS, 3);
	double *other = malloc(ROWS * 3 * sizeof(*other));
	struct mw_prompt one, two;

	ck_assert_ptr_nonnull(other);
	for (size_t i = 0; i < ROWS * 3; i++)
		other[i] = value[i] * unit[i % 3].gain + unit[i % 3].offset;
	for (size_t rows = 64; rows <= ROWS; rows += 8) {
		encode(value, rows, 3, &info, &one);
		encode(other, rows, 3, &info, &two);
		ck_assert_mem_eq(one.code, two.code, sizeof(one.code));
	}
	free(other);
	free(value);
}
END_TEST

START_TEST(the_order_of_channels_only_orders_the_rows)
{
	static const size_t order[] = {2, 0, 3, 1};
	double *value = signals_new(6, ROWS, 4);
	double *mixed = malloc(ROWS * 4 * sizeof(*mixed));
	struct mw_prompt one, two;

	ck_assert_ptr_nonnull(mixed);
	for (size_t t = 0; t < ROWS; t++)
		for (size_t c = 0; c < 4; c++)
			mixed[t * 4 + c] = value[t * 4 + order[c]];
	encode(value, ROWS, 4, &info, &one);
	encode(mixed, ROWS, 4, &info, &two);
	ck_assert_mem_eq(codes(&one, 0, 0), codes(&two, 0, 0), ROW_CODES * sizeof(uint16_t));
	for (size_t c = 0; c < 4; c++)
		for (size_t p = 0; p < MW_PROMPT_ROW_LEN; p++)
			ck_assert_mem_eq(codes(&two, 1 + c, p), codes(&one, 1 + order[c], p),
					 MW_N_FEATURES * sizeof(uint16_t));
	free(mixed);
	free(value);
}
END_TEST

START_TEST(what_comes_later_changes_no_earlier_window)
{
	double *value = signals_new(7, ROWS, 3);
	struct mw_prompt one, two;

	encode(value, ROWS - 40, 3, &info, &one);
	for (size_t i = (ROWS - 40) * 3; i < ROWS * 3; i++)
		value[i] = 1e6;
	encode(value, ROWS - 40, 3, &info, &two);
	ck_assert_mem_eq(&one, &two, sizeof(one));
	free(value);
}
END_TEST

START_TEST(a_fault_moves_the_codes_of_its_patches_and_channel)
{
	double *value = signals_new(8, ROWS, 3);
	struct mw_prompt healthy, faulty;
	const size_t last = MW_PROMPT_ROW_LEN - 1;

	encode(value, ROWS, 3, &info, &healthy);
	for (size_t t = ROWS - 4; t < ROWS; t++)
		value[t * 3 + 1] += 40;
	encode(value, ROWS, 3, &info, &faulty);
	ck_assert_uint_gt(codes(&faulty, 2, last)[MW_F_LEVEL],
			  codes(&healthy, 2, last)[MW_F_LEVEL] + 4u);
	ck_assert_uint_gt(codes(&faulty, 0, last)[MW_G_T2], codes(&healthy, 0, last)[MW_G_T2] + 4u);
	for (size_t p = 0; p < last; p++)
		ck_assert_mem_eq(codes(&faulty, 2, p), codes(&healthy, 2, p),
				 MW_PROMPT_SLOTS * sizeof(uint16_t));
	free(value);
}
END_TEST

/* --- roles ------------------------------------------------------------------------------------ */

START_TEST(roles_are_guessed_from_name_and_unit)
{
	static const struct {
		const char *name, *unit;
		enum mw_role role;
	} guess[] = {
	    {"discharge_pressure", "bar", MW_ROLE_PRESSURE},
	    {"Accelerometer1RMS", "", MW_ROLE_VIBRATION},
	    {"Volume Flow RateRMS", "", MW_ROLE_FLOW},
	    {"Thermocouple", "", MW_ROLE_TEMPERATURE},
	    {"motor_current", "A", MW_ROLE_CURRENT},
	    {"flow_setpoint", "m3/h", MW_ROLE_SETPOINT},
	    {"SP_level", "%", MW_ROLE_SETPOINT},
	    {"display_text", "", MW_ROLE_OTHER},
	    {"PT-101", "kPa", MW_ROLE_PRESSURE},
	    {"TT-7",
	     "\xc2\xb0"
	     "C",
	     MW_ROLE_TEMPERATURE},
	    {"operating_hours", "h", MW_ROLE_COUNTER},
	    {"Betriebsstunden", "", MW_ROLE_COUNTER},
	    {"pump.runtime", "s", MW_ROLE_COUNTER},
	    {"PiecesGood", "", MW_ROLE_COUNTER},
	    {"press_cycles", "", MW_ROLE_COUNTER}, /* before the pressure in it */
	    {"motor_energy", "kWh", MW_ROLE_COUNTER},
	    {"cycle_time", "s", MW_ROLE_OTHER}, /* a duration does not count up */
	    {"piece_temp", "", MW_ROLE_TEMPERATURE},
	    {"run_mode", "", MW_ROLE_STATE},
	    {"x17", "mm/s", MW_ROLE_VIBRATION},
	    {"x17", "", MW_ROLE_OTHER},
	    {"", NULL, MW_ROLE_OTHER},
	    {NULL, "rpm", MW_ROLE_SPEED},
	};

	for (size_t i = 0; i < sizeof(guess) / sizeof(guess[0]); i++)
		ck_assert_msg(mw_role_guess(guess[i].name, guess[i].unit) == guess[i].role,
			      "%s in %s is %s", guess[i].name, guess[i].unit,
			      mw_role_code(mw_role_guess(guess[i].name, guess[i].unit)));
}
END_TEST

START_TEST(a_role_says_what_a_channel_is_judged_as)
{
	static const enum mw_channel_use use[MW_N_ROLE] = {[MW_ROLE_OTHER] = MW_USE_GUESS,
							   [MW_ROLE_SETPOINT] = MW_USE_COMMAND,
							   [MW_ROLE_STATE] = MW_USE_COMMAND,
							   [MW_ROLE_COUNTER] = MW_USE_COUNTER};

	for (int role = 0; role < MW_N_ROLE; role++) {
		enum mw_channel_use expected = use[role];

		if (role != MW_ROLE_OTHER && expected == MW_USE_GUESS)
			expected = MW_USE_QUANTITY; /* valves, too: they follow their loop */
		ck_assert_int_eq((int)mw_role_use((enum mw_role)role), (int)expected);
	}
}
END_TEST

MW_TEST_MAIN("prompt", every_code_has_a_name_of_its_own,
	     codes_are_named_as_the_model_file_names_them,
	     the_tables_follow_each_other_without_a_gap,
	     every_position_holds_the_codes_of_its_tables, the_count_of_channels_has_five_buckets,
	     missing_samples_are_told, of_a_wide_machine_the_channels_that_stand_out_get_a_row,
	     units_do_not_matter, the_order_of_channels_only_orders_the_rows,
	     what_comes_later_changes_no_earlier_window,
	     a_fault_moves_the_codes_of_its_patches_and_channel,
	     roles_are_guessed_from_name_and_unit, a_role_says_what_a_channel_is_judged_as)
