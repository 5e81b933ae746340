/* Drawing instead of taking the best, and tails that are cut and go on otherwise. */
#include "tests/unit/unit.h"

#include <math.h>

#include "tests/unit/lm_fixture.h"

#define VOCAB 150u

static void check_same_logits(struct mw_lm_session *a, struct mw_lm_session *b, uint32_t n_vocab)
{
	float x[VOCAB], y[VOCAB];

	ck_assert_uint_eq(mw_lm_tail_length(a), mw_lm_tail_length(b));
	ck_assert_int_eq(mw_lm_logits(a, 0, n_vocab, x), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits(b, 0, n_vocab, y), MW_LM_E_OK);
	ck_assert_mem_eq(x, y, n_vocab * sizeof(*x));
}

/* --- cutting ---------------------------------------------------------------------------------- */

/* Some tokens, by a number. */
static void step_some(struct mw_lm_session *session, uint32_t n, uint32_t salt)
{
	for (uint32_t i = 0; i < n; i++)
		ck_assert_int_eq(mw_lm_step(session, (i * 37 + salt * 11) % VOCAB), MW_LM_E_OK);
}

START_TEST(a_cut_tail_goes_on_as_if_the_rest_had_never_been_read)
{
	static const uint32_t cuts[] = {1, 2, 15, 16, 17, 31, 39};
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0), *twin = new_session(model, 0);
	struct reading reading;

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		reading_init(&reading, 3, VOCAB, i);
		read_one(&reading, session);
		read_one(&reading, twin);
		step_some(session, cuts[i] - 1, 1);
		step_some(twin, cuts[i] - 1, 1);
		step_some(session, 40 - cuts[i], 2);
		ck_assert_int_eq(mw_lm_cut_tail(session, cuts[i]), MW_LM_E_OK);
		ck_assert_uint_eq(mw_lm_tail_length(session), cuts[i]);
		step_some(session, 20, 3);
		step_some(twin, 20, 3);
		check_same_logits(session, twin, VOCAB);
		ck_assert_mem_eq(mw_lm_hidden(session), mw_lm_hidden(twin),
				 window_shape.n_embd * sizeof(float));
	}
	mw_lm_session_free(session);
	mw_lm_session_free(twin);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_cut_text_goes_on_as_if_the_rest_had_never_been_read)
{
	static const uint32_t tokens[] = {1, 2, 3, 40, 50, 60, 70, 7, 8, 9, 10, 11};
	struct mw_lm *model = open_shape(&text_shape, MW_LM_F32, NULL);
	struct mw_lm_session *session = new_session(model, 4), *twin = new_session(model, 0);

	ck_assert_int_eq(mw_lm_prefill(session, tokens, 7), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_cut_tail(session, 5), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_cut_tail(session, 3), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_prefill(session, tokens + 7, 5), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_prefill(twin, tokens, 3), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_prefill(twin, tokens + 7, 5), MW_LM_E_OK);
	check_same_logits(session, twin, text_shape.n_vocab);
	ck_assert_int_eq(mw_lm_cut_tail(session, 0), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_prefill(session, tokens, 3), MW_LM_E_OK);
	mw_lm_session_reset(twin);
	ck_assert_int_eq(mw_lm_prefill(twin, tokens, 3), MW_LM_E_OK);
	check_same_logits(session, twin, text_shape.n_vocab);
	mw_lm_session_free(session);
	mw_lm_session_free(twin);
	mw_lm_close(model);
}
END_TEST

/* Admits `n` tokens from `first` on, then nothing. */
static struct mw_lm_grammar *one_of(uint32_t first, uint32_t n)
{
	struct mw_lm_grammar *grammar = NULL;

	ck_assert_int_eq(mw_lm_grammar_new(2, VOCAB, &grammar), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_grammar_allow_range(grammar, 0, first, n, 1), MW_LM_E_OK);
	return grammar;
}

