/*
 * cmd_lm.h -- what the actions of `millwright lm` share.  Exit codes are those of sysexits(3).
 */
#ifndef MW_APP_CMD_LM_H
#define MW_APP_CMD_LM_H

#include "gateway/io/json.h"
#include "model/engine/millwright_lm.h"

#define LM_MAX_LIST    32 /* numbers of a list, as in -t 1,2 */
#define LM_MAX_BATCH   64
#define LM_MAX_REPEATS 16 /* of --stop and --reference */

struct lm_list {
	uint32_t number[LM_MAX_LIST];
	size_t n;
};

struct lm_args {
	const char *kernels, *prompt, *text, *token_list, *system, *chat_template, *schema;
	const char *stops[LM_MAX_REPEATS], *references[LM_MAX_REPEATS];
	size_t n_stops, n_references;
	struct lm_list threads;
	struct mw_lm_sampling sampling;
	long rows, batch, seconds, top, count, context;
	bool json, tokens, chat, no_digits, log_probs;
	enum mw_lm_precision precision;
	enum mw_lm_cache cache;
	const char *path[2];
	int n_path;
};

/* The whole number or the number in a text; false, and a word on stderr, if it is none of that
 * range. */
bool mw_lm_parse_whole(const char *text, long min, long max, long *ret_number);
bool mw_lm_parse_number(const char *text, double min, double max, float *ret_number);

/* Numbers apart by commas. */
bool mw_lm_parse_list(const char *text, long min, long max, struct lm_list *ret_list);

/* Opens args->path[0], or says why not on stderr.  EX_OK: returns owned. */
int mw_lm_open_model(const struct lm_args *args, uint32_t threads, struct mw_lm **ret_model);

/* Says what is wrong with a file on stderr; returns the exit code of the error. */
int mw_lm_complain(mw_lm_err err, const char *path, const char *why);

/* Says why a model cannot read or write text; NULL: it can. */
const char *mw_lm_no_text(const struct mw_lm *model);

/* A whole file, NUL-terminated; says what is wrong on stderr.  Returns owned, NULL on failure. */
char *mw_lm_read_file(const char *path, size_t *ret_size);

/* Prints text of unknown origin: control characters become '?'. */
void mw_lm_print_text(const char *text);

/* Prints an object; takes it. */
int mw_lm_print_json(struct mw_json *object);

/* The actions. */
int mw_lm_info_command(const struct lm_args *args);
int mw_lm_bench_command(const struct lm_args *args);
int mw_lm_logits_command(const struct lm_args *args);
int mw_lm_run_command(const struct lm_args *args);
int mw_lm_perplexity_command(const struct lm_args *args);

#endif
