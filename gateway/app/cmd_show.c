/* cmd_show.c -- one event in full: its words, its numbers, and its window as a chart. */
#include "gateway/app/chart.h"
#include "gateway/app/commands.h"
#include "gateway/app/event_source.h"
#include "gateway/app/event_words.h"
#include "gateway/app/text.h"
#include "gateway/core/explain.h"
#include "gateway/io/when.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DEFAULT_WIDTH 80
#define CHART_HEIGHT  8

struct show {
	struct mw_event_source source;
	const char *id;
	size_t width; /* 0 = the terminal's */
	bool json, ascii, help;
	const char *wrong;
};

static const char usage_text[] =
    "usage: millwright show ID [options]\n"
    "Tells one event: what was found, where, since when, how sure; and shows the window.\n\n"
    "  --json         for programs: schemas/event.schema.json, with the window\n"
    "  --ascii        draw with plain characters\n"
    "  --width N      characters in a line (default: the terminal's)\n" MW_SOURCE_HELP
    "  --help\n\n"
    "`millwright history` lists the IDs.";

/* --- options ---------------------------------------------------------------------------------- */

static void parse_width(struct show *s, const char *text)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < 40 || value > 400)
		s->wrong = text;
	else
		s->width = (size_t)value;
}

static bool take_option(struct show *s, int c, const char *value)
{
	switch (c) {
	case 'j':
		s->json = true;
		return true;
	case 'a':
		s->ascii = true;
		return true;
	case 'w':
		parse_width(s, value);
		return true;
	case 'h':
		s->help = true;
		return true;
	default:
		return mw_event_source_option(&s->source, c, value);
	}
}

static bool parse_options(struct show *s, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"ascii", no_argument, NULL, 'a'},
						{"width", required_argument, NULL, 'w'},
						{"help", no_argument, NULL, 'h'},
						MW_SOURCE_OPTIONS,
						{0}};
	int c;

	while ((c = getopt_long(argc, argv, MW_SOURCE_SHORT "h", options, NULL)) != -1)
		if (!take_option(s, c, optarg))
			return false;
	if (optind < argc)
		s->id = argv[optind++];
	if (optind < argc)
		s->wrong = argv[optind];
	return s->id || s->help;
}

/* --- words ------------------------------------------------------------------------------------ */

static void put_field(const char *name, const char *text)
{
	if (!*text)
		return;
	(void)printf("  %-10s ", name);
	mw_text_put(stdout, text, 0, 0, false);
	(void)putchar('\n');
}

static void put_time(const char *name, int64_t time_ns, const char *note)
{
	char local[MW_WHEN_SIZE], line[128];

	if (time_ns == 0)
		return;
	(void)snprintf(line, sizeof(line), "%s%s", mw_when_local(time_ns, local, sizeof(local)),
		       note);
	put_field(name, line);
}

static void put_times(const struct mw_event *event)
{
	char note[64] = "", span[24];

	if (event->onset_before_window)
		(void)snprintf(note, sizeof(note), " or earlier, before the window");
	else if (event->raised_ns > event->onset_ns)
		(void)snprintf(
		    note, sizeof(note), " (%s before it was raised)",
		    mw_event_span(event->raised_ns - event->onset_ns, span, sizeof(span)));
	put_time("Onset", event->onset_ns, note);
	put_time("Raised", event->raised_ns, "");
	if (event->updated_ns != event->raised_ns && event->updated_ns != event->cleared_ns)
		put_time("Updated", event->updated_ns, "");
	(void)snprintf(note, sizeof(note), " (after %s)",
		       mw_event_span(event->cleared_ns - event->raised_ns, span, sizeof(span)));
	put_time("Cleared", event->cleared_ns, note);
}

/* Seen before: earlier events of the machine that looked alike. */
static void put_similar(const struct mw_event *event)
{
	char local[MW_WHEN_SIZE], line[192], fault[MW_FAULT_NAME_SIZE];

	for (size_t i = 0; i < event->similar.n; i++) {
		const struct mw_similar *similar = &event->similar.event[i];

		(void)snprintf(line, sizeof(line), "%s, %s%s; %.0f %% alike (%s)",
			       mw_when_local(similar->raised_ns, local, sizeof(local)),
			       mw_event_code_name(similar->fault, fault), mw_event_said_of(similar),
			       similar->similarity * 100, similar->id);
		put_field(i == 0 ? "As on" : "", line);
	}
}

