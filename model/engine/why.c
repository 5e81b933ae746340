#include "model/engine/why.h"

#include <stdarg.h>
#include <stdio.h>

const char *mw_lm_err_text(mw_lm_err err)
{
	static const char *const texts[] = {
#define X(name, text) text,
	    MW_LM_ERR_MAP(X)
#undef X
	};

	if ((size_t)err >= sizeof(texts) / sizeof(texts[0]))
		return "an unknown error";
	return texts[err];
}

mw_lm_err lm_why(const struct lm_why *why, mw_lm_err err, const char *fmt, ...)
{
	va_list args;

	if (!why || !why->text || why->size == 0)
		return err;
	va_start(args, fmt);
	(void)vsnprintf(why->text, why->size, fmt, args);
	va_end(args);
	return err;
}
