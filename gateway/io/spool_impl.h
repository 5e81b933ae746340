/* spool_impl.h -- the spool's insides, shared by spool.c (appending) and spool_read.c (reading). */
#ifndef MW_IO_SPOOL_IMPL_H
#define MW_IO_SPOOL_IMPL_H

#include "gateway/io/spool_segment.h"

#include <pthread.h>

struct mw_spool_extent {
	uint64_t number;
	uint64_t bytes; /* complete records end here; the file may be longer for a moment */
};

struct mw_spool {
	uint64_t max_bytes, segment_bytes;
	int64_t sync_ns;
	int dir_fd; /* locked by flock: one process, one spool */

	pthread_mutex_t lock; /* guards everything down to the reader's part */
	pthread_cond_t ready;
	struct mw_spool_extent *extent; /* by number; the last one is active */
	size_t n_extent;
	struct mw_segment active;
	struct mw_spool_cursor released;
	int unsynced_fd; /* the segment before the active one, until it is synced; -1: none */
	bool dirty, woken;
	int64_t called_ns, synced_ns;
	struct mw_spool_stats stats;

	/* the reader's thread only */
	struct mw_segment reading;
	struct mw_segment_buffer buffer;
	struct mw_spool_cursor damage, after_damage; /* the last damage found: counted once */
};

#endif
