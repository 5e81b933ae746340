/* The store's file: full disks, corruption, copies, backups, kill -9. */
#include "tests/unit/stores.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* --- what goes wrong -------------------------------------------------------------------------- */

/* Limits how large a file may grow in this process: writes beyond fail as on a full disk. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(a_disk_that_does_not_take_more_loses_no_committed_event)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	struct mw_event_query all = {.limit = 10000};
	size_t committed = 0;
	mw_err err = MW_E_OK;
	bool is_new;

	limit_files(1024 * 1024);
	for (int i = 0; !err && i < 1000; i++) {
		struct mw_event event = make_event("p1", NOON + i * SECOND, MW_LANGUAGE_EN);
		struct mw_event_window window = make_window(&event);

		err = mw_store_begin(store);
		ck_assert_int_eq(err, MW_E_OK);
		err =
		    mw_store_event_put(store, &event, &window, MW_TRANSITION_RAISED, "t", &is_new);
		if (!err)
			err = outbox(store, event.id, "{}");
		if (!err)
			err = mw_store_commit(store);
		else
			mw_store_rollback(store);
		committed += err == MW_E_OK;
	}
	ck_assert_msg(err == MW_E_IO || err == MW_E_FULL, "%s", mw_err_text(err));
	ck_assert_uint_gt(strlen(mw_store_why(store)), 0);
	ck_assert_uint_gt(committed, 5);
	ck_assert_uint_eq(count(store, &all), committed);
	limit_files(RLIM_INFINITY); /* somebody made room: it goes on by itself */
	struct mw_event event = make_event("p2", NOON, MW_LANGUAGE_EN);

	ck_assert(put(store, &event, MW_TRANSITION_RAISED));
	mw_store_close(store);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event"), (int64_t)committed + 1);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM outbox"), (int64_t)committed);
	remove_place(&place);
}
END_TEST

static void scribble(const char *path, off_t at, size_t n)
{
	int fd = open(path, O_WRONLY);
	char noise[4096];

	ck_assert_int_ge(fd, 0);
	memset(noise, 0xA5, sizeof(noise));
	for (size_t i = 0; i < n; i += sizeof(noise))
		ck_assert_int_eq(pwrite(fd, noise, sizeof(noise), at + (off_t)i), sizeof(noise));
	close(fd);
}

static size_t count_quarantined(const struct place *place)
{
	DIR *dir = opendir(place->dir);
	struct dirent *entry;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += strncmp(entry->d_name, "store.db.corrupt-", 17) == 0;
	closedir(dir);
	return n;
}

START_TEST(a_corrupt_file_is_moved_aside_and_a_new_one_started)
{
	static const struct {
		off_t at;
		size_t n;
	} cases[] = {{0, 4096}, {4096, 8192}, {32768, 4096}};

	for (size_t i = 0; i < 3; i++) {
		struct place place = make_place();
		struct mw_store_opts opts = {.path = place.db};
		struct mw_store *store = open_store(&place, false);
		struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN);
		struct mw_event_query all = {0};
		bool quarantined = false;
		char why[256];

		ck_assert(put(store, &event, MW_TRANSITION_RAISED));
		mw_store_close(store);
		scribble(place.db, cases[i].at, cases[i].n);
		ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), &quarantined, &store),
				 MW_E_OK);
		ck_assert(quarantined);
		ck_assert_uint_eq(count(store, &all), 0);
		ck_assert(put(store, &event, MW_TRANSITION_RAISED));
		mw_store_close(store);
		ck_assert_uint_eq(count_quarantined(&place), 1);
		remove_place(&place);
	}
}
END_TEST

