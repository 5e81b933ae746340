/* cmd_operate.c -- what an operator tells the daemon: ack, shelve, unshelve, feedback. */
#include "gateway/app/commands.h"
#include "gateway/app/event_source.h"
#include "gateway/base/units.h"
#include "gateway/base/utf8.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define MAX_EVENTS 100 /* of one call */

struct operate {
	struct mw_event_source source;
	struct mw_command command;
	char **id;
	size_t n_id;
	bool json, help;
	char wrong[256];
};

#define COMMON_HELP                                                                                \
	"  --note TEXT    why; kept in the event's log\n"                                          \
	"  --who NAME     who says so (default: the login name)\n"                                 \
	"  --json         print the daemon's reply: schemas/reply.schema.json\n"                   \
	"  --socket PATH  the daemon's socket (default: the configuration's, else\n"               \
	"                 " MW_SOURCE_SOCKET ")\n"                                                 \
	"  -c CONFIG      take the socket's path from this configuration\n"                        \
	"  --help\n\n"                                                                             \
	"`millwright history` lists the IDs."

static const char *const usage_text[MW_N_COMMAND] = {
    [MW_COMMAND_ACK] = "usage: millwright ack ID... [options]\n"
		       "Says that somebody has seen the alarm.\n\n" COMMON_HELP,
    [MW_COMMAND_SHELVE] =
	"usage: millwright shelve ID... [options]\n"
	"Keeps the machine of the alarm quiet for a while: nothing is raised until then.\n\n"
	"  --for TIME     how long: 30min, 8h, 7d; at most 30d (default: 8h)\n" COMMON_HELP,
    [MW_COMMAND_UNSHELVE] = "usage: millwright unshelve ID... [options]\n"
			    "Ends the shelving before its time.\n\n" COMMON_HELP,
    [MW_COMMAND_FEEDBACK] =
	"usage: millwright feedback ID... true|false|unsure [options]\n"
	"Says whether the alarm was right; the last word counts.\n\n" COMMON_HELP,
};

/* --- options ---------------------------------------------------------------------------------- */

static void take_text(struct operate *o, const char *text, char *ret_text, size_t size)
{
	if (strlen(text) >= size || !mw_utf8_is_clean(text, strlen(text)))
		(void)snprintf(o->wrong, sizeof(o->wrong),
			       "'%.40s' is too long, or not one line of UTF-8", text);
	else
		(void)snprintf(ret_text, size, "%s", text);
}

static void take_duration(struct operate *o, const char *text)
{
	char why[128];
	int64_t ns;

	if (mw_duration_parse(text, why, sizeof(why), &ns) != MW_E_OK)
		(void)snprintf(o->wrong, sizeof(o->wrong), "--for %.40s: %s", text, why);
	else if (ns < MW_SHELVE_MIN_NS || ns > MW_SHELVE_MAX_NS)
		(void)snprintf(o->wrong, sizeof(o->wrong), "--for %.40s: 1s to 30d", text);
	else
		o->command.shelve_ns = ns;
}

static bool take_option(struct operate *o, int c, const char *value)
{
	switch (c) {
	case 'n':
		take_text(o, value, o->command.note, sizeof(o->command.note));
		return true;
	case 'w':
		take_text(o, value, o->command.who, sizeof(o->command.who));
		return true;
	case 'f':
		take_duration(o, value);
		return o->command.kind == MW_COMMAND_SHELVE;
	case 'j':
		o->json = true;
		return true;
	case 'h':
		o->help = true;
		return true;
	default:
		return mw_event_source_option(&o->source, c, value);
	}
}

/* The last word of `feedback` is what is said. */
static void take_said(struct operate *o)
{
	int said = o->n_id > 1 ? mw_feedback_from_text(o->id[o->n_id - 1]) : -1;

	if (said <= MW_FEEDBACK_NONE)
		(void)snprintf(o->wrong, sizeof(o->wrong), "say true, false or unsure at the end");
	else
		o->n_id--;
	o->command.feedback = said > MW_FEEDBACK_NONE ? (enum mw_feedback)said : MW_FEEDBACK_NONE;
}

