#include "gateway/core/channel_model.h"

#include <math.h>
#include <stdlib.h>

static enum mw_series_kind kind_of(enum mw_channel_use use, enum mw_series_kind looks)
{
	switch (use) {
	case MW_USE_QUANTITY:
		return MW_SERIES_MEASURED;
	case MW_USE_COUNTER:
		return MW_SERIES_COUNTER;
	case MW_USE_STATE:
	case MW_USE_COMMAND: /* a set point that moves freely is a quantity */
		return looks == MW_SERIES_STATE || looks == MW_SERIES_CONSTANT ? MW_SERIES_STATE
									       : MW_SERIES_MEASURED;
	default: /* what never moved may be a sensor as well as a switch */
		return looks == MW_SERIES_CONSTANT ? MW_SERIES_MEASURED : looks;
	}
}

mw_err channel_learn(enum mw_channel_use use, const double *value, size_t n,
		     struct channel_model *ret_model)
{
	struct channel_model model = {.kind = kind_of(use, mw_stat_kind(value, n))};
	uint32_t most = 0;

	if (model.kind == MW_SERIES_STATE) {
		model.table = calloc(1, sizeof(*model.table));
		if (!model.table)
			return MW_E_NOMEM;
		mw_state_learn(model.table, value, n);
	}
	for (uint32_t i = 0; model.table && i < model.table->n; i++) {
		if (model.table->state[i].rows <= most)
			continue;
		most = model.table->state[i].rows;
		model.commonest = model.table->state[i].value;
	}
	*ret_model = model;
	return MW_E_OK;
}

void channel_done(struct channel_model *model)
{
	free(model->table);
	model->table = NULL;
}

double channel_judged(const struct channel_model *model, double value, double before, uint32_t rows)
{
	double surprise;

	if (model->kind == MW_SERIES_COUNTER)
		return mw_counter_rate(before, value) / rows;
	if (model->kind != MW_SERIES_STATE || isnan(value))
		return value;
	surprise = mw_state_surprise(model->table, value);
	return value < model->commonest ? -surprise : surprise;
}

/* --- as bytes --------------------------------------------------------------------------------- */

void channel_pack(struct mw_writer *writer, const struct channel_model *model)
{
	mw_put_u8(writer, (uint8_t)model->kind);
	if (model->kind != MW_SERIES_STATE)
		return;
	mw_put_f64(writer, model->commonest);
	mw_put_u32(writer, model->table->n);
	mw_put_u32(writer, model->table->looks);
	mw_put_u32(writer, model->table->left_out);
	for (uint32_t i = 0; i < model->table->n; i++) {
		const struct mw_state *state = &model->table->state[i];

		mw_put_f64(writer, state->value);
		mw_put_u32(writer, state->rows);
		mw_put_u32(writer, state->spells);
		mw_put_u32(writer, state->looks);
		mw_put_u32(writer, state->longest);
	}
}

static bool table_unpack(struct mw_reader *reader, struct mw_state_table *table)
{
	table->n = mw_get_u32(reader);
	table->looks = mw_get_u32(reader);
	table->left_out = mw_get_u32(reader);
	if (table->n > MW_STATE_MAX)
		return false;
	for (uint32_t i = 0; i < table->n; i++) {
		struct mw_state *state = &table->state[i];

		state->value = mw_get_f64(reader);
		state->rows = mw_get_u32(reader);
		state->spells = mw_get_u32(reader);
		state->looks = mw_get_u32(reader);
		state->longest = mw_get_u32(reader);
		if (!isfinite(state->value))
			return false;
	}
	return true;
}

bool channel_unpack(struct mw_reader *reader, struct channel_model *ret_model)
{
	uint8_t kind = mw_get_u8(reader);
	struct channel_model model = {.kind = (enum mw_series_kind)kind};

	if (kind != MW_SERIES_MEASURED && kind != MW_SERIES_STATE && kind != MW_SERIES_COUNTER)
		return false;
	if (model.kind == MW_SERIES_STATE) {
		model.commonest = mw_get_f64(reader);
		model.table = calloc(1, sizeof(*model.table));
		if (!model.table || !isfinite(model.commonest) ||
		    !table_unpack(reader, model.table) || reader->failed) {
			channel_done(&model);
			return false;
		}
	}
	if (reader->failed)
		return false;
	*ret_model = model;
	return true;
}
