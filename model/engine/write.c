/* Answers, token by token: chosen, checked against the form, handed on as text. */
#include "model/engine/sample.h"
#include "model/engine/schema.h"
#include "model/engine/session.h"
#include "model/engine/tokenizer.h"
#include "model/engine/utf8.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_WINDOW      64u
#define MAX_WINDOW          1024u
#define DEFAULT_MASK_MEMORY ((size_t)4 << 20)
#define MAX_WITHIN          (LM_MAX_REFERENCE + 4u) /* bytes to the end of a character */
#define FEW                 8u /* logits are computed one by one for less than 1 in so many tokens */

struct stop_text {
	const char *text;
	size_t size;
};

/* Masks that were computed, by place. */
struct masks {
	uint64_t *keys;  /* [n]; 0: free */
	uint64_t *words; /* [n][n_words] */
	size_t n, n_words;
	uint64_t *near_end;      /* [n_words]: the mask at hand, what leads too far left out */
	struct lm_place *places; /* [longest token + 1] */
};

struct mw_lm_writer {
	const struct mw_lm *model;
	const struct mw_lm_schema *schema;
	struct lm_arena arena;
	struct lm_sampler sampler;
	struct masks masks;
	struct lm_place place;
	uint32_t *recent; /* [window], the last tokens, oldest overwritten */
	uint32_t window, n_recent, at_recent;
	uint32_t *stop_tokens;
	struct stop_text stop_texts[MW_LM_MAX_STOPS];
	size_t n_stop_tokens, n_stop_texts;
	char *held; /* text that is not certain yet */
	size_t n_held, room;
	bool strip_blank;
	bool (*on_piece)(void *context, const struct mw_lm_piece *piece);
	void *context;
};

/* --- making one ------------------------------------------------------------------------------- */

static bool masks_init(struct mw_lm_writer *writer, size_t memory)
{
	struct masks *masks = &writer->masks;
	size_t n_words = (writer->model->info.n_vocab + 63) / 64;

	masks->n_words = n_words;
	masks->n = (memory ? memory : DEFAULT_MASK_MEMORY) / ((n_words + 1) * sizeof(uint64_t));
	if (masks->n == 0)
		masks->n = 1;
	masks->keys = lm_arena_take(&writer->arena, masks->n, sizeof(*masks->keys));
	masks->words =
	    lm_arena_take(&writer->arena, (uint64_t)masks->n * n_words, sizeof(*masks->words));
	masks->near_end = lm_arena_take(&writer->arena, n_words, sizeof(*masks->near_end));
	masks->places = lm_arena_take(&writer->arena, writer->schema->vocabulary.longest + 1ull,
				      sizeof(*masks->places));
	return masks->keys && masks->words && masks->near_end && masks->places;
}

static bool stops_init(struct mw_lm_writer *writer, const struct mw_lm_writer_options *options)
{
	writer->n_stop_tokens = options->n_stop_tokens;
	writer->n_stop_texts = options->n_stop_texts;
	writer->stop_tokens =
	    lm_arena_take(&writer->arena, options->n_stop_tokens, sizeof(*writer->stop_tokens));
	if (!writer->stop_tokens)
		return false;
	for (size_t i = 0; i < options->n_stop_tokens; i++)
		writer->stop_tokens[i] = options->stop_tokens[i];
	for (size_t i = 0; i < options->n_stop_texts; i++) {
		size_t size = strlen(options->stop_texts[i]);
		const char *text = lm_arena_string(&writer->arena, options->stop_texts[i], size);

		if (!text)
			return false;
		writer->stop_texts[i] = (struct stop_text){text, size};
	}
	return true;
}

