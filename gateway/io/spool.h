/*
 * spool.h -- append-only log of received messages: what makes the PUBACK honest.
 *
 * Records are appended by the MQTT callback (any thread) and read by the pipeline (one thread), in
 * order, from a cursor that the store keeps.  A record is length, CRC-32, arrival time, source
 * index, flags, topic, payload.  write(2) on append (survives kill -9), fdatasync at most sync_ns
 * later (survives a power cut).  A torn tail is cut at open and counted.  Segments before the
 * released cursor are removed.  Past max_bytes or on a full disk an append is refused and counted:
 * the newest is dropped, never an acknowledged one.
 */
#ifndef MW_IO_SPOOL_H
#define MW_IO_SPOOL_H

#include "gateway/base/err.h"

struct mw_spool;

struct mw_spool_cursor {
	uint64_t segment; /* number of the segment file */
	uint64_t offset;  /* bytes into it */
};

struct mw_spool_record {
	int64_t arrival_ns;
	uint32_t source; /* index of the matching source of the configuration */
	bool retained;
	struct mw_str topic;
	const uint8_t *payload; /* lent until the next read */
	size_t size;
	struct mw_spool_cursor next; /* where the record after this one starts */
};

struct mw_spool_stats {
	uint64_t appended, refused_full, refused_io, torn_bytes, corrupt_records, bytes;
};

struct mw_spool_opts {
	const char *dir;
	uint64_t max_bytes, segment_bytes; /* segment_bytes 0 = max_bytes / 16, at least 64 KiB */
	int64_t sync_ns;
};

MW_MUST_CHECK mw_err mw_spool_open(const struct mw_spool_opts *opts, char *why, size_t why_size,
				   struct mw_spool **ret_spool);
void mw_spool_close(struct mw_spool *spool); /* syncs */

/* Any thread.  MW_E_FULL: max_bytes; MW_E_IO: the disk said no (both counted). */
mw_err mw_spool_append(struct mw_spool *spool, const struct mw_spool_record *record);

/* Reader thread: the record at the cursor.  MW_E_NOTFOUND: nothing there yet.  A corrupt record is
 * skipped and counted. A cursor older than what is kept moves to the oldest kept record. */
MW_MUST_CHECK mw_err mw_spool_read(struct mw_spool *spool, struct mw_spool_cursor at,
				   struct mw_spool_record *ret_record);
/* Waits until something may be read at the cursor, or the timeout. */
void mw_spool_wait(struct mw_spool *spool, struct mw_spool_cursor at, int64_t timeout_ns);
/* Wakes a waiter (used to stop). */
void mw_spool_wake(struct mw_spool *spool);
/* Everything before the cursor is not needed any more. */
void mw_spool_release(struct mw_spool *spool, struct mw_spool_cursor before);
/* Called about once a second by the control thread: fdatasync when due. */
mw_err mw_spool_sync(struct mw_spool *spool, int64_t mono_now_ns);
void mw_spool_stats(struct mw_spool *spool, struct mw_spool_stats *ret_stats);

#endif
