/* cmd_check.c -- tests a configuration without starting anything. */
#include "gateway/app/commands.h"
#include "gateway/io/conf.h"

#include <getopt.h>
#include <stdio.h>
#include <sysexits.h>

static int check(const char *path)
{
	struct mw_config *config;
	char why[512] = "";
	mw_err err = mw_conf_load(path, why, sizeof(why), &config);

	if (err) {
		(void)fprintf(stderr, "%s\n", why);
		return err == MW_E_IO ? EX_NOINPUT : EX_CONFIG;
	}
	printf("%s: good: gateway '%s', broker %s:%lld, %zu sources, %zu assets described\n", path,
	       config->gateway.name, config->mqtt.host, (long long)config->mqtt.port,
	       config->n_source, config->n_asset);
	mw_conf_free(config);
	return EX_OK;
}

int mw_cmd_check(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"print-options", no_argument, NULL, 'p'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	const char *path = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			path = optarg;
			break;
		case 'p':
			mw_conf_print_options();
			return EX_OK;
		case 'h':
			puts("usage: millwright check -c FILE | --print-options\n"
			     "Checks every key of FILE; errors are FILE:LINE: and exit 78.");
			return EX_OK;
		default:
			return EX_USAGE;
		}
	}
	if (!path || optind != argc) {
		(void)fputs("usage: millwright check -c FILE | --print-options\n", stderr);
		return EX_USAGE;
	}
	return check(path);
}
