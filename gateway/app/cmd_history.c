/* cmd_history.c -- what happened: a table of events, newest first. */
#include "gateway/app/commands.h"
#include "gateway/app/event_source.h"
#include "gateway/app/event_words.h"
#include "gateway/app/text.h"
#include "gateway/base/clock.h"
#include "gateway/io/when.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MAX_NAME_CELLS 24
#define MIN_WORDS      24 /* cells worth reading beside the columns */

struct history {
	struct mw_event_source source;
	struct mw_event_filter filter;
	bool json, help;
	const char *wrong; /* the option's value that is none */
};

static const char usage_text[] =
    "usage: millwright history [options]\n"
    "Lists events, newest first.\n\n"
    "  --asset NAME   of this machine only\n"
    "  --text WORDS   whose explanation, cause, check, fault or machine has these words\n"
    "  --from TIME    raised at or after: 2026-03-04, 2026-03-04T05:06, -24h, -30min\n"
    "  --to TIME      raised before\n"
    "  --active       not cleared yet\n"
    "  --limit N      at most N (default 50)\n"
    "  --json         for programs: {\"events\":[...]} of "
    "schemas/event.schema.json\n" MW_SOURCE_HELP "  --help\n\n"
    "`millwright show ID` tells one event in full.";

/* --- options ---------------------------------------------------------------------------------- */

static void parse_time(struct history *h, const char *text, int64_t *ret_ns)
{
	if (mw_when_parse(text, mw_clock_now_ns(), ret_ns))
		h->wrong = text;
}

static void parse_limit(struct history *h, const char *text)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > 10000)
		h->wrong = text;
	else
		h->filter.limit = value;
}

static bool take_option(struct history *h, int c, const char *value)
{
	switch (c) {
	case 'a':
		h->filter.asset = value;
		return true;
	case 't':
		h->filter.text = value;
		return true;
	case 'f':
		parse_time(h, value, &h->filter.from_ns);
		return true;
	case 'T':
		parse_time(h, value, &h->filter.to_ns);
		return true;
	case 'A':
		h->filter.active = true;
		return true;
	case 'l':
		parse_limit(h, value);
		return true;
	case 'j':
		h->json = true;
		return true;
	case 'h':
		h->help = true;
		return true;
	default:
		return mw_event_source_option(&h->source, c, value);
	}
}

