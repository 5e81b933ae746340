/* test_grounding.c -- an independent reader of the texts: every number in them was measured. */
#include "model/corpus/rng.h"
#include "tests/unit/explain_fixture.h"

#include <ctype.h>
#include <math.h>

static const struct mw_citation *citation_at(const struct mw_event *event, size_t at)
{
	for (size_t i = 0; i < event->n_citation; i++)
		if (at >= event->citation[i].from && at < event->citation[i].to)
			return &event->citation[i];
	return NULL;
}

/* What the finding says, by the reference's name. */
static double truth(const struct mw_event *event, const char *reference)
{
	const struct mw_event_channel *channel = &event->channel[(reference[1] - '1') & 3];
	const struct mw_channel_finding *f = &channel->finding;

	if (strstr(reference, ".value"))
		return f->peak_value;
	if (strstr(reference, ".normal"))
		return f->expected;
	if (strstr(reference, ".from"))
		return channel->claims.from;
	if (strstr(reference, ".now"))
		return channel->claims.now;
	if (strcmp(reference + 2, ".limit") == 0)
		return channel->claims.limit;
	return strstr(reference, ".dev") ? f->deviation : (double)NAN;
}

/* Half a unit of the last printed digit. */
static double precision(const char *text, size_t length)
{
	const char *dot = memchr(text, '.', length), *e = memchr(text, 'e', length);
	size_t end = e ? (size_t)(e - text) : length;
	double unit =
	    dot && (!e || dot < e) ? pow(10, -(double)(end - (size_t)(dot - text) - 1)) : 1;

	if (e)
		unit *= pow(10, strtod(e + 1, NULL));
	return unit / 2;
}

/* A number of a value, normal or deviation: the finding's, rounded as printed. */
static void check_measure(const struct mw_event *event, const struct mw_citation *citation,
			  const char *text, size_t length)
{
	double printed = strtod(text, NULL), real = truth(event, citation->reference);
	double slack = precision(text, length) * 1.0001;

	ck_assert_double_eq(citation->value, real);
	if (strstr(citation->reference, ".dev")) {
		real = fabs(real);
		if (real >= 1000 && printed == 1000)
			return; /* "more than" */
	}
	/* Large numbers are printed in whole tens or hundreds: four digits hold at least. */
	if (fabs(printed - real) > slack)
		ck_assert_msg(fabs(printed - real) <= 5.1e-4 * fabs(real) && fabs(real) > 9999,
			      "%s: %.10g, not %.*s", citation->reference, real, (int)length, text);
}

/* Claims that are said hold, and their statistic is cited. */
static void check_claims(const struct mw_event *event)
{
	for (size_t i = 0; i < event->n_citation; i++) {
		const struct mw_citation *citation = &event->citation[i];
		const char *name = citation->reference;
		const struct mw_claims *claims = &event->channel[(name[1] - '1') & 3].claims;
		bool steady = strcmp(name, "others.steady") == 0;

		if (steady || strcmp(name, "others.off") == 0) {
			ck_assert(event->claims >> !steady & 1);
			ck_assert_double_eq(citation->value, event->others.level);
		} else if (name[0] == 'c' && mw_claim_from_text(name + 3, strlen(name + 3)) >= 0) {
			int claim = mw_claim_from_text(name + 3, strlen(name + 3));

			ck_assert_msg(claims->set >> claim & 1, "%s does not hold", name);
			ck_assert_double_eq(citation->value, claims->value[claim]);
		}
	}
}

static void check_grounding(const struct mw_event *event)
{
	const char *text = event->explanation;

	check_claims(event);
	for (size_t at = 0; text[at];) {
		const struct mw_citation *citation = citation_at(event, at);
		size_t n = strspn(text + at, "0123456789.e-");

		if (!isdigit((unsigned char)text[at]) &&
		    !(text[at] == '-' && isdigit((unsigned char)text[at + 1]))) {
			at++;
			continue;
		}
		ck_assert_msg(citation != NULL, "a number of nobody at %zu: %s", at, text);
		if (n > (size_t)(citation->to - at))
			n = citation->to - at;
		if (strcmp(citation->reference, "onset") == 0 ||
		    strcmp(citation->reference, "duration") == 0 || isnan(citation->value)) {
			at = citation->to; /* times have tests of their own; names are names */
			continue;
		}
		check_measure(event, citation, text + at, n);
		at += n;
	}
}

static double draw(struct mw_rng *rng)
{
	double value = mw_rng_log_uniform(rng, 1e-6, 1e9) * (mw_rng_chance(rng, .3) ? -1 : 1);

	return mw_rng_chance(rng, .1) ? round(value) : value;
}

static double draw_or_none(struct mw_rng *rng)
{
	return mw_rng_chance(rng, .3) ? (double)NAN : draw(rng);
}

