/* words_fixture.h -- a random model whose vocabulary has a word of every kind. */
#ifndef MW_TESTS_WORDS_FIXTURE_H
#define MW_TESTS_WORDS_FIXTURE_H

#include "tests/unit/answer_fixture.h"
#include "tests/unit/explain_fixture.h"
#include "tests/unit/gguf_build.h"

/* Where a word stands after a reference, for the event of explain_fixture.h. */
enum where {
	NOWHERE,
	EN = 1,
	KO = 2,
	BOTH = EN | KO,
	OTHERS_EN = 4, /* only where no event is at hand */
	OTHERS_KO = 8,
	OTHERS = OTHERS_EN | OTHERS_KO
};

static const struct vocabulary_word {
	const char *text;
	enum where where;
} vocabulary[] = {
    {"reads", EN},
    {"Pump", EN},
    {"값은", KO},
    {"x값", KO},
    {"–", BOTH},
    {"+", BOTH}, /* the sign itself */
    {"+,", BOTH},
    {"+s", EN},
    {"+부터", KO},
    /* no words */
    {"r3ads", NOWHERE},
    {"7", NOWHERE},
    {"+2", NOWHERE},
    {"re ads", NOWHERE},
    {"re{ads", NOWHERE},
    {"re|ads", NOWHERE},
    {"re\tads", NOWHERE},
    {"", NOWHERE},
    /* references */
    {"{onset}", BOTH},
    {"{fault}", BOTH},
    {"{c1.name}", BOTH},
    {"{c1.value}", BOTH},
    {"{c1.from}", BOTH},
    {"{c1.limit}", BOTH},
    {"{c2.value}", BOTH},
    {"{c2.limit}", OTHERS}, /* it passed none */
    {"{c1.dir}", BOTH},
    {"{c1.dev}", BOTH},
    {"{c3.name}", NOWHERE}, /* there is none */
    {"{c4.name}", NOWHERE},
    {"{c1.move}", NOWHERE},
    {"{c1.name", NOWHERE},
    {"+{onset}", NOWHERE},
    {"{josa:이/가}", KO},
    {"{josa:와/과}", NOWHERE},
    /* claims */
    {"{c1.rose|climbed}", EN},
    {"{c1.rose|+,_having_climbed}", EN},
    {"{c1.rose|+까지_올랐고}", KO},
    {"{c2.after|later}", EN},
    {"{c2.after|나중에}", KO},
    {"{others.steady|alone}", EN},
    {"{c1.fell|sank}", OTHERS_EN},
    {"{c1.fell|내렸고}", OTHERS_KO},
    {"{c2.before|earlier}", OTHERS_EN},
    {"{others.off|among_others}", OTHERS_EN},
    {"{c1.lost|lost_readings}", OTHERS_EN},
    {"{c3.rose|climbed}", NOWHERE},
    {"{c1.rose|3_times}", NOWHERE},
    {"{c1.rose|}", NOWHERE},
    {"{c1.rose|+}", NOWHERE},
    {"{c1.rose|a|b}", NOWHERE},
    {"{c1.levitates|up}", NOWHERE},
    {"{rose|climbed}", NOWHERE},
    /* what the model is told of them */
    {"{c1.rose}", NOWHERE},
    {"{c1.fell}", NOWHERE}, /* it did not */
    {"{c2.after}", NOWHERE},
    {"{c3.rose}", NOWHERE},
    {"{others.steady}", NOWHERE},
    {"{c1.levitates}", NOWHERE},
    /* ends of sentences */
    {"+.", BOTH},
    {"+).", BOTH},
    {"+….", BOTH},
    {"+,.", BOTH},
    {"+;.", BOTH},
};

#define N_WORDS  (sizeof(vocabulary) / sizeof(vocabulary[0]))
#define N_ENDERS 5

static inline void name_token(uint32_t token, char *ret_text)
{
	if (token < MW_CODE_END)
		mw_prompt_token_name(token, ret_text);
	else
		(void)snprintf(ret_text, BUILD_TOKEN, "%s", vocabulary[token - MW_CODE_END].text);
}

/* With so many of the words. */
static inline struct mw_lm *open_words(size_t n_words)
{
	struct build_shape shape = {.arch = "millwright",
				    .weights = GGUF_W_Q8_0,
				    .n_embd = 32,
				    .n_layers = 1,
				    .n_head = 2,
				    .n_kv = 1,
				    .head_size = 16,
				    .n_ff = 32,
				    .n_vocab = MW_CODE_END + (uint32_t)n_words,
				    .asset_prefix = true,
				    .seed = 7,
				    .embd = 0.12f,
				    .name_token = name_token};
	struct mw_lm *model = NULL;
	char why[256] = "";
	size_t size;
	uint8_t *file = build_model(&shape, &size);

	ck_assert_msg(mw_lm_open_memory(file, size, NULL, &model, why, sizeof(why)) == MW_LM_E_OK,
		      "%s", why);
	free(file);
	return model;
}

/* An event that is told, and the renderer that decides of it. */
struct told {
	struct mw_fault_library *library;
	struct mw_event event;
	struct mw_render like;
	struct mw_words_limits limits;
};

static inline void tell(struct told *told, enum mw_language language)
{
	told->library = make_library();
	told->event = make_event(language);
	mw_render_init(&told->like, told->library, &seoul, &told->event);
	told->limits = (struct mw_words_limits){.language_mask = 1u << language,
						.n_channel = told->event.n_channel,
						.like = &told->like};
}

#endif
