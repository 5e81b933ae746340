/* bench_store.c -- what an event costs in the store: with its window, words, log and outbox row,
 * one or a hundred to a commit (every commit is synced), and what reading and copying takes then.
 */
#include "gateway/base/clock.h"
#include "gateway/io/json.h"
#include "gateway/io/store.h"

#include "tests/unit/events.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOON (1772625600LL * SECOND)

static void must(mw_err err, const char *what)
{
	if (!err)
		return;
	(void)fprintf(stderr, "bench_store: %s: %s\n", what, mw_err_text(err));
	exit(EXIT_FAILURE);
}

static void put_one(struct mw_store *store, int i)
{
	struct mw_event event = make_event("pump-1", NOON + i * SECOND, (enum mw_language)(i % 2));
	struct mw_event_window window = make_window(&event);
	char *payload;
	bool is_new;

	must(mw_store_event_put(store, &event, &window, MW_TRANSITION_RAISED, "bench", &is_new),
	     "put");
	must(mw_json_alert(&event, MW_TRANSITION_RAISED, "bench", &payload), "alert");
	must(mw_store_outbox_put(store, event.id, "millwright/bench/alert/pump-1", payload,
				 strlen(payload), 1, false),
	     "outbox");
	free(payload);
}

static void bench_commits(struct mw_store *store, int first, int n, int per_commit)
{
	int64_t start_ns = mw_clock_mono_ns();
	double seconds;

	for (int i = 0; i < n; i++) {
		if (i % per_commit == 0)
			must(mw_store_begin(store), "begin");
		put_one(store, first + i);
		if ((i + 1) % per_commit == 0)
			must(mw_store_commit(store), "commit");
	}
	seconds = (double)(mw_clock_mono_ns() - start_ns) / 1e9;
	printf("%3d to a commit: %6.2f ms an event, %6.0f events/s\n", per_commit,
	       seconds / n * 1e3, n / seconds);
}

static void bench_query(struct mw_store *store, const char *name, const char *text)
{
	struct mw_event_query query = {.text = text, .limit = 50};
	int64_t start_ns = mw_clock_mono_ns();
	struct mw_event *event;
	size_t n;

	must(mw_store_events(store, &query, &event, &n), name);
	free(event);
	printf("%s: %.1f ms for %zu\n", name, (double)(mw_clock_mono_ns() - start_ns) / 1e6, n);
}

static void bench_backup(struct mw_store *store, const char *path)
{
	int64_t start_ns = mw_clock_mono_ns();
	char why[256];
	struct stat st;

	must(mw_store_backup(store, path, why, sizeof(why)), "backup");
	if (stat(path, &st) == 0)
		printf("backup: %.0f ms for %.1f MB\n",
		       (double)(mw_clock_mono_ns() - start_ns) / 1e6, (double)st.st_size / 1e6);
	(void)unlink(path);
}

int main(void)
{
	char dir[] = "/tmp/millwright-bench-XXXXXX", db[64], copy[64], why[256];
	struct mw_store_opts opts = {.path = db};
	struct mw_store *store;

	if (!mkdtemp(dir))
		return EXIT_FAILURE;
	(void)snprintf(db, sizeof(db), "%s/store.db", dir);
	(void)snprintf(copy, sizeof(copy), "%s/copy.db", dir);
	must(mw_store_open(&opts, why, sizeof(why), NULL, &store), "open");
	bench_commits(store, 0, 200, 1);
	bench_commits(store, 200, 3000, 100);
	bench_query(store, "newest 50", NULL);
	bench_query(store, "search", "cavitation");
	bench_backup(store, copy);
	mw_store_close(store);
	(void)unlink(db);
	(void)rmdir(dir);
	return EXIT_SUCCESS;
}
