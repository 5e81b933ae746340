#include "model/engine/session.h"

#include "model/engine/kernels_math.h"

#include <math.h>
#include <string.h>

static size_t value_bytes(const struct mw_lm_session *session)
{
	static const size_t bytes[] = {
	    [MW_LM_CACHE_F32] = 4, [MW_LM_CACHE_F16] = 2, [MW_LM_CACHE_INT8] = 1};

	return bytes[session->cache];
}

static bool scales_init(struct mw_lm_session *session, uint32_t n_kv, struct lm_cache *cache)
{
	uint64_t n = (uint64_t)n_kv * session->n_tiles * LM_LANES;

	if (session->cache != MW_LM_CACHE_INT8)
		return true;
	cache->key_scales = lm_arena_take(&session->arena, n, sizeof(float));
	cache->value_scales = lm_arena_take(&session->arena, n, sizeof(float));
	return cache->key_scales && cache->value_scales;
}

mw_lm_err lm_caches_init(struct mw_lm_session *session)
{
	const struct mw_lm *model = session->model;
	struct lm_arena *arena = &session->arena;
	size_t bytes = value_bytes(session);

	session->caches = lm_arena_take(arena, model->info.n_layers, sizeof(*session->caches));
	if (!session->caches)
		return MW_LM_E_MEMORY;
	for (uint32_t i = 0; i < model->info.n_layers; i++) {
		struct lm_cache *cache = &session->caches[i];
		uint64_t width = (uint64_t)model->layers[i].n_kv * model->info.head_size;

		cache->keys = lm_arena_take(arena, width * session->n_tiles * LM_LANES, bytes);
		cache->values = lm_arena_take(arena, width * session->capacity, bytes);
		if (!cache->keys || !cache->values ||
		    !scales_init(session, model->layers[i].n_kv, cache))
			return MW_LM_E_MEMORY;
	}
	return MW_LM_E_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* n values as int8 and one scale, which is returned. */
static float to_int8(const float *x, size_t n, int8_t *ret_q)
{
	float max = 0, inverse;

	for (size_t i = 0; i < n; i++)
		max = lm_max(fabsf(x[i]), max);
	inverse = lm_inverse(max);
	for (size_t i = 0; i < n; i++)
		ret_q[i] = (int8_t)lm_to_int8(x[i] * inverse);
	return max / 127.0f;
}

/* Where a position stands in a head: its tile and its row of values. */
struct place {
	size_t tile, lane, row;
};

static void put_int8(const struct lm_cache *cache, const struct place *place, size_t size,
		     const float *key, const float *value)
{
	int8_t *tile = (int8_t *)cache->keys + place->tile * size * LM_LANES;
	int8_t q[LM_MAX_HEAD_SIZE];

	cache->key_scales[place->tile * LM_LANES + place->lane] = to_int8(key, size, q);
	for (size_t d = 0; d < size; d++)
		tile[d * LM_LANES + place->lane] = q[d];
	cache->value_scales[place->row] =
	    to_int8(value, size, (int8_t *)cache->values + place->row * size);
}

static void put_f16(const struct lm_cache *cache, const struct lm_kernels *ops,
		    const struct place *place, size_t size, const float *key, const float *value)
{
	uint16_t *tile = (uint16_t *)cache->keys + place->tile * size * LM_LANES;
	uint16_t halves[LM_MAX_HEAD_SIZE];

	ops->narrow(key, size, halves);
	for (size_t d = 0; d < size; d++)
		tile[d * LM_LANES + place->lane] = halves[d];
	ops->narrow(value, size, (uint16_t *)cache->values + place->row * size);
}

static void put_f32(const struct lm_cache *cache, const struct place *place, size_t size,
		    const float *key, const float *value)
{
	float *tile = (float *)cache->keys + place->tile * size * LM_LANES;

	for (size_t d = 0; d < size; d++)
		tile[d * LM_LANES + place->lane] = key[d];
	memcpy((float *)cache->values + place->row * size, value, size * sizeof(*value));
}

void lm_cache_put(const struct mw_lm_session *session, uint32_t layer, uint32_t head,
		  uint32_t index, const float *key, const float *value)
{
	const struct lm_cache *cache = &session->caches[layer];
	size_t size = session->model->info.head_size;
	uint32_t own = index - session->base;
	const struct place place = {(size_t)head * session->n_tiles + own / LM_LANES,
				    own % LM_LANES, (size_t)head * session->capacity + own};

	switch (session->cache) {
	case MW_LM_CACHE_INT8:
		put_int8(cache, &place, size, key, value);
		break;
	case MW_LM_CACHE_F16:
		put_f16(cache, session->model->ops, &place, size, key, value);
		break;
	default:
		put_f32(cache, &place, size, key, value);
	}
}

/* --- reading ---------------------------------------------------------------------------------- */

struct lm_held lm_cache_held(const struct mw_lm_session *session, uint32_t first, uint32_t n)
{
	uint32_t room;

	while (first < session->base) {
		n = n < session->base - first ? n : session->base - first;
		session = session->parent;
	}
	first -= session->base;
	room = LM_WIDE - first % LM_LANES;
	if (session->cache != MW_LM_CACHE_F32 && n > room)
		n = room;
	return (struct lm_held){session, first, n};
}

const float *lm_cache_keys(const struct lm_held *held, uint32_t layer, uint32_t head, float *wide)
{
	const struct mw_lm_session *session = held->owner;
	const struct lm_cache *cache = &session->caches[layer];
	size_t size = session->model->info.head_size;
	size_t tile = (size_t)head * session->n_tiles + held->first / LM_LANES;
	size_t n = (held->first % LM_LANES + held->n + LM_LANES - 1) / LM_LANES;
	const int8_t *q = (const int8_t *)cache->keys + tile * size * LM_LANES;

	if (session->cache == MW_LM_CACHE_F32)
		return (const float *)cache->keys + tile * size * LM_LANES;
	if (session->cache == MW_LM_CACHE_F16) {
		session->model->ops->widen((const uint16_t *)cache->keys + tile * size * LM_LANES,
					   n * size * LM_LANES, wide);
		return wide;
	}
	for (size_t i = 0; i < n; i++)
		session->model->ops->widen_keys(q + i * size * LM_LANES,
						cache->key_scales + (tile + i) * LM_LANES, size,
						wide + i * size * LM_LANES);
	return wide;
}

const float *lm_cache_values(const struct lm_held *held, uint32_t layer, uint32_t head, float *wide)
{
	const struct mw_lm_session *session = held->owner;
	const struct lm_cache *cache = &session->caches[layer];
	size_t size = session->model->info.head_size;
	size_t row = (size_t)head * session->capacity + held->first;

	if (session->cache == MW_LM_CACHE_F32)
		return (const float *)cache->values + row * size;
	if (session->cache == MW_LM_CACHE_F16) {
		session->model->ops->widen((const uint16_t *)cache->values + row * size,
					   held->n * size, wide);
		return wide;
	}
	for (size_t i = 0; i < held->n; i++)
		session->model->ops->widen_value((const int8_t *)cache->values + (row + i) * size,
						 cache->value_scales[row + i], size,
						 wide + i * size);
	return wide;
}
