/* text.h -- UTF-8 text in the cells of a terminal: Hangul, kana and ideographs are two cells wide.
 * Does not depend on the locale. */
#ifndef MW_APP_TEXT_H
#define MW_APP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Cells that text takes; a byte that is not UTF-8 counts one. */
size_t mw_text_cells(const char *text);

/* Writes text as one line, cut to `cells` with an ellipsis ("…", or "..." in ascii; 0 = not cut)
 * and filled with blanks to `fill` cells.  Control characters, which could steer a terminal, become
 * blanks. */
void mw_text_put(FILE *to, const char *text, size_t cells, size_t fill, bool ascii);

/* Writes text in lines of at most `cells`, broken at blanks, each begun with `indent` blanks. */
void mw_text_wrap(FILE *to, const char *text, size_t indent, size_t cells);

/* Cells of a line on this file: the terminal's, $COLUMNS, or 0 where nothing limits it. */
size_t mw_text_columns(FILE *file);
/* Does the locale say UTF-8?  Calls setlocale(LC_CTYPE, ""): from the main thread, at start. */
bool mw_text_is_utf8(void);

#endif
