/* Writing: how tokens are drawn, where an answer ends, what is handed on and when. */
#include "tests/unit/unit.h"

#include <math.h>

#include "model/engine/sample.h"
#include "tests/unit/text_fixture.h"

/* --- drawing ---------------------------------------------------------------------------------- */

#define N_LOGITS 8u

static const float logits[N_LOGITS] = {1.0f, 3.0f, 2.0f, -1.0f, 3.0f, 0.5f, -20.0f, 2.5f};

/* How often each token is drawn. */
static void draw_many(const struct mw_lm_sampling *how, const uint64_t *mask, uint32_t n,
		      uint32_t *ret_counts)
{
	struct lm_candidate list[N_LOGITS];
	struct lm_sampler sampler = {.how = *how, .list = list};
	float log_prob;

	memset(ret_counts, 0, N_LOGITS * sizeof(*ret_counts));
	lm_sampler_seed(&sampler);
	for (uint32_t i = 0; i < n; i++)
		ret_counts[lm_sample(&sampler, logits, mask, N_LOGITS, NULL, 0, &log_prob)]++;
}

START_TEST(at_temperature_0_the_likeliest_is_drawn_of_equals_the_first)
{
	uint32_t counts[N_LOGITS];
	uint64_t mask = 0x70;

	draw_many(&(struct mw_lm_sampling){.top_k = 3}, NULL, 20, counts);
	ck_assert_uint_eq(counts[1], 20);
	draw_many(&(struct mw_lm_sampling){0}, &mask, 20, counts);
	ck_assert_uint_eq(counts[4], 20);
}
END_TEST

START_TEST(tokens_are_drawn_as_often_as_they_are_likely)
{
	static const float temperatures[] = {0.5f, 1.0f, 2.0f};
	uint32_t counts[N_LOGITS], n = 40000;

	for (size_t t = 0; t < 3; t++) {
		double sum = 0;

		draw_many(&(struct mw_lm_sampling){.temperature = temperatures[t], .seed = t}, NULL,
			  n, counts);
		for (size_t i = 0; i < N_LOGITS; i++)
			sum += exp((double)(logits[i] / temperatures[t]));
		for (size_t i = 0; i < N_LOGITS; i++) {
			double p = exp((double)(logits[i] / temperatures[t])) / sum;

			/* five standard deviations */
			ck_assert_double_le(fabs(counts[i] - p * n), 5 * sqrt(p * n) + 1);
		}
	}
}
END_TEST

static uint32_t kinds(const uint32_t *counts)
{
	uint32_t bits = 0;

	for (uint32_t i = 0; i < N_LOGITS; i++)
		bits |= (counts[i] > 0 ? 1u : 0u) << i;
	return bits;
}

START_TEST(what_is_not_among_the_likeliest_is_not_drawn)
{
	static const struct {
		struct mw_lm_sampling how;
		uint32_t drawn; /* a bit a token */
	} cases[] = {
	    {{.temperature = 5, .top_k = 1}, 0x02},
	    {{.temperature = 5, .top_k = 2}, 0x12},
	    {{.temperature = 5, .top_k = 4}, 0x96},
	    {{.temperature = 5, .top_p = 0.01f}, 0x02},
	    {{.temperature = 5, .top_p = 0.5f}, 0x12},
	    /* e^3 e^3 e^2.5 e^2 weigh 60 of 64.8 */
	    {{.temperature = 5, .top_p = 0.9f}, 0x96},
	    {{.temperature = 5, .min_p = 0.99f}, 0x12},
	    {{.temperature = 5, .min_p = 0.5f}, 0x92},
	    {{.temperature = 5, .min_p = 0.36f}, 0x96},
	    {{.temperature = 5, .top_k = 3, .min_p = 0.1f, .top_p = 0.99f}, 0x92},
	};
	uint32_t counts[N_LOGITS];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		draw_many(&cases[i].how, NULL, 2000, counts);
		ck_assert_msg(kinds(counts) == cases[i].drawn, "case %zu: %x", i, kinds(counts));
	}
}
END_TEST

START_TEST(a_seed_always_draws_the_same)
{
	/* worked out in Python from the definition: on every machine */
	static const uint32_t wanted[] = {7, 1, 1, 1, 1, 7, 1, 7, 1, 4, 1, 4};
	const struct mw_lm_sampling how = {.temperature = 0.8f, .top_p = 0.95f, .seed = 42};
	struct lm_candidate list[N_LOGITS];
	struct lm_sampler sampler = {.how = how, .list = list};
	uint32_t drawn[sizeof(wanted) / sizeof(wanted[0])];
	float log_prob;

	for (size_t round = 0; round < 2; round++) {
		lm_sampler_seed(&sampler);
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			drawn[i] = lm_sample(&sampler, logits, NULL, N_LOGITS, NULL, 0, &log_prob);
			ck_assert_msg(drawn[i] == wanted[i], "%zu: %u", i, drawn[i]);
		}
	}
}
END_TEST