START_TEST(other_databases_and_newer_ones_are_refused_untouched)
{
	static const struct {
		const char *sql;
		mw_err err;
	} cases[] = {
	    {"CREATE TABLE theirs(x)", MW_E_CONFIG},
	    {"PRAGMA application_id = 77", MW_E_CONFIG},
	    {"PRAGMA application_id = 1297566769; PRAGMA user_version = 9999", MW_E_UNSUPPORTED},
	};

	for (size_t i = 0; i < 3; i++) {
		struct place place = make_place();
		struct mw_store_opts opts = {.path = place.db};
		struct mw_store *store = NULL;
		char why[256] = "";

		ck_assert_int_eq(refuse(place.db, cases[i].sql), SQLITE_OK);
		ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &store),
				 cases[i].err);
		ck_assert_ptr_null(store);
		ck_assert_ptr_nonnull(strstr(why, place.db));
		ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM sqlite_schema"), i == 0);
		ck_assert_uint_eq(count_quarantined(&place), 0);
		remove_place(&place);
	}
}
END_TEST

/* Makes the database of the first version, with one event, by its own schema. */
static void make_old(const struct place *place)
{
	FILE *schema = fopen("schemas/store_0001.sql", "r");
	static char sql[65536];
	size_t size;

	ck_assert_ptr_nonnull(schema);
	size = fread(sql, 1, sizeof(sql) - 1, schema);
	ck_assert_int_eq(fclose(schema), 0);
	sql[size] = '\0';
	ck_assert_int_eq(refuse(place->db, sql), SQLITE_OK);
	ck_assert_int_eq(
	    refuse(
		place->db,
		"PRAGMA application_id = 1297566769; PRAGMA user_version = 1;"
		"INSERT INTO asset(name, machine) VALUES ('p1', 'pump');"
		"INSERT INTO event VALUES (1, 'ev-0123456789abcdef', 'p1', 'pump', 'fault', 'leak',"
		" 2, 0.9, 0.001, 0.8, 5, 0, 9, 9, 0, 'unacknowledged-active', 0, 'en', 'words',"
		" 'it leaks', '', '', 'm 1', 1, 9, 1);"
		"INSERT INTO event_channel VALUES (1, 0, 3, 'flow', 'l/s', 2.5, 3, -9, 9, 7, -1, "
		"-1)"),
	    SQLITE_OK);
}

START_TEST(an_older_store_is_brought_up_to_date_with_what_it_holds)
{
	struct place place = make_place();
	struct mw_event event, next = make_event("p1", NOON, MW_LANGUAGE_EN), out;
	struct mw_store_opts read_only = {.path = place.db, .read_only = true};
	struct mw_store *store = NULL;
	char why[256] = "";

	make_old(&place);
	ck_assert_int_eq(mw_store_open(&read_only, why, sizeof(why), NULL, &store),
			 MW_E_UNSUPPORTED);
	store = open_store(&place, false);
	ck_assert_int_eq(mw_store_event_get(store, "ev-0123456789abcdef", &event, NULL), MW_E_OK);
	ck_assert_str_eq(event.explanation, "it leaks");
	ck_assert_uint_eq(event.similar.n, 0);
	ck_assert_uint_eq(event.claims, 0);
	ck_assert_uint_eq(event.n_channel, 1);
	ck_assert_uint_eq(event.channel[0].claims.set, 0);
	ck_assert(isnan(event.channel[0].claims.from));
	ck_assert(put(store, &next, MW_TRANSITION_RAISED));
	ck_assert_int_eq(mw_store_event_get(store, next.id, &out, NULL), MW_E_OK);
	ck_assert(same_event(&next, &out));
	ck_assert_uint_eq(found(store, "leaks"), 1);
	mw_store_close(store);
	ck_assert_int_gt(ask(place.db, "PRAGMA user_version"), 1);
	ck_assert_uint_eq(count_quarantined(&place), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error_with_its_name)
{
	struct mw_store_opts opts = {.path = "/nonexistent/store.db"};
	struct mw_store *store = NULL;
	char why[256] = "";

	ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &store), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/store.db"));
	opts.read_only = true;
	ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &store), MW_E_IO);
}
END_TEST

/* --- copies ----------------------------------------------------------------------------------- */

/* Runs fn in a child that holds the store open, and leaves it as kill -9 would. */
static void in_killed_child(const struct place *place, void (*fn)(struct mw_store *store))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct mw_store *store = open_store(place, false);

		fn(store);
		(void)kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void put_one(struct mw_store *store)
{
	struct mw_event event = make_event("p1", NOON, MW_LANGUAGE_EN);

	(void)put(store, &event, MW_TRANSITION_RAISED);
}

