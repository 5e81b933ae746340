/* cmd_lm_run.c -- `millwright lm run`: a model of text continues one, or answers a message. */
#include "gateway/app/cmd_lm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct run {
	const struct lm_args *args;
	struct mw_lm *model;
	struct mw_lm_session *session;
	struct mw_lm_schema *schema;
	struct mw_lm_writer *writer;
	uint32_t *prompt;
	size_t n_prompt;
	struct mw_json *object; /* NULL: text */
	char *text;             /* all of the answer, for JSON */
	size_t size;
	bool failed; /* a piece could not be kept */
};

/* --- what is asked for ------------------------------------------------------------------------ */

static int load_schema(struct run *run)
{
	const struct mw_lm_schema_options options = {.no_digits = run->args->no_digits,
						     .references = run->args->references,
						     .n_references = run->args->n_references};
	char why[512] = "", *text;
	size_t size = 0;
	mw_lm_err err;

	if (!run->args->schema)
		return EX_OK;
	text = mw_lm_read_file(run->args->schema, &size);
	if (!text)
		return EX_NOINPUT;
	err = mw_lm_schema_new(run->model, text, size, &options, &run->schema, why, sizeof(why));
	free(text);
	if (!err)
		return EX_OK;
	(void)mw_lm_complain(err, run->args->schema, why);
	return err == MW_LM_E_ARGUMENT ? EX_USAGE : EX_DATAERR;
}

static mw_lm_err encode(struct run *run)
{
	const struct lm_args *args = run->args;
	const struct mw_lm_message messages[] = {{MW_LM_SYSTEM, args->system},
						 {MW_LM_USER, args->text}};
	size_t size = strlen(args->text) + (args->system ? strlen(args->system) : 0) + 256;
	size_t max = MW_LM_MAX_TOKENS(size), skip = args->system ? 0 : 1;

	run->prompt = malloc(max * sizeof(*run->prompt));
	if (!run->prompt)
		return MW_LM_E_MEMORY;
	if (args->chat)
		return mw_lm_chat_encode(run->model, args->chat_template, messages + skip, 2 - skip,
					 run->prompt, max, &run->n_prompt);
	return mw_lm_encode(run->model, args->text, strlen(args->text), MW_LM_SPECIALS, run->prompt,
			    max, &run->n_prompt);
}

static mw_lm_err make_session(struct run *run)
{
	const struct mw_lm_info *info = mw_lm_info(run->model);
	struct mw_lm_session_options options = {.max_tail = info->n_context,
						.cache = run->args->cache};

	if (run->n_prompt == 0 || run->n_prompt >= info->n_context)
		return MW_LM_E_ARGUMENT;
	if (run->n_prompt + (size_t)run->args->count < info->n_context)
		options.max_tail = (uint32_t)(run->n_prompt + (size_t)run->args->count);
	return mw_lm_session_new(run->model, &options, &run->session);
}

/* --- what comes out --------------------------------------------------------------------------- */

static bool keep_text(struct run *run, const struct mw_lm_piece *piece)
{
	char *text = realloc(run->text, run->size + piece->size + 1);

	if (!text)
		return false;
	memcpy(text + run->size, piece->text, piece->size);
	run->text = text;
	run->size += piece->size;
	run->text[run->size] = '\0';
	return true;
}

static bool on_piece(void *context, const struct mw_lm_piece *piece)
{
	struct run *run = context;

	if (run->object) {
		struct mw_json *item = mw_json_object();

		run->failed |= !keep_text(run, piece);
		mw_json_integer(item, "token", piece->token);
		mw_json_number(item, "log_prob", (double)piece->log_prob);
		if (piece->token != MW_LM_NO_TOKEN)
			mw_json_append(run->object, "tokens", item);
		else
			mw_json_free(item);
		return !run->failed;
	}
	if (run->args->log_probs && piece->token != MW_LM_NO_TOKEN) {
		printf("%9.4f %6u ", (double)piece->log_prob, piece->token);
		mw_lm_print_text(mw_lm_token_text(run->model, piece->token));
		(void)putchar('\n');
	} else if (!run->args->log_probs) {
		(void)fwrite(piece->text, 1, piece->size, stdout);
	}
	return fflush(stdout) == 0;
}

