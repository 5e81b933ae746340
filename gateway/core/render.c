#include "gateway/core/render.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S   1000000000LL
#define PIECE_SIZE 320  /* of one rendered reference; library texts fit or do not */
#define DEV_MAX    1000 /* past it a multiple says nothing more */
#define CITED_MAX  3    /* channels that the vocabulary can cite */
#define MAX_DIGITS 9

/* --- references ------------------------------------------------------------------------------- */

static const char *const channel_field[] = {"name", "value", "normal", "dev",
					    "dir",  "from",  "now",    "limit"};
static const char *const event_field[] = {"onset", "duration",  "fault",     "cause",
					  "check", "seen.time", "seen.fault"};

static bool field_is(const char *text, const char *field)
{
	size_t n = strlen(field);

	return strncmp(text, field, n) == 0 && strcmp(text + n, "}") == 0;
}

/* "rose|climbed}": the words are all up to the bracket, at least one byte besides a '+'. */
static bool parse_claim(const char *text, bool of_event, struct mw_reference *ret)
{
	size_t n = strcspn(text, "|");
	const char *words = text + n + 1;
	size_t length = text[n] ? strcspn(words, "{}|") : 0;

	if (length <= (words[0] == '+') || strcmp(words + length, "}") != 0)
		return false;
	ret->kind = of_event ? MW_REFERENCE_EVENT_CLAIM : MW_REFERENCE_CLAIM;
	ret->claim = of_event ? mw_event_claim_from_text(text, n) : mw_claim_from_text(text, n);
	ret->words = words;
	return ret->claim >= 0;
}

static bool parse_channel(const char *text, struct mw_reference *ret)
{
	if (text[0] != 'c' || text[1] < '1' || text[1] > '0' + CITED_MAX || text[2] != '.')
		return false;
	*ret = (struct mw_reference){.channel = (unsigned)(text[1] - '0'), .josa = MW_N_JOSA};
	if (parse_claim(text + 3, false, ret))
		return true;
	for (unsigned i = 0; i < sizeof(channel_field) / sizeof(channel_field[0]); i++)
		if (field_is(text + 3, channel_field[i])) {
			ret->kind = (enum mw_reference_kind)i;
			return true;
		}
	return false;
}

static bool parse_josa(const char *text, struct mw_reference *ret)
{
	if (strncmp(text, "josa:", 5) != 0)
		return false;
	for (unsigned i = 0; i < MW_N_JOSA; i++)
		if (field_is(text + 5, mw_josa_pair((enum mw_josa)i))) {
			*ret = (struct mw_reference){.kind = MW_REFERENCE_JOSA,
						     .josa = (enum mw_josa)i};
			return true;
		}
	return false;
}

bool mw_reference_parse(const char *text, struct mw_reference *ret_reference)
{
	if (text[0] != '{')
		return false;
	for (unsigned i = 0; i < sizeof(event_field) / sizeof(event_field[0]); i++)
		if (field_is(text + 1, event_field[i])) {
			*ret_reference = (struct mw_reference){
			    .kind = (enum mw_reference_kind)(MW_REFERENCE_ONSET + i),
			    .josa = MW_N_JOSA};
			return true;
		}
	*ret_reference = (struct mw_reference){.josa = MW_N_JOSA};
	if (parse_claim(text + 1, true, ret_reference))
		return true;
	return parse_channel(text + 1, ret_reference) || parse_josa(text + 1, ret_reference);
}

/* --- numbers ---------------------------------------------------------------------------------- */

static int magnitude(double value)
{
	return (int)floor(log10(fabs(value)));
}

static void cut_zeros(char *text)
{
	size_t n = strlen(text);

	if (!strchr(text, '.'))
		return;
	while (text[n - 1] == '0')
		n--;
	text[text[n - 1] == '.' ? n - 1 : n] = '\0';
}

