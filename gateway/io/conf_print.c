#include "gateway/base/units.h"
#include "gateway/io/conf_options.h"
#include "gateway/io/plugin_host.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [MW_OPT_BOOL] = "boolean", [MW_OPT_INT] = "integer",       [MW_OPT_FLOAT] = "number",
    [MW_OPT_STR] = "string",   [MW_OPT_DURATION] = "duration", [MW_OPT_SIZE] = "size",
};

static const char *bound(const struct mw_option *option, double value, char *buf, size_t size)
{
	if (option->type == MW_OPT_DURATION)
		return mw_duration_format((int64_t)value, buf, size);
	if (option->type == MW_OPT_SIZE)
		return mw_size_format((uint64_t)value, buf, size);
	(void)snprintf(buf, size, "%.12g", value);
	return buf;
}

/* Text, durations and sizes are written in quotes in the file. */
static bool is_quoted(const struct mw_option *option)
{
	return option->type == MW_OPT_STR || option->type == MW_OPT_DURATION ||
	       option->type == MW_OPT_SIZE;
}

/* "duration, default "30s", 1s to 1h" */
static void print_facts(FILE *out, const struct mw_option *option)
{
	const char *quote = is_quoted(option) ? "\"" : "";
	char low[32], high[32];

	(void)fprintf(out, "%s, ", type_names[option->type]);
	if (option->fallback)
		(void)fprintf(out, "default %s%s%s", quote, option->fallback, quote);
	else
		(void)fputs("required", out);
	if (option->min != 0 || option->max != 0)
		(void)fprintf(out, ", %s to %s", bound(option, option->min, low, sizeof(low)),
			      bound(option, option->max, high, sizeof(high)));
}

static void print_table(const struct mw_option *option, const char *indent)
{
	for (; option && option->name; option++) {
		printf("%s%-18s ", indent, option->name);
		print_facts(stdout, option);
		printf("\n%s    %s\n", indent, option->help);
	}
}

static void print_plugin(void *ctx, const struct mw_plugin *plugin)
{
	(void)ctx;
	printf("\ndecoder \"%s\": %s\n", plugin->name, plugin->summary);
	print_table(plugin->options, "    ");
}

/* Calls fn for every plugin of the default directory. */
static void each_plugin(void (*fn)(void *ctx, const struct mw_plugin *plugin), void *ctx)
{
	struct mw_plugin_host *host = NULL;
	char dir[4096];

	mw_conf_plugin_dir(dir, sizeof(dir));
	if (mw_plugin_host_new(dir, &host) != MW_E_OK)
		return;
	mw_plugin_each(host, fn, ctx);
	mw_plugin_host_free(host);
}

static void print_sections(const struct mw_conf_section *sections)
{
	for (const struct mw_conf_section *s = sections; s->name; s++) {
		printf("%s%s%s\n    %s\n", s == sections ? "" : "\n",
		       *s->name ? s->name : "(top level)", s->is_list ? " = ( { ... }, ... )" : "",
		       s->help);
		print_table(s->options, "    ");
	}
}

void mw_conf_print_options(void)
{
	print_sections(mw_conf_sections);
	each_plugin(print_plugin, NULL);
	printf("\nin the file of a machine profile:\n\n");
	print_sections(mw_conf_profile_sections);
}

/* --- the manual ------------------------------------------------------------------------------- */

/* Troff reads a backslash, and a dot or quote that starts a line. */
static void print_troff(FILE *out, const char *text)
{
	if (*text == '.' || *text == '\'')
		(void)fputs("\\&", out);
	for (; *text != '\0'; text++)
		if (*text == '\\')
			(void)fputs("\\e", out);
		else if (*text == '-')
			(void)fputs("\\-", out);
		else
			(void)fputc(*text, out);
}

static void manual_table(FILE *out, const struct mw_option *option)
{
	for (; option && option->name; option++) {
		(void)fprintf(out, ".TP\n\\fB%s\\fR (", option->name);
		print_facts(out, option);
		(void)fputs(")\n", out);
		print_troff(out, option->help);
		(void)fputc('\n', out);
	}
}

static void manual_plugin(void *ctx, const struct mw_plugin *plugin)
{
	FILE *out = ctx;

	(void)fprintf(out, ".SH DECODER %s\n", plugin->name);
	print_troff(out, plugin->summary);
	(void)fputc('\n', out);
	manual_table(out, plugin->options);
}

static void manual_profile(FILE *out)
{
	(void)fputs(".SH MACHINE PROFILES\n"
		    "A profile is a file of its own, which an asset names with \\fBprofile\\fR. "
		    "It has the keys and lists below; schemas/profiles/README.md explains them.\n",
		    out);
	for (const struct mw_conf_section *s = mw_conf_profile_sections; s->name; s++) {
		(void)fprintf(out, ".SS %s%s\n", *s->name ? s->name : "Top level",
			      s->is_list ? " = ( { ... }, ... )" : "");
		print_troff(out, s->help);
		(void)fputc('\n', out);
		manual_table(out, s->options);
	}
}

static const char manual_head[] =
    ".\\\" Made from the option tables; see tests/unit/test_conf.c.\n"
    ".TH MILLWRIGHT.CONF 5 \"2026-11-23\" \"Millwright\"\n"
    ".SH NAME\nmillwright.conf \\- configuration of the Millwright gateway\n"
    ".SH DESCRIPTION\n"
    "A libconfig file: groups of \\fIkey = value;\\fR, lists in parentheses, comments after #.\n"
    "Durations are texts with a unit (ns us ms s min h d): \"500ms\", \"5min\", \"30d\".\n"
    "Sizes are texts with a unit (B KiB MiB GiB, or kB MB GB): \"256MiB\".\n"
    "An unknown key, a wrong type or a value out of range is refused with file and line.\n"
    "\\fBmillwright check \\-c\\fR \\fIFILE\\fR reads a file without running it.\n";

static const char manual_tail[] = ".SH SEE ALSO\n.BR millwright (1)\n";

void mw_conf_print_manual(FILE *out)
{
	(void)fputs(manual_head, out);
	for (const struct mw_conf_section *s = mw_conf_sections; s->name; s++) {
		(void)fprintf(out, ".SH %s%s\n", *s->name ? s->name : "TOP LEVEL",
			      s->is_list ? " = ( { ... }, ... )" : "");
		print_troff(out, s->help);
		(void)fputc('\n', out);
		if (strcmp(s->name, "sources") == 0)
			(void)fputs("The group \\fBoptions\\fR holds the decoder's own options.\n",
				    out);
		manual_table(out, s->options);
	}
	each_plugin(manual_plugin, out);
	manual_profile(out);
	(void)fputs(manual_tail, out);
}
