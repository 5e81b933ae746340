#include "gateway/core/text_words.h"

#include "gateway/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define N(array)     (sizeof(array) / sizeof((array)[0]))
#define LONGEST_WORD 24 /* letters */
#define CITED_MOST   2  /* times that a text shows the same thing */

/* --- references ------------------------------------------------------------------------------- */

static const char *const channel_field[] = {"name", "value", "normal", "dev",
					    "dir",  "from",  "now",    "limit"};
static const char *const event_field[] = {"onset", "duration", "fault", "cause", "check"};

/* How claims read, as the renderer wants it: '_' is a blank. */
static const char *const claim_words[2][MW_N_CLAIM] = {
    {[MW_CLAIM_ABOVE] = "is_above_its_normal_level",
     [MW_CLAIM_BELOW] = "is_below_its_normal_level",
     [MW_CLAIM_ROSE] = "has_risen",
     [MW_CLAIM_FELL] = "has_fallen",
     [MW_CLAIM_SUDDEN] = "suddenly",
     [MW_CLAIM_GRADUAL] = "gradually",
     [MW_CLAIM_GROWING] = "is_still_getting_worse",
     [MW_CLAIM_BACK] = "has_come_back_since",
     [MW_CLAIM_STILL] = "stands_still",
     [MW_CLAIM_LOST] = "is_losing_readings",
     [MW_CLAIM_SPIKES] = "shows_single_spikes",
     [MW_CLAIM_NOISY] = "is_noisier_than_usual",
     [MW_CLAIM_CALM] = "is_calmer_than_usual",
     [MW_CLAIM_SWINGS] = "swings",
     [MW_CLAIM_OVER_LIMIT] = "is_over_its_limit",
     [MW_CLAIM_UNDER_LIMIT] = "is_under_its_limit",
     [MW_CLAIM_SLIGHT] = "slightly",
     [MW_CLAIM_STRONG] = "strongly",
     [MW_CLAIM_AFTER] = "followed_later",
     [MW_CLAIM_BEFORE] = "came_first",
     [MW_CLAIM_WITH] = "at_the_same_time",
     [MW_CLAIM_GONE] = "hardly_gives_a_reading"},
    {[MW_CLAIM_ABOVE] = "정상보다_높습니다",
     [MW_CLAIM_BELOW] = "정상보다_낮습니다",
     [MW_CLAIM_ROSE] = "상승했습니다",
     [MW_CLAIM_FELL] = "하락했습니다",
     [MW_CLAIM_SUDDEN] = "급격히",
     [MW_CLAIM_GRADUAL] = "서서히",
     [MW_CLAIM_GROWING] = "계속_나빠지고_있습니다",
     [MW_CLAIM_BACK] = "다시_돌아왔습니다",
     [MW_CLAIM_STILL] = "변하지_않고_멈춰_있습니다",
     [MW_CLAIM_LOST] = "측정값이_빠지고_있습니다",
     [MW_CLAIM_SPIKES] = "순간적으로_튀는_값이_있습니다",
     [MW_CLAIM_NOISY] = "평소보다_흔들림이_큽니다",
     [MW_CLAIM_CALM] = "평소보다_흔들림이_작습니다",
     [MW_CLAIM_SWINGS] = "주기적으로_흔들립니다",
     [MW_CLAIM_OVER_LIMIT] = "한계를_넘었습니다",
     [MW_CLAIM_UNDER_LIMIT] = "한계_아래로_내려갔습니다",
     [MW_CLAIM_SLIGHT] = "약간",
     [MW_CLAIM_STRONG] = "크게",
     [MW_CLAIM_AFTER] = "나중에_벗어났습니다",
     [MW_CLAIM_BEFORE] = "먼저_벗어났습니다",
     [MW_CLAIM_WITH] = "동시에_벗어났습니다",
     [MW_CLAIM_GONE] = "측정값이_거의_들어오지_않습니다"}};
static const char *const event_claim_words[2][MW_N_EVENT_CLAIM] = {
    {[MW_CLAIM_OTHERS_STEADY] = "no_other_channel_shows_it",
     [MW_CLAIM_OTHERS_OFF] = "other_channels_deviate_as_well"},
    {[MW_CLAIM_OTHERS_STEADY] = "다른_채널에는_나타나지_않습니다",
     [MW_CLAIM_OTHERS_OFF] = "다른_채널도_함께_벗어났습니다"}};

