/* status.h -- how the daemon is: the state topic, GET /v1/status, GET /metrics.  Any thread. */
#ifndef MW_APP_STATUS_H
#define MW_APP_STATUS_H

#include "gateway/app/pipeline.h"

struct mw_status { /* all lent; pipeline NULL = nothing is built yet */
	const struct mw_config *config;
	struct mw_spool *spool;
	struct mw_store *store;
	struct mw_mqtt *mqtt;
	struct mw_pipeline *pipeline;
	struct mw_inference *inference;
	int64_t started_ns;
	bool quarantined;
	const char *page; /* where the operator page is, for the API alone; NULL = nowhere */
};

/* schemas/asyncapi.yaml; owned. */
MW_MUST_CHECK mw_err mw_status_json(const struct mw_status *status, bool online, char **ret_text);
/* Prometheus' text format 0.0.4; owned. */
MW_MUST_CHECK mw_err mw_status_metrics(const struct mw_status *status, char **ret_text);

#endif