static mw_lm_err writer_init(struct mw_lm_writer *writer,
			     const struct mw_lm_writer_options *options)
{
	uint32_t n_vocab = writer->model->info.n_vocab, window = options->sampling.repeat_window;

	writer->sampler.how = options->sampling;
	writer->window = window ? window : DEFAULT_WINDOW;
	writer->strip_blank = options->strip_blank;
	writer->on_piece = options->on_piece;
	writer->context = options->context;
	writer->room = lm_token_bytes_max(writer->model) + MW_LM_MAX_STOP_TEXT + 4;
	writer->sampler.list =
	    lm_arena_take(&writer->arena, n_vocab, sizeof(*writer->sampler.list));
	writer->recent = lm_arena_take(&writer->arena, writer->window, sizeof(*writer->recent));
	writer->held = lm_arena_take(&writer->arena, writer->room, 1);
	if (!writer->sampler.list || !writer->recent || !writer->held ||
	    !stops_init(writer, options))
		return MW_LM_E_MEMORY;
	writer->schema = options->schema;
	return !options->schema || masks_init(writer, options->mask_memory) ? MW_LM_E_OK
									    : MW_LM_E_MEMORY;
}

static bool options_fit(const struct mw_lm *model, const struct mw_lm_writer_options *options)
{
	if (!lm_sampling_is_sane(&options->sampling) ||
	    options->sampling.repeat_window > MAX_WINDOW ||
	    options->n_stop_texts > MW_LM_MAX_STOPS || options->n_stop_tokens > MW_LM_MAX_STOPS ||
	    (options->schema && options->schema->model != model))
		return false;
	for (size_t i = 0; i < options->n_stop_texts; i++) {
		size_t size = strlen(options->stop_texts[i]);

		if (size == 0 || size > MW_LM_MAX_STOP_TEXT)
			return false;
	}
	return true;
}

mw_lm_err mw_lm_writer_new(const struct mw_lm *model, const struct mw_lm_writer_options *options,
			   struct mw_lm_writer **ret_writer)
{
	struct mw_lm_writer *writer;
	mw_lm_err err;

	if (!model->tokenizer)
		return MW_LM_E_UNSUPPORTED;
	if (!options_fit(model, options))
		return MW_LM_E_ARGUMENT;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return MW_LM_E_MEMORY;
	writer->model = model;
	err = writer_init(writer, options);
	if (err) {
		mw_lm_writer_free(writer);
		return err;
	}
	*ret_writer = writer;
	return MW_LM_E_OK;
}

void mw_lm_writer_free(struct mw_lm_writer *writer)
{
	if (!writer)
		return;
	lm_arena_done(&writer->arena);
	free(writer);
}

/* --- what may be written ---------------------------------------------------------------------- */

static void mark(uint64_t *mask, uint32_t token)
{
	mask[token / 64] |= 1ull << token % 64;
}

/* The mask of the place at hand; lent until the next call. */
static const uint64_t *find_mask(struct mw_lm_writer *writer)
{
	const struct lm_automaton *automaton = &writer->schema->automaton;
	const struct lm_tokenizer *tokenizer = writer->model->tokenizer;
	struct masks *masks = &writer->masks;
	uint64_t node = automaton->nodes[writer->place.node].twin;
	uint64_t key = (node + 1) << 32 | writer->place.within;
	size_t slot = (size_t)((key * 0x9E3779B97F4A7C15u) >> 20) % masks->n;
	uint64_t *words = masks->words + slot * masks->n_words;

	if (masks->keys[slot] == key)
		return words;
	lm_mask_fill(&writer->schema->vocabulary, automaton, writer->place, masks->places, words,
		     masks->n_words);
	if (lm_automaton_may_end(automaton, writer->place))
		for (uint32_t i = 0; i < tokenizer->n_ends; i++)
			mark(words, tokenizer->ends[i]);
	masks->keys[slot] = key;
	return words;
}

/* Leaves out what cannot be brought to an end with so many tokens more. */
static const uint64_t *keep_short(struct mw_lm_writer *writer, const uint64_t *mask, size_t left)
{
	const struct mw_lm_schema *schema = writer->schema;
	uint64_t *kept = writer->masks.near_end;

	if (left > (size_t)schema->automaton.farthest + MAX_WITHIN)
		return mask;
	memcpy(kept, mask, writer->masks.n_words * sizeof(*kept));
	for (uint32_t i = 0; i < writer->model->info.n_vocab; i++) {
		struct lm_place place = writer->place;

		if (!(mask[i / 64] >> i % 64 & 1) || mw_lm_token_ends(writer->model, i))
			continue;
		if (!lm_mask_step(&schema->vocabulary, &schema->automaton, &place, i) ||
		    lm_automaton_distance(&schema->automaton, place) > left)
			kept[i / 64] &= ~(1ull << i % 64);
	}
	return kept;
}

