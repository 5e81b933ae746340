#include "gateway/core/assembler_state.h"

#include "gateway/base/pack.h"
#include "gateway/base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC   0x5341574du /* "MWAS" */
#define VERSION 1

/* --- out -------------------------------------------------------------------------------------- */

static void put_channel(struct mw_writer *writer, const struct mw_assembler_channel *channel)
{
	mw_put_text(writer, channel->name);
	mw_put_text(writer, channel->unit);
	mw_put_u8(writer, channel->has_last);
	mw_put_f64(writer, channel->last);
	mw_put_i64(writer, channel->last_row);
	mw_put_i64(writer, channel->last_time);
	mw_put_u8(writer, channel->irregular);
	mw_put_u8(writer, (uint8_t)channel->n_step);
	mw_put_u8(writer, (uint8_t)channel->at_step);
	for (size_t i = 0; i < channel->n_step; i++)
		mw_put_i64(writer, channel->step[i]);
}

static void put_grid(struct mw_writer *writer, const struct mw_assembler *a)
{
	mw_put_u8(writer, a->frozen);
	mw_put_u8(writer, a->draining);
	mw_put_i64(writer, a->period);
	mw_put_i64(writer, a->phase);
	mw_put_i64(writer, a->newest);
	mw_put_i64(writer, a->next_row);
	mw_put_i64(writer, a->open_row);
	mw_put_u32(writer, a->late_run);
	mw_put_u64(writer, a->gaps);
	mw_put_u64(writer, a->clock_steps);
	for (size_t i = 0; i < MW_N_FATE; i++)
		mw_put_u64(writer, a->count[i]);
}

static void put_samples(struct mw_writer *writer, const struct mw_assembler *a)
{
	mw_put_u32(writer, (uint32_t)(a->end - a->head));
	for (size_t i = a->head; i < a->end; i++) {
		mw_put_i64(writer, a->sample[i].time);
		mw_put_f64(writer, a->sample[i].value);
		mw_put_u32(writer, a->sample[i].weight);
		mw_put_u8(writer, (uint8_t)a->sample[i].channel);
	}
}

mw_err mw_assembler_pack(const struct mw_assembler *assembler, uint8_t **ret_data, size_t *ret_size)
{
	struct mw_writer writer = {0};

	mw_put_u32(&writer, MAGIC);
	mw_put_u8(&writer, VERSION);
	put_grid(&writer, assembler);
	mw_put_u8(&writer, (uint8_t)assembler->n_channels);
	for (size_t i = 0; i < assembler->n_channels; i++)
		put_channel(&writer, assembler->channel[i]);
	put_samples(&writer, assembler);
	return mw_writer_finish(&writer, ret_data, ret_size);
}

/* --- in: what follows is not trusted ---------------------------------------------------------- */

static bool time_is_sane(int64_t time)
{
	return time > 0 && time <= MW_ASSEMBLER_TIME_MAX;
}

static bool row_is_sane(const struct mw_assembler *a, int64_t row)
{
	return a->period != 0 && row >= mw_assembler_row_of(a, -MW_ASSEMBLER_TIME_MAX) &&
	       row <= mw_assembler_row_of(a, MW_ASSEMBLER_TIME_MAX) + 1;
}

static bool period_is_sane(const struct mw_assembler *a)
{
	if (a->period == 0)
		return a->phase == 0;
	return a->period >= MW_PERIOD_MIN_NS && a->period <= MW_PERIOD_MAX_NS &&
	       a->phase >= -a->period && a->phase <= a->period;
}

static bool grid_is_sane(const struct mw_assembler *a)
{
	if (!period_is_sane(a) || (a->newest != 0 && !time_is_sane(a->newest)))
		return false;
	if (a->open_row == MW_ASSEMBLER_NO_ROW)
		return a->next_row == MW_ASSEMBLER_NO_ROW && !a->draining;
	if (!row_is_sane(a, a->open_row))
		return false;
	return a->next_row == MW_ASSEMBLER_NO_ROW ||
	       (row_is_sane(a, a->next_row) && a->next_row <= a->open_row);
}

static mw_err get_grid(struct mw_reader *reader, struct mw_assembler *a)
{
	a->frozen = mw_get_u8(reader) != 0;
	a->draining = mw_get_u8(reader) != 0;
	a->period = mw_get_i64(reader);
	a->phase = mw_get_i64(reader);
	a->newest = mw_get_i64(reader);
	a->next_row = mw_get_i64(reader);
	a->open_row = mw_get_i64(reader);
	a->late_run = mw_get_u32(reader);
	a->gaps = mw_get_u64(reader);
	a->clock_steps = mw_get_u64(reader);
	for (size_t i = 0; i < MW_N_FATE; i++)
		a->count[i] = mw_get_u64(reader);
	if (reader->failed || !grid_is_sane(a))
		return MW_E_CORRUPT;
	if (a->opts.period_ns != 0 && (a->period != a->opts.period_ns || a->phase != 0))
		return MW_E_INVAL;
	return MW_E_OK;
}