static bool parse_options(struct history *h, int argc, char **argv)
{
	static const struct option options[] = {{"asset", required_argument, NULL, 'a'},
						{"text", required_argument, NULL, 't'},
						{"from", required_argument, NULL, 'f'},
						{"to", required_argument, NULL, 'T'},
						{"active", no_argument, NULL, 'A'},
						{"limit", required_argument, NULL, 'l'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						MW_SOURCE_OPTIONS,
						{0}};
	int c;

	while ((c = getopt_long(argc, argv, MW_SOURCE_SHORT "h", options, NULL)) != -1)
		if (!take_option(h, c, optarg))
			return false;
	if (optind < argc)
		h->wrong = argv[optind];
	return true;
}

/* --- the table -------------------------------------------------------------------------------- */

struct widths {
	size_t state, asset, fault, line;
	bool ascii;
};

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static struct widths measure(const struct mw_event *event, size_t n)
{
	struct widths w = {.state = 5, .asset = 5, .fault = 5, .line = mw_text_columns(stdout)};

	w.ascii = !mw_text_is_utf8();
	for (size_t i = 0; i < n; i++) {
		char fault[MW_FAULT_NAME_SIZE];

		w.state = larger(w.state, mw_text_cells(mw_event_state_word(&event[i])));
		w.asset = larger(w.asset, mw_text_cells(event[i].asset));
		w.fault = larger(w.fault, mw_text_cells(mw_event_fault_name(&event[i], fault)));
	}
	w.asset = smaller(w.asset, MAX_NAME_CELLS);
	w.fault = smaller(w.fault, MAX_NAME_CELLS);
	return w;
}

static void put_column(const char *text, size_t cells, bool ascii)
{
	mw_text_put(stdout, text, cells, cells + 2, ascii);
}

static void put_row(const struct widths *w, const char *raised, const char *severity,
		    const char *state, const char *asset, const char *fault, const char *id,
		    const char *explanation)
{
	size_t used = 19 + 2 + 6 + 2 + w->state + 2 + w->asset + 2 + w->fault + 2 + 19 + 2;

	put_column(raised, 19, w->ascii);
	put_column(severity, 6, w->ascii);
	put_column(state, w->state, w->ascii);
	put_column(asset, w->asset, w->ascii);
	put_column(fault, w->fault, w->ascii);
	if (w->line > 0 && w->line < used + MIN_WORDS) { /* too narrow: the words go below */
		(void)printf("%s\n    ", id);
		mw_text_put(stdout, explanation, w->line - 4, 0, w->ascii);
	} else {
		put_column(id, 19, w->ascii);
		mw_text_put(stdout, explanation, w->line > 0 ? w->line - used : 0, 0, w->ascii);
	}
	(void)putchar('\n');
}

/* What was said of it, the explanation, and when the machine looked so before. */
static const char *words_of(const struct mw_event *event, char *buf, size_t size)
{
	char as_on[MW_AS_ON_SIZE];
	const char *said = mw_event_feedback_word((enum mw_feedback)event->feedback);

	(void)snprintf(buf, size, "%s%s%s%s%s%s%s", *said ? "[" : "", said, *said ? "] " : "",
		       event->explanation, event->similar.n > 0 ? " (" : "",
		       mw_event_as_on(event, as_on), event->similar.n > 0 ? ")" : "");
	return buf;
}

static void put_table(const struct mw_event *event, size_t n)
{
	struct widths w = measure(event, n);

	put_row(&w, "RAISED", "SEV", "STATE", "ASSET", "FAULT", "ID", "EXPLANATION");
	for (size_t i = 0; i < n; i++) {
		char raised[MW_WHEN_SIZE], fault[MW_FAULT_NAME_SIZE];
		char words[MW_TEXT_SIZE + 2 * MW_AS_ON_SIZE];

		put_row(&w, mw_when_local(event[i].raised_ns, raised, sizeof(raised)),
			mw_event_severity_word(event[i].severity), mw_event_state_word(&event[i]),
			event[i].asset, mw_event_fault_name(&event[i], fault), event[i].id,
			words_of(&event[i], words, sizeof(words)));
	}
}

static void put_nothing(const struct mw_event_filter *filter)
{
	if (filter->asset || filter->text || filter->from_ns || filter->to_ns)
		puts("No event matches.");
	else if (filter->active)
		puts("All quiet: no event is active.");
	else
		puts("No events yet: nothing was raised since the store was made.");
}

static int run(const struct history *h)
{
	struct mw_event *event = NULL;
	char *json = NULL, why[512] = "";
	size_t n = 0;
	mw_err err = mw_event_source_list(&h->source, &h->filter, why, sizeof(why), &event, &n,
					  h->json ? &json : NULL);

	if (err) {
		(void)fprintf(stderr, "millwright history: %s\n", *why ? why : mw_err_text(err));
		return mw_event_source_exit(&h->source, err);
	}
	if (h->json)
		puts(json);
	else if (n > 0)
		put_table(event, n);
	else
		put_nothing(&h->filter);
	free(json);
	free(event);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int mw_cmd_history(int argc, char **argv)
{
	struct history history = {0};

	if (!parse_options(&history, argc, argv)) {
		(void)fputs("millwright history --help lists the options\n", stderr);
		return EX_USAGE;
	}
	if (history.help) {
		puts(usage_text);
		return EX_OK;
	}
	if (history.wrong) {
		(void)fprintf(stderr, "millwright history: '%s' is not understood; see --help\n",
			      history.wrong);
		return EX_USAGE;
	}
	return run(&history);
}