bool mw_text_reference_word(const char *name, enum mw_language language, char *ret, size_t size)
{
	size_t n = strcspn(name + 1, "}");
	size_t dot = strcspn(name, ".") + 1;
	int claim = name[dot - 1] == '.' ? mw_claim_from_text(name + dot, n + 1 - dot) : -1;
	int of_event = mw_event_claim_from_text(name + 1, n);
	const char *words = of_event >= 0 ? event_claim_words[language][of_event]
			    : claim >= 0  ? claim_words[language][claim]
					  : NULL;
	struct mw_reference reference;
	int used = words ? snprintf(ret, size, "%.*s|%s}", (int)n + 1, name, words)
			 : snprintf(ret, size, "%s", name);

	return used > 0 && (size_t)used < size && mw_reference_parse(ret, &reference);
}

static void offer(const struct mw_render *like, const char *name, struct mw_text_references *ret)
{
	struct mw_render render = *like;
	char word[128];

	if (ret->n == MW_TEXT_REFERENCES ||
	    !mw_text_reference_word(name, like->event->language, word, sizeof(word)))
		return;
	mw_render_word(&render, word);
	if (!render.failed)
		(void)snprintf(ret->name[ret->n++], MW_TEXT_NAME_SIZE, "%s", name);
}

static void offer_channel(const struct mw_render *like, size_t channel,
			  struct mw_text_references *ret)
{
	char name[MW_TEXT_NAME_SIZE];

	for (size_t i = 0; i < N(channel_field); i++) {
		(void)snprintf(name, sizeof(name), "{c%zu.%s}", channel, channel_field[i]);
		offer(like, name, ret);
	}
	for (int claim = 0; claim < MW_N_CLAIM; claim++) {
		(void)snprintf(name, sizeof(name), "{c%zu.%s}", channel,
			       mw_claim_text((enum mw_claim)claim));
		offer(like, name, ret);
	}
}

void mw_text_references(const struct mw_render *like, struct mw_text_references *ret_references)
{
	char name[MW_TEXT_NAME_SIZE];

	ret_references->n = 0;
	for (size_t channel = 1; channel <= like->event->n_channel; channel++)
		offer_channel(like, channel, ret_references);
	for (size_t i = 0; i < N(event_field); i++) {
		(void)snprintf(name, sizeof(name), "{%s}", event_field[i]);
		offer(like, name, ret_references);
	}
	for (int claim = 0; claim < MW_N_EVENT_CLAIM; claim++) {
		(void)snprintf(name, sizeof(name), "{%s}",
			       mw_event_claim_text((enum mw_event_claim)claim));
		offer(like, name, ret_references);
	}
}

/* --- what a sentence may say by itself -------------------------------------------------------- */

/* Words that say a number, a direction or a size: whole words of English ... */
static const char *const measured_en[] = {
    "zero",       "two",       "three",     "four",      "five",       "six",       "seven",
    "eight",      "nine",      "ten",       "eleven",    "twelve",     "twenty",    "thirty",
    "forty",      "fifty",     "sixty",     "seventy",   "eighty",     "ninety",    "hundred",
    "thousand",   "million",   "dozen",     "half",      "quarter",    "third",     "twice",
    "double",     "doubled",   "triple",    "tripled",   "percent",    "above",     "below",
    "over",       "under",     "higher",    "lower",     "high",       "low",       "highest",
    "lowest",     "rise",      "rises",     "rising",    "risen",      "rose",      "fall",
    "falls",      "falling",   "fallen",    "fell",      "increase",   "increases", "increased",
    "increasing", "decrease",  "decreases", "decreased", "decreasing", "drop",      "drops",
    "dropped",    "dropping",  "climb",     "climbs",    "climbed",    "climbing",  "grow",
    "grows",      "growing",   "grew",      "spike",     "spikes",     "spiked",    "sudden",
    "suddenly",   "gradual",   "gradually", "slightly",  "strongly",   "severe",    "severely",
    "exceeds",    "exceeded",  "exceeding", "stuck",     "still",      "noisy",     "stable",
    "steady",     "unchanged", "constant",  "larger",    "smaller",    "more",      "less",
    "first",      "second",    "before",    "after",     "earlier",    "later"};
/* ... and stems of Korean. */
static const char *const measured_ko[] = {
    "상승", "하락", "증가", "감소", "높",   "낮",   "올라", "올랐", "오르", "내려",
    "내렸", "떨어", "급격", "급증", "급감", "서서", "점차", "점점", "초과", "미만",
    "이하", "퍼센", "절반", "두배", "배로", "커졌", "작아", "커지", "멈추", "멈춰",
    "일정", "먼저", "나중", "하나", "둘",   "셋",   "백",   "천"};

