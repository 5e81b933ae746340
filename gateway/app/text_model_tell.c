/* text_model_tell.c -- an event in a general model's words. */
#include "gateway/app/text_model_impl.h"

#include "gateway/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTION  64 /* tokens read between two looks at the clock */
#define REST     4  /* times an explanation's own time pass before the next */
#define ESCAPED  4096
#define REPEATED 1.15f /* what was said lately is less likely */

static const char schema_text[] =
    "{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,"
    "\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":240}}";

/* One explanation at work. */
struct telling {
	struct mw_text_model *model;
	int64_t end_ns; /* 0: no limit */
	char text[ESCAPED];
	size_t size;
};

static bool in_time(const struct telling *telling)
{
	return telling->end_ns == 0 || mw_clock_mono_ns() < telling->end_ns;
}

static bool take_piece(void *context, const struct mw_lm_piece *piece)
{
	struct telling *telling = context;

	if (telling->size + piece->size >= sizeof(telling->text) || !in_time(telling))
		return false;
	memcpy(telling->text + telling->size, piece->text, piece->size);
	telling->size += piece->size;
	telling->text[telling->size] = '\0';
	return true;
}

static mw_err read_question(struct telling *telling, size_t n)
{
	struct mw_text_model *model = telling->model;
	mw_err err = MW_E_OK;

	mw_lm_session_reset(model->session);
	for (size_t at = 0; at < n && !err; at += PORTION) {
		err = in_time(telling) ? MW_E_OK : MW_E_AGAIN;
		if (!err)
			err = text_model_read(model, model->token + at,
					      n - at < PORTION ? n - at : PORTION);
	}
	return err;
}

static mw_err ask(struct telling *telling, struct mw_text_view *view, const struct mw_render *like,
		  const struct mw_text_references *references)
{
	struct mw_text_model *model = telling->model;
	const char *system = mw_text_explain_system(like->event->language);
	size_t n = 0;
	mw_err err;

	if (model->length <= model->max_tokens)
		return MW_E_FULL;
	do {
		(void)mw_text_explain_question(view, like, references, model->question,
					       MW_TEXT_PROMPT_SIZE);
		err = text_model_encode(model, system, model->length - model->max_tokens, &n);
	} while (err == MW_E_FULL && mw_text_view_shrink(view, like->event->n_channel));
	return err ? err : read_question(telling, n);
}

static mw_err write_text(struct telling *telling, const struct mw_text_references *references)
{
	struct mw_text_model *model = telling->model;
	const char *name[MW_TEXT_REFERENCES];
	struct mw_lm_schema_options numberless = {.no_digits = true, .references = name};
	struct mw_lm_schema *schema = NULL;
	struct mw_lm_writer *writer = NULL;
	struct mw_lm_answer answer = {0};
	mw_lm_err err;

	for (; numberless.n_references < references->n; numberless.n_references++)
		name[numberless.n_references] = references->name[numberless.n_references];
	err = mw_lm_schema_new(model->lm, schema_text, strlen(schema_text), &numberless, &schema,
			       NULL, 0);
	if (!err) {
		const struct mw_lm_writer_options options = {
		    .sampling = {.repeat_penalty = REPEATED},
		    .schema = schema,
		    .on_piece = take_piece,
		    .context = telling};

		err = mw_lm_writer_new(model->lm, &options, &writer);
	}
	if (!err)
		err = mw_lm_write(writer, model->session, NULL, 0, model->max_tokens, &answer);
	model->stats.tokens += answer.n_tokens;
	mw_lm_writer_free(writer);
	mw_lm_schema_free(schema);
	if (err)
		return err == MW_LM_E_FULL ? MW_E_FULL : MW_E_INTERNAL;
	return answer.ended == MW_LM_ENDED_BY_SCHEMA ? MW_E_OK : MW_E_AGAIN;
}

/* The end of the JSON text that begins after its quotation mark, unescaped in place: blanks of any
 * kind become one. */
static char *unescape(char *text, size_t *ret_size)
{
	char *to = text, *from = text;

	for (; *from && *from != '"'; from++) {
		char c = *from;

		if (c == '\\' && from[1])
			c = strchr("nrtbf", *++from) ? ' ' : *from;
		*to++ = c;
	}
	*ret_size = (size_t)(to - text);
	return *from ? from + 1 : from;
}

/* Sentences that may not be said are left out; each stands by itself. */
static void take_sentences(char *json, enum mw_language language, struct mw_text_words *ret_words)
{
	char *at = strchr(json, '"');

	while (at) {
		char *sentence = at + 1;
		size_t size;

		at = strchr(unescape(sentence, &size), '"');
		(void)!mw_text_words_add(ret_words, language, sentence, size);
	}
}

/* Does it render as a whole for the event? */
static bool is_sayable(const struct mw_render *like, const struct mw_text_words *words)
{
	struct mw_render render = *like;

	for (size_t i = 0; i < words->n; i++)
		mw_render_word(&render, words->word[i]);
	return mw_text_words_cite(words) && mw_render_is_whole(&render);
}

static mw_err tell(struct telling *telling, struct mw_text_view *view, const struct mw_render *like,
		   struct mw_text_words *ret_words)
{
	struct mw_text_references *references = malloc(sizeof(*references));
	mw_err err;

	if (!references)
		return MW_E_NOMEM;
	mw_text_references(like, references);
	err = ask(telling, view, like, references);
	if (!err)
		err = write_text(telling, references);
	free(references);
	if (err)
		return err;
	ret_words->n = ret_words->used = 0;
	take_sentences(telling->text, like->event->language, ret_words);
	return is_sayable(like, ret_words) ? MW_E_OK : MW_E_MALFORMED;
}

static void count(struct mw_text_model *model, mw_err err)
{
	model->stats.told += err == MW_E_OK;
	model->stats.skipped += err == MW_E_AGAIN;
	model->stats.refused += err != MW_E_OK && err != MW_E_AGAIN;
}

mw_err mw_text_model_tell(struct mw_text_model *model, struct mw_text_view *view,
			  const struct mw_render *like, struct mw_text_words *ret_words)
{
	int64_t start = mw_clock_mono_ns(), end;
	struct telling telling = {.model = model,
				  .end_ns = model->budget_ns ? start + model->budget_ns : 0};
	mw_err err = MW_E_AGAIN;

	if (model->budget_ns == 0 || start >= model->rest_until_ns)
		err = tell(&telling, view, like, ret_words);
	end = mw_clock_mono_ns();
	if (end - start > 0 && start >= model->rest_until_ns)
		model->rest_until_ns = end + REST * (end - start);
	model->stats.busy_ns += end - start;
	count(model, err);
	return err;
}
