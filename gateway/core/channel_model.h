/*
 * channel_model.h -- how a channel's readings become the number that is judged.
 *
 * A quantity is judged as it is.  A counter by its rate per row.  A state -- a switch, a mode, an
 * enumeration, a stepwise command -- by how surprising it is: the normal-equivalent z of a state as
 * rare or rarer (mw_state_surprise), so a state that healthy life shows now and then is nothing, and
 * one never seen weighs what the learn rows can prove.  Its sign tells to which side of the
 * commonest state it lies.
 *
 * Pure; immutable once learnt.  Only a state has memory of its own.
 */
#ifndef MW_CORE_CHANNEL_MODEL_H
#define MW_CORE_CHANNEL_MODEL_H

#include "gateway/base/pack.h"
#include "gateway/core/stats.h"

/* What a channel is there for, as far as somebody said: by its role or the machine's profile. */
enum mw_channel_use {
	MW_USE_GUESS,    /* from the readings */
	MW_USE_QUANTITY, /* measured: never a state or a counter */
	MW_USE_STATE,    /* a contact, a message: does not select the regime */
	MW_USE_COMMAND,  /* a set point, an order, a mode: selects the regime */
	MW_USE_COUNTER,
	MW_N_USE
};

struct channel_model {
	enum mw_series_kind kind;     /* MEASURED, STATE or COUNTER */
	double commonest;             /* STATE */
	struct mw_state_table *table; /* STATE, owned; else NULL */
};

/* Learns from n readings of the channel, NaN = missing. */
MW_MUST_CHECK mw_err channel_learn(enum mw_channel_use use, const double *value, size_t n,
				   struct channel_model *ret_model);
void channel_done(struct channel_model *model);
/* The number that is judged; NaN: none (a counter's first reading or reset).  before: the reading
 * before, NaN = none; rows: how many rows ago that was, from 1. */
double channel_judged(const struct channel_model *model, double value, double before,
		      uint32_t rows);

void channel_pack(struct mw_writer *writer, const struct channel_model *model);
bool channel_unpack(struct mw_reader *reader, struct channel_model *ret_model); /* false: damaged */

#endif
