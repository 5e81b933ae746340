/*
 * josa.h -- the Korean particle that fits the sound before it.
 *
 * Particles come in pairs; which one is right depends on whether the last syllable ends in a
 * consonant, and for 으로/로 on which.  Hangul says so by itself (Unicode: syllable = base + lead *
 * 588 + vowel * 28 + final); digits, Latin words and letters, and units are taken as they are read
 * aloud. How an English word is read is a rule of thumb.  Pure.
 */
#ifndef MW_CORE_JOSA_H
#define MW_CORE_JOSA_H

#include <stddef.h>

enum mw_final { MW_FINAL_NONE, MW_FINAL_RIEUL, MW_FINAL_OTHER };

/* The end of a text as it is read; closing brackets, quotes and signs are passed over. */
enum mw_final mw_josa_final(const char *text, size_t length);
/* Of a unit as written beside a number ("mm/s": "밀리미터 퍼 세컨드"). */
enum mw_final mw_josa_unit_final(const char *unit);

enum mw_josa { MW_JOSA_I_GA, MW_JOSA_EUN_NEUN, MW_JOSA_EUL_REUL, MW_JOSA_EURO_RO, MW_N_JOSA };
/* The pair as the vocabulary spells it: "이/가". */
const char *mw_josa_pair(enum mw_josa josa);
const char *mw_josa(enum mw_josa josa, enum mw_final final);

#endif
