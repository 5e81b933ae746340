/*
 * outbox.h -- carries committed messages from the store to the broker: at least once, in order of
 * commit, gone from the store only after their PUBACK.  Own thread.
 */
#ifndef MW_APP_OUTBOX_H
#define MW_APP_OUTBOX_H

#include "gateway/io/mqtt.h"
#include "gateway/io/store.h"

struct mw_outbox;

/* Borrows the store. */
MW_MUST_CHECK mw_err mw_outbox_new(struct mw_store *store, struct mw_outbox **ret_outbox);
/* Starts sending over mqtt (borrowed; must outlive mw_outbox_stop). */
MW_MUST_CHECK mw_err mw_outbox_start(struct mw_outbox *outbox, struct mw_mqtt *mqtt);
/* Tries for at most timeout_ns to empty the outbox, then ends the thread. */
void mw_outbox_stop(struct mw_outbox *outbox, int64_t timeout_ns);
void mw_outbox_free(struct mw_outbox *outbox);

/* Something was committed, or the connection changed.  Any thread; returns at once. */
void mw_outbox_wake(struct mw_outbox *outbox);
/* The PUBACK (or the failure) of a message of ours: tag = row.  Any thread; returns at once. */
void mw_outbox_delivered(struct mw_outbox *outbox, uint64_t tag, bool ok);

#endif
