/* Any bytes as a model; if they open and the model is small, a window or a text is read with it.
 *
 * What does not begin with "GGUF" is a list of changes to a good file: the first two bytes say to which
 * one, then 12 bytes a change (what, which two of its parts, 8 bytes of value).  So counts, types,
 * offsets, shapes and lengths go wrong one at a time, in files that are whole otherwise. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/text_fixture.h"

#define SMALL 20000000u /* products of a pass, so that an input takes milliseconds */

static void read_window(struct mw_lm_session *session, const struct mw_lm_info *info)
{
	size_t n = (size_t)2 * info->row_length * info->slots;
	uint16_t *codes = calloc(n + info->slots, sizeof(*codes));
	float *patches = calloc((size_t)2 * info->n_patches, sizeof(*patches));
	struct mw_lm_window window = {.session = session, .codes = codes, .n_rows = 2};

	for (size_t i = 0; codes && i < n; i++)
		codes[i] = (uint16_t)(i % 3 ? i * 7 % info->n_vocab : MW_LM_NO_CODE);
	window.question = codes + n;
	window.ret_patch_logits = patches;
	if (codes && patches && mw_lm_read(&window) != MW_LM_E_OK)
		abort();
	free(codes);
	free(patches);
}

static void generate(struct mw_lm_session *session, const struct mw_lm_info *info)
{
	struct mw_lm_grammar *grammar = NULL;
	struct mw_lm_choice choices[3];
	bool final;
	size_t n;

	if (mw_lm_grammar_new(1, info->n_vocab, &grammar) != MW_LM_E_OK ||
	    mw_lm_grammar_allow_range(grammar, 0, 0, info->n_vocab, 0) != MW_LM_E_OK ||
	    mw_lm_generate(session, grammar, NULL, 3, choices, &n, &final) != MW_LM_E_OK || n != 3)
		abort();
	mw_lm_grammar_free(grammar);
}

/* Goes on from what was read, as another session. */
static void go_on(struct mw_lm_session *session, const struct mw_lm_info *info)
{
	const struct mw_lm_session_options options = {.max_tail = 1, .pass = 1};
	struct mw_lm_session *fork = NULL;

	if (mw_lm_session_fork(session, &options, &fork) == MW_LM_E_OK &&
	    mw_lm_step(fork, info->n_vocab - 1) != MW_LM_E_OK)
		abort();
	mw_lm_session_free(fork);
}

static void use(const struct mw_lm *model)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	const struct mw_lm_session_options options = {.max_rows = info->slots ? 2 : 0,
						      .max_tail = 4,
						      .pass = 8,
						      .memory_limit = 64u << 20,
						      .cache =
							  (enum mw_lm_cache)(info->n_context % 4)};
	struct mw_lm_session *session = NULL;
	uint32_t token = 0;

	if (info->n_parameters > SMALL / (1 + 2u * info->row_length * info->slots))
		return;
	(void)mw_lm_metadata(model, "general.name");
	(void)mw_lm_token_find(model, "<eos>");
	(void)mw_lm_tokenizer_name(model, NULL);
	(void)mw_lm_chat_template(model, NULL);
	for (size_t i = 0; mw_lm_tensor(model, i); i++)
		if (!mw_lm_tensor(model, i)->name[0])
			abort();
	if (mw_lm_session_new(model, &options, &session) != MW_LM_E_OK)
		return;
	if (info->slots)
		read_window(session, info);
	else if (mw_lm_prefill(session, &token, 1) != MW_LM_E_OK)
		abort();
	generate(session, info);
	go_on(session, info);
	mw_lm_session_free(session);
}

/* --- changes ---------------------------------------------------------------------------------- */

#define CHANGE 12u

/* A good file; every kind of architecture, weight and tokenizer. */
static uint8_t *make_file(uint8_t kind, uint8_t weights, size_t *ret_size)
{
	static const char *const archs[] = {"millwright", "llama"};
	static const uint32_t types[] = {GGUF_W_Q8_0, GGUF_W_F32, GGUF_W_F16, GGUF_W_BF16};
	const struct build_shape shape = {.arch = archs[kind % 2],
					  .weights = types[weights % 4],
					  .n_embd = 32,
					  .n_layers = 2,
					  .n_head = 2,
					  .n_kv = 1,
					  .head_size = 16,
					  .n_ff = 64,
					  .n_vocab = 40,
					  .asset_prefix = kind & 4,
					  .untied = kind & 4,
					  .per_layer = kind & 8,
					  .seed = 1};

	if (kind % 4 == 3)
		return text_model_file(
		    &(struct text_model){.spm = kind & 4, .template = "<|im_start|>", .seed = 1},
		    ret_size);
	return build_model(&shape, ret_size);
}