static const char *why_words(unsigned bit)
{
	switch (bit) {
	case MW_WHY_DEVIATES:
		return "deviates itself";
	case MW_WHY_UPSTREAM:
		return "drives";
	case MW_WHY_FIRST_OUT:
		return "first out";
	case MW_WHY_NOT_FOLLOWING:
		return "does not follow";
	case MW_WHY_WEAK_POINT:
		return "weak point of this machine";
	default:
		return "fits what the site knows";
	}
}

/* "62 %  suction_pressure: strainer clogged (first out; drives flow)" */
static void put_cause(const struct mw_event_cause *cause, const char *field)
{
	char line[4 * MW_PHRASE_SIZE];
	const char *between = " (";
	int n = snprintf(line, sizeof(line), "%2.0f %%  %s%s%s", cause->probability * 100,
			 cause->channel, *cause->cause ? ": " : "", cause->cause);

	for (unsigned bit = 1; bit <= MW_WHY_ALL; bit <<= 1) {
		bool related = bit == MW_WHY_UPSTREAM || bit == MW_WHY_NOT_FOLLOWING;

		if (!(cause->why & bit))
			continue;
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%s%s%s%s", between,
			      why_words(bit), related ? " " : "", related ? cause->of : "");
		between = "; ";
	}
	(void)snprintf(line + n, sizeof(line) - (size_t)n, "%s", cause->why ? ")" : "");
	put_field(field, line);
}

static void put_judgement(const struct mw_event *event)
{
	char line[192], fault[MW_FAULT_NAME_SIZE];

	if (isfinite(event->fault_probability) && event->fault_probability > 0)
		(void)snprintf(line, sizeof(line), "%s (%.0f %% sure)",
			       mw_event_fault_name(event, fault), event->fault_probability * 100);
	else
		(void)snprintf(line, sizeof(line), "%s", mw_event_fault_name(event, fault));
	put_field("Fault", line);
	put_field("Said", mw_event_feedback_word((enum mw_feedback)event->feedback));
	put_field("Cause", event->cause);
	put_field("Check", event->check);
	for (size_t i = 0; i < event->n_cause; i++)
		put_cause(&event->likely[i], i == 0 ? "From" : "");
	put_similar(event);
	put_times(event);
	if (isfinite(event->p_value) && event->p_value > 0)
		(void)snprintf(line, sizeof(line), "%.3f; 1 in %.0f healthy windows scores as high",
			       event->score, 1 / event->p_value);
	else
		(void)snprintf(line, sizeof(line), "%.3f", event->score);
	put_field("Score", line);
	(void)snprintf(line, sizeof(line), "%s (%s)", event->model, mw_text_form_text(event->form));
	put_field("Model", line);
}

static void put_head(const struct mw_event *event, size_t width)
{
	(void)printf("%s  ", event->id);
	mw_text_put(stdout, event->asset, 0, 0, false);
	(void)printf(" (%s)  %s  %s\n\n", mw_machine_code(event->machine),
		     mw_event_severity_word(event->severity), mw_alarm_state_text(event->state));
	mw_text_wrap(stdout, event->explanation, 2, width);
	(void)putchar('\n');
}

/* --- log -------------------------------------------------------------------------------------- */

/* Who did and said what, by the box's clock. */
static void put_log(const struct mw_event_history *log)
{
	char local[MW_WHEN_SIZE], line[MW_NOTE_SIZE + 192];

	for (size_t i = 0; i < log->n; i++) {
		const struct mw_log_entry *entry = &log->entry[i];

		(void)snprintf(line, sizeof(line), "%s  %s by %s%s%s",
			       mw_when_local(entry->recorded_ns, local, sizeof(local)),
			       entry->is_feedback ? mw_event_feedback_word(entry->feedback)
						  : mw_transition_text(entry->transition),
			       entry->who, entry->note[0] ? ": " : "", entry->note);
		put_field(i == 0 ? "Log" : "", line);
	}
}

/* --- numbers ---------------------------------------------------------------------------------- */