static bool channel_is_sane(const struct mw_assembler *a,
			    const struct mw_assembler_channel *channel)
{
	if (!mw_utf8_is_clean(channel->unit, strlen(channel->unit)) ||
	    channel->n_step > MW_ASSEMBLER_STEPS || channel->at_step >= MW_ASSEMBLER_STEPS)
		return false;
	if (channel->n_step < MW_ASSEMBLER_STEPS && channel->at_step != channel->n_step)
		return false;
	if (!channel->has_last)
		return channel->n_step == 0 || a->frozen;
	return isfinite(channel->last) && fabs(channel->last) <= MW_VALUE_MAX &&
	       time_is_sane(channel->last_time) && row_is_sane(a, channel->last_row) &&
	       a->next_row != MW_ASSEMBLER_NO_ROW && channel->last_row < a->next_row;
}

static bool get_steps(struct mw_reader *reader, struct mw_assembler_channel *channel)
{
	if (channel->n_step > MW_ASSEMBLER_STEPS)
		return false;
	for (size_t i = 0; i < channel->n_step; i++) {
		channel->step[i] = mw_get_i64(reader);
		if (!time_is_sane(channel->step[i]))
			return false;
	}
	return !reader->failed;
}

static mw_err get_channel(struct mw_reader *reader, struct mw_assembler *a)
{
	char name[MW_NAME_SIZE], unit[MW_UNIT_SIZE];
	struct mw_assembler_channel *channel;
	size_t before = a->n_channels;

	mw_get_text(reader, name, sizeof(name));
	mw_get_text(reader, unit, sizeof(unit));
	if (reader->failed || !mw_assembler_name_is_proper((struct mw_str){name, strlen(name)}))
		return MW_E_CORRUPT;
	if (mw_assembler_channel(a, name, unit) < 0)
		return MW_E_NOMEM;
	if (a->n_channels == before)
		return MW_E_CORRUPT; /* named twice */
	channel = a->channel[before];
	channel->has_last = mw_get_u8(reader) != 0;
	channel->last = mw_get_f64(reader);
	channel->last_row = mw_get_i64(reader);
	channel->last_time = mw_get_i64(reader);
	channel->irregular = mw_get_u8(reader) != 0;
	channel->n_step = mw_get_u8(reader);
	channel->at_step = mw_get_u8(reader);
	return get_steps(reader, channel) && channel_is_sane(a, channel) ? MW_E_OK : MW_E_CORRUPT;
}

static mw_err get_channels(struct mw_reader *reader, struct mw_assembler *a)
{
	size_t n = mw_get_u8(reader);
	mw_err err = n > MW_MAX_CHANNELS ? MW_E_CORRUPT : MW_E_OK;

	for (size_t i = 0; i < n && err == MW_E_OK; i++)
		err = get_channel(reader, a);
	return err;
}

static bool sample_is_sane(const struct mw_assembler *a, const struct mw_assembler_sample *sample)
{
	const struct mw_assembler_sample *before = sample - 1;

	if (!time_is_sane(sample->time) || sample->time > a->newest ||
	    sample->channel >= a->n_channels || sample->weight == 0 || !isfinite(sample->value) ||
	    fabs(sample->value) > MW_VALUE_MAX)
		return false;
	if (a->next_row != MW_ASSEMBLER_NO_ROW &&
	    mw_assembler_row_of(a, sample->time) < a->next_row)
		return false;
	return sample == a->sample || before->time < sample->time ||
	       (before->time == sample->time && before->channel < sample->channel);
}

static mw_err get_samples(struct mw_reader *reader, struct mw_assembler *a)
{
	size_t n = mw_get_u32(reader);

	if (reader->failed || n > MW_MAX_OPEN_SAMPLES || n > (reader->size - reader->at) / 21)
		return MW_E_CORRUPT;
	a->sample = calloc(n ? n : 1, sizeof(*a->sample));
	if (!a->sample)
		return MW_E_NOMEM;
	a->capacity = n ? n : 1;
	for (; a->end < n; a->end++) {
		struct mw_assembler_sample *sample = &a->sample[a->end];

		sample->time = mw_get_i64(reader);
		sample->value = mw_get_f64(reader);
		sample->weight = mw_get_u32(reader);
		sample->channel = mw_get_u8(reader);
		if (reader->failed || !sample_is_sane(a, sample))
			return MW_E_CORRUPT;
	}
	return mw_reader_is_done(reader) ? MW_E_OK : MW_E_CORRUPT;
}

mw_err mw_assembler_unpack(const struct mw_assembler_opts *opts, const uint8_t *data, size_t size,
			   struct mw_assembler **ret_assembler)
{
	struct mw_assembler *a = NULL;
	struct mw_reader reader;
	mw_err err = mw_assembler_new(opts, &a);

	if (err != MW_E_OK)
		return err;
	mw_reader_init(&reader, data, size);
	if (mw_get_u32(&reader) != MAGIC || mw_get_u8(&reader) != VERSION)
		err = MW_E_CORRUPT;
	if (err == MW_E_OK)
		err = get_grid(&reader, a);
	if (err == MW_E_OK)
		err = get_channels(&reader, a);
	if (err == MW_E_OK)
		err = get_samples(&reader, a);
	if (err != MW_E_OK) {
		mw_assembler_free(a);
		return err;
	}
	*ret_assembler = a;
	return MW_E_OK;
}
