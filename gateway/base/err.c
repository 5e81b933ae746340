#include "gateway/base/err.h"

#include <stdarg.h>
#include <stdio.h>

const char *mw_err_text(mw_err err)
{
	switch (err) {
#define X(name, value, text)                                                                       \
	case MW_E_##name:                                                                          \
		return text;
		MW_ERR_MAP(X)
#undef X
	}
	return "unknown error";
}

mw_err mw_why(mw_err err, char *why, size_t why_size, const char *fmt, ...)
{
	va_list args;

	if (why && why_size > 0) {
		va_start(args, fmt);
		(void)vsnprintf(why, why_size, fmt, args);
		va_end(args);
	}
	return err;
}
