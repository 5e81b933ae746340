#include "model/engine/sample.h"
#include "model/engine/kernels_math.h"

#include <math.h>

#define NOTHING (-1e30f) /* a logit that is not a number */

bool lm_sampling_is_sane(const struct mw_lm_sampling *sampling)
{
	return sampling->temperature >= 0 && sampling->temperature <= 100 && sampling->top_p >= 0 &&
	       sampling->top_p <= 1 && sampling->min_p >= 0 && sampling->min_p <= 1 &&
	       sampling->repeat_penalty >= 0 && sampling->repeat_penalty <= 100;
}

void lm_sampler_seed(struct lm_sampler *sampler)
{
	sampler->state = sampler->how.seed;
}

double lm_random(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	z ^= z >> 31;
	return (double)(z >> 11) * 0x1p-53;
}

static bool is_better(const struct lm_candidate *a, const struct lm_candidate *b)
{
	if (a->logit > b->logit || a->logit < b->logit)
		return a->logit > b->logit;
	return a->token < b->token;
}

static void take_admitted(struct lm_sampler *sampler, const float *logits, const uint64_t *mask,
			  uint32_t n_vocab)
{
	sampler->n = 0;
	for (uint32_t i = 0; i < n_vocab; i++) {
		if (mask && !(mask[i / 64] >> i % 64 & 1))
			continue;
		sampler->list[sampler->n++] =
		    (struct lm_candidate){i, isfinite(logits[i]) ? logits[i] : NOTHING, 0};
	}
}

static const struct lm_candidate *find_best(const struct lm_sampler *sampler)
{
	const struct lm_candidate *best = &sampler->list[0];

	for (uint32_t i = 1; i < sampler->n; i++)
		if (is_better(&sampler->list[i], best))
			best = &sampler->list[i];
	return best;
}

/* Weights by the logits over the temperature; the best one's is 1. */
static double weigh(struct lm_sampler *sampler, float temperature)
{
	float best = find_best(sampler)->logit;
	double sum = 0;

	for (uint32_t i = 0; i < sampler->n; i++) {
		sampler->list[i].weight = lm_exp((sampler->list[i].logit - best) / temperature);
		sum += (double)sampler->list[i].weight;
	}
	return sum;
}

/* The list is in the order of the tokens. */
static void penalise(struct lm_sampler *sampler, const uint32_t *recent, size_t n_recent)
{
	float by = sampler->how.repeat_penalty;

	for (size_t i = 0; i < n_recent; i++) {
		uint32_t low = 0, high = sampler->n;
		struct lm_candidate *found;
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = recent[k] == recent[i];
		while (low < high) {
			uint32_t middle = (low + high) / 2;

			if (sampler->list[middle].token < recent[i])
				low = middle + 1;
			else
				high = middle;
		}
		if (again || low == sampler->n || sampler->list[low].token != recent[i])
			continue;
		found = &sampler->list[low];
		found->logit = found->logit > 0 ? found->logit / by : found->logit * by;
	}
}

/* --- the likeliest first: a heap whose best one stands first ----------------------------------- */

static void sift(struct lm_candidate *heap, uint32_t at, uint32_t n)
{
	struct lm_candidate moved = heap[at];
	uint32_t child;

	for (; (child = 2 * at + 1) < n; at = child) {
		if (child + 1 < n && is_better(&heap[child + 1], &heap[child]))
			child++;
		if (!is_better(&heap[child], &moved))
			break;
		heap[at] = heap[child];
	}
	heap[at] = moved;
}

/* Moves the likeliest to the end of the list, best one last, until so many are there or they weigh
 * so much; returns how many. */
static uint32_t pop_best(struct lm_candidate *list, uint32_t n, uint32_t most, double weight)
{
	uint32_t left = n;
	double sum = 0;

	for (uint32_t i = n / 2; i-- > 0;)
		sift(list, i, n);
	while (left > 0 && n - left < most && (left == n || sum < weight)) {
		struct lm_candidate best = list[0];

		list[0] = list[--left];
		list[left] = best;
		if (left > 0)
			sift(list, 0, left);
		sum += (double)best.weight;
	}
	return n - left;
}

/* Keeps the last `kept`, the best one first. */
static void keep_last(struct lm_sampler *sampler, uint32_t kept)
{
	struct lm_candidate *list = sampler->list;

	for (uint32_t i = 0, k = sampler->n - 1; i < k; i++, k--) {
		struct lm_candidate other = list[i];

		list[i] = list[k];
		list[k] = other;
	}
	sampler->n = kept;
}

static void keep_likeliest(struct lm_sampler *sampler)
{
	uint32_t top_k = sampler->how.top_k;
	double top_p = (double)sampler->how.top_p, sum = weigh(sampler, 1);

	if (top_k > 0 && top_k < sampler->n) {
		keep_last(sampler, pop_best(sampler->list, sampler->n, top_k, HUGE_VAL));
		sum = weigh(sampler, 1);
	}
	if (top_p > 0 && top_p < 1)
		keep_last(sampler, pop_best(sampler->list, sampler->n, sampler->n, top_p * sum));
}

static void keep_near_best(struct lm_sampler *sampler)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < sampler->n; i++)
		if (sampler->list[i].weight >= sampler->how.min_p)
			sampler->list[n++] = sampler->list[i];
	sampler->n = n;
}

static uint32_t draw_token(struct lm_sampler *sampler)
{
	double at = weigh(sampler, sampler->how.temperature) * lm_random(&sampler->state);

	for (uint32_t i = 0; i + 1 < sampler->n; i++) {
		at -= (double)sampler->list[i].weight;
		if (at < 0)
			return sampler->list[i].token;
	}
	return sampler->list[sampler->n - 1].token;
}

uint32_t lm_sample(struct lm_sampler *sampler, const float *logits, const uint64_t *mask,
		   uint32_t n_vocab, const uint32_t *recent, size_t n_recent, float *ret_log_prob)
{
	float penalty = sampler->how.repeat_penalty;
	uint32_t token;
	double sum;
	float best, own;

	take_admitted(sampler, logits, mask, n_vocab);
	sum = weigh(sampler, 1);
	best = find_best(sampler)->logit;
	if (penalty > 0 && (penalty > 1 || penalty < 1))
		penalise(sampler, recent, n_recent);
	if (sampler->how.temperature <= 0) {
		token = find_best(sampler)->token;
	} else {
		keep_likeliest(sampler);
		keep_near_best(sampler);
		token = draw_token(sampler);
	}
	own = isfinite(logits[token]) ? logits[token] : NOTHING;
	*ret_log_prob = (float)((double)(own - best) - log(sum));
	return token;
}
