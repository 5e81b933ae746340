#include "gateway/core/josa.h"

#include "gateway/base/utf8.h"

#include <ctype.h>
#include <string.h>

#define HANGUL_FIRST 0xac00u
#define HANGUL_LAST  0xd7a3u
#define FINALS       28u
#define FINAL_RIEUL  8u

static enum mw_final hangul_final(uint32_t code)
{
	uint32_t final = (code - HANGUL_FIRST) % FINALS;

	if (final == 0)
		return MW_FINAL_NONE;
	return final == FINAL_RIEUL ? MW_FINAL_RIEUL : MW_FINAL_OTHER;
}

/* 영 일 이 삼 사 오 육 칠 팔 구; 십, 백, 천, 만 end in a consonant like 영. */
static enum mw_final digit_final(char digit)
{
	static const char final[] = "2102002110";

	return (enum mw_final)(final[digit - '0'] - '0');
}

/* A letter by itself: 엘 엠 엔 알, the others end in a vowel. */
static enum mw_final letter_final(char letter)
{
	if (letter == 'l' || letter == 'r')
		return MW_FINAL_RIEUL;
	return letter == 'm' || letter == 'n' ? MW_FINAL_OTHER : MW_FINAL_NONE;
}

static bool is_vowel(char letter)
{
	return strchr("aeiouy", letter) != NULL;
}

/* Set, trip, block: a stop after one short vowel closes the syllable (셋, 트립, 블록). */
static bool closes(const char *word, size_t n)
{
	if (n >= 3 && word[n - 2] == 'c' && word[n - 1] == 'k')
		return true;
	return n >= 3 && strchr("tpk", word[n - 1]) && is_vowel(word[n - 2]) &&
	       !is_vowel(word[n - 3]);
}

/* Level, pump line, cycle: l, m and n stay consonants, also before a silent e. */
static enum mw_final word_final(const char *word, size_t n)
{
	char last = word[n - 1], before = n > 1 ? word[n - 2] : '\0';

	if (last == 'e' && before && strchr("lmn", before))
		last = before;
	if (last == 'l')
		return MW_FINAL_RIEUL;
	if (last == 'm' || last == 'n' || (last == 'g' && before == 'n') || closes(word, n))
		return MW_FINAL_OTHER;
	return MW_FINAL_NONE;
}

/* Letters that spell a word or stand for themselves: those without a vowel, or of one or two. */
static enum mw_final latin_final(const char *text, size_t end)
{
	char word[32];
	size_t from = end, n = 0;
	bool spelled = true, capitals = true;

	while (from > 0 && isalpha((unsigned char)text[from - 1]) && end - from < sizeof(word))
		from--;
	for (; from < end; from++) {
		capitals &= isupper((unsigned char)text[from]) != 0;
		word[n] = (char)tolower((unsigned char)text[from]);
		spelled &= !is_vowel(word[n++]);
	}
	if (spelled || n <= 2 || (capitals && n <= 4))
		return letter_final(word[n - 1]);
	return word_final(word, n);
}

enum mw_final mw_josa_final(const char *text, size_t length)
{
	while (length > 0) {
		unsigned char last = (unsigned char)text[length - 1];
		size_t from = length - 1;
		uint32_t code;

		if (isdigit(last))
			return digit_final((char)last);
		if (isalpha(last))
			return latin_final(text, length);
		if (last == '%')
			return MW_FINAL_NONE;
		while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80)
			from--;
		if (mw_utf8_decode(text + from, length - from, &code) == length - from &&
		    code >= HANGUL_FIRST && code <= HANGUL_LAST)
			return hangul_final(code);
		length = from;
	}
	return MW_FINAL_NONE;
}

/* Units that are not read as they are spelled, and end in a consonant; r: in ㄹ. */
static const struct {
	const char *unit;
	enum mw_final final;
} units[] = {
    {"Pa", MW_FINAL_RIEUL},  {"kPa", MW_FINAL_RIEUL}, {"MPa", MW_FINAL_RIEUL},
    {"hPa", MW_FINAL_RIEUL}, {"GPa", MW_FINAL_RIEUL}, {"mPa", MW_FINAL_RIEUL},
    {"dB", MW_FINAL_RIEUL},  {"J", MW_FINAL_RIEUL},   {"kJ", MW_FINAL_RIEUL},
    {"MJ", MW_FINAL_RIEUL},  {"mol", MW_FINAL_RIEUL}, {"d", MW_FINAL_RIEUL},
    {"K", MW_FINAL_OTHER},   {"rpm", MW_FINAL_OTHER}, {"RPM", MW_FINAL_OTHER},
    {"N", MW_FINAL_OTHER},   {"kN", MW_FINAL_OTHER},  {"kg", MW_FINAL_OTHER},
    {"mg", MW_FINAL_OTHER},  {"t", MW_FINAL_OTHER},   {"min", MW_FINAL_OTHER},
    {"h", MW_FINAL_OTHER},   {"hr", MW_FINAL_OTHER},  {"ppm", MW_FINAL_OTHER},
    {"ohm", MW_FINAL_OTHER}, {"Ω", MW_FINAL_OTHER},   {"in", MW_FINAL_NONE},
    {"s2", MW_FINAL_OTHER},  {"s²", MW_FINAL_OTHER},  {"s^2", MW_FINAL_OTHER},
    {"l", MW_FINAL_NONE},    {"L", MW_FINAL_NONE},    {"ml", MW_FINAL_NONE},
    {"m", MW_FINAL_NONE},    {"mm", MW_FINAL_NONE},   {"cm", MW_FINAL_NONE},
    {"km", MW_FINAL_NONE},   {"um", MW_FINAL_NONE},   {"Nm", MW_FINAL_NONE},
    {"bar", MW_FINAL_NONE},  {"var", MW_FINAL_NONE},  {"m3", MW_FINAL_NONE},
    {"m2", MW_FINAL_NONE},
};

enum mw_final mw_josa_unit_final(const char *unit)
{
	const char *per = strrchr(unit, '/');

	/* "per hour" is read as 시간당 or 퍼 아워: both end in a vowel. */
	if (per && (strcmp(per, "/h") == 0 || strcmp(per, "/hr") == 0))
		return MW_FINAL_NONE;
	if (per)
		unit = per + 1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].unit) == 0)
			return units[i].final;
	if (strchr(unit, '%') || (unsigned char)unit[0] == 0xc2 || (unsigned char)unit[0] == 0xce)
		return MW_FINAL_NONE; /* percent, degrees (도), micrometres (미터) */
	return mw_josa_final(unit, strlen(unit));
}

static const struct {
	const char *pair, *open, *closed; /* after a vowel, after a consonant */
} particles[MW_N_JOSA] = {
    {"이/가", "가", "이"},
    {"은/는", "는", "은"},
    {"을/를", "를", "을"},
    {"으로/로", "로", "으로"},
};

const char *mw_josa_pair(enum mw_josa josa)
{
	return particles[josa].pair;
}

const char *mw_josa(enum mw_josa josa, enum mw_final final)
{
	if (final == MW_FINAL_NONE || (josa == MW_JOSA_EURO_RO && final == MW_FINAL_RIEUL))
		return particles[josa].open;
	return particles[josa].closed;
}
