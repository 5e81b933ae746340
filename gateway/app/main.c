#include "gateway/app/commands.h"
#include "gateway/base/err.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
    {"run", mw_cmd_run, "the daemon: -c FILE"},
    {"check", mw_cmd_check, "test a configuration: -c FILE, or --print-options"},
    {"history", mw_cmd_history, "what happened: events, newest first"},
    {"show", mw_cmd_show, "one event with its window and its words"},
    {"ack", mw_cmd_ack, "say that somebody has seen an alarm"},
    {"shelve", mw_cmd_shelve, "keep a machine's alarms quiet for a while"},
    {"unshelve", mw_cmd_unshelve, "end that"},
    {"feedback", mw_cmd_feedback, "say that an alarm was true or false"},
    {"replay", mw_cmd_replay, "read recorded data the way the daemon would"},
    {"simulate", mw_cmd_simulate, "publish simulated machines over MQTT"},
    {"lm", mw_cmd_lm, "the language-model engine: info, bench, logits, quantize"},
};

static void usage(FILE *to)
{
	(void)fprintf(to, "usage: millwright COMMAND [options]\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		(void)fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	(void)fprintf(to, "\n`millwright COMMAND --help` lists a command's options; "
			  "millwright(1) is the manual.\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (strcmp(name, "--version") == 0) {
		puts("millwright " MW_VERSION);
		return EX_OK;
	}
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
		usage(stdout);
		return EX_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	if (*name)
		(void)fprintf(stderr, "millwright: no command '%s'\n", name);
	usage(stderr);
	return EX_USAGE;
}
