/* Any bytes as a model; if they open and the model is small, a window or a text is read with it. */
#include <stdint.h>
#include <stdlib.h>

#include "model/engine/millwright_lm.h"

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
	    mw_lm_generate(session, grammar, 3, choices, &n, &final) != MW_LM_E_OK || n != 3)
		abort();
	mw_lm_grammar_free(grammar);
}

static void use(const struct mw_lm *model)
{
	const struct mw_lm_info *info = mw_lm_info(model);
	const struct mw_lm_session_options options = {
	    .max_rows = info->slots ? 2 : 0, .max_tail = 4, .pass = 8, .memory_limit = 64u << 20};
	struct mw_lm_session *session = NULL;
	uint32_t token = 0;

	if (info->n_parameters > SMALL / (1 + 2u * info->row_length * info->slots))
		return;
	(void)mw_lm_metadata(model, "general.name");
	(void)mw_lm_token_find(model, "<eos>");
	if (mw_lm_session_new(model, &options, &session) != MW_LM_E_OK)
		return;
	if (info->slots)
		read_window(session, info);
	else if (mw_lm_prefill(session, &token, 1) != MW_LM_E_OK)
		abort();
	generate(session, info);
	mw_lm_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct mw_lm_options options = {.memory_limit = 64u << 20};
	struct mw_lm *model = NULL;
	char why[128];

	if (mw_lm_open_memory(data, size, &options, &model, why, sizeof(why)) != MW_LM_E_OK)
		return 0;
	use(model);
	mw_lm_close(model);
	return 0;
}
