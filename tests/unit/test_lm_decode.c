/* Grammars, constrained decoding, and the trainer's golden file. */
#include "tests/unit/unit.h"

#include <math.h>

#include "tests/unit/lm_fixture.h"

/* --- grammars --------------------------------------------------------------------------------- */

static void grammar_allow(struct mw_lm_grammar *grammar, uint32_t state, uint32_t first, uint32_t n,
			  uint32_t next)
{
	ck_assert_int_eq(mw_lm_grammar_allow_range(grammar, state, first, n, next), MW_LM_E_OK);
}

/* Two of 10..19, then 100, 120 or 121, then 5; 16 overlaps and is a short way. */
static struct mw_lm_grammar *make_grammar(void)
{
	struct mw_lm_grammar *grammar = NULL;

	ck_assert_int_eq(mw_lm_grammar_new(5, 150, &grammar), MW_LM_E_OK);
	grammar_allow(grammar, 0, 10, 10, 1);
	grammar_allow(grammar, 1, 16, 1, 3);
	grammar_allow(grammar, 1, 10, 10, 2);
	grammar_allow(grammar, 2, 100, 1, 3);
	grammar_allow(grammar, 2, 120, 2, 3);
	grammar_allow(grammar, 3, 5, 1, 4);
	return grammar;
}

START_TEST(a_grammar_leads_from_state_to_state)
{
	struct mw_lm_grammar *grammar = make_grammar(), *none = NULL;

	ck_assert_uint_eq(mw_lm_grammar_next(grammar, 0, 19), 1);
	ck_assert_uint_eq(mw_lm_grammar_next(grammar, 0, 20), MW_LM_NO_TOKEN);
	ck_assert_uint_eq(mw_lm_grammar_next(grammar, 1, 16), 3);
	ck_assert_uint_eq(mw_lm_grammar_next(grammar, 1, 15), 2);
	ck_assert_uint_eq(mw_lm_grammar_next(grammar, 9, 15), MW_LM_NO_TOKEN);
	ck_assert(mw_lm_grammar_is_final(grammar, 4));
	ck_assert(!mw_lm_grammar_is_final(grammar, 3));
	ck_assert_int_eq(mw_lm_grammar_allow(grammar, 5, 0, 0), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_grammar_allow(grammar, 0, 0, 5), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_grammar_allow(grammar, 0, 150, 0), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_grammar_allow_range(grammar, 0, 149, 2, 0), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_grammar_allow_range(grammar, 0, 1, 0xFFFFFFFF, 0), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_grammar_new(0, 150, &none), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_grammar_new(MW_LM_GRAMMAR_MAX_STATES + 1, 1, &none),
			 MW_LM_E_ARGUMENT);
	mw_lm_grammar_free(grammar);
	mw_lm_grammar_free(NULL);
}
END_TEST

/* What a choice must be: the best of the admitted logits, its log-probability among them. */
static void check_choice(struct mw_lm_session *session, const struct mw_lm_grammar *grammar,
			 const struct mw_lm_choice *choice)
{
	float logits[150];
	double sum = 0;

	ck_assert_int_eq(mw_lm_logits(session, 0, 150, logits), MW_LM_E_OK);
	ck_assert_uint_ne(mw_lm_grammar_next(grammar, choice->state, choice->token),
			  MW_LM_NO_TOKEN);
	for (uint32_t t = 0; t < 150; t++)
		if (mw_lm_grammar_next(grammar, choice->state, t) != MW_LM_NO_TOKEN) {
			ck_assert_float_le(logits[t], logits[choice->token]);
			sum += exp((double)(logits[t] - logits[choice->token]));
		}
	ck_assert_double_eq_tol((double)choice->log_prob, -log(sum), 1e-5);
}

START_TEST(greedy_decoding_takes_the_best_admitted_token)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0), *twin = new_session(model, 0);
	struct mw_lm_grammar *grammar = make_grammar();
	struct mw_lm_choice choices[8];
	struct reading reading;
	bool final = false;
	size_t n = 0;

	for (uint64_t seed = 0; seed < 12; seed++) {
		reading_init(&reading, 2, 150, seed);
		read_one(&reading, session);
		read_one(&reading, twin);
		ck_assert_int_eq(mw_lm_generate(session, grammar, NULL, 8, choices, &n, &final),
				 MW_LM_E_OK);
		ck_assert(final);
		ck_assert_uint_ge(n, 3);
		for (size_t i = 0; i < n; i++) {
			check_choice(twin, grammar, &choices[i]);
			ck_assert_int_eq(mw_lm_step(twin, choices[i].token), MW_LM_E_OK);
		}
		ck_assert_uint_eq(choices[n - 1].token, 5);
		ck_assert_float_eq(choices[n - 1].log_prob, 0.0f);
	}
	mw_lm_session_free(session);
	mw_lm_session_free(twin);
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

