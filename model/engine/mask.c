#include "model/engine/mask.h"
#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"

#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b, void *bytes)
{
	const struct lm_written *left = a, *right = b;
	const uint8_t *text = bytes;
	uint32_t size = left->size < right->size ? left->size : right->size;
	int order = memcmp(text + left->at, text + right->at, size);

	if (order != 0)
		return order;
	if (left->size != right->size)
		return left->size < right->size ? -1 : 1;
	return left->token < right->token ? -1 : 1;
}

static uint32_t shared_bytes(const uint8_t *bytes, const struct lm_written *a,
			     const struct lm_written *b)
{
	uint32_t n = 0, size = a->size < b->size ? a->size : b->size;

	while (n < size && bytes[a->at + n] == bytes[b->at + n])
		n++;
	return n;
}

static bool writes_text(const struct mw_lm *model, uint32_t token)
{
	uint8_t type = model->tokenizer->types[token];

	return type == LM_TOKEN_NORMAL || type == LM_TOKEN_USER || type == LM_TOKEN_BYTE;
}

/* What every token writes, one after the other. */
static void write_all(struct lm_vocabulary *vocabulary, const struct mw_lm *model, size_t room)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < model->info.n_vocab; i++) {
		struct lm_written *written = &vocabulary->list[vocabulary->n];
		size_t size;

		if (!writes_text(model, i))
			continue;
		size = lm_token_bytes(model, i, (char *)vocabulary->bytes + at, room - at);
		if (size == 0)
			continue;
		*written = (struct lm_written){i, at, (uint32_t)size, 0, 0};
		vocabulary->of_token[i] = (uint64_t)at << 32 | size;
		if (size == 1)
			vocabulary->single[vocabulary->bytes[at]] = true;
		if (size > vocabulary->longest)
			vocabulary->longest = (uint32_t)size;
		at += (uint32_t)size;
		vocabulary->n++;
	}
}

mw_lm_err lm_vocabulary_init(struct lm_vocabulary *vocabulary, const struct mw_lm *model,
			     struct lm_arena *arena)
{
	uint32_t n_vocab = model->info.n_vocab;
	uint64_t room = 1;

	if (!model->tokenizer)
		return MW_LM_E_UNSUPPORTED;
	for (uint32_t i = 0; i < n_vocab; i++)
		room += strlen(mw_lm_token_text(model, i));
	if (room > UINT32_MAX)
		return MW_LM_E_UNSUPPORTED;
	vocabulary->list = lm_arena_take(arena, n_vocab, sizeof(*vocabulary->list));
	vocabulary->of_token = lm_arena_take(arena, n_vocab, sizeof(*vocabulary->of_token));
	vocabulary->bytes = lm_arena_take(arena, room, 1);
	if (!vocabulary->list || !vocabulary->of_token || !vocabulary->bytes)
		return MW_LM_E_MEMORY;
	write_all(vocabulary, model, room);
	qsort_r(vocabulary->list, vocabulary->n, sizeof(*vocabulary->list), by_bytes,
		vocabulary->bytes);
	for (uint32_t i = 1; i < vocabulary->n; i++)
		vocabulary->list[i].shared =
		    shared_bytes(vocabulary->bytes, &vocabulary->list[i - 1], &vocabulary->list[i]);
	return MW_LM_E_OK;
}

static uint32_t count_chars(const struct lm_automaton *automaton, const uint8_t *bytes, size_t size)
{
	uint32_t n = 0;

	for (size_t length; size > 0; bytes += length, size -= length, n++) {
		length = lm_utf8_length(bytes, size);
		if (length == 0 || !lm_automaton_char(automaton, lm_utf8_char(bytes, length)))
			return 0;
	}
	return n;
}

void lm_vocabulary_measure(struct lm_vocabulary *vocabulary, const struct lm_automaton *automaton)
{
	for (uint32_t i = 0; i < vocabulary->n; i++) {
		struct lm_written *written = &vocabulary->list[i];

		written->chars =
		    count_chars(automaton, vocabulary->bytes + written->at, written->size);
	}
}

/* Characters that may follow one another from a place on. */
static uint32_t room_at(const struct lm_automaton *automaton, struct lm_place place)
{
	const struct lm_node *node = &automaton->nodes[place.node];

	return place.within || node->after_char == LM_NO_NODE ? 0 : node->more;
}

static void mark(uint64_t *mask, uint32_t token)
{
	mask[token / 64] |= 1ull << token % 64;
}

void lm_mask_fill(const struct lm_vocabulary *vocabulary, const struct lm_automaton *automaton,
		  struct lm_place from, struct lm_place *places, uint64_t *ret_mask, size_t n_words)
{
	uint32_t known = 0; /* places[0..known] belong to the bytes of the token at hand */
	uint32_t room = room_at(automaton, from);
	uint32_t dead = UINT32_MAX; /* so many first bytes are not admitted */

	memset(ret_mask, 0, n_words * sizeof(*ret_mask));
	places[0] = from;
	for (uint32_t i = 0; i < vocabulary->n; i++) {
		const struct lm_written *written = &vocabulary->list[i];
		const uint8_t *bytes = vocabulary->bytes + written->at;

		if (written->shared >= dead)
			continue;
		dead = UINT32_MAX;
		if (known > written->shared)
			known = written->shared;
		if (written->chars > 0 && written->chars <= room) {
			mark(ret_mask, written->token);
			continue;
		}
		while (known < written->size) {
			places[known + 1] = places[known];
			if (!lm_automaton_step(automaton, &places[known + 1], bytes[known])) {
				dead = known + 1;
				break;
			}
			known++;
		}
		if (dead == UINT32_MAX)
			mark(ret_mask, written->token);
	}
}

bool lm_mask_step(const struct lm_vocabulary *vocabulary, const struct lm_automaton *automaton,
		  struct lm_place *place, uint32_t token)
{
	uint64_t where = vocabulary->of_token[token];
	const uint8_t *bytes = vocabulary->bytes + (where >> 32);
	struct lm_place next = *place;
	uint32_t size = (uint32_t)where;

	for (uint32_t i = 0; i < size; i++)
		if (!lm_automaton_step(automaton, &next, bytes[i]))
			return false;
	*place = next;
	return size > 0;
}
