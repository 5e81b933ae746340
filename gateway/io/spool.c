#include "gateway/io/spool_impl.h"

#include "gateway/base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEGMENTS_PER_SPOOL 16
#define SEGMENT_LEAST      (64u << 10)
#define RECORD_MOST        (1u << 30)

/* --- opening ---------------------------------------------------------------------------------- */

static int compare_extents(const void *a, const void *b)
{
	const struct mw_spool_extent *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static mw_err add_extent(struct mw_spool *spool, uint64_t number, uint64_t bytes)
{
	struct mw_spool_extent *grown =
	    realloc(spool->extent, (spool->n_extent + 1) * sizeof(*spool->extent));

	if (!grown)
		return MW_E_NOMEM;
	spool->extent = grown;
	spool->extent[spool->n_extent++] = (struct mw_spool_extent){number, bytes};
	spool->stats.bytes += bytes;
	return MW_E_OK;
}

static void remove_extent(struct mw_spool *spool, size_t i)
{
	char name[MW_SEGMENT_NAME];

	mw_segment_name(spool->extent[i].number, name);
	(void)unlinkat(spool->dir_fd, name, 0);
	spool->stats.bytes -= spool->extent[i].bytes;
	spool->n_extent--;
	memmove(&spool->extent[i], &spool->extent[i + 1],
		(spool->n_extent - i) * sizeof(*spool->extent));
}

static mw_err list_segments(struct mw_spool *spool)
{
	int fd = openat(spool->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	struct stat info;
	uint64_t number;
	mw_err err = MW_E_OK;

	if (!dir) {
		if (fd >= 0)
			(void)close(fd);
		return MW_E_IO;
	}
	while (!err && (entry = readdir(dir)))
		if (mw_segment_number(entry->d_name, &number) &&
		    fstatat(spool->dir_fd, entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(info.st_mode))
			err = add_extent(spool, number, (uint64_t)info.st_size);
	(void)closedir(dir);
	if (spool->n_extent > 0)
		qsort(spool->extent, spool->n_extent, sizeof(*spool->extent), compare_extents);
	return err;
}

/* Where the intact records of a segment end.  Damage with intact records after it is not the end.
 */
static uint64_t intact_end(struct mw_spool *spool, const struct mw_segment *segment, uint64_t bytes)
{
	uint64_t end = MW_SEGMENT_HEADER, at = MW_SEGMENT_HEADER;
	struct mw_spool_record record;

	while (at < bytes)
		if (mw_segment_read(segment, at, bytes, &spool->buffer, &record) == MW_E_OK)
			end = at = record.next.offset;
		else
			at = mw_segment_resync(segment, at + 1, bytes, &spool->buffer);
	return end;
}

static void count_torn(struct mw_spool *spool, struct mw_spool_extent *last, uint64_t end)
{
	spool->stats.torn_bytes += last->bytes - end;
	spool->stats.bytes -= last->bytes - end;
	last->bytes = end;
}

/* Only the newest segment can be torn: every other one was complete before its successor began. */
static void cut_torn_tail(struct mw_spool *spool)
{
	struct mw_spool_extent *last = &spool->extent[spool->n_extent - 1];
	struct mw_segment segment;
	uint64_t end;

	if (last->bytes < MW_SEGMENT_HEADER) {
		count_torn(spool, last, 0);
	} else if (mw_segment_open(spool->dir_fd, last->number, &segment) == MW_E_OK) {
		end = intact_end(spool, &segment, last->bytes);
		if (end < last->bytes && ftruncate(segment.fd, (off_t)end) == 0)
			count_torn(spool, last, end);
		mw_segment_close(&segment);
	}
	if (last->bytes <= MW_SEGMENT_HEADER)
		remove_extent(spool, spool->n_extent - 1);
}

/* Every run starts a new segment: a cursor that a power cut left past the end of the old one can
 * never point into the middle of something newer. */
static mw_err start_segment(struct mw_spool *spool, uint64_t number)
{
	struct mw_segment segment;
	mw_err err = mw_segment_create(spool->dir_fd, number, &segment);

	if (err)
		return err;
	err = add_extent(spool, number, MW_SEGMENT_HEADER);
	if (err) {
		mw_segment_close(&segment);
		return err;
	}
	spool->active = segment;
	return MW_E_OK;
}

static mw_err open_dir(struct mw_spool *spool, const char *dir, char *why, size_t why_size)
{
	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return mw_why(MW_E_IO, why, why_size, "spool %s: %s", dir, strerror(errno));
	spool->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (spool->dir_fd < 0)
		return mw_why(MW_E_IO, why, why_size, "spool %s: %s", dir, strerror(errno));
	if (flock(spool->dir_fd, LOCK_EX | LOCK_NB) != 0)
		return mw_why(MW_E_IO, why, why_size, "spool %s is in use by another process", dir);
	return MW_E_OK;
}

static mw_err open_segments(struct mw_spool *spool)
{
	uint64_t newest = 0;
	mw_err err = list_segments(spool);

	if (err)
		return err;
	if (spool->n_extent > 0) {
		newest = spool->extent[spool->n_extent - 1].number;
		cut_torn_tail(spool);
	}
	return start_segment(spool, newest + 1);
}

static void init_sync(struct mw_spool *spool)
{
	pthread_condattr_t monotonic;

	(void)pthread_mutex_init(&spool->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&spool->ready, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
}

mw_err mw_spool_open(const struct mw_spool_opts *opts, char *why, size_t why_size,
		     struct mw_spool **ret_spool)
{
	struct mw_spool *spool = calloc(1, sizeof(*spool));
	mw_err err;

	if (!spool)
		return mw_why(MW_E_NOMEM, why, why_size, "out of memory");
	spool->dir_fd = spool->active.fd = spool->reading.fd = spool->unsynced_fd = -1;
	spool->max_bytes = opts->max_bytes;
	spool->segment_bytes =
	    opts->segment_bytes ? opts->segment_bytes : opts->max_bytes / SEGMENTS_PER_SPOOL;
	if (spool->segment_bytes < SEGMENT_LEAST && opts->segment_bytes == 0)
		spool->segment_bytes = SEGMENT_LEAST;
	spool->sync_ns = opts->sync_ns;
	init_sync(spool);
	err = open_dir(spool, opts->dir, why, why_size);
	if (!err) {
		errno = 0;
		err = open_segments(spool);
		if (err)
			(void)mw_why(err, why, why_size, "spool %s: %s", opts->dir,
				     err == MW_E_IO && errno ? strerror(errno) : mw_err_text(err));
	}
	if (err) {
		mw_spool_close(spool);
		return err;
	}
	*ret_spool = spool;
	return MW_E_OK;
}

void mw_spool_close(struct mw_spool *spool)
{
	if (!spool)
		return;
	if (spool->active.fd >= 0)
		(void)fdatasync(spool->active.fd);
	if (spool->unsynced_fd >= 0) {
		(void)fdatasync(spool->unsynced_fd);
		(void)close(spool->unsynced_fd);
	}
	mw_segment_close(&spool->active);
	mw_segment_close(&spool->reading);
	if (spool->dir_fd >= 0)
		(void)close(spool->dir_fd);
	(void)pthread_cond_destroy(&spool->ready);
	(void)pthread_mutex_destroy(&spool->lock);
	free(spool->buffer.data);
	free(spool->extent);
	free(spool);
}

/* --- appending -------------------------------------------------------------------------------- */

static bool is_released(const struct mw_spool *spool, const struct mw_spool_extent *extent)
{
	return extent->number < spool->released.segment ||
	       (extent->number == spool->released.segment &&
		extent->bytes <= spool->released.offset);
}

/* Removes what nobody needs; the active segment stays. */
static void drop_released(struct mw_spool *spool)
{
	while (spool->n_extent > 1 && is_released(spool, &spool->extent[0]))
		remove_extent(spool, 0);
}

/* The old segment is synced by the control thread; only when it has not come round since the last
 * rotation does the appender pay for it. */
static mw_err rotate(struct mw_spool *spool)
{
	int full = spool->active.fd;
	mw_err err = start_segment(spool, spool->active.number + 1);

	if (err)
		return err;
	if (spool->unsynced_fd >= 0) {
		(void)fdatasync(spool->unsynced_fd);
		(void)close(spool->unsynced_fd);
	}
	spool->unsynced_fd = full;
	drop_released(spool);
	return MW_E_OK;
}

static mw_err append_locked(struct mw_spool *spool, const struct mw_spool_record *record)
{
	uint64_t bytes = mw_record_bytes(record);
	struct mw_spool_extent *active = &spool->extent[spool->n_extent - 1];
	mw_err err;

	if (active->bytes > MW_SEGMENT_HEADER && active->bytes + bytes > spool->segment_bytes) {
		err = rotate(spool);
		if (err)
			return err;
		active = &spool->extent[spool->n_extent - 1];
	}
	if (spool->stats.bytes + bytes > spool->max_bytes)
		return MW_E_FULL;
	err = mw_segment_write(&spool->active, active->bytes, record);
	if (err)
		return err;
	active->bytes += bytes;
	spool->stats.bytes += bytes;
	spool->stats.appended++;
	spool->dirty = true;
	return MW_E_OK;
}

mw_err mw_spool_append(struct mw_spool *spool, const struct mw_spool_record *record)
{
	mw_err err;

	if (record->topic.len > UINT16_MAX || record->size > RECORD_MOST)
		return MW_E_INVAL;
	(void)pthread_mutex_lock(&spool->lock);
	err = append_locked(spool, record);
	if (err == MW_E_FULL)
		spool->stats.refused_full++;
	else if (err)
		spool->stats.refused_io++;
	else
		(void)pthread_cond_signal(&spool->ready);
	(void)pthread_mutex_unlock(&spool->lock);
	return err;
}

void mw_spool_release(struct mw_spool *spool, struct mw_spool_cursor before)
{
	(void)pthread_mutex_lock(&spool->lock);
	if (before.segment <= spool->active.number) { /* else: a cursor of another, older spool */
		spool->released = before;
		drop_released(spool);
	}
	(void)pthread_mutex_unlock(&spool->lock);
}

/* --- waiting and syncing ---------------------------------------------------------------------- */

static bool may_read(const struct mw_spool *spool, struct mw_spool_cursor at)
{
	const struct mw_spool_extent *active = &spool->extent[spool->n_extent - 1];

	if (at.segment < active->number)
		return spool->extent[0].number < active->number ||
		       active->bytes > MW_SEGMENT_HEADER;
	return at.segment == active->number && active->bytes > MW_SEGMENT_HEADER &&
	       at.offset < active->bytes;
}

void mw_spool_wait(struct mw_spool *spool, struct mw_spool_cursor at, int64_t timeout_ns)
{
	int64_t until_ns = mw_clock_mono_ns() + timeout_ns;
	const struct timespec until = {.tv_sec = (time_t)(until_ns / MW_NS_PER_S),
				       .tv_nsec = (long)(until_ns % MW_NS_PER_S)};

	(void)pthread_mutex_lock(&spool->lock);
	while (!spool->woken && !may_read(spool, at))
		if (pthread_cond_timedwait(&spool->ready, &spool->lock, &until) != 0)
			break;
	spool->woken = false;
	(void)pthread_mutex_unlock(&spool->lock);
}

void mw_spool_wake(struct mw_spool *spool)
{
	(void)pthread_mutex_lock(&spool->lock);
	spool->woken = true;
	(void)pthread_cond_broadcast(&spool->ready);
	(void)pthread_mutex_unlock(&spool->lock);
}

/* Due when waiting for as long as since the last call would make it late. */
static bool sync_due(struct mw_spool *spool, int64_t now_ns)
{
	int64_t pause = now_ns - spool->called_ns;

	spool->called_ns = now_ns;
	if (!spool->dirty && spool->unsynced_fd < 0)
		spool->synced_ns = now_ns;
	else if (now_ns - spool->synced_ns + pause > spool->sync_ns)
		return true;
	return false;
}

static int sync_fd(int fd)
{
	int failed = fd >= 0 ? fdatasync(fd) : 0;

	if (fd >= 0)
		(void)close(fd);
	return failed;
}

mw_err mw_spool_sync(struct mw_spool *spool, int64_t mono_now_ns)
{
	int full = -1, active = -1;
	bool due;

	(void)pthread_mutex_lock(&spool->lock);
	due = sync_due(spool, mono_now_ns);
	if (due) {
		full = spool->unsynced_fd;
		spool->unsynced_fd = -1;
		active = dup(spool->active.fd);
		spool->dirty = active < 0;
		spool->synced_ns = mono_now_ns;
	}
	(void)pthread_mutex_unlock(&spool->lock);
	/* outside of the lock: a slow disk must not hold up the appender */
	if (due && ((sync_fd(full) != 0) | (sync_fd(active) != 0) | (active < 0))) {
		(void)pthread_mutex_lock(&spool->lock);
		spool->dirty = true;
		(void)pthread_mutex_unlock(&spool->lock);
		return MW_E_IO;
	}
	return MW_E_OK;
}

void mw_spool_stats(struct mw_spool *spool, struct mw_spool_stats *ret_stats)
{
	(void)pthread_mutex_lock(&spool->lock);
	*ret_stats = spool->stats;
	(void)pthread_mutex_unlock(&spool->lock);
}