/* How many tokens a mask marks, and the last of them. */
static uint32_t count(const uint64_t *mask, size_t n_words, uint32_t *ret_token)
{
	uint32_t n = 0;

	for (size_t i = 0; i < n_words; i++) {
		n += (uint32_t)__builtin_popcountll(mask[i]);
		if (mask[i])
			*ret_token = (uint32_t)(64 * i + 63 - (size_t)__builtin_clzll(mask[i]));
	}
	return n;
}

/* The logits of marked tokens, all of them where many are. */
static void find_logits(struct mw_lm_session *session, const uint64_t *mask, uint32_t n)
{
	uint32_t n_vocab = session->model->info.n_vocab;

	lm_logits_begin(session);
	if (n > n_vocab / FEW) {
		lm_logits_panels(session, 0, n_vocab);
		return;
	}
	for (uint32_t i = 0; i < n_vocab; i++)
		if (mask[i / 64] >> i % 64 & 1)
			lm_logits_panels(session, i, 1);
}

static struct mw_lm_piece choose(struct mw_lm_writer *writer, struct mw_lm_session *session,
				 size_t left)
{
	uint32_t n_vocab = writer->model->info.n_vocab, n = n_vocab;
	const uint64_t *mask = NULL;
	struct mw_lm_piece piece = {.token = MW_LM_NO_TOKEN};

	if (writer->schema) {
		mask = keep_short(writer, find_mask(writer), left);
		n = count(mask, writer->masks.n_words, &piece.token);
		if (n <= 1)
			return piece;
	}
	find_logits(session, mask, n);
	piece.token = lm_sample(&writer->sampler, session->scratch.logits, mask, n_vocab,
				writer->recent, writer->n_recent, &piece.log_prob);
	return piece;
}

/* --- text ------------------------------------------------------------------------------------- */

/* Where the first stop text begins; the end of what is held if there is none. */
static size_t find_stop(const struct mw_lm_writer *writer, bool *ret_found)
{
	size_t first = writer->n_held;

	*ret_found = false;
	for (size_t i = 0; i < writer->n_stop_texts; i++) {
		const struct stop_text *stop = &writer->stop_texts[i];
		const char *found = memmem(writer->held, writer->n_held, stop->text, stop->size);

		if (!found || (*ret_found && (size_t)(found - writer->held) >= first))
			continue;
		first = (size_t)(found - writer->held);
		*ret_found = true;
	}
	return first;
}

/* Whether what is held from there on is the beginning of a stop text or of a character. */
static bool is_open(const struct mw_lm_writer *writer, size_t from)
{
	const uint8_t *text = (const uint8_t *)writer->held + from;
	size_t n = writer->n_held - from, length;

	for (size_t i = 0; i < writer->n_stop_texts; i++)
		if (n < writer->stop_texts[i].size &&
		    memcmp(text, writer->stop_texts[i].text, n) == 0)
			return true;
	length = text[0] < 0xC2 ? 1 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
	for (size_t i = 1; i < n; i++)
		if ((text[i] & 0xC0) != 0x80)
			return false;
	return text[0] <= 0xF4 && n < length;
}

static bool hand_on(struct mw_lm_writer *writer, struct mw_lm_piece *piece, size_t size)
{
	bool more;

	piece->text = writer->held;
	piece->size = size;
	more = !writer->on_piece || writer->on_piece(writer->context, piece);
	writer->n_held -= size;
	memmove(writer->held, writer->held + size, writer->n_held);
	return more;
}

/* A token's text; false if the answer ends with it, and *ret_ended says how. */
static bool add_text(struct mw_lm_writer *writer, struct mw_lm_piece *piece, bool first,
		     enum mw_lm_ended *ret_ended)
{
	size_t n = lm_token_bytes(writer->model, piece->token, writer->held + writer->n_held,
				  writer->room - writer->n_held);
	size_t size, from = writer->n_held;
	bool stopped;

