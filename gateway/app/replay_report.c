/* replay_report.c -- an explained moment, for people (English, as all of the CLI; explanation, cause
 * and check in the language asked for) or as one JSON object a line. */
#include "gateway/app/replay.h"

#include "gateway/app/event_words.h"
#include "gateway/base/clock.h"
#include "gateway/core/explain.h"
#include "gateway/io/json.h"
#include "gateway/io/when.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN       5 /* causes and faults in the listing for people */
#define REASON_SIZE 512
#define CALENDAR_NS (100000000 * MW_NS_PER_S) /* earlier times are seconds of a recording */

static void add(char *text, const char *fmt, ...) MW_PRINTF(2, 3);

static void add(char *text, const char *fmt, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text + used, REASON_SIZE - used, fmt, args);
	va_end(args);
}

static double seconds_of(int64_t time_ns)
{
	return (double)time_ns / (double)MW_NS_PER_S;
}

static void add_time(char *text, int64_t time_ns)
{
	char when[MW_WHEN_SIZE];

	if (time_ns < CALENDAR_NS)
		add(text, "%.3f s", seconds_of(time_ns));
	else
		add(text, "%s", mw_when_iso(time_ns, when, sizeof(when)));
}

static void add_value(const struct replay *r, char *text, size_t channel, double value)
{
	const char *word = r->set ? mw_long_text(r->set, channel, value) : NULL;
	char number[32];

	add(text, "%s = %s", r->channel[channel],
	    isnan(value) ? "nothing"
	    : word       ? word
			 : mw_explain_number(value, number, sizeof(number)));
}

/* Rarity in bits is the binary logarithm of minutes (timeline.h). */
static void add_rarity(char *text, const struct mw_cause_channel *at)
{
	char span[32];

	if (!at->known)
		add(text, "; nothing is known of what is normal for it");
	else if (at->bits <= 0)
		add(text, "; that is normal");
	else
		add(text, "; normal life shows that once in %s at most",
		    mw_event_span((int64_t)(exp2(fmin(at->bits, 20)) * 60e9), span, sizeof(span)));
}

/* "LEVEL_OK = 0 since 124.995 s; normal life shows that once in 19 h at most; drives ALARM_7" */
static void reason_of(const struct replay *r, const struct replay_ranking *ranking,
		      const struct mw_cause *cause, char text[REASON_SIZE])
{
	const char *symptom = r->channel[ranking->of.symptom[cause->symptom].channel];

	text[0] = '\0';
	add_value(r, text, cause->channel, cause->at.value);
	if (cause->at.since_ns != 0) {
		add(text, " since ");
		add_time(text, cause->at.since_ns);
	}
	if (cause->at.partner >= 0) {
		const struct mw_cause_channel *at = ranking->of.symptom[cause->symptom].at;

		add(text, " while ");
		add_value(r, text, (size_t)cause->at.partner, at[cause->at.partner].value);
	}
	add_rarity(text, &cause->at);
	if (cause->distance == 0)
		add(text, "; deviates itself");
	else if (cause->distance == 1)
		add(text, "; drives %s", symptom);
	else if (cause->distance == MW_PROFILE_NO_PATH)
		add(text, "; no known path to %s", symptom);
	else
		add(text, "; %u steps upstream of %s", cause->distance, symptom);
}

/* --- for people ------------------------------------------------------------------------------- */

static void print_causes(const struct replay *r, const struct replay_ranking *ranking)
{
	char reason[REASON_SIZE];

	for (size_t i = 0; i < ranking->of.n_symptom; i++)
		printf("  %s %s\n", i == 0 ? "symptoms:" : "         ",
		       r->channel[ranking->of.symptom[i].channel]);
	printf("  causes, most likely first:\n");
	for (size_t i = 0; i < ranking->of.n_cause && i < SHOWN; i++) {
		reason_of(r, ranking, &ranking->of.cause[i], reason);
		printf("  %2zu. %3.0f %%  %s\n          %s\n", i + 1,
		       100 * ranking->of.cause[i].probability, r->channel[ranking->of.cause[i].channel],
		       reason);
	}
}

static void print_faults(const struct replay *r, const struct replay_ranking *ranking)
{
	printf("  faults, most likely first:\n");
	for (size_t i = 0; i < ranking->n_belief && i < SHOWN; i++) {
		const struct mw_fault_belief *b = &ranking->belief[i];

		printf("  %2zu. %3.0f %%  %s: %s\n          %s\n", i + 1, 100 * b->probability,
		       mw_fault_name(r->library, b->fault, r->asset_opts.language), b->cause,
		       b->check);
	}
}

