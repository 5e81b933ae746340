#include "gateway/base/log.h"

#include "gateway/base/utf8.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static _Atomic int level_now = MW_LOG_INFO;

void mw_log_set_level(enum mw_log_level level)
{
	atomic_store(&level_now, (int)level);
}

enum mw_log_level mw_log_level_now(void)
{
	return (enum mw_log_level)atomic_load(&level_now);
}

/* A topic or payload must not forge a line, steer a terminal or break a reader of UTF-8. */
static void clean(char *line, size_t len)
{
	uint32_t code;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		n = mw_utf8_decode(line + i, len - i, &code);
		if (n > 0 && code >= 0x20 && (code < 0x7f || code >= 0xa0))
			continue;
		n = n > 0 ? n : 1;
		memset(line + i, '?', n);
	}
}

void mw_log(enum mw_log_level level, const char *msgid, const char *fmt, ...)
{
	static const char *const name[] = {"error", "warn", "info", "debug"};
	char line[LINE_MAX_BYTES];
	va_list args;
	int head;
	int body;
	size_t len;

	if ((int)level > atomic_load(&level_now))
		return;
	head = snprintf(line, sizeof(line), "level=%s msg=%s ", name[level], msgid);
	va_start(args, fmt);
	body = vsnprintf(line + head, sizeof(line) - (size_t)head, fmt, args);
	va_end(args);
	len = (size_t)head + (body > 0 ? (size_t)body : 0);
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;
	clean(line, len);
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nowhere left to say it */
}

bool mw_log_allow(struct mw_log_limit *limit, int64_t now_ns, int64_t interval_ns,
		  uint64_t *ret_suppressed)
{
	if (limit->last_ns != 0 && now_ns - limit->last_ns < interval_ns) {
		limit->suppressed++;
		return false;
	}
	*ret_suppressed = limit->suppressed;
	limit->suppressed = 0;
	limit->last_ns = now_ns;
	return true;
}
