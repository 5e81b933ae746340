/* utf8.h -- strict UTF-8: overlong forms, surrogates and code points past U+10FFFF are refused. */
#ifndef MW_BASE_UTF8_H
#define MW_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length in bytes of the first character of text[0 .. left), 0 if it is malformed or left is 0. */
size_t mw_utf8_decode(const char *text, size_t left, uint32_t *ret_code);

/* Well-formed and without control characters (C0, DEL, C1): fit for names, payloads and terminals.
 */
bool mw_utf8_is_clean(const char *text, size_t length);

#endif
