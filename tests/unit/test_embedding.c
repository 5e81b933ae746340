#include "gateway/core/similar.h"

#include "tests/unit/events.h"
#include "tests/unit/unit.h"

#define WIDTH      40 /* of this model; nothing may depend on it */
#define N_CHANNELS 3

/* What the model read: its state, and which channel row it suspects. */
static struct mw_reading reading_of(const float *hidden, uint32_t suspect)
{
	struct mw_reading reading = {.n_rows = 1 + N_CHANNELS, .hidden = hidden, .n_hidden = WIDTH};

	for (uint32_t row = 0; row < reading.n_rows; row++)
		for (size_t p = 0; p < MW_WINDOW_PATCHES; p++)
			reading.patch_logit[row][p] = row > 0 && row == suspect ? 6 : -6;
	return reading;
}

static const uint8_t channels[N_CHANNELS] = {0, 1, 2};

/* All windows share `common`; direction k is what happened. */
static void fill(float hidden[WIDTH], unsigned k, float size)
{
	for (unsigned i = 0; i < WIDTH; i++)
		hidden[i] = 5 + (float)(i % 3) + (i % 8 == k ? size : 0);
}

static struct mw_embedding_center learnt(unsigned windows)
{
	struct mw_embedding_center center = {0};
	float hidden[WIDTH];
	struct mw_reading reading;

	fill(hidden, 0, 0);
	reading = reading_of(hidden, 0);
	for (unsigned i = 0; i < windows; i++)
		mw_embedding_learn(&center, &reading);
	return center;
}

static struct mw_embedding embed(const struct mw_embedding_center *center, unsigned k,
				 uint32_t suspect)
{
	struct mw_embedding embedding;
	float hidden[WIDTH];
	struct mw_reading reading;

	fill(hidden, k, 2);
	reading = reading_of(hidden, suspect);
	mw_embedding_make(center, &reading, channels, N_CHANNELS, &embedding);
	return embedding;
}

START_TEST(the_same_again_is_alike_and_another_fault_or_channel_is_not)
{
	struct mw_embedding_center center = learnt(20);
	struct mw_embedding a = embed(&center, 1, 1), again = embed(&center, 1, 1);
	struct mw_embedding fault = embed(&center, 2, 1), channel = embed(&center, 1, 2),
			    both = embed(&center, 2, 2);

	ck_assert_uint_eq(a.n, WIDTH + N_CHANNELS);
	ck_assert_double_eq(mw_embedding_cosine(&a, &again), 1);
	ck_assert_double_eq_tol(mw_embedding_cosine(&a, &fault), 0.5, 0.02);
	ck_assert_double_eq_tol(mw_embedding_cosine(&a, &channel), 0.5, 0.02);
	ck_assert_double_eq_tol(mw_embedding_cosine(&a, &both), 0, 0.02);
	mw_embedding_center_done(&center);
}
END_TEST

START_TEST(what_all_windows_share_says_nothing)
{
	struct mw_embedding_center center = learnt(20), nothing = {0};
	struct mw_embedding a = embed(&center, 1, 1), b = embed(&center, 2, 1), raw_a, raw_b;

	ck_assert_int_eq(mw_embedding_center_reset(&nothing, WIDTH), MW_E_OK);
	nothing.n_windows = 20;
	raw_a = embed(&nothing, 1, 1);
	raw_b = embed(&nothing, 2, 1);
	ck_assert(mw_embedding_cosine(&raw_a, &raw_b) > 0.9);
	ck_assert(mw_embedding_cosine(&a, &b) < 0.6);
	mw_embedding_center_done(&nothing);
	mw_embedding_center_done(&center);
}
END_TEST

START_TEST(without_model_or_center_there_is_no_embedding)
{
	struct mw_embedding_center few = learnt(MW_EMBEDDING_LEARN_MIN - 1), center = learnt(20);
	struct mw_reading none = {0};
	struct mw_embedding embedding = embed(&few, 1, 1), other = embed(&center, 1, 1);
	float wide[WIDTH + 8] = {0};
	struct mw_reading reading = reading_of(wide, 1);

	ck_assert_uint_eq(embedding.n, 0);
	mw_embedding_make(&center, &none, channels, N_CHANNELS, &embedding);
	ck_assert_uint_eq(embedding.n, 0);
	ck_assert_double_eq(mw_embedding_cosine(&embedding, &other), 0);
	reading.n_hidden = WIDTH + 8; /* a model of another width */
	mw_embedding_make(&center, &reading, channels, N_CHANNELS, &embedding);
	ck_assert_uint_eq(embedding.n, 0);
	mw_embedding_learn(&center, &reading);
	ck_assert_uint_eq(center.n_windows, 1);
	reading.n_hidden = MW_HIDDEN_MAX + 1;
	mw_embedding_learn(&center, &reading);
	ck_assert_uint_eq(center.n_hidden, WIDTH + 8);
	mw_embedding_center_done(&few);
	mw_embedding_center_done(&center);
	ck_assert_uint_eq(center.n_hidden, 0);
}
END_TEST

START_TEST(a_channel_that_came_up_later_does_not_part_what_is_alike)
{
	struct mw_embedding_center center = learnt(20);
	struct mw_embedding before = embed(&center, 1, 1), after = before;

	after.n++;
	ck_assert_double_eq(mw_embedding_cosine(&before, &after), 1);
	after.value[after.n - 1] = 127;
	ck_assert(mw_embedding_cosine(&before, &after) < 0.95);
	ck_assert_double_eq(mw_embedding_cosine(&before, &after),
			    mw_embedding_cosine(&after, &before));
	mw_embedding_center_done(&center);
}
END_TEST

START_TEST(a_vector_keeps_its_numbers_to_half_a_step)
{
	struct mw_embedding_center center = learnt(20);
	struct mw_embedding e = embed(&center, 1, 1);
	double length = 0;

	for (uint32_t i = 0; i < e.n; i++)
		length += pow((double)e.value[i] * (double)e.scale, 2);
	ck_assert_double_eq_tol(length, 2, 0.02); /* two halves of length 1 */
	mw_embedding_center_done(&center);
}
END_TEST

START_TEST(the_nearest_are_kept_in_order_and_what_is_unlike_is_not)
{
	static const double offered[] = {0.85, 0.79, 0.95, 0.85, NAN, 0.9, 0.82, 0.95};
	static const int kept[] = {2, 7, 5};
	struct mw_similar_list list = {0};

	for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
		struct mw_similar one = {.raised_ns = (int64_t)i, .similarity = offered[i]};

		mw_similar_offer(&list, &one);
	}
	ck_assert_uint_eq(list.n, MW_EVENT_SIMILAR);
	for (size_t i = 0; i < list.n; i++)
		ck_assert_int_eq(list.event[i].raised_ns, kept[i]);
}
END_TEST

MW_TEST_MAIN("embedding", the_same_again_is_alike_and_another_fault_or_channel_is_not,
	     what_all_windows_share_says_nothing, without_model_or_center_there_is_no_embedding,
	     a_channel_that_came_up_later_does_not_part_what_is_alike,
	     a_vector_keeps_its_numbers_to_half_a_step,
	     the_nearest_are_kept_in_order_and_what_is_unlike_is_not)