static const char *side_words(int direction)
{
	return direction > 0 ? " above" : direction < 0 ? " below" : "";
}

static const char *move_words(int move)
{
	return move > 0 ? ", rose" : move < 0 ? ", fell" : "";
}

static void put_channel(const struct mw_event_channel *channel)
{
	const struct mw_channel_finding *f = &channel->finding;
	char value[32], expected[32], at[MW_WHEN_SIZE], line[256];

	if (!isfinite(f->peak_value)) {
		put_field("", "no reading");
		return;
	}
	(void)snprintf(line, sizeof(line),
		       "%s %s at %s; expected %s %s; %.1f times its healthy spread%s%s",
		       mw_explain_number(f->peak_value, value, sizeof(value)), channel->unit,
		       mw_when_local(f->peak_time_ns, at, sizeof(at)) + 11,
		       mw_explain_number(f->expected, expected, sizeof(expected)), channel->unit,
		       fabs(f->deviation), side_words(f->direction), move_words(f->move));
	(void)fputs("  ", stdout);
	mw_text_put(stdout, line, 0, 0, false);
	(void)putchar('\n');
}

static mw_err put_chart(const struct show *s, const struct mw_event *event,
			const struct mw_event_window *window, size_t channel, size_t width)
{
	struct mw_chart chart = {
	    .title = event->channel[channel].name,
	    .unit = event->channel[channel].unit,
	    .value = window->value + channel,
	    .expected = window->expected + channel,
	    .n_rows = window->n_rows,
	    .stride = window->n_channels,
	    .from_ns = window->from_ns,
	    .period_ns = window->period_ns,
	    .onset_ns = event->onset_ns,
	};
	struct mw_chart_style style = {.width = width, .height = CHART_HEIGHT, .ascii = s->ascii};
	char *text = NULL;
	mw_err err = mw_chart_draw(&chart, &style, &text);

	if (!err)
		(void)fputs(text, stdout);
	free(text);
	return err;
}

static mw_err put_event(const struct show *s, const struct mw_event *event,
			const struct mw_event_window *window, const struct mw_event_history *log)
{
	size_t columns = s->width ? s->width : mw_text_columns(stdout);
	size_t width = columns ? columns : DEFAULT_WIDTH;
	mw_err err = MW_E_OK;

	put_head(event, width);
	put_judgement(event);
	for (size_t c = 0; !err && c < event->n_channel; c++) {
		(void)putchar('\n');
		if (c < window->n_channels)
			err = put_chart(s, event, window, c, width);
		else
			put_field("Channel", event->channel[c].name);
		put_channel(&event->channel[c]);
	}
	(void)putchar('\n');
	put_log(log);
	return err;
}

static int run(const struct show *s)
{
	struct mw_event event;
	struct mw_event_window window;
	struct mw_event_history log = {0};
	char *json = NULL, why[512] = "";
	mw_err err = mw_event_source_get(&s->source, s->id, why, sizeof(why), &event, &window, &log,
					 s->json ? &json : NULL);

	if (!err && s->json)
		puts(json);
	else if (!err)
		err = put_event(s, &event, &window, &log);
	free(json);
	free(log.entry);
	if (err == MW_E_NOTFOUND)
		(void)fprintf(stderr,
			      "millwright show: there is no event '%s'; `millwright history` lists "
			      "them\n",
			      s->id);
	else if (err)
		(void)fprintf(stderr, "millwright show: %s\n", *why ? why : mw_err_text(err));
	if (!err && fflush(stdout) != 0)
		return EX_IOERR;
	return mw_event_source_exit(&s->source, err);
}

int mw_cmd_show(int argc, char **argv)
{
	struct show show = {0};

	if (!parse_options(&show, argc, argv)) {
		(void)fputs("usage: millwright show ID [options]; --help lists them\n", stderr);
		return EX_USAGE;
	}
	if (show.help) {
		puts(usage_text);
		return EX_OK;
	}
	if (show.wrong) {
		(void)fprintf(stderr, "millwright show: '%s' is not understood; see --help\n",
			      show.wrong);
		return EX_USAGE;
	}
	if (!mw_text_is_utf8())
		show.ascii = true;
	return run(&show);
}
