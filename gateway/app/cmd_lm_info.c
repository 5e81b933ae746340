/* cmd_lm_info.c -- `millwright lm info`: what a file is. */
#include "gateway/app/cmd_lm.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

/* Bytes of a session that reads as much text as the model knows; 0 if it cannot be made. */
static size_t session_bytes(const struct mw_lm *model, uint32_t max_tail, enum mw_lm_cache cache)
{
	const struct mw_lm_session_options options = {.max_rows = mw_lm_info(model)->max_rows,
						      .max_tail = max_tail,
						      .pass = 64,
						      .cache = cache};
	struct mw_lm_session *session = NULL;
	size_t bytes;

	if (mw_lm_session_new(model, &options, &session) != MW_LM_E_OK)
		return 0;
	bytes = mw_lm_session_memory(session);
	mw_lm_session_free(session);
	return bytes;
}

/* Positions of the session whose memory is stated. */
static uint32_t session_length(const struct mw_lm_info *info)
{
	if (info->slots > 0)
		return 32;
	return info->n_context < 2048 ? info->n_context : 2048;
}

static int info_json(const struct lm_args *args, const struct mw_lm *model)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	struct mw_json *object = mw_json_object(), *metadata = mw_json_object();
	const char *key, *why, *tokenizer = mw_lm_tokenizer_name(model, NULL);
	const char *chat = mw_lm_chat_template(model, &why);

	mw_json_text(object, "architecture", info->architecture);
	mw_json_text(object, "name", info->name);
	mw_json_text(object, "kernels", info->kernels);
	mw_json_integer(object, "parameters", (int64_t)info->n_parameters);
	mw_json_integer(object, "layers", info->n_layers);
	mw_json_integer(object, "width", info->n_embd);
	mw_json_integer(object, "head_size", info->head_size);
	mw_json_integer(object, "vocabulary", info->n_vocab);
	mw_json_integer(object, "context", info->n_context);
	mw_json_integer(object, "file_bytes", (int64_t)info->file_size);
	mw_json_integer(object, "weight_bytes", (int64_t)info->weight_bytes);
	mw_json_integer(object, "session_positions", session_length(info));
	mw_json_integer(object, "session_bytes",
			(int64_t)session_bytes(model, session_length(info), args->cache));
	if (tokenizer)
		mw_json_text(object, "tokenizer", tokenizer);
	else
		mw_json_null(object, "tokenizer");
	if (chat)
		mw_json_text(object, "chat_template", chat);
	else
		mw_json_null(object, "chat_template");
	for (size_t i = 0; (key = mw_lm_metadata_key(model, i)) != NULL; i++)
		if (mw_lm_metadata(model, key))
			mw_json_text(metadata, key, mw_lm_metadata(model, key));
	mw_json_child(object, "metadata", metadata);
	for (size_t i = 0; mw_lm_tensor(model, i); i++) {
		struct mw_json *tensor = mw_json_object();

		mw_json_text(tensor, "name", mw_lm_tensor(model, i)->name);
		mw_json_text(tensor, "type", mw_lm_tensor(model, i)->type);
		mw_json_integer(tensor, "rows", (int64_t)mw_lm_tensor(model, i)->rows);
		mw_json_integer(tensor, "cols", (int64_t)mw_lm_tensor(model, i)->cols);
		mw_json_append(object, "tensors", tensor);
	}
	return mw_lm_print_json(object);
}

static void print_tensors(const struct mw_lm *model)
{
	const struct mw_lm_tensor *tensor;

	for (size_t i = 0; (tensor = mw_lm_tensor(model, i)) != NULL; i++) {
		(void)fputs("  ", stdout);
		mw_lm_print_text(tensor->name);
		printf("%*s %-5s %llu x %llu\n",
		       (int)strlen(tensor->name) < 40 ? 40 - (int)strlen(tensor->name) : 0, "",
		       tensor->type, (unsigned long long)tensor->rows,
		       (unsigned long long)tensor->cols);
	}
}

static void info_text(const struct lm_args *args, const struct mw_lm *model)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	const char *key, *why = "", *text = mw_lm_tokenizer_name(model, &why);

	printf("%s '", info->architecture);
	mw_lm_print_text(info->name);
	printf("': %.2f M parameters, %u layers, width %u, vocabulary %u, context %u\n",
	       (double)info->n_parameters / 1e6, info->n_layers, info->n_embd, info->n_vocab,
	       info->n_context);
	printf("file %.2f MiB, in memory %.2f MiB, kernels %s\n",
	       (double)info->file_size / (1 << 20), (double)info->weight_bytes / (1 << 20),
	       info->kernels);
	printf("a session of %u positions %.2f MiB\n", session_length(info),
	       (double)session_bytes(model, session_length(info), args->cache) / (1 << 20));
	printf("tokenizer: %s%s\n", text ? text : "none: ", text ? "" : why);
	text = mw_lm_chat_template(model, &why);
	printf("chat template: %s%s\n", text ? text : "none: ", text ? "" : why);
	for (size_t i = 0; (key = mw_lm_metadata_key(model, i)) != NULL; i++) {
		text = mw_lm_metadata(model, key);
		printf("  %-48s ", key);
		mw_lm_print_text(text ? text : "(list)");
		(void)putchar('\n');
	}
	print_tensors(model);
}

int mw_lm_info_command(const struct lm_args *args)
{
	struct mw_lm *model = NULL;
	int code = mw_lm_open_model(args, 1, &model);
	const char *text;

	if (code)
		return code;
	if (args->json)
		code = info_json(args, model);
	else
		info_text(args, model);
	for (uint32_t i = 0; args->tokens && (text = mw_lm_token_text(model, i)) != NULL; i++) {
		printf("%u ", i);
		mw_lm_print_text(text);
		(void)putchar('\n');
	}
	mw_lm_close(model);
	return code;
}
