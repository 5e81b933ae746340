/* replay_tables.c -- what replay writes: scores and evidence row by row, and the summary. */
#include "gateway/app/replay.h"

#include <string.h>

/* The newest window that had ended when the row's slot had: nothing after the row is used. */
static const struct scored *score_at(const struct replay *r, int64_t time_ns, size_t *at)
{
	int64_t slot = replay_slot(time_ns + r->shift_ns, r->asset_opts.assembler.period_ns);

	while (*at < r->n_scored && r->scored[*at].end_ns <= slot)
		(*at)++;
	while (*at > 0 && r->scored[*at - 1].end_ns > slot) /* the clock of the file stepped back */
		(*at)--;
	return *at > 0 ? &r->scored[*at - 1] : NULL;
}

static void write_score(FILE *to, const struct replay *r, size_t row, const struct scored *s)
{
	bool scored = s && !s->learnt;

	(void)fprintf(to, "%s,%.9g,%.6g,%s,%s,%s\n", r->main.rows->time_text[row],
		      s ? s->judgement.score : 0.0, s ? s->judgement.p_value : 1.0,
		      scored ? mw_verdict_text(s->verdict) : "",
		      scored && s->fault != MW_FAULT_NONE ? mw_fault_code(s->fault) : "",
		      scored && s->channel >= 0
			  ? mw_assembler_name(mw_asset_assembler(r->asset), (size_t)s->channel)
			  : "");
}

static void write_evidence(FILE *to, const struct replay *r, size_t row, const struct scored *s)
{
	(void)fprintf(to, "%s", r->main.rows->time_text[row]);
	for (int k = 0; k < MW_N_COMPONENT; k++)
		(void)fprintf(to, ",%.9g", s ? s->judgement.component[k] : 0.0);
	(void)fprintf(to, ",%.9g,%.9g\n", s ? s->judgement.fused : 0.0,
		      s ? s->judgement.evidence : 0.0);
}

static void write_evidence_header(FILE *to)
{
	(void)fprintf(to, "time");
	for (int k = 0; k < MW_N_COMPONENT; k++)
		(void)fprintf(to, ",%s", mw_component_text((enum mw_component)k));
	(void)fprintf(to, ",fused,evidence\n");
}

typedef void row_writer(FILE *to, const struct replay *r, size_t row, const struct scored *s);

static mw_err write_table(struct replay *r, const char *path, row_writer *write_row)
{
	FILE *to = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	size_t at = 0;

	if (!to)
		return mw_why(MW_E_IO, r->why, sizeof(r->why), "%s: %m", path);
	if (write_row == write_evidence)
		write_evidence_header(to);
	else
		(void)fprintf(to, "time,score,p_value,verdict,fault,channel\n");
	for (size_t row = 0; row < r->main.rows->n_rows; row++)
		write_row(to, r, row, score_at(r, r->main.rows->time_ns[row], &at));
	if ((to == stdout ? fflush(to) : fclose(to)) != 0)
		return mw_why(MW_E_IO, r->why, sizeof(r->why), "%s: %m", path);
	return MW_E_OK;
}

void replay_summarise(const struct replay *r, int64_t wall_ns)
{
	struct mw_inference_stats stats;
	double span =
	    (double)(r->main.rows->time_ns[r->main.rows->n_rows - 1] - r->main.rows->time_ns[0]) /
	    1e9;

	mw_inference_stats(r->inference, &stats);
	(void)fprintf(stderr,
		      "%s: %zu rows, %zu channels, %llu windows read, %zu events, "
		      "%.2f s (%.0f x real time, %.0f tokens/s)\n",
		      r->csv_path, r->main.rows->n_rows, r->main.rows->n_columns,
		      (unsigned long long)stats.windows, r->n_events, (double)wall_ns / 1e9,
		      span / ((double)wall_ns / 1e9),
		      (double)stats.positions / ((double)stats.busy_ns / 1e9));
}

mw_err replay_write_tables(struct replay *r)
{
	mw_err err = MW_E_OK;

	if (r->scores_path)
		err = write_table(r, r->scores_path, write_score);
	if (!err && r->evidence_path)
		err = write_table(r, r->evidence_path, write_evidence);
	return err;
}