/* Fixed notation with so many significant digits. */
static void fixed(double value, int digits, char *buf, size_t size)
{
	int decimals = digits - 1 - magnitude(value);

	if (decimals < 0) {
		double unit = pow(10, -decimals);

		value = round(value / unit) * unit;
		decimals = 0;
	}
	(void)snprintf(buf, size, "%.*f", decimals, value);
	cut_zeros(buf);
}

/* 1.234e+08 is written 1.234e8. */
static void scientific(double value, int digits, char *buf, size_t size)
{
	char text[48], *e;

	(void)snprintf(text, sizeof(text), "%.*e", digits - 1, value);
	e = strchr(text, 'e');
	*e = '\0';
	cut_zeros(text);
	e++;
	(void)snprintf(buf, size, "%se%s%s", text, e[0] == '-' ? "-" : "",
		       e + 1 + strspn(e + 1, "0"));
}

static char *number(double value, int digits, char *buf, size_t size)
{
	double rounded;

	if (!isfinite(value))
		(void)snprintf(buf, size, "?");
	else if (value == 0)
		(void)snprintf(buf, size, "0");
	else {
		rounded = fabs(value) * (1 + .5 * pow(10, -digits));
		if (fabs(value) < 1e-4 || rounded >= 1e6)
			scientific(value, digits, buf, size);
		else
			fixed(value, digits, buf, size);
	}
	return buf;
}

char *mw_explain_number(double value, char *buf, size_t size)
{
	return number(value, 4, buf, size);
}

/* Digits of one of two numbers that are to be told apart: two digits of their difference. */
static int telling_digits(double value, double other)
{
	double difference = fabs(value - other);
	int digits;

	if (value == 0 || difference == 0 || !isfinite(difference))
		return 4;
	digits = magnitude(value) - magnitude(difference) + 2;
	return digits < 4 ? 4 : digits > MAX_DIGITS ? MAX_DIGITS : digits;
}

/* --- pieces: what a reference shows, in both languages ---------------------------------------- */

struct piece {
	char text[PIECE_SIZE];
	double value; /* NaN: not a number */
	enum mw_final final;
	bool is_phrase; /* may get a capital */
};

static bool say(struct piece *piece, const char *text)
{
	if (!text || !text[0] || strlen(text) >= sizeof(piece->text))
		return false;
	memcpy(piece->text, text, strlen(text) + 1);
	piece->final = mw_josa_final(text, strlen(text));
	return true;
}

static bool say_measure(struct piece *piece, double value, double other, const char *unit)
{
	char text[64];

	if (!isfinite(value))
		return false;
	piece->value = value;
	number(value, telling_digits(value, other), text, sizeof(text));
	(void)snprintf(piece->text, sizeof(piece->text), "%s%s%s", text,
		       unit[0] && unit[0] != '%' ? " " : "", unit);
	piece->final = unit[0] ? mw_josa_unit_final(unit) : mw_josa_final(text, strlen(text));
	return true;
}

static bool say_deviation(struct piece *piece, double deviation, enum mw_language language)
{
	bool huge = fabs(deviation) >= DEV_MAX;
	double size = huge ? DEV_MAX : fabs(deviation);
	char text[64];

	if (!isfinite(deviation))
		return false;
	piece->value = deviation;
	number(size, size >= 10 ? magnitude(size) + 1 : 2, text, sizeof(text));
	if (language == MW_LANGUAGE_KO)
		(void)snprintf(piece->text, sizeof(piece->text), "정상 변동폭의 %s배%s", text,
			       huge ? " 이상" : "");
	else
		(void)snprintf(piece->text, sizeof(piece->text), "%s%s times its healthy spread",
			       huge ? "more than " : "", text);
	piece->final = mw_josa_final(piece->text, strlen(piece->text));
	return true;
}

static const char *direction_word(int direction, enum mw_language language)
{
	static const char *const word[2][3] = {{"below", "off", "above"},
					       {"낮게", "다르게", "높게"}};

	return word[language][direction < 0 ? 0 : direction > 0 ? 2 : 1];
}

static int64_t floor_seconds(int64_t time_ns)
{
	return time_ns / NS_PER_S - (time_ns % NS_PER_S < 0);
}

