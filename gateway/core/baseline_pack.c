/* A baseline as bytes, and back: header, every array in the order of struct mw_baseline, check sum.
 */
#include "gateway/base/pack.h"
#include "gateway/core/baseline_impl.h"

#include <math.h>

#define MAGIC   0x4c42574du /* "MWBL" */
#define VERSION 2u
#define LARGEST (10 * BASELINE_ABSURD) /* steps between absurd values included */

/* FNV-1a, 64 bits: finds what the storage did to the bytes, not what an enemy did. */
static uint64_t check_sum(const uint8_t *data, size_t size)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ data[i]) * UINT64_C(0x100000001b3);
	return sum;
}

mw_err mw_baseline_pack(const struct mw_baseline *baseline, uint8_t **ret_data, size_t *ret_size)
{
	struct mw_writer writer = {0};
	size_t count = BASELINE_DOUBLES(baseline->n_channels);

	mw_put_u32(&writer, MAGIC);
	mw_put_u32(&writer, VERSION);
	mw_put_u32(&writer, (uint32_t)baseline->n_channels);
	mw_put_u64(&writer, baseline->n_rows);
	for (size_t i = 0; i < count; i++)
		mw_put_f64(&writer, baseline->block[i]);
	regime_map_pack(&writer, &baseline->regime.map);
	for (size_t c = 0; c < baseline->n_channels; c++) {
		channel_pack(&writer, &baseline->channel[c]);
		symptom_pack(&writer, &baseline->symptom[c]);
	}
	if (!writer.failed)
		mw_put_u64(&writer, check_sum(writer.data, writer.size));
	return mw_writer_finish(&writer, ret_data, ret_size);
}

static bool all_positive(const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!(x[i] > 0))
			return false;
	return true;
}

/* What the formulas divide by or take for granted. */
static bool is_sane(const struct mw_baseline *baseline)
{
	size_t n = baseline->n_channels;
	size_t count = BASELINE_DOUBLES(n);

	for (size_t i = 0; i < count; i++)
		if (!(fabs(baseline->block[i]) <= LARGEST))
			return false;
	for (size_t c = 0; c < n; c++)
		if (!(baseline->joint.precision[c * n + c] > 0))
			return false;
	for (size_t c = 0; c < n; c++)
		if (!(baseline->regime.pace[c] > 0) || baseline->regime.pace[c] > 1 ||
		    !(baseline->regime.blur[c] >= 0) || baseline->regime.blur[c] > 1)
			return false;
	return all_positive(baseline->regime.spread, REGIME_SETS * n) &&
	       all_positive(baseline->scale, n) && all_positive(baseline->step_scale, n) &&
	       all_positive(baseline->static_scale, n) && all_positive(baseline->dynamic_scale, n);
}

static mw_err check_frame(const uint8_t *data, size_t size, char *why, size_t why_size)
{
	const size_t sum_size = sizeof(uint64_t);
	struct mw_reader tail;

	if (size < sum_size)
		return mw_why(MW_E_CORRUPT, why, why_size, "baseline is cut off");
	mw_reader_init(&tail, data + size - sum_size, sum_size);
	if (mw_get_u64(&tail) != check_sum(data, size - sum_size))
		return mw_why(MW_E_CORRUPT, why, why_size, "baseline's check sum is wrong");
	return MW_E_OK;
}

/* Everything but the arrays; the reader stands at the first of them afterwards. */
static mw_err read_head(struct mw_reader *reader, size_t *ret_n, size_t *ret_rows, char *why,
			size_t why_size)
{
	if (mw_get_u32(reader) != MAGIC)
		return mw_why(MW_E_CORRUPT, why, why_size, "not a baseline");
	if (mw_get_u32(reader) != VERSION)
		return mw_why(MW_E_CORRUPT, why, why_size, "baseline of an unknown version");
	*ret_n = mw_get_u32(reader);
	*ret_rows = mw_get_u64(reader);
	if (*ret_n == 0 || *ret_n > MW_MAX_CHANNELS)
		return mw_why(MW_E_CORRUPT, why, why_size,
			      "baseline's channel count is impossible");
	if (reader->size - reader->at < (BASELINE_DOUBLES(*ret_n) + 1) * sizeof(double))
		return mw_why(MW_E_CORRUPT, why, why_size, "baseline's size is wrong");
	return MW_E_OK;
}

static bool read_models(struct mw_reader *reader, struct mw_baseline *baseline)
{
	if (!regime_map_unpack(reader, baseline->n_channels, &baseline->regime.map))
		return false;
	for (size_t c = 0; c < baseline->n_channels; c++)
		if (!channel_unpack(reader, &baseline->channel[c]) ||
		    !symptom_unpack(reader, baseline->n_channels, &baseline->symptom[c]))
			return false;
	return true;
}

mw_err mw_baseline_unpack(const uint8_t *data, size_t size, char *why, size_t why_size,
			  struct mw_baseline **ret_baseline)
{
	struct mw_baseline *baseline;
	struct mw_reader reader;
	size_t n = 0;
	size_t rows = 0;
	mw_err err = check_frame(data, size, why, why_size);

	if (err)
		return err;
	mw_reader_init(&reader, data, size);
	err = read_head(&reader, &n, &rows, why, why_size);
	if (err)
		return err;
	baseline = baseline_alloc(n, rows);
	if (!baseline)
		return mw_why(MW_E_NOMEM, why, why_size, "%s", mw_err_text(MW_E_NOMEM));
	for (size_t i = 0; i < BASELINE_DOUBLES(n); i++)
		baseline->block[i] = mw_get_f64(&reader);
	if (!read_models(&reader, baseline) || reader.size - reader.at != sizeof(uint64_t) ||
	    !is_sane(baseline)) {
		mw_baseline_free(baseline);
		return mw_why(MW_E_CORRUPT, why, why_size, "baseline holds impossible numbers");
	}
	*ret_baseline = baseline;
	return MW_E_OK;
}