START_TEST(log_probabilities_are_the_models_own)
{
	static const uint32_t recent[] = {1, 4, 1};
	const struct mw_lm_sampling how = {.repeat_penalty = 4};
	struct lm_candidate list[N_LOGITS];
	struct lm_sampler sampler = {.how = how, .list = list};
	double sum = 0;
	float log_prob;

	for (size_t i = 0; i < N_LOGITS; i++)
		sum += exp((double)logits[i]);
	/* 1 and 4 are penalised once */
	ck_assert_uint_eq(lm_sample(&sampler, logits, NULL, N_LOGITS, recent, 3, &log_prob), 7);
	ck_assert_double_le(fabs((double)log_prob - (2.5 - log(sum))), 1e-5);
}
END_TEST

START_TEST(a_penalty_is_taken_once_and_lowers_negative_logits_too)
{
	static const float negative[] = {-1, -1.5f, -3};
	static const uint32_t recent[] = {0, 0, 0};
	struct lm_candidate list[3];
	struct lm_sampler sampler = {.how = {.repeat_penalty = 1.4f}, .list = list};
	float log_prob;

	ck_assert_uint_eq(lm_sample(&sampler, negative, NULL, 3, recent, 3, &log_prob), 0);
	sampler.how.repeat_penalty = 1.6f;
	ck_assert_uint_eq(lm_sample(&sampler, negative, NULL, 3, recent, 1, &log_prob), 1);
}
END_TEST

START_TEST(logits_that_are_no_numbers_do_no_harm)
{
	const float odd[N_LOGITS] = {NAN, INFINITY, -INFINITY, NAN, 0, NAN, NAN, NAN};
	const float none[N_LOGITS] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
	struct lm_candidate list[N_LOGITS];
	struct lm_sampler sampler = {.how = {.temperature = 1, .top_p = 0.9f, .top_k = 5},
				     .list = list};
	float log_prob;

	for (size_t i = 0; i < 100; i++) {
		ck_assert_uint_eq(lm_sample(&sampler, odd, NULL, N_LOGITS, NULL, 0, &log_prob), 4);
		ck_assert_uint_lt(lm_sample(&sampler, none, NULL, N_LOGITS, NULL, 0, &log_prob),
				  N_LOGITS);
		ck_assert(!isnan(log_prob));
	}
}
END_TEST

/* --- writing ---------------------------------------------------------------------------------- */

struct heard {
	uint32_t tokens[600];
	float log_probs[600];
	size_t n, n_pieces;
	char text[8192];
	size_t size;
	size_t stop_after; /* pieces; 0: never */
	size_t ends[700];  /* of pieces, in text */
};

static bool hear(void *context, const struct mw_lm_piece *piece)
{
	struct heard *heard = context;

	if (piece->token != MW_LM_NO_TOKEN) {
		heard->tokens[heard->n] = piece->token;
		heard->log_probs[heard->n++] = piece->log_prob;
	}
	memcpy(heard->text + heard->size, piece->text, piece->size);
	heard->size += piece->size;
	heard->n_pieces++;
	heard->ends[heard->n_pieces - 1] = heard->size;
	return !heard->stop_after || heard->n_pieces < heard->stop_after;
}

static struct mw_lm_answer write_text(struct mw_lm *model, const struct mw_lm_writer_options *how,
				      size_t max, struct heard *heard)
{
	struct mw_lm_writer_options options = *how;
	struct mw_lm_session *session = text_session(model, 500);
	struct mw_lm_answer answer;
	struct mw_lm_writer *writer = NULL;
	static const uint32_t prompt[] = {1, 70, 71};

	options.on_piece = hear;
	options.context = heard;
	ck_assert_int_eq(mw_lm_writer_new(model, &options, &writer), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_write(writer, session, prompt, 3, max, &answer), MW_LM_E_OK);
	mw_lm_writer_free(writer);
	mw_lm_session_free(session);
	return answer;
}

/* Without a token that ends answers. */
static struct mw_lm *endless_model(bool spm, uint64_t seed)
{
	return text_model_open(&(struct text_model){.spm = spm, .seed = seed});
}

