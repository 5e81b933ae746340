/* Conversations as the models were taught to read them. */
#include "model/engine/model.h"
#include "model/engine/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STRETCHES (6 * MW_LM_MAX_MESSAGES + 4)

enum special { NO_SPECIAL, BEGINNING, END }; /* the model's own tokens, by their text */

/* What stands around a message. */
struct frame {
	const char *before, *after;
	enum special last; /* stands after `after` */
};

struct chat {
	const char *name;
	const char *marks[3];   /* what its text in a file has in it; NULL ends */
	const char *tokens[2];  /* what the vocabulary must have; NULL ends */
	struct frame frames[3]; /* by role */
	const char *answer;     /* what the next answer follows */
	bool system_within;     /* the system message stands in the first one of the user */
	enum special first;     /* stands before the user's messages but the first */
	bool trimmed;           /* messages lose the blanks around them */
};

static const struct chat chats[] = {
    {.name = "chatml",
     .marks = {"<|im_start|>"},
     .tokens = {"<|im_start|>", "<|im_end|>"},
     .frames = {{"<|im_start|>system\n", "<|im_end|>\n", NO_SPECIAL},
		{"<|im_start|>user\n", "<|im_end|>\n", NO_SPECIAL},
		{"<|im_start|>assistant\n", "<|im_end|>\n", NO_SPECIAL}},
     .answer = "<|im_start|>assistant\n"},
    {.name = "llama3",
     .marks = {"<|start_header_id|>", "<|eot_id|>"},
     .tokens = {"<|start_header_id|>", "<|eot_id|>"},
     .frames = {{"<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>", NO_SPECIAL},
		{"<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>", NO_SPECIAL},
		{"<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>", NO_SPECIAL}},
     .answer = "<|start_header_id|>assistant<|end_header_id|>\n\n",
     .trimmed = true},
    {.name = "phi3",
     .marks = {"<|user|>", "<|end|>"},
     .tokens = {"<|user|>", "<|end|>"},
     .frames = {{"<|system|>\n", "<|end|>\n", NO_SPECIAL},
		{"<|user|>\n", "<|end|>\n", NO_SPECIAL},
		{"<|assistant|>\n", "<|end|>\n", NO_SPECIAL}},
     .answer = "<|assistant|>\n"},
    {.name = "zephyr",
     .marks = {"<|user|>", "eos_token"},
     .frames = {{"<|system|>\n", "", END}, {"<|user|>\n", "", END}, {"<|assistant|>\n", "", END}},
     .answer = "<|assistant|>\n"},
    {.name = "llama2",
     .marks = {"[INST]", "<<SYS>>"},
     .frames = {{"<<SYS>>\n", "\n<</SYS>>\n\n", NO_SPECIAL},
		{"[INST] ", " [/INST]", NO_SPECIAL},
		{" ", " ", END}},
     .answer = "",
     .system_within = true,
     .first = BEGINNING,
     .trimmed = true},
};

#define N_CHATS (sizeof(chats) / sizeof(chats[0]))

static bool has_tokens(const struct mw_lm *model, const struct chat *chat)
{
	for (size_t i = 0; i < 2 && chat->tokens[i]; i++)
		if (lm_tokenizer_find(model, (const uint8_t *)chat->tokens[i],
				      strlen(chat->tokens[i])) == MW_LM_NO_TOKEN)
			return false;
	return true;
}

static bool has_marks(const char *text, const struct chat *chat)
{
	for (size_t i = 0; i < 3 && chat->marks[i]; i++)
		if (!strstr(text, chat->marks[i]))
			return false;
	return true;
}

static const struct chat *recognise(const struct mw_lm *model, const char **ret_why)
{
	const char *text = mw_lm_metadata(model, "tokenizer.chat_template");

	*ret_why = "the file has no chat template (key tokenizer.chat_template)";
	if (!model->tokenizer)
		*ret_why = model->no_tokenizer;
	if (!text || !model->tokenizer)
		return NULL;
	*ret_why = "key tokenizer.chat_template: the chat template is not known";
	for (size_t i = 0; i < N_CHATS; i++) {
		if (!has_marks(text, &chats[i]))
			continue;
		if (has_tokens(model, &chats[i]))
			return &chats[i];
		*ret_why = "key tokenizer.chat_template: the vocabulary lacks its tokens";
	}
	return NULL;
}

