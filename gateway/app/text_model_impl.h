/* text_model_impl.h -- the inside of struct mw_text_model, shared by text_model*.c. */
#ifndef MW_APP_TEXT_MODEL_IMPL_H
#define MW_APP_TEXT_MODEL_IMPL_H

#include "gateway/app/text_model.h"

#define TEXT_WORD_TOKENS 24 /* of a verdict */

struct mw_text_model {
	struct mw_lm *lm;
	struct mw_lm_session *session;
	uint32_t length; /* tokens that the session holds */
	uint32_t *token; /* [length] of the question */
	char *question;  /* [MW_TEXT_PROMPT_SIZE] */
	struct {
		size_t n;
		uint32_t token[TEXT_WORD_TOKENS];
	} verdict[4];
	size_t common; /* first tokens that the verdicts share */
	int64_t budget_ns, rest_until_ns;
	size_t max_tokens;
	char name[64];
	struct mw_text_model_stats stats;
};

/* The question with its system message, into model->token.  MW_E_FULL: more than room. */
mw_err text_model_encode(struct mw_text_model *model, const char *system, size_t room,
			 size_t *ret_n);
/* Reads n tokens more. */
mw_err text_model_read(struct mw_text_model *model, const uint32_t *token, size_t n);

#endif