START_TEST(an_answer_is_what_stepping_by_hand_gives)
{
	struct mw_lm *model = endless_model(true, 3);
	uint32_t n_vocab = mw_lm_info(model)->n_vocab;
	struct mw_lm_session *session = text_session(model, 500);
	float *all = malloc(n_vocab * sizeof(*all));
	uint32_t tokens[] = {1, 70, 71};
	struct heard heard = {0};
	struct mw_lm_answer answer =
	    write_text(model, &(struct mw_lm_writer_options){0}, 40, &heard);
	double sum_all = 0;
	size_t size;
	char text[4096];

	ck_assert_ptr_nonnull(all);
	ck_assert_int_eq(mw_lm_prefill(session, tokens, 3), MW_LM_E_OK);
	for (size_t i = 0; i < heard.n; i++) {
		uint32_t best = 0;
		double sum = 0;

		ck_assert_int_eq(mw_lm_logits(session, 0, n_vocab, all), MW_LM_E_OK);
		for (uint32_t k = 0; k < n_vocab; k++)
			best = all[k] > all[best] ? k : best;
		for (uint32_t k = 0; k < n_vocab; k++)
			sum += exp((double)(all[k] - all[best]));
		ck_assert_uint_eq(heard.tokens[i], best);
		ck_assert_double_le(fabs((double)heard.log_probs[i] + log(sum)), 1e-4);
		sum_all += (double)heard.log_probs[i];
		ck_assert_int_eq(mw_lm_step(session, best), MW_LM_E_OK);
	}
	ck_assert(answer.ended == MW_LM_ENDED_BY_LENGTH || answer.ended == MW_LM_ENDED_BY_TOKEN);
	ck_assert_uint_ge(answer.n_tokens, heard.n);
	if (answer.ended == MW_LM_ENDED_BY_LENGTH)
		ck_assert_double_le(fabs(answer.log_prob - sum_all), 1e-4);
	ck_assert_int_eq(
	    mw_lm_decode(model, heard.tokens, heard.n, false, text, sizeof(text), &size),
	    MW_LM_E_OK);
	ck_assert_uint_eq(size, heard.size);
	ck_assert_mem_eq(text, heard.text, size);
	free(all);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

/* Whether a place in a text is within a character. */
static bool splits(const struct heard *heard, size_t at)
{
	const uint8_t *text = (const uint8_t *)heard->text;

	for (size_t back = 1; back < 4 && back <= at; back++)
		if (lm_utf8_length(text + at - back, heard->size - at + back) > back)
			return true;
	return false;
}

START_TEST(characters_are_handed_on_whole)
{
	size_t n_wide = 0;

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct mw_lm *model = endless_model(seed % 2, seed);
		const struct mw_lm_writer_options how = {
		    .sampling = {.temperature = 3, .seed = seed}};
		struct heard heard = {0};

		(void)write_text(model, &how, 200, &heard);
		for (size_t i = 0; i < heard.n_pieces; i++)
			ck_assert(!splits(&heard, heard.ends[i]));
		for (size_t i = 1; i < heard.size; i++)
			n_wide += splits(&heard, i);
		mw_lm_close(model);
	}
	ck_assert_uint_gt(n_wide, 10);
}
END_TEST

/* A text of three characters from the middle of an answer, as stop text. */
START_TEST(a_stop_text_ends_the_answer_and_is_not_part_of_it)
{
	size_t stopped = 0;

	for (uint64_t seed = 0; seed < 12; seed++) {
		struct mw_lm *model = endless_model(seed % 2, seed);
		struct mw_lm_writer_options how = {.sampling = {.temperature = 1, .seed = seed}};
		struct heard free_text = {0}, heard = {0};
		struct mw_lm_answer answer;
		char stop[4] = "", text[8192];
		const char *stops[] = {"never said like this", stop}, *first;

		(void)write_text(model, &how, 60, &free_text);
		memcpy(text, free_text.text, free_text.size);
		text[free_text.size] = '\0';
		if (strlen(text) == free_text.size && free_text.size > 20) {
			memcpy(stop, free_text.text + free_text.size / 2, 3);
			how.stop_texts = stops;
			how.n_stop_texts = 2;
			answer = write_text(model, &how, 60, &heard);
			first = strstr(text, stop);
			ck_assert_int_eq(answer.ended, MW_LM_ENDED_BY_TEXT);
			ck_assert_uint_eq(heard.size, (size_t)(first - text));
			ck_assert_mem_eq(heard.text, text, heard.size);
			stopped++;
		}
		mw_lm_close(model);
	}
	ck_assert_uint_gt(stopped, 3);
}
END_TEST