static void draw_claims(struct mw_rng *rng, struct mw_event *event)
{
	for (size_t i = 0; i < event->n_channel; i++) {
		struct mw_claims *claims = &event->channel[i].claims;

		memset(claims, 0, sizeof(*claims));
		claims->from = draw_or_none(rng);
		claims->now = draw_or_none(rng);
		claims->limit = draw_or_none(rng);
		for (int c = 0; c < MW_N_CLAIM; c++)
			if (mw_rng_chance(rng, .8))
				claim(claims, (enum mw_claim)c, draw(rng));
	}
	event->others.n = (uint32_t)mw_rng_below(rng, 3);
	event->others.level = mw_rng_uniform(rng, 0, 9);
	event->claims = mw_event_claims_of(event->others.n, event->others.level);
}

static void draw_channels(struct mw_rng *rng, struct mw_event *event)
{
	static const char *const name[] = {"p_in", "온도 2", "M1.speed", "x"};
	static const char *const unit[] = {"", "bar", "°C", "%"};
	size_t n = mw_rng_below(rng, 5);

	event->n_channel = 0;
	for (size_t i = 0; i < n; i++) {
		double expected = draw(rng);

		add_channel(event, name[i], unit[mw_rng_below(rng, 4)],
			    (struct mw_channel_finding){
				.peak_value = mw_rng_chance(rng, .3)
						  ? expected * (1 + 1e-5 * mw_rng_normal(rng))
						  : draw(rng),
				.expected = expected,
				.deviation = draw(rng),
				.direction = (int)mw_rng_below(rng, 3) - 1,
				.move = (int)mw_rng_below(rng, 3) - 1});
	}
	draw_claims(rng, event);
}

START_TEST(every_number_of_the_fixed_sentences_was_measured)
{
	struct mw_fault_library *library = make_library();
	struct mw_rng rng;

	mw_rng_seed(&rng, 21);
	for (int i = 0; i < 4000; i++) {
		struct mw_event event = make_event(i % 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);

		draw_channels(&rng, &event);
		event.verdict = (enum mw_verdict)mw_rng_below(&rng, 4);
		event.fault = (enum mw_fault)mw_rng_below(&rng, MW_N_FAULT);
		event.onset_before_window = mw_rng_chance(&rng, .3);
		if (mw_rng_chance(&rng, .1))
			event.onset_ns = 0;
		mw_explain_template(library, &seoul, &event);
		ck_assert_int_eq(event.form, MW_FORM_TEMPLATE);
		check_form(&event);
		check_grounding(&event);
		ck_assert(event.verdict == MW_VERDICT_NORMAL || event.n_channel == 0 ||
			  event.n_citation >= 3);
	}
	mw_fault_library_free(library);
}
END_TEST

START_TEST(every_number_of_random_words_was_measured)
{
	static const char *const word[] = {"reads",
					   "+,",
					   "+.",
					   "+.",
					   "값은",
					   "{c1.name}",
					   "{c1.value}",
					   "{c1.normal}",
					   "{c1.dev}",
					   "{c1.dir}",
					   "{c1.from}",
					   "{c1.now}",
					   "{c1.limit}",
					   "{c1.rose|climbed}",
					   "{c2.fell|+,_fell}",
					   "{c2.after|+보다_늦게}",
					   "{c1.still|still}",
					   "{others.steady|alone}",
					   "{others.off|not_alone}",
					   "{c2.name}",
					   "{c2.value}",
					   "{c2.dev}",
					   "{c3.name}",
					   "{c3.normal}",
					   "{onset}",
					   "{duration}",
					   "{fault}",
					   "{cause}",
					   "{check}",
					   "{josa:이/가}",
					   "{josa:으로/로}",
					   "+부터"};
	struct mw_fault_library *library = make_library();
	size_t by_words = 0;
	struct mw_rng rng;

	mw_rng_seed(&rng, 22);
	for (int i = 0; i < 4000; i++) {
		struct mw_event event = make_event(i % 2 ? MW_LANGUAGE_KO : MW_LANGUAGE_EN);
		const char *text[40];
		size_t n = 1 + mw_rng_below(&rng, 38);

		draw_channels(&rng, &event);
		text[0] = "x";
		for (size_t k = 1; k < n; k++)
			text[k] = word[mw_rng_below(&rng, sizeof(word) / sizeof(word[0]))];
		text[n++] = "+.";
		mw_explain_texts(text, n, library, &seoul, &event);
		by_words += event.form == MW_FORM_WORDS;
		check_form(&event);
		check_grounding(&event);
	}
	ck_assert_uint_gt(by_words, 500);
	mw_fault_library_free(library);
}
END_TEST

MW_TEST_MAIN("grounding", every_number_of_the_fixed_sentences_was_measured,
	     every_number_of_random_words_was_measured)
