#include "gateway/io/spool_impl.h"

/* The segment that a cursor means: its own, else the next one kept; a cursor past everything comes
 * from a spool that is gone, and means the oldest.  Moves the cursor; false: nothing there yet. */
static bool locate(struct mw_spool *spool, struct mw_spool_cursor *at,
		   struct mw_spool_extent *ret_extent)
{
	bool found = false;

	(void)pthread_mutex_lock(&spool->lock);
	if (at->segment > spool->active.number)
		*at = (struct mw_spool_cursor){0, 0};
	for (size_t i = 0; i < spool->n_extent && !found; i++) {
		const struct mw_spool_extent *extent = &spool->extent[i];

		if (extent->number < at->segment)
			continue;
		if (extent->number > at->segment)
			*at = (struct mw_spool_cursor){extent->number, 0};
		if (at->offset < MW_SEGMENT_HEADER)
			at->offset = MW_SEGMENT_HEADER;
		*ret_extent = *extent;
		found = at->offset < extent->bytes;
	}
	(void)pthread_mutex_unlock(&spool->lock);
	return found;
}

static void count_damage(struct mw_spool *spool, struct mw_spool_cursor from,
			 struct mw_spool_cursor to)
{
	spool->damage = from;
	spool->after_damage = to;
	(void)pthread_mutex_lock(&spool->lock);
	spool->stats.corrupt_records++;
	(void)pthread_mutex_unlock(&spool->lock);
}

static mw_err open_reading(struct mw_spool *spool, uint64_t number)
{
	if (spool->reading.fd >= 0 && spool->reading.number == number)
		return MW_E_OK;
	mw_segment_close(&spool->reading);
	return mw_segment_open(spool->dir_fd, number, &spool->reading);
}

/* Steps over damage: to the next intact record, or to the segment's end. */
static struct mw_spool_cursor skip_damage(struct mw_spool *spool, struct mw_spool_cursor at,
					  uint64_t end, bool segment_is_open)
{
	struct mw_spool_cursor to = {at.segment, end};

	if (at.segment == spool->damage.segment && at.offset == spool->damage.offset)
		return spool->after_damage;
	if (segment_is_open)
		to.offset = mw_segment_resync(&spool->reading, at.offset + 1, end, &spool->buffer);
	count_damage(spool, at, to);
	return to;
}

mw_err mw_spool_read(struct mw_spool *spool, struct mw_spool_cursor at,
		     struct mw_spool_record *ret_record)
{
	struct mw_spool_extent extent;

	while (locate(spool, &at, &extent)) {
		mw_err err = open_reading(spool, extent.number);
		bool is_open = err == MW_E_OK;

		if (is_open)
			err = mw_segment_read(&spool->reading, at.offset, extent.bytes,
					      &spool->buffer, ret_record);
		if (err != MW_E_CORRUPT)
			return err; /* read, or worth another try */
		at = skip_damage(spool, at, extent.bytes, is_open);
	}
	return MW_E_NOTFOUND;
}
