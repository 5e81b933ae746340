/* Any text as a JSON Schema: the first byte says whether digits are free, the last ones how to walk
 * through what was made of it.  Every place has a token that leads on, and a walk that keeps to the
 * distances ends in time in JSON that parses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/engine/schema.h"
#include "tests/unit/text_fixture.h"

#define MAX_STEPS 200u
#define MAX_TEXT  16384u

struct walk {
	const struct mw_lm_schema *schema;
	struct lm_place place;
	char text[MAX_TEXT];
	size_t size;
	uint64_t seed;
};

static uint32_t draw(struct walk *walk, uint32_t n)
{
	walk->seed = walk->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(walk->seed >> 33) % n;
}

/* A token that can be finished with `left` more: the first from a place drawn on. */
static bool take_token(struct walk *walk, uint32_t left)
{
	const struct mw_lm_schema *schema = walk->schema;
	uint32_t n_vocab = mw_lm_info(schema->model)->n_vocab, from = draw(walk, n_vocab);

	for (uint32_t i = 0; i < n_vocab; i++) {
		uint32_t token = (from + i) % n_vocab;
		struct lm_place next = walk->place;

		if (!lm_mask_step(&schema->vocabulary, &schema->automaton, &next, token) ||
		    lm_automaton_distance(&schema->automaton, next) > left)
			continue;
		walk->place = next;
		walk->size += lm_token_bytes(schema->model, token, walk->text + walk->size,
					     MAX_TEXT - walk->size);
		return true;
	}
	return false;
}

static void check_text(const struct walk *walk)
{
	struct lm_arena arena = {0};
	const struct lm_why no_why = {NULL, 0};
	struct lm_json *json;

	if (walk->size < MAX_TEXT - 64 &&
	    (lm_json_parse(&arena, walk->text, walk->size, &json, &no_why) != MW_LM_E_OK ||
	     !mw_lm_schema_admits(walk->schema, walk->text, walk->size)))
		abort();
	lm_arena_done(&arena);
}

static void walk_through(const struct mw_lm_schema *schema, uint64_t seed)
{
	static struct walk walk;
	uint32_t steps = mw_lm_schema_shortest(schema);

	if (steps > MAX_STEPS)
		return;
	walk = (struct walk){.schema = schema, .place = {schema->automaton.start, 0}, .seed = seed};
	steps += draw(&walk, MAX_STEPS);
	while (steps-- > 0 && !lm_automaton_must_end(&schema->automaton, walk.place))
		if (!take_token(&walk, steps) &&
		    !lm_automaton_may_end(&schema->automaton, walk.place))
			abort();
	if (!lm_automaton_may_end(&schema->automaton, walk.place))
		abort();
	check_text(&walk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const references[] = {"{a}", "{ch2.peak}"};
	static struct mw_lm *models[2];
	struct mw_lm_schema *schema = NULL;
	struct mw_lm_schema_options options = {.references = references};
	char why[256];
	uint64_t seed = 0;

	if (!models[0])
		for (uint32_t i = 0; i < 2; i++)
			models[i] = text_model_open(&(struct text_model){.spm = i == 0, .seed = i});
	if (size < 2)
		return 0;
	options.no_digits = data[0] & 1;
	options.n_references = data[0] & 2 ? 2 : 0;
	if (mw_lm_schema_new(models[data[0] >> 2 & 1], (const char *)data + 1, size - 1, &options,
			     &schema, why, sizeof(why)) != MW_LM_E_OK)
		return 0;
	for (size_t i = 0; i < size; i++)
		seed = seed * 31 + data[i];
	for (uint64_t i = 0; i < 4; i++)
		walk_through(schema, seed + i);
	mw_lm_schema_free(schema);
	return 0;
}