struct moment {
	int month, day, hour, minute, second; /* month 0..11, day 1..31 */
};

/* The Gregorian calendar counted from 1 March of year 0 (Hinnant, "chrono-compatible low-level date
 * algorithms"): eras of 400 years are 146097 days, leap days come last. */
static struct moment moment_of(int64_t seconds)
{
	int64_t days = seconds / 86400 - (seconds % 86400 < 0), of_day = seconds - days * 86400;
	int64_t from_march = days + 719468;
	int64_t era = (from_march >= 0 ? from_march : from_march - 146096) / 146097;
	int64_t of_era = from_march - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	return (struct moment){(int)((month + 2) % 12), (int)(of_year - (153 * month + 2) / 5 + 1),
			       (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60)};
}

static bool say_time(struct piece *piece, const struct mw_render *render, int64_t time_ns,
		     bool before)
{
	static const char *const month[] = {"January",   "February", "March",    "April",
					    "May",       "June",     "July",     "August",
					    "September", "October",  "November", "December"};
	struct moment t = moment_of(floor_seconds(time_ns) + render->opts->utc_offset_s);

	piece->value = (double)time_ns / (double)NS_PER_S;
	if (render->event->language == MW_LANGUAGE_KO)
		(void)snprintf(piece->text, sizeof(piece->text), "%d월 %d일 %d시 %d분 %d초%s",
			       t.month + 1, t.day, t.hour, t.minute, t.second,
			       before ? " 이전" : "");
	else
		(void)snprintf(piece->text, sizeof(piece->text), "%s%02d:%02d:%02d on %d %s",
			       before ? "before " : "", t.hour, t.minute, t.second, t.day,
			       month[t.month]);
	piece->final = mw_josa_final(piece->text, strlen(piece->text));
	return true;
}

static bool say_onset(struct piece *piece, const struct mw_render *render)
{
	const struct mw_event *event = render->event;

	return event->onset_ns != 0 &&
	       say_time(piece, render, event->onset_ns, event->onset_before_window);
}

static bool say_seen(struct piece *piece, const struct mw_render *render, bool fault)
{
	const struct mw_event *event = render->event;
	const struct mw_similar *seen = &event->similar.event[0];

	if (event->similar.n == 0)
		return false;
	if (fault)
		return say(piece, mw_fault_name(render->library, seen->fault, event->language));
	return say_time(piece, render, seen->raised_ns, false);
}

/* One or two units, the finer one only where it matters. */
static void write_duration(int64_t seconds, enum mw_language language, char *buf, size_t size)
{
	static const char *const unit[2][4] = {{" s", " min", " h", " days"},
					       {"초", "분", "시간", "일"}};
	const char *const *u = unit[language];
	int64_t minutes = (seconds + 30) / 60, hours = (seconds + 1800) / 3600;

	if (seconds < 120)
		(void)snprintf(buf, size, "%" PRId64 "%s", seconds, u[0]);
	else if (minutes < 120)
		(void)snprintf(buf, size, "%" PRId64 "%s", minutes, u[1]);
	else if (minutes < 48 * 60 && minutes % 60 != 0)
		(void)snprintf(buf, size, "%" PRId64 "%s %" PRId64 "%s", minutes / 60, u[2],
			       minutes % 60, u[1]);
	else if (hours < 48)
		(void)snprintf(buf, size, "%" PRId64 "%s", hours, u[2]);
	else
		(void)snprintf(buf, size, "%" PRId64 "%s", (seconds + 43200) / 86400, u[3]);
}

static bool say_duration(struct piece *piece, const struct mw_event *event)
{
	int64_t now =
	    event->updated_ns > event->window_to_ns ? event->updated_ns : event->window_to_ns;
	char text[64];

	if (event->onset_ns == 0 || now < event->onset_ns)
		return false;
	piece->value = (double)(now - event->onset_ns) / (double)NS_PER_S;
	write_duration((now - event->onset_ns) / NS_PER_S, event->language, text, sizeof(text));
	(void)snprintf(piece->text, sizeof(piece->text),
		       !event->onset_before_window         ? "%s"
		       : event->language == MW_LANGUAGE_KO ? "%s 이상"
							   : "more than %s",
		       text);
	piece->final = mw_josa_final(piece->text, strlen(piece->text));
	return true;
}