static void make_unwritable(const struct place *place)
{
	ck_assert_int_eq(chmod(place->dir, 0555), 0);
	ck_assert_int_eq(chmod(place->db, 0444), 0);
}

/* As somebody without rights: root may write anywhere. */
static void read_as_nobody(const struct place *place, size_t n_expected)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct mw_event_query all = {0};
		struct mw_event event = make_event("p2", NOON, MW_LANGUAGE_EN);
		struct mw_store *store;
		bool is_new;

		if (geteuid() == 0)
			ck_assert_int_eq(setuid(65534), 0);
		store = open_store(place, true);
		ck_assert_uint_eq(count(store, &all), n_expected);
		ck_assert_int_eq(
		    mw_store_event_put(store, &event, NULL, MW_TRANSITION_RAISED, "t", &is_new),
		    MW_E_IO);
		mw_store_close(store);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(a_copy_is_read_from_a_read_only_directory)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);

	put_one(store);
	mw_store_close(store);
	make_unwritable(&place);
	read_as_nobody(&place, 1);
	ck_assert_int_eq(chmod(place.dir, 0755), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_copy_with_a_leftover_log_shows_what_the_log_holds)
{
	struct place place = make_place();
	char wal[128];
	struct stat before, after;

	(void)snprintf(wal, sizeof(wal), "%s-wal", place.db);
	in_killed_child(&place, put_one);
	ck_assert_int_eq(stat(wal, &before), 0);
	ck_assert_int_gt(before.st_size, 0);
	ck_assert_int_eq(chmod(wal, 0444), 0);
	make_unwritable(&place);
	read_as_nobody(&place, 1);
	ck_assert_int_eq(stat(wal, &after), 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	ck_assert_int_eq(chmod(place.dir, 0755), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_live_database_is_not_opened_twice)
{
	struct place place = make_place();
	struct mw_store *store = open_store(&place, false);
	pid_t child;
	int status;

	put_one(store);
	child = fork();
	if (child == 0) {
		for (int read_only = 0; read_only < 2; read_only++) {
			struct mw_store_opts opts = {.path = place.db, .read_only = read_only};
			struct mw_store *second = NULL;
			char why[256] = "";

			ck_assert_int_eq(mw_store_open(&opts, why, sizeof(why), NULL, &second),
					 MW_E_IO);
			ck_assert_ptr_nonnull(strstr(why, "in use"));
		}
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	put_one(store);
	mw_store_close(store);
	ck_assert_uint_eq(count_quarantined(&place), 0);
	remove_place(&place);
}
END_TEST

START_TEST(a_backup_is_one_file_that_opens_anywhere)
{
	struct place place = make_place(), copy = make_place();
	struct mw_store *store = open_store(&place, false), *restored;
	struct mw_event in = make_event("p1", NOON, MW_LANGUAGE_EN), out;
	struct mw_event_window window;
	char why[256] = "";

	ck_assert(put(store, &in, MW_TRANSITION_RAISED));
	ck_assert_int_eq(mw_store_backup(store, copy.db, why, sizeof(why)), MW_E_OK);
	ck_assert_int_eq(mw_store_backup(store, copy.db, why, sizeof(why)), MW_E_OK); /* replaces */
	ck_assert_int_eq(mw_store_backup(store, "/nonexistent/x", why, sizeof(why)), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/x"));
	restored = open_store(&copy, true);
	ck_assert_int_eq(mw_store_event_get(restored, in.id, &out, &window), MW_E_OK);
	ck_assert(same_event(&in, &out));
	mw_store_close(restored);
	mw_store_close(store);
	remove_place(&place);
	remove_place(&copy); /* fails if anything but the copy lay there: rmdir needs it empty */
}
END_TEST

/* --- kill -9 ---------------------------------------------------------------------------------- */

/* Commits transitions with their outbox rows for ever; tells the pipe each one that is committed.
 */
static void write_for_ever(const char *path, int pipe_fd)
{
	struct mw_store_opts opts = {.path = path};
	struct mw_store *store;
	char why[256], key[64];
	bool is_new;

	if (mw_store_open(&opts, why, sizeof(why), NULL, &store))
		_exit(1);
	for (int64_t i = getpid() * 100000LL;; i++) {
		struct mw_event event = make_event("p1", NOON + i * SECOND, MW_LANGUAGE_KO);
		struct mw_event_window window = make_window(&event);

		for (; event.sequence < 3; next_transition(&event, MW_ALARM_ACK_ACTIVE, SECOND)) {
			(void)snprintf(key, sizeof(key), "%s/%u", event.id, event.sequence);
			if (mw_store_begin(store) ||
			    mw_store_event_put(store, &event, &window, MW_TRANSITION_UPDATED, "t",
					       &is_new) ||
			    outbox(store, key, event.explanation) || mw_store_commit(store) ||
			    write(pipe_fd, "x", 1) != 1)
				_exit(2);
		}
	}
}

static int64_t kill_at_random(const char *path, unsigned delay_us)
{
	struct timespec delay = {.tv_nsec = (long)delay_us * 1000};
	int fd[2], status;
	int64_t told = 0;
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(fd), 0);
	child = fork();
	if (child == 0) {
		close(fd[0]);
		write_for_ever(path, fd[1]);
	}
	close(fd[1]);
	ck_assert_int_eq(read(fd[0], &byte, 1), 1); /* it works: now any moment is a bad one */
	(void)nanosleep(&delay, NULL);
	(void)kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	for (told = 1; read(fd[0], &byte, 1) == 1;)
		told++;
	close(fd[0]);
	return told;
}

START_TEST(kill_9_in_the_middle_of_commits_tears_nothing)
{
	struct place place = make_place();
	struct mw_store *store;
	int64_t told = 0;
	unsigned random = 12345;
	char why[256] = "";

	for (int round = 0; round < 12; round++) {
		random = random * 1664525u + 1013904223u;
		told += kill_at_random(place.db, (random >> 16) % 30000);
	}
	store = open_store(&place, false);
	ck_assert_msg(mw_store_check(store, why, sizeof(why)) == MW_E_OK, "%s", why);
	mw_store_close(store);
	ck_assert_uint_eq(count_quarantined(&place), 0);
	/* Everything that was told is there; a commit may be there that was not told any more. */
	ck_assert_int_ge(ask(place.db, "SELECT count(*) FROM alarm_log"), told);
	ck_assert_int_le(ask(place.db, "SELECT count(*) FROM alarm_log"), told + 12);
	/* Each log row has its outbox row, each event its newest log row, window and channels. */
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM alarm_log WHERE event || '/' ||"
				       " sequence NOT IN (SELECT key FROM outbox)"),
			 0);
	ck_assert_int_eq(ask(place.db, "SELECT (SELECT count(*) FROM outbox) -"
				       " (SELECT count(*) FROM alarm_log)"),
			 0);
	ck_assert_int_eq(ask(place.db, "SELECT count(*) FROM event e WHERE sequence <> (SELECT"
				       " max(sequence) FROM alarm_log WHERE event = e.id) OR 2 <>"
				       " (SELECT count(*) FROM event_channel WHERE event = e.row)"
				       " OR row NOT IN (SELECT event FROM event_window)"),
			 0);
	remove_place(&place);
}
END_TEST

MW_TEST_MAIN("store_files", a_disk_that_does_not_take_more_loses_no_committed_event,
	     a_corrupt_file_is_moved_aside_and_a_new_one_started,
	     other_databases_and_newer_ones_are_refused_untouched,
	     an_older_store_is_brought_up_to_date_with_what_it_holds,
	     a_directory_that_is_not_there_is_an_error_with_its_name,
	     a_copy_is_read_from_a_read_only_directory,
	     a_copy_with_a_leftover_log_shows_what_the_log_holds,
	     a_live_database_is_not_opened_twice, a_backup_is_one_file_that_opens_anywhere,
	     kill_9_in_the_middle_of_commits_tears_nothing)