static bool parse_options(struct operate *o, int argc, char **argv)
{
	static const struct option options[] = {
	    {"note", required_argument, NULL, 'n'},   {"who", required_argument, NULL, 'w'},
	    {"for", required_argument, NULL, 'f'},    {"json", no_argument, NULL, 'j'},
	    {"help", no_argument, NULL, 'h'},         {"socket", required_argument, NULL, 'S'},
	    {"config", required_argument, NULL, 'c'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
		if (!take_option(o, c, optarg))
			return false;
	o->id = argv + optind;
	o->n_id = (size_t)(argc - optind);
	if (!o->help && o->command.kind == MW_COMMAND_FEEDBACK)
		take_said(o);
	return o->help || (o->n_id > 0 && o->n_id <= MAX_EVENTS);
}

static void name_who(struct operate *o)
{
	const char *user = getenv("SUDO_USER");
	char login[MW_WHO_SIZE];

	if (o->command.who[0])
		return;
	if ((!user || !*user) && getlogin_r(login, sizeof(login)) == 0)
		user = login;
	if (!user || !*user)
		user = getenv("USER");
	take_text(o, user && *user ? user : "cli", o->command.who, sizeof(o->command.who));
}

/* --- doing it --------------------------------------------------------------------------------- */

static int exit_code(const struct operate *o, mw_err err)
{
	return err == MW_E_UNSUPPORTED ? EX_DATAERR : mw_event_source_exit(&o->source, err);
}

static void say_done(const struct operate *o)
{
	char span[24] = "";

	if (o->command.kind == MW_COMMAND_SHELVE)
		(void)mw_duration_format(o->command.shelve_ns, span, sizeof(span));
	switch (o->command.kind) {
	case MW_COMMAND_ACK:
		printf("%s acknowledged\n", o->command.event);
		break;
	case MW_COMMAND_SHELVE:
		printf("%s shelved for %s\n", o->command.event, span);
		break;
	case MW_COMMAND_UNSHELVE:
		printf("%s no longer shelved\n", o->command.event);
		break;
	case MW_COMMAND_FEEDBACK:
		printf("%s noted as %s\n", o->command.event, mw_feedback_text(o->command.feedback));
		break;
	}
}

static mw_err do_one(struct operate *o, const char *id)
{
	char why[512] = "", *json = NULL;
	mw_err err = MW_E_NOTFOUND;

	if (strlen(id) < sizeof(o->command.event) &&
	    strspn(id, "ev-0123456789abcdf") == strlen(id)) {
		(void)snprintf(o->command.event, sizeof(o->command.event), "%s", id);
		err = mw_event_source_command(&o->source, &o->command, why, sizeof(why), &json);
	}
	if (err == MW_E_NOTFOUND)
		(void)snprintf(why, sizeof(why), "no such event; `millwright history` lists them");
	if (err)
		(void)fprintf(stderr, "millwright %s: %.40s: %s\n",
			      mw_command_text(o->command.kind), id, *why ? why : mw_err_text(err));
	else if (o->json)
		puts(json);
	else
		say_done(o);
	free(json);
	return err;
}

/* Every event is tried; the first failure is the exit code. */
static int do_all(struct operate *o)
{
	mw_err first = MW_E_OK;

	for (size_t i = 0; i < o->n_id; i++) {
		mw_err err = do_one(o, o->id[i]);

		first = first ? first : err;
	}
	if (!first && fflush(stdout) != 0)
		return EX_IOERR;
	return exit_code(o, first);
}

static int operate(enum mw_command_kind kind, int argc, char **argv)
{
	struct operate o = {.command = {.kind = kind, .shelve_ns = MW_SHELVE_DEFAULT_NS}};

	if (!parse_options(&o, argc, argv)) {
		if (o.wrong[0])
			(void)fprintf(stderr, "millwright %s: %s\n", argv[0], o.wrong);
		(void)fprintf(stderr, "millwright %s --help tells how\n", argv[0]);
		return EX_USAGE;
	}
	if (o.help) {
		puts(usage_text[kind]);
		return EX_OK;
	}
	name_who(&o);
	if (o.wrong[0]) {
		(void)fprintf(stderr, "millwright %s: %s\n", argv[0], o.wrong);
		return EX_USAGE;
	}
	return do_all(&o);
}

int mw_cmd_ack(int argc, char **argv)
{
	return operate(MW_COMMAND_ACK, argc, argv);
}

int mw_cmd_shelve(int argc, char **argv)
{
	return operate(MW_COMMAND_SHELVE, argc, argv);
}

int mw_cmd_unshelve(int argc, char **argv)
{
	return operate(MW_COMMAND_UNSHELVE, argc, argv);
}

int mw_cmd_feedback(int argc, char **argv)
{
	return operate(MW_COMMAND_FEEDBACK, argc, argv);
}