/* The words of a claim that holds: '_' stands for a blank. */
static bool say_claim(struct piece *piece, const struct mw_reference *reference, bool holds,
		      double value)
{
	size_t joined = reference->words[0] == '+', n = strlen(reference->words) - joined - 1;

	if (!holds || n >= sizeof(piece->text))
		return false;
	memcpy(piece->text, reference->words + joined, n);
	piece->text[n] = '\0';
	for (char *c = piece->text; *c; c++)
		if (*c == '_')
			*c = ' ';
	piece->final = mw_josa_final(piece->text, n);
	piece->value = value;
	return true;
}

static bool say_channel(struct piece *piece, const struct mw_reference *reference,
			const struct mw_event *event)
{
	const struct mw_event_channel *channel = &event->channel[reference->channel - 1];
	const struct mw_channel_finding *f = &channel->finding;

	if (reference->channel > event->n_channel)
		return false;
	switch (reference->kind) {
	case MW_REFERENCE_NAME:
		return say(piece, channel->name);
	case MW_REFERENCE_VALUE:
		return say_measure(piece, f->peak_value, f->expected, channel->unit);
	case MW_REFERENCE_NORMAL:
		return say_measure(piece, f->expected, f->peak_value, channel->unit);
	case MW_REFERENCE_DEV:
		return say_deviation(piece, f->deviation, event->language);
	case MW_REFERENCE_DIR:
		return say(piece, direction_word(f->direction, event->language));
	case MW_REFERENCE_FROM:
		return say_measure(piece, channel->claims.from, channel->claims.now, channel->unit);
	case MW_REFERENCE_NOW:
		return say_measure(piece, channel->claims.now, f->expected, channel->unit);
	case MW_REFERENCE_LIMIT:
		return say_measure(piece, channel->claims.limit, f->peak_value, channel->unit);
	default:
		return say_claim(piece, reference, channel->claims.set >> reference->claim & 1,
				 channel->claims.value[reference->claim]);
	}
}

const char *mw_render_cause(const struct mw_render *render)
{
	return render->opts->cause
		   ? render->opts->cause
		   : mw_fault_cause(render->library, render->event->fault, render->event->language);
}

const char *mw_render_check(const struct mw_render *render)
{
	return render->opts->check
		   ? render->opts->check
		   : mw_fault_check(render->library, render->event->fault, render->event->language);
}

static bool show(const struct mw_render *render, const struct mw_reference *reference,
		 struct piece *piece)
{
	const struct mw_event *event = render->event;

	*piece = (struct piece){.value = (double)NAN};
	piece->is_phrase = reference->channel == 0 || reference->kind == MW_REFERENCE_CLAIM;
	switch (reference->kind) {
	case MW_REFERENCE_ONSET:
		return say_onset(piece, render);
	case MW_REFERENCE_DURATION:
		return say_duration(piece, event);
	case MW_REFERENCE_FAULT:
		return say(piece, render->opts->fault ? render->opts->fault
						      : mw_fault_name(render->library, event->fault,
								      event->language));
	case MW_REFERENCE_CAUSE:
		return say(piece, mw_render_cause(render));
	case MW_REFERENCE_CHECK:
		return say(piece, mw_render_check(render));
	case MW_REFERENCE_SEEN_TIME:
	case MW_REFERENCE_SEEN_FAULT:
		return say_seen(piece, render, reference->kind == MW_REFERENCE_SEEN_FAULT);
	case MW_REFERENCE_EVENT_CLAIM:
		return say_claim(piece, reference, event->claims >> reference->claim & 1,
				 event->others.level);
	default:
		return say_channel(piece, reference, event);
	}
}