static const char *ended_text(enum mw_lm_ended ended)
{
	static const char *const texts[] = {"token", "text", "schema", "length", "caller"};

	return texts[ended];
}

static int print_answer(struct run *run, const struct mw_lm_answer *answer)
{
	struct mw_json *object = run->object;

	if (!object) {
		if (!run->args->log_probs)
			(void)putchar('\n');
		return EX_OK;
	}
	run->object = NULL;
	mw_json_text(object, "text", run->text ? run->text : "");
	mw_json_text(object, "ended", ended_text(answer->ended));
	mw_json_integer(object, "n_prompt", (int64_t)run->n_prompt);
	mw_json_integer(object, "n_tokens", (int64_t)answer->n_tokens);
	mw_json_number(object, "log_prob", answer->log_prob);
	return mw_lm_print_json(object);
}

static mw_lm_err make_writer(struct run *run)
{
	const struct lm_args *args = run->args;
	const struct mw_lm_writer_options options = {.sampling = args->sampling,
						     .schema = run->schema,
						     .stop_texts = args->stops,
						     .n_stop_texts = args->n_stops,
						     .strip_blank = args->chat,
						     .on_piece = on_piece,
						     .context = run};

	return mw_lm_writer_new(run->model, &options, &run->writer);
}

static int complain(const struct run *run, mw_lm_err err)
{
	const char *path = run->args->path[0], *why = mw_lm_no_text(run->model);

	if (!why && err == MW_LM_E_UNSUPPORTED && run->args->chat_template)
		why = "the vocabulary lacks the tokens of that chat template, or it is not known";
	else if (!why && err == MW_LM_E_UNSUPPORTED)
		(void)mw_lm_chat_template(run->model, &why);
	if (err == MW_LM_E_UNSUPPORTED)
		return mw_lm_complain(err, path, why ? why : "");
	if (err == MW_LM_E_FULL && run->schema) {
		(void)fprintf(stderr, "lm: an answer of the schema needs %u tokens\n",
			      mw_lm_schema_shortest(run->schema));
		return EX_DATAERR;
	}
	if (err != MW_LM_E_ARGUMENT)
		return mw_lm_complain(err, path, "");
	(void)fprintf(stderr, "lm: the text is empty or too long for the model\n");
	return EX_DATAERR;
}

static int run_all(struct run *run)
{
	struct mw_lm_answer answer;
	mw_lm_err err;
	int code;

	if (mw_lm_no_text(run->model))
		return complain(run, MW_LM_E_UNSUPPORTED);
	code = load_schema(run);
	if (code)
		return code;
	err = encode(run);
	if (!err)
		err = make_session(run);
	if (!err)
		err = make_writer(run);
	if (!err)
		err = mw_lm_write(run->writer, run->session, run->prompt, run->n_prompt,
				  (size_t)run->args->count, &answer);
	if (!err && run->failed)
		err = MW_LM_E_MEMORY;
	return err ? complain(run, err) : print_answer(run, &answer);
}

int mw_lm_run_command(const struct lm_args *args)
{
	struct run run = {.args = args};
	int code;

	if (!args->text) {
		(void)fputs("lm: run needs a text: -p TEXT\n", stderr);
		return EX_USAGE;
	}
	code = mw_lm_open_model(args, args->threads.number[0], &run.model);
	if (code)
		return code;
	run.object = args->json ? mw_json_object() : NULL;
	code = run_all(&run);
	mw_json_free(run.object);
	mw_lm_writer_free(run.writer);
	mw_lm_schema_free(run.schema);
	mw_lm_session_free(run.session);
	free(run.prompt);
	free(run.text);
	mw_lm_close(run.model);
	return code;
}
