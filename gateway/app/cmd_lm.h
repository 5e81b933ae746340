/*
 * cmd_lm.h -- what the actions of `millwright lm` share.  Exit codes are those of sysexits(3).
 */
#ifndef MW_APP_CMD_LM_H
#define MW_APP_CMD_LM_H

#include "gateway/io/json.h"
#include "model/engine/millwright_lm.h"

struct lm_args {
	const char *kernels, *prompt, *text;
	long rows, batch, seconds, top, count;
	bool json, tokens, f32;
	const char *path[2];
	int n_path;
};

/* Opens args->path[0], or says why not on stderr.  EX_OK: returns owned. */
int mw_lm_open_model(const struct lm_args *args, struct mw_lm **ret_model);

/* Says what is wrong with a file on stderr; returns the exit code of the error. */
int mw_lm_complain(mw_lm_err err, const char *path, const char *why);

/* Prints an object; takes it. */
int mw_lm_print_json(struct mw_json *object);

/* The actions. */
int mw_lm_logits_command(const struct lm_args *args);
int mw_lm_run_command(const struct lm_args *args);

#endif