START_TEST(a_cut_session_has_no_logits_until_it_reads_again)
{
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	struct mw_lm_grammar *grammar = one_of(3, 9);
	struct mw_lm_choice choice;
	struct reading reading;
	float logits[VOCAB], *ret = logits;
	bool final;
	size_t n;

	ck_assert_int_eq(mw_lm_cut_tail(session, 0), MW_LM_E_OK); /* nothing to cut */
	ck_assert_int_eq(mw_lm_cut_tail(session, 1), MW_LM_E_ARGUMENT);
	reading_init(&reading, 2, VOCAB, 1);
	read_one(&reading, session);
	step_some(session, 3, 1);
	ck_assert_int_eq(mw_lm_cut_tail(session, 5), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_cut_tail(session, 4), MW_LM_E_OK); /* it ends there */
	ck_assert_int_eq(mw_lm_logits(session, 0, VOCAB, logits), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_cut_tail(session, 2), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_cut_tail(session, 2), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_logits(session, 0, VOCAB, logits), MW_LM_E_STATE);
	ck_assert_int_eq(mw_lm_logits_batch(&session, 1, &ret), MW_LM_E_STATE);
	ck_assert_int_eq(mw_lm_generate(session, grammar, NULL, 1, &choice, &n, &final),
			 MW_LM_E_STATE);
	ck_assert_ptr_null(mw_lm_hidden(session));
	ck_assert_int_eq(mw_lm_cut_tail(session, 3), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_step(session, 9), MW_LM_E_OK);
	ck_assert_ptr_nonnull(mw_lm_hidden(session));
	ck_assert_int_eq(mw_lm_generate(session, grammar, NULL, 1, &choice, &n, &final),
			 MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_cut_tail(session, 1), MW_LM_E_OK);
	read_one(&reading, session); /* another window */
	ck_assert_int_eq(mw_lm_logits(session, 0, VOCAB, logits), MW_LM_E_OK);
	mw_lm_session_free(session);
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_text_of_long_factors_is_not_cut)
{
	static const uint32_t token[64] = {1};
	struct mw_lm_session_options room = {.max_tail = 64};
	struct mw_lm_session *session = NULL;
	struct mw_lm *model = NULL;
	uint32_t short_factors;
	char why[256] = "";

	ck_assert_msg(mw_lm_open("tests/data/golden_phi3_long.gguf", NULL, &model, why,
				 sizeof(why)) == MW_LM_E_OK,
		      "%s", why);
	short_factors = (uint32_t)strtoul(
	    mw_lm_metadata(model, "phi3.rope.scaling.original_context_length"), NULL, 10);
	ck_assert(short_factors > 1 && short_factors < 64);
	ck_assert_int_eq(mw_lm_session_new(model, &room, &session), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_prefill(session, token, short_factors), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_cut_tail(session, short_factors - 1), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_prefill(session, token, 2), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_cut_tail(session, 1), MW_LM_E_ARGUMENT);
	ck_assert_uint_eq(mw_lm_tail_length(session), short_factors + 1);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

/* --- drawing ---------------------------------------------------------------------------------- */

#define FIRST 20u
#define N     12u
#define DRAWS 20000u

/* Draws one of the tokens by many seeds; the session reads nothing meanwhile. */
static void draw_many(struct mw_lm_session *session, const struct mw_lm_grammar *grammar,
		      struct mw_lm_sampling how, double ret_share[N])
{
	float logits[N];
	double all = 0;

	ck_assert_int_eq(mw_lm_logits(session, FIRST, N, logits), MW_LM_E_OK);
	for (uint32_t i = 0; i < N; i++) {
		all += exp((double)logits[i]);
		ret_share[i] = 0;
	}
	for (how.seed = 0; how.seed < DRAWS; how.seed++) {
		struct mw_lm_choice choice;
		bool final = false;
		uint32_t i;
		size_t n = 0;

		ck_assert_int_eq(mw_lm_generate(session, grammar, &how, 1, &choice, &n, &final),
				 MW_LM_E_OK);
		i = choice.token - FIRST;
		ck_assert(n == 1 && final && i < N);
		ret_share[i] += 1.0 / DRAWS;
		/* the model's own, whatever the temperature */
		ck_assert_double_eq_tol((double)choice.log_prob, (double)logits[i] - log(all),
					1e-4);
	}
}

/* What the shares should be. */
static void softmax(struct mw_lm_session *session, const struct mw_lm_sampling *how,
		    double ret_share[N])
{
	float logits[N], best = -INFINITY;
	double all = 0;

	ck_assert_int_eq(mw_lm_logits(session, FIRST, N, logits), MW_LM_E_OK);
	for (uint32_t i = 0; i < N; i++)
		best = fmaxf(best, logits[i]);
	for (uint32_t i = 0; i < N; i++) {
		double gap = (double)(logits[i] - best);

		ret_share[i] =
		    exp(gap) < (double)how->min_p ? 0 : exp(gap / (double)how->temperature);
		all += ret_share[i];
	}
	for (uint32_t i = 0; i < N; i++)
		ret_share[i] /= all;
}

START_TEST(draws_are_distributed_as_the_softmax)
{
	static const struct mw_lm_sampling how[] = {{.temperature = 1},
						    {.temperature = 3},
						    {.temperature = 0.5f},
						    {.temperature = 1, .min_p = 0.05f},
						    {.temperature = 3, .min_p = 0.3f}};
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	struct mw_lm_grammar *grammar = one_of(FIRST, N);
	size_t likely = 0, never = 0;
	struct reading reading;

	reading_init(&reading, 2, VOCAB, 3);
	read_one(&reading, session);
	for (size_t k = 0; k < sizeof(how) / sizeof(how[0]); k++) {
		double share[N], wanted[N];

		draw_many(session, grammar, how[k], share);
		softmax(session, &how[k], wanted);
		for (uint32_t i = 0; i < N; i++) { /* five standard deviations */
			double slack = 5 * sqrt(wanted[i] * (1 - wanted[i]) / DRAWS);

			ck_assert_msg(fabs(share[i] - wanted[i]) <= slack, "%zu: %u: %g, not %g", k,
				      i, share[i], wanted[i]);
			likely += wanted[i] > 0.05;
			never += wanted[i] == 0;
		}
	}
	ck_assert_uint_gt(likely, 10);
	ck_assert_uint_gt(never, 5);
	mw_lm_session_free(session);
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

/* Sixteen tokens of any kind, one state each. */
static struct mw_lm_grammar *sixteen(void)
{
	struct mw_lm_grammar *grammar = NULL;

	ck_assert_int_eq(mw_lm_grammar_new(17, VOCAB, &grammar), MW_LM_E_OK);
	for (uint32_t i = 0; i < 16; i++)
		ck_assert_int_eq(mw_lm_grammar_allow_range(grammar, i, 0, VOCAB, i + 1),
				 MW_LM_E_OK);
	return grammar;
}

static void generate(struct mw_lm_session *session, const struct mw_lm_grammar *grammar,
		     const struct mw_lm_sampling *how, struct mw_lm_choice choices[16])
{
	struct reading reading;
	bool final = false;
	size_t n = 0;

	reading_init(&reading, 2, VOCAB, 9);
	read_one(&reading, session);
	ck_assert_int_eq(mw_lm_generate(session, grammar, how, 16, choices, &n, &final),
			 MW_LM_E_OK);
	ck_assert(n == 16 && final);
}

static bool same_tokens(const struct mw_lm_choice *a, const struct mw_lm_choice *b)
{
	for (size_t i = 0; i < 16; i++)
		if (a[i].token != b[i].token)
			return false;
	return true;
}

START_TEST(cold_draws_are_greedy_and_seeds_repeat)
{
	static const struct mw_lm_sampling cold[] = {
	    {.temperature = 0, .seed = 4}, {.temperature = 1e-4f}, {.temperature = 9, .min_p = 1}};
	struct mw_lm_choice best[16], drawn[16], again[16];
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	struct mw_lm_grammar *grammar = sixteen();
	size_t others = 0;

	generate(session, grammar, NULL, best);
	for (size_t i = 0; i < sizeof(cold) / sizeof(cold[0]); i++) {
		generate(session, grammar, &cold[i], drawn);
		ck_assert(same_tokens(best, drawn));
		ck_assert_float_eq(best[15].log_prob, drawn[15].log_prob);
	}
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct mw_lm_sampling warm = {.temperature = 1.5f, .seed = seed};

		generate(session, grammar, &warm, drawn);
		generate(session, grammar, &warm, again);
		ck_assert(same_tokens(drawn, again));
		others += !same_tokens(drawn, best);
	}
	ck_assert_uint_gt(others, 15);
	mw_lm_session_free(session);
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

START_TEST(numbers_out_of_range_are_refused)
{
	static const struct mw_lm_sampling bad[] = {{.temperature = -1},
						    {.temperature = (float)NAN},
						    {.temperature = 101},
						    {.temperature = 1, .min_p = -0.1f},
						    {.temperature = 1, .min_p = 1.1f},
						    {.temperature = 1, .min_p = (float)NAN},
						    {.temperature = 1, .top_p = 2},
						    {.temperature = 1, .repeat_penalty = -1}};
	struct mw_lm *model = open_shape(&window_shape, MW_LM_INT8, NULL);
	struct mw_lm_session *session = new_session(model, 0);
	struct mw_lm_grammar *grammar = sixteen();
	struct mw_lm_choice choices[16] = {{.token = 77}};
	struct reading reading;
	bool final = false;
	size_t n = 99;

	reading_init(&reading, 2, VOCAB, 9);
	read_one(&reading, session);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(mw_lm_generate(session, grammar, &bad[i], 16, choices, &n, &final),
				 MW_LM_E_ARGUMENT);
	ck_assert(n == 99 && choices[0].token == 77);
	ck_assert_uint_eq(mw_lm_tail_length(session), 1);
	mw_lm_session_free(session);
	mw_lm_grammar_free(grammar);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("lm_draw", a_cut_tail_goes_on_as_if_the_rest_had_never_been_read,
	     a_cut_text_goes_on_as_if_the_rest_had_never_been_read,
	     a_cut_session_has_no_logits_until_it_reads_again, a_text_of_long_factors_is_not_cut,
	     draws_are_distributed_as_the_softmax, cold_draws_are_greedy_and_seeds_repeat,
	     numbers_out_of_range_are_refused)
