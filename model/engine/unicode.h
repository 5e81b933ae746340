/*
 * unicode.h -- what a character is: the general categories L and N of the Unicode Character
 * Database.
 */
#ifndef MW_LM_UNICODE_H
#define MW_LM_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

bool lm_is_letter(uint32_t c);
bool lm_is_number(uint32_t c);

/* The first character from c on that is no number: c itself if it is none. */
uint32_t lm_number_end(uint32_t c);

#endif