static bool is_hangul(uint32_t code)
{
	return (code >= 0xac00 && code <= 0xd7a3) || (code >= 0x1100 && code <= 0x11ff) ||
	       (code >= 0x3130 && code <= 0x318f);
}

static bool is_latin(uint32_t code)
{
	return (code | 0x20) >= 'a' && (code | 0x20) <= 'z';
}

static bool is_admitted(uint32_t code, enum mw_language language)
{
	if (code < 0x80 && code != 0 && strchr(",.;:!?'()-", (int)code))
		return true;
	return language == MW_LANGUAGE_KO ? is_hangul(code) : is_latin(code);
}

static bool is_plain(const char *text, size_t size, enum mw_language language)
{
	size_t letters = 0;
	uint32_t code;

	for (size_t n; size > 0; text += n, size -= n) {
		n = mw_utf8_decode(text, size, &code);
		if (n == 0 || !is_admitted(code, language))
			return false;
		letters += code >= '0';
	}
	return letters <= LONGEST_WORD;
}

/* What is shown is a word by itself; signs touch it, and particles. */
static bool may_touch(const char *text, size_t size, bool after, enum mw_language language)
{
	char nearest = after ? text[0] : text[size - 1];

	return (after && language == MW_LANGUAGE_KO) || strchr(",.;:!?'()-", nearest) != NULL;
}

/* The letters of a word are those of `other`, whatever stands around them. */
static bool is_word(const char *text, size_t size, const char *other)
{
	size_t n = strlen(other);

	while (size > 0 && !is_latin((unsigned char)text[0])) {
		text++;
		size--;
	}
	while (size > 0 && !is_latin((unsigned char)text[size - 1]))
		size--;
	return size == n && strncasecmp(text, other, n) == 0;
}

static bool is_measured(const char *text, size_t size, enum mw_language language)
{
	if (language == MW_LANGUAGE_KO) {
		for (size_t i = 0; i < N(measured_ko); i++)
			if (memmem(text, size, measured_ko[i], strlen(measured_ko[i])))
				return true;
		return false;
	}
	for (size_t i = 0; i < N(measured_en); i++)
		if (is_word(text, size, measured_en[i]))
			return true;
	return false;
}

/* --- a sentence ------------------------------------------------------------------------------- */

static mw_err keep(struct mw_text_words *words, bool joined, const char *text, size_t size)
{
	char *into = words->text + words->used;
	const char *last = words->n > 0 ? words->word[words->n - 1] : "";

	if (strlen(last) == size && memcmp(last, text, size) == 0)
		return MW_E_MALFORMED; /* it goes round in circles */
	if (words->n == MW_WORDS_MOST || words->used + joined + size + 1 > sizeof(words->text))
		return MW_E_FULL;
	if (joined)
		*into = '+';
	memcpy(into + joined, text, size);
	into[joined + size] = '\0';
	words->word[words->n++] = into;
	words->used += joined + size + 1;
	return MW_E_OK;
}

/* The particle at the beginning of a text that stands right after a reference; its bytes. */
static size_t particle_of(const char *text, size_t size, enum mw_josa *ret_josa)
{
	static const struct {
		const char *text;
		enum mw_josa josa;
	} particles[] = {
	    {"이(가)", MW_JOSA_I_GA},    {"은(는)", MW_JOSA_EUN_NEUN}, {"을(를)", MW_JOSA_EUL_REUL},
	    {"(으)로", MW_JOSA_EURO_RO}, {"으로", MW_JOSA_EURO_RO},    {"이", MW_JOSA_I_GA},
	    {"가", MW_JOSA_I_GA},        {"은", MW_JOSA_EUN_NEUN},     {"는", MW_JOSA_EUN_NEUN},
	    {"을", MW_JOSA_EUL_REUL},    {"를", MW_JOSA_EUL_REUL},     {"로", MW_JOSA_EURO_RO}};

	for (size_t i = 0; i < N(particles); i++) {
		size_t n = strlen(particles[i].text);
		uint32_t code = 0;

		if (size < n || memcmp(text, particles[i].text, n) != 0)
			continue;
		if (size > n && mw_utf8_decode(text + n, size - n, &code) > 0 && is_hangul(code))
			continue; /* the beginning of a longer word */
		*ret_josa = particles[i].josa;
		return n;
	}
	return 0;
}