static void overwrite(uint8_t *file, size_t size, const uint8_t *at, const uint8_t *value, size_t n)
{
	size_t from = (size_t)(at - file);

	if (from <= size && n <= size - from)
		memcpy(file + from, value, n);
}

/* One of the numbers that stand in the list of tensors behind a name. */
static void change_tensor(uint8_t *file, size_t size, const struct gguf_tensor *tensor,
			  uint8_t which, const uint8_t *value)
{
	const uint8_t *at = (const uint8_t *)tensor->name.text + tensor->name.size;
	const uint8_t *type = at + 4 + 8 * (size_t)tensor->n_dims;

	switch (which % 5) {
	case 0:
		overwrite(file, size, at, value, 4); /* how many sides */
		break;
	case 1:
		overwrite(file, size, at + 4 + 8 * (size_t)(value[7] % tensor->n_dims), value, 7);
		break;
	case 2:
		overwrite(file, size, type, value, 4);
		break;
	case 3:
		overwrite(file, size, type + 4, value, 8); /* offset */
		break;
	default:
		overwrite(file, size, (const uint8_t *)tensor->name.text - 8, value, 8);
	}
}

static void change_value(uint8_t *file, size_t size, const struct gguf_value *entry, uint8_t which,
			 const uint8_t *value)
{
	const uint8_t *key = (const uint8_t *)entry->key.text;
	size_t n = (size_t)(entry->end - entry->data), at = value[0] + 256u * value[1];

	switch (which % 6) {
	case 0:
		overwrite(file, size, key - 8, value, 8); /* length of the key */
		break;
	case 1:
		overwrite(file, size, key + entry->key.size, value, 4); /* type */
		break;
	case 2:
		overwrite(file, size, key + entry->key.size + 4, value,
			  8); /* type or value, count */
		break;
	case 3:
		overwrite(file, size, entry->data, value, n < 8 ? n : 8);
		break;
	case 4:
		overwrite(file, size, entry->data + at % (n ? n : 1), value + 2, 6);
		break;
	default:
		overwrite(file, size, key + value[0] % entry->key.size, value + 1, 1);
	}
}

static void change(uint8_t *file, size_t *size, const struct gguf *gguf, const uint8_t *how)
{
	size_t at = how[3] + 256u * how[4] + 65536u * (how[5] % 4u);

	switch (how[0] % 6) {
	case 0:
	case 1:
		change_tensor(file, *size, &gguf->tensors[how[1] % gguf->n_tensors], how[2],
			      how + 4);
		break;
	case 2:
	case 3:
		change_value(file, *size, &gguf->values[how[1] % gguf->n_values], how[2], how + 4);
		break;
	case 4:
		overwrite(file, *size, file + (how[1] % 3 ? 8 * (how[1] % 3u) : 4), how + 4,
			  how[1] % 3 ? 8 : 4);
		break;
	default:
		if (how[1] % 8 == 0)
			*size = at % (*size + 1);
		else
			overwrite(file, *size, file + at % *size, how + 6, 1 + how[1] % 4u);
	}
}

static void open_and_use(const uint8_t *data, size_t size)
{
	const struct mw_lm_options options = {.memory_limit = 64u << 20};
	struct mw_lm *model = NULL;
	char why[128];

	if (mw_lm_open_memory(data, size, &options, &model, why, sizeof(why)) != MW_LM_E_OK)
		return;
	use(model);
	mw_lm_close(model);
}

static void open_changed(const uint8_t *data, size_t size)
{
	const struct lm_why no_why = {NULL, 0};
	size_t file_size = 0;
	uint8_t *file = make_file(data[0], data[1], &file_size), *exact;
	struct gguf gguf;

	if (gguf_parse(file, file_size, &gguf, &no_why) != MW_LM_E_OK)
		abort();
	for (size_t at = 2; at + CHANGE <= size && at < 2 + 8 * CHANGE && file_size > 24;
	     at += CHANGE)
		change(file, &file_size, &gguf, data + at);
	gguf_done(&gguf);
	exact = malloc(file_size + 1); /* so that a read past the end is seen */
	if (exact) {
		memcpy(exact, file, file_size);
		open_and_use(exact, file_size);
	}
	free(exact);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 4 && memcmp(data, "GGUF", 4) != 0)
		open_changed(data, size);
	else
		open_and_use(data, size);
	return 0;
}