static void print_moment(const struct replay *r, const struct replay_moment *moment,
			 const struct replay_ranking *ranking)
{
	printf("at %s: %s\n", moment->text, mw_verdict_text(moment->verdict));
	if (moment->time_ns > r->main.rows->time_ns[r->main.rows->n_rows - 1])
		printf("  the recording ends before that: what was known by then\n");
	printf("  %s\n", moment->has_event ? moment->event.explanation
					   : "no alarm of ours stands at this time");
	if (ranking->of.n_cause == 0)
		printf("  nothing stands out\n");
	else
		print_causes(r, ranking);
	if (ranking->n_belief > 0)
		print_faults(r, ranking);
}

/* --- for programs ----------------------------------------------------------------------------- */

static struct mw_json *cause_object(const struct replay *r, const struct replay_ranking *ranking,
				    const struct mw_cause *cause)
{
	struct mw_json *object = mw_json_object();
	char reason[REASON_SIZE];

	reason_of(r, ranking, cause, reason);
	mw_json_text(object, "name", r->channel[cause->channel]);
	mw_json_number(object, "score", cause->score);
	mw_json_number(object, "probability", cause->probability);
	if (cause->at.known)
		mw_json_number(object, "bits", cause->at.bits);
	else
		mw_json_null(object, "bits");
	mw_json_number(object, "since", seconds_of(cause->at.since_ns));
	mw_json_text(object, "explains", r->channel[ranking->of.symptom[cause->symptom].channel]);
	if (cause->distance == MW_PROFILE_NO_PATH)
		mw_json_null(object, "distance");
	else
		mw_json_integer(object, "distance", cause->distance);
	if (cause->at.partner >= 0)
		mw_json_text(object, "does_not_follow", r->channel[cause->at.partner]);
	else
		mw_json_null(object, "does_not_follow");
	mw_json_text(object, "reason", reason);
	return object;
}

static struct mw_json *symptom_object(const struct replay *r, const struct mw_symptom *symptom)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "name", r->channel[symptom->channel]);
	mw_json_number(object, "bits", symptom->bits);
	mw_json_number(object, "since", seconds_of(symptom->onset_ns));
	return object;
}

static struct mw_json *fault_object(const struct replay *r, const struct mw_fault_belief *b)
{
	struct mw_json *object = mw_json_object();

	mw_json_text(object, "fault", mw_fault_code(b->fault));
	mw_json_text(object, "name", mw_fault_name(r->library, b->fault, r->asset_opts.language));
	mw_json_number(object, "probability", b->probability);
	mw_json_bool(object, "weak_point", b->weak != NULL);
	mw_json_text(object, "cause", b->cause);
	mw_json_text(object, "check", b->check);
	return object;
}

static mw_err print_object(const struct replay *r, const struct replay_moment *moment,
			   const struct replay_ranking *ranking)
{
	struct mw_json *object = mw_json_object();
	char *text;
	mw_err err;

	mw_json_text(object, "at", moment->text);
	mw_json_text(object, "verdict", mw_verdict_text(moment->verdict));
	mw_json_number(object, "p_value", moment->p_value);
	mw_json_text(object, "explanation", moment->has_event ? moment->event.explanation : "");
	mw_json_array(object, "symptoms");
	mw_json_array(object, "variables");
	mw_json_array(object, "faults");
	for (size_t i = 0; i < ranking->of.n_symptom; i++)
		mw_json_append(object, "symptoms", symptom_object(r, &ranking->of.symptom[i]));
	for (size_t i = 0; i < ranking->of.n_cause; i++)
		mw_json_append(object, "variables",
			       cause_object(r, ranking, &ranking->of.cause[i]));
	for (size_t i = 0; i < ranking->n_belief; i++)
		mw_json_append(object, "faults", fault_object(r, &ranking->belief[i]));
	err = mw_json_finish(object, &text);
	if (err)
		return err;
	printf("%s\n", text);
	free(text);
	return MW_E_OK;
}

mw_err replay_report(struct replay *r)
{
	struct replay_ranking *ranking;
	struct replay_causes *causes = NULL;
	mw_err err;

	if (r->n_moment == 0)
		return MW_E_OK;
	ranking = malloc(sizeof(*ranking));
	err = ranking ? replay_causes_new(r, &causes) : MW_E_NOMEM;
	for (size_t i = 0; i < r->n_moment && !err; i++) {
		replay_causes_rank(causes, &r->moment[i], ranking);
		if (r->json)
			err = print_object(r, &r->moment[i], ranking);
		else
			print_moment(r, &r->moment[i], ranking);
	}
	replay_causes_free(causes);
	free(ranking);
	return err ? mw_why(err, r->why, sizeof(r->why), "%s", mw_err_text(err)) : MW_E_OK;
}