/* --- text ------------------------------------------------------------------------------------- */

void mw_render_init(struct mw_render *render, const struct mw_fault_library *library,
		    const struct mw_explain_opts *opts, const struct mw_event *event)
{
	render->library = library;
	render->opts = opts;
	render->event = event;
	render->failed = false;
	render->starts = true;
	render->final = MW_FINAL_NONE;
	render->size = 0;
	render->text[0] = '\0';
	render->n_citation = 0;
}

static bool is_sentence_end(char c)
{
	return c == '.' || c == '!' || c == '?';
}

/* Returns where the text went, or NULL: it does not fit. */
static char *append(struct mw_render *render, const char *text, bool joined)
{
	size_t space = render->size > 0 && !joined, n = strlen(text);
	char *at = render->text + render->size + space;

	if (render->size + space + n >= sizeof(render->text)) {
		render->failed = true;
		return NULL;
	}
	if (space)
		render->text[render->size] = ' ';
	memcpy(at, text, n + 1);
	render->size += space + n;
	return at;
}

static void capitalise(const struct mw_render *render, char *at)
{
	if (render->starts && render->event->language == MW_LANGUAGE_EN)
		*at = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
}

static void add_literal(struct mw_render *render, const char *word, bool joined)
{
	char last = word[strlen(word) - 1];
	char *at;

	/* A library text may bring its own full stop. */
	if (joined && is_sentence_end(word[0]) && render->size > 0 &&
	    is_sentence_end(render->text[render->size - 1])) {
		render->starts = true;
		return;
	}
	at = append(render, word, joined);
	if (!at)
		return;
	if (!joined)
		capitalise(render, at);
	render->starts = is_sentence_end(last);
	render->final = mw_josa_final(word, strlen(word));
}

static void cite(struct mw_render *render, const char *word, const char *at, double value)
{
	struct mw_citation *citation = &render->citation[render->n_citation];
	size_t n = strcspn(word + 1, "|}");

	if (render->n_citation == MW_MAX_CITATIONS || n >= sizeof(citation->reference)) {
		render->failed = true;
		return;
	}
	memset(citation, 0, sizeof(*citation));
	citation->from = (uint16_t)(at - render->text);
	citation->to = (uint16_t)render->size;
	memcpy(citation->reference, word + 1, n);
	citation->value = value;
	render->n_citation++;
}

static void add_reference(struct mw_render *render, const char *word, bool joined)
{
	struct mw_reference reference;
	struct piece piece;
	char *at;

	if (!mw_reference_parse(word, &reference)) {
		render->failed = true;
		return;
	}
	if (reference.kind == MW_REFERENCE_JOSA) {
		(void)append(render, mw_josa(reference.josa, render->final), true);
		return;
	}
	if (!show(render, &reference, &piece)) {
		render->failed = true;
		return;
	}
	joined |= reference.words && reference.words[0] == '+';
	at = append(render, piece.text, joined);
	if (!at)
		return;
	if (piece.is_phrase && !joined)
		capitalise(render, at);
	render->starts = false;
	render->final = piece.final;
	cite(render, word, at, piece.value);
}

void mw_render_word(struct mw_render *render, const char *word)
{
	bool joined = word[0] == '+' && word[1] != '\0';

	if (render->failed)
		return;
	if (!word[0]) {
		render->failed = true;
		return;
	}
	word += joined;
	if (word[0] == '{')
		add_reference(render, word, joined);
	else
		add_literal(render, word, joined);
}

void mw_render_words(struct mw_render *render, const char *words)
{
	char word[128];

	while (*words && !render->failed) {
		size_t n = strcspn(words, " ");

		if (n >= sizeof(word)) {
			render->failed = true;
			return;
		}
		memcpy(word, words, n);
		word[n] = '\0';
		mw_render_word(render, word);
		words += n + (words[n] == ' ');
	}
}

bool mw_render_is_whole(const struct mw_render *render)
{
	return !render->failed && render->size > 0 &&
	       is_sentence_end(render->text[render->size - 1]);
}