START_TEST(a_stop_token_and_the_caller_end_the_answer)
{
	struct mw_lm *model = endless_model(true, 3);
	struct heard all = {0}, heard = {0}, few = {.stop_after = 3};
	struct mw_lm_writer_options how = {.sampling = {.temperature = 1, .seed = 5}};
	struct mw_lm_answer answer;

	(void)write_text(model, &how, 30, &all);
	ck_assert_uint_gt(all.n, 8);
	how.stop_tokens = &all.tokens[6];
	how.n_stop_tokens = 1;
	answer = write_text(model, &how, 30, &heard);
	ck_assert_int_eq(answer.ended, MW_LM_ENDED_BY_TOKEN);
	ck_assert_uint_eq(answer.n_tokens, heard.n + 1);
	ck_assert_uint_le(heard.n, 6);
	how.n_stop_tokens = 0;
	answer = write_text(model, &how, 30, &few);
	ck_assert_int_eq(answer.ended, MW_LM_ENDED_BY_CALLER);
	ck_assert_uint_eq(few.n_pieces, 3);
	mw_lm_close(model);
}
END_TEST

START_TEST(a_writer_can_be_used_again_and_says_the_same)
{
	struct mw_lm *model = endless_model(false, 4);
	struct mw_lm_session *session = text_session(model, 100);
	struct heard heard[2] = {{.n = 0}};
	struct mw_lm_writer_options how = {
	    .sampling = {.temperature = 1, .seed = 9, .repeat_penalty = 1.2f}, .on_piece = hear};
	uint32_t prompt[] = {1, 80};

	for (size_t i = 0; i < 2; i++) {
		struct mw_lm_writer *writer = NULL;
		struct mw_lm_answer answer;

		how.context = &heard[i];
		ck_assert_int_eq(mw_lm_writer_new(model, &how, &writer), MW_LM_E_OK);
		for (size_t round = 0; round <= i; round++) {
			heard[i] = (struct heard){.n = 0};
			mw_lm_session_reset(session);
			ck_assert_int_eq(mw_lm_write(writer, session, prompt, 2, 50, &answer),
					 MW_LM_E_OK);
		}
		mw_lm_writer_free(writer);
	}
	ck_assert_uint_eq(heard[0].n, heard[1].n);
	ck_assert_mem_eq(heard[0].tokens, heard[1].tokens, heard[0].n * sizeof(uint32_t));
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

/* --- memory ------------------------------------------------------------------------------------ */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_ALLOCATIONS 1
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void *realloc(void *old, size_t size);

static size_t n_allocations;

void *malloc(size_t size)
{
	n_allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	n_allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
	n_allocations++;
	return __libc_realloc(old, size);
}
#else
#define COUNTS_ALLOCATIONS 0
static size_t n_allocations;
#endif

START_TEST(writing_allocates_nothing)
{
	static const char text[] =
	    "{\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":50}}}";
	static const char *const stops[] = {"never"};
	struct mw_lm *model = endless_model(true, 4);
	struct mw_lm_session *session = text_session(model, 200);
	struct mw_lm_schema *schema = NULL;
	struct mw_lm_writer *writers[2] = {NULL, NULL};
	struct heard heard = {0};
	struct mw_lm_writer_options how = {.sampling = {.temperature = 1, .top_p = 0.9f, .seed = 2},
					   .stop_texts = stops,
					   .n_stop_texts = 1,
					   .on_piece = hear,
					   .context = &heard};
	const uint32_t prompt[] = {1, 80};
	struct mw_lm_answer answer;
	mw_lm_err errs[2];
	size_t before, after;

	ck_assert_int_eq(mw_lm_schema_new(model, text, strlen(text), NULL, &schema, NULL, 0),
			 MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_writer_new(model, &how, &writers[0]), MW_LM_E_OK);
	how.schema = schema;
	ck_assert_int_eq(mw_lm_writer_new(model, &how, &writers[1]), MW_LM_E_OK);
	before = n_allocations;
	for (size_t i = 0; i < 2; i++) {
		mw_lm_session_reset(session);
		errs[i] = mw_lm_write(writers[i], session, prompt, 2, 80, &answer);
	}
	after = n_allocations;
	ck_assert(before > 0 || !COUNTS_ALLOCATIONS);
	ck_assert_uint_eq(before, after);
	ck_assert(errs[0] == MW_LM_E_OK && errs[1] == MW_LM_E_OK);
	ck_assert_uint_gt(heard.n, 5);
	mw_lm_writer_free(writers[0]);
	mw_lm_writer_free(writers[1]);
	mw_lm_schema_free(schema);
	mw_lm_session_free(session);
	mw_lm_close(model);
}
END_TEST

