/* cmd_lm_logits.c -- `millwright lm logits`: what a model answers to a prompt that was typed. */
#include "gateway/app/cmd_lm.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MAX_LINES 65536

/* A prompt as it was typed: lines of at most `slots` codes. */
struct prompt {
	uint32_t slots; /* of a position; 1 for a text */
	bool rows;      /* of a window */
	uint32_t *codes;
	size_t n_lines, room;
};

/* A new line without codes. */
static bool prompt_add_line(struct prompt *prompt)
{
	size_t room = prompt->room ? 2 * prompt->room : 64;
	uint32_t *codes = prompt->codes;

	if (prompt->n_lines == prompt->room) {
		if (room > MAX_LINES)
			return false;
		codes = realloc(codes, room * prompt->slots * sizeof(*codes));
		if (!codes)
			return false;
		prompt->codes = codes;
		prompt->room = room;
	}
	for (uint32_t i = 0; i < prompt->slots; i++)
		codes[prompt->n_lines * prompt->slots + i] = MW_LM_NO_CODE;
	prompt->n_lines++;
	return true;
}

static bool parse_code(const char *word, uint32_t *ret_code)
{
	unsigned long code;
	char *end;

	if (!isdigit((unsigned char)word[0]))
		return false;
	errno = 0;
	code = strtoul(word, &end, 10);
	if (errno || *end || code > UINT32_MAX)
		return false;
	*ret_code = (uint32_t)code;
	return true;
}

/* One position, or, of a text, as many as there are words. */
static bool prompt_parse_line(struct prompt *prompt, char *line)
{
	bool text = !prompt->rows;
	uint32_t n = 0;
	char *rest = NULL;

	for (char *word = strtok_r(line, " \t\r\n", &rest); word;
	     word = strtok_r(NULL, " \t\r\n", &rest)) {
		uint32_t slot = text ? 0 : n;

		if ((text || n == 0) && !prompt_add_line(prompt))
			return false;
		if (n++ == 0 && strcmp(word, "-") == 0)
			continue;
		if (slot == prompt->slots ||
		    !parse_code(word, &prompt->codes[(prompt->n_lines - 1) * prompt->slots + slot]))
			return false;
	}
	return true;
}

static bool prompt_parse(struct prompt *prompt, FILE *file)
{
	size_t size = 0;
	char *line = NULL;
	bool good = true;

	while (good && getline(&line, &size, file) >= 0)
		good = prompt_parse_line(prompt, line);
	good = good && !ferror(file) && prompt->n_lines > 0;
	free(line);
	return good;
}

/* Tokens apart by commas. */
static bool prompt_parse_tokens(struct prompt *prompt, const char *text)
{
	char *copy = strdup(text), *rest = NULL;
	bool good = copy != NULL;

	for (char *word = good ? strtok_r(copy, ",", &rest) : NULL; word && good;
	     word = strtok_r(NULL, ",", &rest))
		good = prompt_add_line(prompt) &&
		       parse_code(word, &prompt->codes[(prompt->n_lines - 1) * prompt->slots]);
	free(copy);
	return good && prompt->n_lines > 0;
}

static bool prompt_read(struct prompt *prompt, const char *path)
{
	FILE *file = path ? fopen(path, "r") : stdin;
	bool good;

	if (!file)
		return false;
	good = prompt_parse(prompt, file);
	if (path)
		(void)fclose(file);
	return good;
}

/* Reads a window whose last line is the question. */
static mw_lm_err read_window(struct mw_lm_session *session, const struct mw_lm_info *info,
			     const struct prompt *prompt, float *ret_patches)
{
	size_t n = prompt->n_lines * prompt->slots;
	uint16_t *codes = malloc(n * sizeof(*codes));
	struct mw_lm_window window = {.session = session, .codes = codes};
	mw_lm_err err = codes ? MW_LM_E_OK : MW_LM_E_MEMORY;

	for (size_t i = 0; i < n && !err; i++) {
		if (prompt->codes[i] > UINT16_MAX)
			err = MW_LM_E_ARGUMENT;
		codes[i] = (uint16_t)prompt->codes[i];
	}
	if (!err) {
		window.n_rows = (uint32_t)(prompt->n_lines - 1) / info->row_length;
		window.question = codes + n - prompt->slots;
		window.ret_patch_logits = ret_patches;
		err = mw_lm_read(&window);
	}
	free(codes);
	return err;
}

static void print_patches(const float *patches, uint32_t n_rows, uint32_t n_patches,
			  struct mw_json *object)
{
	char name[32];

	for (uint32_t row = 0; row < n_rows; row++) {
		struct mw_json *list = object ? mw_json_object() : NULL;

		if (!object)
			printf("row %-3u", row);
		for (uint32_t i = 0; i < n_patches; i++) {
			(void)snprintf(name, sizeof(name), "%u", i);
			if (object)
				mw_json_number(list, name, (double)patches[row * n_patches + i]);
			else
				printf(" %8.4f", (double)patches[row * n_patches + i]);
		}
		(void)snprintf(name, sizeof(name), "row_%u", row);
		if (object)
			mw_json_child(object, name, list);
		else
			(void)putchar('\n');
	}
}