START_TEST(decoding_stops_at_the_length_and_at_a_full_tail)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	struct mw_lm_grammar *grammar = NULL, *foreign = NULL;
	struct mw_lm_choice choices[100];
	struct reading reading;
	bool final = true;
	size_t n = 0;

	ck_assert_int_eq(mw_lm_grammar_new(1, 150, &grammar), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_grammar_new(1, 149, &foreign), MW_LM_E_OK);
	grammar_allow(grammar, 0, 0, 150, 0);
	ck_assert_int_eq(mw_lm_generate(session, grammar, NULL, 8, choices, &n, &final),
			 MW_LM_E_STATE);
	reading_init(&reading, 1, 150, 6);
	read_one(&reading, session);
	ck_assert_int_eq(mw_lm_generate(session, foreign, NULL, 8, choices, &n, &final),
			 MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_generate(session, grammar, NULL, 8, choices, &n, &final),
			 MW_LM_E_OK);
	ck_assert_uint_eq(n, 8);
	ck_assert(!final);
	ck_assert_int_eq(mw_lm_generate(session, grammar, NULL, 100, choices, &n, &final),
			 MW_LM_E_FULL);
	mw_lm_session_free(session);
	mw_lm_grammar_free(grammar);
	mw_lm_grammar_free(foreign);
	mw_lm_close(model);
}
END_TEST

/* --- the trainer's golden file ---------------------------------------------------------------- */

#define GOLDEN_TOLERANCE 2e-4

struct golden {
	uint32_t n_rows, row_len, slots, n_tail, n_vocab;
	uint16_t *codes, *tail;
	float *patches, *logits;
};

static void *golden_take(FILE *file, size_t n, size_t size)
{
	void *data = malloc(n * size + 1);

	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(fread(data, size, n, file), n);
	return data;
}

static void golden_read(FILE *file, struct golden *golden)
{
	uint32_t head[5];
	char magic[4];

	ck_assert_uint_eq(fread(magic, 1, 4, file), 4);
	ck_assert_mem_eq(magic, "MWG1", 4);
	ck_assert_uint_eq(fread(head, 4, 5, file), 5);
	*golden =
	    (struct golden){head[0], head[1], head[2], head[3], head[4], NULL, NULL, NULL, NULL};
	golden->codes = golden_take(file, (size_t)head[0] * head[1] * head[2], 2);
	golden->tail = golden_take(file, (size_t)head[3] * head[2], 2);
	golden->patches = golden_take(file, (size_t)head[0] * PATCHES, 4);
	golden->logits = golden_take(file, (size_t)head[3] * head[4], 4);
}

static void check_golden_tail(const struct golden *golden, struct mw_lm_session *session)
{
	float *logits = malloc(golden->n_vocab * sizeof(*logits));

	ck_assert_ptr_nonnull(logits);
	for (uint32_t i = 0; i < golden->n_tail; i++) {
		const float *wanted = golden->logits + (size_t)i * golden->n_vocab;

		if (i > 0)
			ck_assert_int_eq(mw_lm_step(session, golden->tail[i * golden->slots]),
					 MW_LM_E_OK);
		ck_assert_int_eq(mw_lm_logits(session, 0, golden->n_vocab, logits), MW_LM_E_OK);
		for (uint32_t t = 0; t < golden->n_vocab; t++)
			ck_assert_float_eq_tol(logits[t], wanted[t],
					       (float)GOLDEN_TOLERANCE * (1 + fabsf(wanted[t])));
	}
	free(logits);
}

START_TEST(the_trainers_golden_file_is_met)
{
	const struct mw_lm_options options = {.precision = MW_LM_F32};
	FILE *file = fopen("tests/data/golden_lm.bin", "rb");
	struct mw_lm_session_options room = {0};
	struct mw_lm_session *session = NULL;
	struct mw_lm *model = NULL;
	struct golden golden;
	char why[256] = "";
	float *patches;

	ck_assert_msg(file != NULL,
		      "tests/data/golden_lm.bin: run the tests from the root of the tree");
	golden_read(file, &golden);
	(void)fclose(file);
	ck_assert_msg(mw_lm_open("tests/data/golden_lm.gguf", &options, &model, why, sizeof(why)) ==
			  MW_LM_E_OK,
		      "%s", why);
	ck_assert_uint_eq(mw_lm_info(model)->n_vocab, golden.n_vocab);
	ck_assert_uint_eq(mw_lm_info(model)->row_length, golden.row_len);
	room.max_rows = golden.n_rows;
	room.max_tail = golden.n_tail;
	ck_assert_int_eq(mw_lm_session_new(model, &room, &session), MW_LM_E_OK);
	patches = malloc(golden.n_rows * PATCHES * sizeof(*patches));
	ck_assert_int_eq(mw_lm_read(&(struct mw_lm_window){session, golden.codes, golden.n_rows,
							   golden.tail, patches}),
			 MW_LM_E_OK);
	for (uint32_t i = 0; i < golden.n_rows * PATCHES; i++)
		ck_assert_float_eq_tol(patches[i], golden.patches[i],
				       (float)GOLDEN_TOLERANCE * (1 + fabsf(patches[i])));
	check_golden_tail(&golden, session);
	free(patches);
	free(golden.codes);
	free(golden.tail);
	free(golden.patches);
	free(golden.logits);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("lm_decode", a_grammar_leads_from_state_to_state,
	     greedy_decoding_takes_the_best_admitted_token,
	     decoding_stops_at_the_length_and_at_a_full_tail, the_trainers_golden_file_is_met)