/* --- limits ----------------------------------------------------------------------------------- */

START_TEST(what_does_not_fit_is_refused_before_anything_is_read)
{
	static const char text[] = "{\"type\":\"string\",\"minLength\":20}";
	struct mw_lm *model = endless_model(false, 4), *other = endless_model(false, 4);
	struct mw_lm_session *session = text_session(model, 24);
	struct mw_lm_schema *schema = NULL;
	struct mw_lm_writer *free_writer = NULL, *writer = NULL;
	uint32_t prompt[30] = {1, 5, 6, 7, 8};
	struct mw_lm_answer answer;
	struct mw_lm_writer_options how = {0};

	ck_assert_int_eq(mw_lm_schema_new(model, text, strlen(text), NULL, &schema, NULL, 0),
			 MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_writer_new(model, &how, &free_writer), MW_LM_E_OK);
	how.schema = schema;
	ck_assert_int_eq(mw_lm_writer_new(other, &how, &writer), MW_LM_E_ARGUMENT);
	ck_assert_int_eq(mw_lm_writer_new(model, &how, &writer), MW_LM_E_OK);
	ck_assert_int_eq(mw_lm_write(free_writer, session, NULL, 0, 5, &answer), MW_LM_E_STATE);
	ck_assert_int_eq(mw_lm_write(free_writer, session, prompt, 30, 5, &answer), MW_LM_E_FULL);
	ck_assert_int_eq(mw_lm_write(writer, session, prompt, 5, 100, &answer), MW_LM_E_FULL);
	ck_assert_int_eq(mw_lm_write(writer, session, prompt, 2, 21, &answer), MW_LM_E_FULL);
	ck_assert_uint_eq(mw_lm_tail_length(session), 0);
	ck_assert_int_eq(mw_lm_write(writer, session, prompt, 3, 100, &answer), MW_LM_E_OK);
	ck_assert_int_eq(answer.ended, MW_LM_ENDED_BY_SCHEMA);
	ck_assert_int_eq(mw_lm_cut_tail(session, 2), MW_LM_E_OK); /* nothing to go on from */
	ck_assert_int_eq(mw_lm_write(free_writer, session, NULL, 0, 5, &answer), MW_LM_E_STATE);
	mw_lm_session_reset(session);
	ck_assert_int_eq(mw_lm_write(free_writer, session, prompt, 3, 100, &answer), MW_LM_E_OK);
	ck_assert_uint_le(answer.n_tokens, 22); /* 21 that are read, and the last */
	mw_lm_writer_free(writer);
	mw_lm_writer_free(free_writer);
	mw_lm_schema_free(schema);
	mw_lm_session_free(session);
	mw_lm_close(model);
	mw_lm_close(other);
}
END_TEST

START_TEST(options_out_of_range_are_refused)
{
	static const char *const empty[] = {""};
	const struct mw_lm_writer_options cases[] = {
	    {.sampling = {.temperature = -1}},       {.sampling = {.temperature = NAN}},
	    {.sampling = {.top_p = 1.5f}},           {.sampling = {.min_p = -0.1f}},
	    {.sampling = {.repeat_penalty = -1}},    {.sampling = {.repeat_window = 5000}},
	    {.stop_texts = empty, .n_stop_texts = 1}};
	struct mw_lm *model = endless_model(true, 1);
	struct mw_lm_writer *writer = NULL;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_int_eq(mw_lm_writer_new(model, &cases[i], &writer), MW_LM_E_ARGUMENT);
	ck_assert_ptr_null(writer);
	mw_lm_writer_free(NULL);
	mw_lm_close(model);
}
END_TEST

MW_TEST_MAIN("write", at_temperature_0_the_likeliest_is_drawn_of_equals_the_first,
	     tokens_are_drawn_as_often_as_they_are_likely,
	     what_is_not_among_the_likeliest_is_not_drawn, a_seed_always_draws_the_same,
	     log_probabilities_are_the_models_own,
	     a_penalty_is_taken_once_and_lowers_negative_logits_too,
	     logits_that_are_no_numbers_do_no_harm, an_answer_is_what_stepping_by_hand_gives,
	     characters_are_handed_on_whole, a_stop_text_ends_the_answer_and_is_not_part_of_it,
	     a_stop_token_and_the_caller_end_the_answer,
	     a_writer_can_be_used_again_and_says_the_same, writing_allocates_nothing,
	     what_does_not_fit_is_refused_before_anything_is_read, options_out_of_range_are_refused)