const char *mw_lm_chat_template(const struct mw_lm *model, const char **ret_why)
{
	const char *why;
	const struct chat *chat = recognise(model, &why);

	if (ret_why)
		*ret_why = chat ? NULL : why;
	return chat ? chat->name : NULL;
}

static const struct chat *find_chat(const struct mw_lm *model, const char *name)
{
	const char *why;

	if (!name)
		return recognise(model, &why);
	for (size_t i = 0; i < N_CHATS; i++)
		if (strcmp(chats[i].name, name) == 0 && model->tokenizer &&
		    has_tokens(model, &chats[i]))
			return &chats[i];
	return NULL;
}

static bool in_order(const struct mw_lm_message *messages, size_t n)
{
	size_t first = n > 0 && messages[0].role == MW_LM_SYSTEM;

	if (n > MW_LM_MAX_MESSAGES || (n - first) % 2 == 0)
		return false;
	for (size_t i = first; i < n; i++)
		if (messages[i].role != ((i - first) % 2 ? MW_LM_ASSISTANT : MW_LM_USER))
			return false;
	return true;
}

/* --- writing it ------------------------------------------------------------------------------- */

struct page {
	const struct mw_lm *model;
	struct lm_stretch *stretches; /* [MAX_STRETCHES] */
	size_t n;
};

static void put(struct page *page, const char *text, size_t size, bool is_template)
{
	if (size > 0)
		page->stretches[page->n++] = (struct lm_stretch){text, size, is_template};
}

static void put_template(struct page *page, const char *text)
{
	put(page, text, strlen(text), true);
}

static void put_special(struct page *page, enum special special)
{
	const struct lm_tokenizer *tokenizer = page->model->tokenizer;
	uint32_t end = tokenizer->n_ends > 0 ? tokenizer->ends[0] : MW_LM_NO_TOKEN;
	uint32_t token = special == BEGINNING ? tokenizer->bos : end;

	if (special != NO_SPECIAL && token != MW_LM_NO_TOKEN)
		put_template(page, mw_lm_token_text(page->model, token));
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void put_text(struct page *page, const char *text, bool trimmed)
{
	size_t size = strlen(text);

	while (trimmed && size > 0 && is_blank(text[size - 1]))
		size--;
	while (trimmed && size > 0 && is_blank(text[0])) {
		text++;
		size--;
	}
	put(page, text, size, false);
}

static void put_message(struct page *page, const struct chat *chat,
			const struct mw_lm_message *message, const struct mw_lm_message *within)
{
	const struct frame *frame = &chat->frames[message->role];

	put_template(page, frame->before);
	if (within)
		put_message(page, chat, within, NULL);
	put_text(page, message->text, chat->trimmed);
	put_template(page, frame->after);
	put_special(page, frame->last);
	if (frame->last == END && !chat->system_within)
		put_template(page, "\n");
}

static void put_all(struct page *page, const struct chat *chat,
		    const struct mw_lm_message *messages, size_t n)
{
	bool system = messages[0].role == MW_LM_SYSTEM;
	const struct mw_lm_message *within = system && chat->system_within ? &messages[0] : NULL;

	for (size_t i = within ? 1 : 0; i < n; i++) {
		bool first = i == (within ? 1 : 0);

		if (!first && messages[i].role == MW_LM_USER)
			put_special(page, chat->first);
		put_message(page, chat, &messages[i], first ? within : NULL);
	}
	put_template(page, chat->answer);
}

mw_lm_err mw_lm_chat_encode(const struct mw_lm *model, const char *chat_name,
			    const struct mw_lm_message *messages, size_t n, uint32_t *ret_tokens,
			    size_t max, size_t *ret_n)
{
	const struct chat *chat = find_chat(model, chat_name);
	struct page page = {.model = model};
	mw_lm_err err;

	if (!chat)
		return MW_LM_E_UNSUPPORTED;
	if (!in_order(messages, n))
		return MW_LM_E_ARGUMENT;
	page.stretches = calloc(MAX_STRETCHES, sizeof(*page.stretches));
	if (!page.stretches)
		return MW_LM_E_MEMORY;
	put_all(&page, chat, messages, n);
	err = lm_encode_stretches(model, page.stretches, page.n, ret_tokens, max, ret_n);
	free(page.stretches);
	return err;
}