/* The best token that is not marked, and marks it by -infinity. */
static uint32_t take_best(float *logits, uint32_t n, float *ret_logit)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < n; i++)
		if (logits[i] > logits[best])
			best = i;
	*ret_logit = logits[best];
	logits[best] = -HUGE_VALF;
	return best;
}

static mw_lm_err print_tokens(const struct lm_args *args, const struct mw_lm *model,
			      struct mw_lm_session *session, struct mw_json *object)
{
	uint32_t n_vocab = mw_lm_info(model)->n_vocab;
	float *logits = malloc(n_vocab * sizeof(*logits)), logit;
	mw_lm_err err = logits ? mw_lm_logits(session, 0, n_vocab, logits) : MW_LM_E_MEMORY;

	for (uint32_t i = 0; object && i < n_vocab && !err; i++)
		mw_json_append_number(object, "logits", (double)logits[i]);
	for (long i = 0; i < args->top && i < (long)n_vocab && !err; i++) {
		uint32_t token = take_best(logits, n_vocab, &logit);
		const char *text = mw_lm_token_text(model, token);

		if (object) {
			struct mw_json *item = mw_json_object();

			mw_json_integer(item, "token", token);
			mw_json_text(item, "text", text ? text : "");
			mw_json_number(item, "logit", (double)logit);
			mw_json_append(object, "tokens", item);
		} else {
			printf("%10.4f %6u %s\n", (double)logit, token, text ? text : "");
		}
	}
	free(logits);
	return err;
}

/* Whole rows and a question; a text fits as it is. */
static bool prompt_fits(const struct prompt *prompt, const struct mw_lm_info *info)
{
	if (!prompt->rows)
		return prompt->n_lines <= MAX_LINES;
	return prompt->n_lines > info->row_length && (prompt->n_lines - 1) % info->row_length == 0;
}

static mw_lm_err logits_run(const struct lm_args *args, const struct mw_lm *model,
			    const struct prompt *prompt, struct mw_json *object)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	uint32_t n_rows = prompt->rows ? (uint32_t)(prompt->n_lines - 1) / info->row_length : 0;
	const struct mw_lm_session_options options = {.max_rows = n_rows,
						      .max_tail =
							  n_rows ? 1 : (uint32_t)prompt->n_lines,
						      .cache = args->cache};
	float *patches = calloc((size_t)n_rows * info->n_patches + 1, sizeof(*patches));
	struct mw_lm_session *session = NULL;
	mw_lm_err err = patches ? mw_lm_session_new(model, &options, &session) : MW_LM_E_MEMORY;

	if (!err)
		err = n_rows ? read_window(session, info, prompt, patches)
			     : mw_lm_prefill(session, prompt->codes, prompt->n_lines);
	if (!err)
		print_patches(patches, n_rows, info->n_patches, object);
	if (!err)
		err = print_tokens(args, model, session, object);
	mw_lm_session_free(session);
	free(patches);
	return err;
}

static int logits_print(const struct lm_args *args, const struct mw_lm *model,
			const struct prompt *prompt)
{
	struct mw_json *object = args->json ? mw_json_object() : NULL;
	mw_lm_err err = logits_run(args, model, prompt, object);

	if (!err)
		return object ? mw_lm_print_json(object) : EX_OK;
	mw_json_free(object);
	(void)mw_lm_complain(err, args->path[0], "");
	return err == MW_LM_E_ARGUMENT ? EX_DATAERR : EX_SOFTWARE;
}

int mw_lm_logits_command(const struct lm_args *args)
{
	struct prompt prompt = {.slots = 1};
	struct mw_lm *model = NULL;
	int code = mw_lm_open_model(args, args->threads.number[0], &model);
	bool good;

	if (code)
		return code;
	prompt.rows = mw_lm_info(model)->slots > 0 && !args->token_list;
	if (prompt.rows)
		prompt.slots = mw_lm_info(model)->slots;
	good = args->token_list ? prompt_parse_tokens(&prompt, args->token_list)
				: prompt_read(&prompt, args->prompt);
	if (good && prompt_fits(&prompt, mw_lm_info(model))) {
		code = logits_print(args, model, &prompt);
	} else if (!prompt.rows) {
		(void)fprintf(stderr, "lm: %s: no list of tokens\n",
			      args->token_list ? args->token_list
			      : args->prompt   ? args->prompt
					       : "standard input");
		code = EX_DATAERR;
	} else {
		(void)fprintf(stderr,
			      "lm: %s: no prompt of this model: rows of %u positions and a "
			      "question\n",
			      args->prompt ? args->prompt : "standard input",
			      mw_lm_info(model)->row_length);
		code = EX_DATAERR;
	}
	free(prompt.codes);
	mw_lm_close(model);
	return code;
}
