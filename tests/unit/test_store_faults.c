/* The n-th write or sync of SQLite fails, for each n: the disk is full, or dying.  libsqlite3 calls
 * these functions through the dynamic linker, so this program's own take their place. */
#include "gateway/io/store.h"

#include "tests/unit/events.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOON (1772625600LL * SECOND)

static int failing_call = -1; /* counts down to 0, then every call fails until it is set again */
static int failing_errno;
static bool failing_sync; /* syncs rather than writes */

static bool fails_now(bool is_sync)
{
	if (failing_call < 0 || is_sync != failing_sync)
		return false;
	if (failing_call > 0) {
		failing_call--;
		return false;
	}
	errno = failing_errno;
	return true;
}

#define SEEN __attribute__((visibility("default")))

SEEN ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at);
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
	return fails_now(false) ? -1 : syscall(SYS_pwrite64, fd, data, size, at);
}

SEEN int fdatasync(int fd);
int fdatasync(int fd)
{
	return fails_now(true) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

SEEN int fsync(int fd);
int fsync(int fd)
{
	return fails_now(true) ? -1 : (int)syscall(SYS_fsync, fd);
}

static void fail_from(int call, int error, bool is_sync)
{
	failing_call = call;
	failing_errno = error;
	failing_sync = is_sync;
}

static void stop_failing(void)
{
	failing_call = -1;
}

static mw_err open_at(const char *path, struct mw_store **ret_store)
{
	struct mw_store_opts opts = {.path = path};
	char why[256];

	return mw_store_open(&opts, why, sizeof(why), NULL, ret_store);
}

static mw_err commit_one(struct mw_store *store, int i)
{
	struct mw_event event = make_event("p1", NOON + i * SECOND, MW_LANGUAGE_KO);
	struct mw_event_window window = make_window(&event);
	bool is_new;
	mw_err err = mw_store_begin(store);

	if (err)
		return err;
	err = mw_store_event_put(store, &event, &window, MW_TRANSITION_RAISED, "t", &is_new);
	if (!err)
		err = mw_store_outbox_put(store, event.id, "t", "{}", 2, 1, false);
	if (!err)
		return mw_store_commit(store);
	mw_store_rollback(store);
	return err;
}

static size_t count_events(struct mw_store *store)
{
	struct mw_event_query query = {.limit = 10000};
	struct mw_event *event;
	size_t n;

	ck_assert_int_eq(mw_store_events(store, &query, &event, &n), MW_E_OK);
	free(event);
	return n;
}

static void remove_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			ck_assert_int_eq(unlinkat(dirfd(dir), entry->d_name, 0), 0);
	closedir(dir);
	ck_assert_int_eq(rmdir(path), 0);
}

/* True when the n-th call was not reached any more: all have been tried. */
static bool fail_nth_call(int n, int error, bool is_sync, mw_err expected)
{
	char dir[] = "/tmp/millwright-faults-XXXXXX", path[64];
	struct mw_store *store = NULL;
	int64_t in_outbox = 0;
	size_t committed = 0;
	mw_err err;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	ck_assert_int_eq(open_at(path, &store), MW_E_OK);
	committed += commit_one(store, 0) == MW_E_OK;
	fail_from(n, error, is_sync);
	err = commit_one(store, 1);
	stop_failing();
	ck_assert_msg(err == MW_E_OK || err == expected, "call %d: %s: %s", n, mw_err_text(err),
		      mw_store_why(store));
	committed += err == MW_E_OK;
	ck_assert_uint_eq(count_events(store), committed);
	committed += commit_one(store, 2) == MW_E_OK; /* room again: it goes on by itself */
	ck_assert_uint_eq(committed, err ? 2 : 3);
	mw_store_close(store);
	ck_assert_int_eq(open_at(path, &store), MW_E_OK);
	ck_assert_uint_eq(count_events(store), committed);
	ck_assert_int_eq(mw_store_outbox_count(store, &in_outbox), MW_E_OK);
	ck_assert_int_eq(in_outbox, (int64_t)committed);
	mw_store_close(store);
	remove_directory(dir);
	return err == MW_E_OK;
}

START_TEST(a_full_disk_at_any_write_says_full_and_tears_nothing)
{
	int n = 0;

	while (!fail_nth_call(n, ENOSPC, false, MW_E_FULL))
		n++;
	ck_assert_int_gt(n, 5);
}
END_TEST

START_TEST(a_failing_disk_at_any_write_is_an_io_error_and_tears_nothing)
{
	int n = 0;

	while (!fail_nth_call(n, EIO, false, MW_E_IO))
		n++;
	ck_assert_int_gt(n, 5);
}
END_TEST

START_TEST(a_commit_is_not_acknowledged_without_its_sync)
{
	ck_assert(!fail_nth_call(0, EIO, true, MW_E_IO));
}
END_TEST

START_TEST(a_store_that_cannot_be_made_leaves_a_path_that_can_be_tried_again)
{
	char dir[] = "/tmp/millwright-faults-XXXXXX", path[64];
	struct mw_store *store = NULL;
	mw_err err;
	int n = 0;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/store.db", dir);
	do {
		fail_from(n++, ENOSPC, false);
		err = open_at(path, &store);
		stop_failing();
		ck_assert_msg(err == MW_E_OK || err == MW_E_FULL, "%s", mw_err_text(err));
	} while (err);
	ck_assert_int_gt(n, 3);
	ck_assert_int_eq(commit_one(store, 1), MW_E_OK);
	mw_store_close(store);
	remove_directory(dir);
}
END_TEST

MW_TEST_MAIN("store_faults", a_full_disk_at_any_write_says_full_and_tears_nothing,
	     a_failing_disk_at_any_write_is_an_io_error_and_tears_nothing,
	     a_commit_is_not_acknowledged_without_its_sync,
	     a_store_that_cannot_be_made_leaves_a_path_that_can_be_tried_again)