	if (first && writer->strip_blank && n > 0 && writer->held[from] == ' ')
		memmove(writer->held + from, writer->held + from + 1, --n);
	writer->n_held += n;
	size = find_stop(writer, &stopped);
	if (stopped)
		writer->n_held = size;
	else
		for (size = 0; size < writer->n_held && !is_open(writer, size);)
			size++;
	*ret_ended = stopped ? MW_LM_ENDED_BY_TEXT : MW_LM_ENDED_BY_CALLER;
	return hand_on(writer, piece, size) && !stopped;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void remember(struct mw_lm_writer *writer, uint32_t token)
{
	writer->recent[writer->at_recent] = token;
	writer->at_recent = (writer->at_recent + 1) % writer->window;
	if (writer->n_recent < writer->window)
		writer->n_recent++;
}

static bool ends(const struct mw_lm_writer *writer, uint32_t token)
{
	for (size_t i = 0; i < writer->n_stop_tokens; i++)
		if (writer->stop_tokens[i] == token)
			return true;
	return mw_lm_token_ends(writer->model, token);
}

static bool is_whole(const struct mw_lm_writer *writer)
{
	return writer->schema && lm_automaton_must_end(&writer->schema->automaton, writer->place);
}

static mw_lm_err write_on(struct mw_lm_writer *writer, struct mw_lm_session *session, size_t max,
			  struct mw_lm_answer *answer)
{
	struct mw_lm_piece piece;
	bool more = true;
	mw_lm_err err;

	while (more && !is_whole(writer) && answer->n_tokens < max) {
		err = answer->n_tokens > 0 ? mw_lm_step(session, piece.token) : MW_LM_E_OK;
		if (err)
			return err;
		piece = choose(writer, session, max - answer->n_tokens - 1);
		answer->log_prob += (double)piece.log_prob;
		remember(writer, piece.token);
		answer->ended = MW_LM_ENDED_BY_TOKEN;
		more = !ends(writer, piece.token);
		if (more && writer->schema)
			(void)lm_mask_step(&writer->schema->vocabulary, &writer->schema->automaton,
					   &writer->place, piece.token);
		if (more)
			more = add_text(writer, &piece, answer->n_tokens == 0, &answer->ended);
		answer->n_tokens++;
	}
	if (!more)
		return MW_LM_E_OK;
	answer->ended =
	    writer->schema && lm_automaton_may_end(&writer->schema->automaton, writer->place)
		? MW_LM_ENDED_BY_SCHEMA
		: MW_LM_ENDED_BY_LENGTH;
	return MW_LM_E_OK;
}

static void start_over(struct mw_lm_writer *writer, const uint32_t *tokens, size_t n)
{
	lm_sampler_seed(&writer->sampler);
	writer->n_recent = 0;
	writer->at_recent = 0;
	writer->n_held = 0;
	if (writer->schema)
		writer->place = (struct lm_place){writer->schema->automaton.start, 0};
	for (size_t i = n > writer->window ? n - writer->window : 0; i < n; i++)
		remember(writer, tokens[i]);
}

mw_lm_err mw_lm_write(struct mw_lm_writer *writer, struct mw_lm_session *session,
		      const uint32_t *tokens, size_t n, size_t max_tokens,
		      struct mw_lm_answer *ret_answer)
{
	struct mw_lm_answer answer = {0};
	struct mw_lm_piece rest = {.token = MW_LM_NO_TOKEN};
	size_t room = session->max_tail - session->n_tail;
	mw_lm_err err;

	if (session->model != writer->model)
		return MW_LM_E_ARGUMENT;
	if (n == 0 && (session->n_tail == 0 || session->was_cut))
		return MW_LM_E_STATE;
	if (n > room)
		return MW_LM_E_FULL;
	room = room - n + 1; /* nothing follows the last one: it is not read */
	max_tokens = max_tokens < room ? max_tokens : room;
	if (writer->schema && mw_lm_schema_shortest(writer->schema) > max_tokens)
		return MW_LM_E_FULL;
	err = n > 0 ? mw_lm_prefill(session, tokens, n) : MW_LM_E_OK;
	if (err)
		return err;
	start_over(writer, tokens, n);
	err = write_on(writer, session, max_tokens, &answer);
	if (err)
		return err;
	if (writer->n_held > 0 && answer.ended != MW_LM_ENDED_BY_CALLER)
		(void)hand_on(writer, &rest, writer->n_held);
	*ret_answer = answer;
	return MW_LM_E_OK;
}
