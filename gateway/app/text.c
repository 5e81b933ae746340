#include "gateway/app/text.h"

#include "gateway/base/utf8.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Unicode's East Asian Width W and F, in blocks; and what takes no cell of its own. */
static size_t cells_of(uint32_t code)
{
	static const struct {
		uint32_t from, to;
		size_t cells;
	} ranges[] = {
	    {0x0300, 0x036F, 0},   {0x1100, 0x115F, 2},   {0x200B, 0x200F, 0}, {0x2E80, 0x303E, 2},
	    {0x3041, 0xA4CF, 2},   {0xA960, 0xA97F, 2},   {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},
	    {0xFE00, 0xFE0F, 0},   {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2}, {0xFFE0, 0xFFE6, 2},
	    {0x1F300, 0x1FAFF, 2}, {0x20000, 0x3FFFD, 2},
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code >= ranges[i].from && code <= ranges[i].to)
			return ranges[i].cells;
	return 1;
}

/* The character at text: its bytes (at least 1) and cells.  *ret_shown: it is harmless to print. */
static size_t next(const char *text, size_t left, size_t *ret_cells, bool *ret_shown)
{
	uint32_t code = 0;
	size_t size = mw_utf8_decode(text, left, &code);

	*ret_shown = size > 0 && code >= 0x20 && (code < 0x7F || code >= 0xA0);
	*ret_cells = *ret_shown ? cells_of(code) : 1;
	return size > 0 ? size : 1;
}

size_t mw_text_cells(const char *text)
{
	size_t total = 0, left = strlen(text), cells;
	bool shown;

	while (left > 0) {
		size_t size = next(text, left, &cells, &shown);

		total += cells;
		text += size;
		left -= size;
	}
	return total;
}

/* Writes up to `room` cells of text (all of `left` bytes if they fit); returns the cells written.
 */
static size_t put_cells(FILE *to, const char *text, size_t left, size_t room)
{
	size_t used = 0, cells;
	bool shown;

	while (left > 0) {
		size_t size = next(text, left, &cells, &shown);

		if (used + cells > room)
			break;
		if (shown)
			(void)fwrite(text, 1, size, to);
		else
			(void)fputc(' ', to);
		used += cells;
		text += size;
		left -= size;
	}
	return used;
}

void mw_text_put(FILE *to, const char *text, size_t cells, size_t fill, bool ascii)
{
	const char *ellipsis = ascii ? "..." : "…";
	size_t ellipsis_cells = ascii ? 3 : 1, used;

	if (cells == 0 || mw_text_cells(text) <= cells) {
		used = put_cells(to, text, strlen(text), SIZE_MAX);
	} else if (cells < ellipsis_cells) {
		used = put_cells(to, text, strlen(text), cells);
	} else {
		used = put_cells(to, text, strlen(text), cells - ellipsis_cells);
		(void)fputs(ellipsis, to);
		used += ellipsis_cells;
	}
	for (; used < fill; used++)
		(void)fputc(' ', to);
}

static void put_line(FILE *to, const char *line, size_t size, size_t indent)
{
	for (size_t i = 0; i < indent; i++)
		(void)fputc(' ', to);
	(void)put_cells(to, line, size, SIZE_MAX);
	(void)fputc('\n', to);
}

void mw_text_wrap(FILE *to, const char *text, size_t indent, size_t cells)
{
	size_t room = cells > indent + 20 ? cells - indent : 20;

	while (*text) {
		size_t at = 0, end = 0, used = 0, more, length = strlen(text);
		bool shown;

		while (at < length) {
			size_t size = next(text + at, length - at, &more, &shown);

			if (used + more > room)
				break;
			if (text[at] == ' ')
				end = at;
			used += more;
			at += size;
		}
		if (at == length || end == 0) /* the rest fits, or one word is longer than a line */
			end = at;
		put_line(to, text, end, indent);
		text += end;
		while (*text == ' ')
			text++;
	}
}

size_t mw_text_columns(FILE *file)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	long value = columns ? strtol(columns, NULL, 10) : 0;

	if (ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return value > 0 && value < 10000 ? (size_t)value : 0;
}

bool mw_text_is_utf8(void)
{
	(void)setlocale(LC_CTYPE, "");
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}