static mw_err add_particle(struct mw_text_words *words, const char **text, size_t *size)
{
	enum mw_josa josa = MW_N_JOSA;
	size_t n = particle_of(*text, *size, &josa);
	char word[32];

	if (n == 0)
		return MW_E_OK;
	*text += n;
	*size -= n;
	(void)snprintf(word, sizeof(word), "{josa:%s}", mw_josa_pair(josa));
	return keep(words, false, word, strlen(word));
}

/* Signs that end a word become words of their own: the renderer knows ends of sentences by them. */
static size_t signs_at_end(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && strchr(",.;:!?", text[size - 1 - n]))
		n++;
	return n;
}

static mw_err add_literal(struct mw_text_words *words, enum mw_language language, bool joined,
			  bool cited, const char *text, size_t size)
{
	size_t signs;
	mw_err err = MW_E_OK;

	if (!is_plain(text, size, language) || is_measured(text, size, language) ||
	    (cited && !may_touch(text, size, true, language)))
		return MW_E_MALFORMED;
	if (cited && joined && language == MW_LANGUAGE_KO)
		err = add_particle(words, &text, &size);
	signs = signs_at_end(text, size);
	if (!err && size > signs)
		err = keep(words, joined, text, size - signs);
	if (!err && signs > 0)
		err =
		    keep(words, joined || size > signs || words->n > 0, text + size - signs, signs);
	return err;
}

static unsigned times_cited(const struct mw_text_words *words, const char *word)
{
	unsigned times = 0;

	for (size_t i = 0; i < words->n; i++)
		times += strcmp(words->word[i] + (words->word[i][0] == '+'), word) == 0;
	return times;
}

static mw_err add_reference(struct mw_text_words *words, enum mw_language language, bool joined,
			    const char *text, size_t size)
{
	char name[MW_TEXT_NAME_SIZE], word[128];

	if (size >= sizeof(name))
		return MW_E_MALFORMED;
	memcpy(name, text, size);
	name[size] = '\0';
	if (!mw_text_reference_word(name, language, word, sizeof(word)) ||
	    times_cited(words, word) >= CITED_MOST)
		return MW_E_MALFORMED;
	return keep(words, joined, word, strlen(word));
}

/* Bytes of the word or reference that the text begins with. */
static size_t word_size(const char *text, size_t size)
{
	bool reference = text[0] == '{';

	for (size_t n = 1; n < size; n++) {
		if (reference && text[n] == '}')
			return n + 1;
		if (!reference && (text[n] == ' ' || text[n] == '{'))
			return n;
	}
	return size;
}

static mw_err add_words(struct mw_text_words *words, enum mw_language language, const char *text,
			size_t size)
{
	bool joined = false, cited = false;
	mw_err err = MW_E_OK;
	size_t n;

	for (; size > 0 && !err; text += n, size -= n) {
		if (*text == ' ') {
			joined = cited = false;
			n = 1;
			continue;
		}
		n = word_size(text, size);
		if (*text != '{' && n < size && text[n] == '{' &&
		    !may_touch(text, n, false, language))
			return MW_E_MALFORMED;
		err = *text == '{' ? add_reference(words, language, joined, text, n)
				   : add_literal(words, language, joined, cited, text, n);
		if (joined && cited && *text == '{')
			err = MW_E_MALFORMED; /* two of them, not apart */
		cited = *text == '{';
		joined = true;
	}
	return err;
}

static bool ends(const struct mw_text_words *words)
{
	const char *last = words->word[words->n - 1];

	return last[0] == '+' && strchr(".!?", last[strlen(last) - 1]) != NULL;
}

mw_err mw_text_words_add(struct mw_text_words *words, enum mw_language language,
			 const char *sentence, size_t size)
{
	size_t n = words->n, used = words->used;
	mw_err err = add_words(words, language, sentence, size);

	if (!err && words->n == n)
		err = MW_E_MALFORMED;
	if (!err && !ends(words))
		err = keep(words, true, ".", 1);
	if (err) {
		words->n = n;
		words->used = used;
	}
	return err;
}

bool mw_text_words_cite(const struct mw_text_words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *word = words->word[i] + (words->word[i][0] == '+');

		if ((strncmp(word, "{c", 2) == 0 && word[3] == '.') || strcmp(word, "{fault}") == 0)
			return true;
	}
	return false;
}
