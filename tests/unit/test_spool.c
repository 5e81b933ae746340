/* The spool: what was acknowledged is read again, in order, once. */
#include "gateway/base/crc32.h"
#include "tests/unit/spool_fixture.h"
#include "tests/unit/unit.h"

#include <pthread.h>

START_TEST(the_checksum_is_the_one_of_ieee_802_3)
{
	ck_assert_uint_eq(mw_crc32(0, "123456789", 9), 0xcbf43926u);
	ck_assert_uint_eq(mw_crc32(mw_crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
	ck_assert_uint_eq(mw_crc32(0, NULL, 0), 0);
}
END_TEST

START_TEST(records_come_back_in_order_with_every_field)
{
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	for (int i = 0; i < 500; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	expect_run(&f, 0, 500);
	fixture_done(&f);
}
END_TEST

START_TEST(an_empty_payload_and_an_empty_topic_are_records_too)
{
	const struct mw_spool_record none = {.arrival_ns = -5, .source = UINT32_MAX};
	struct mw_spool_record record;
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	ck_assert_int_eq(mw_spool_read(f.spool, start, &record), MW_E_NOTFOUND);
	ck_assert_int_eq(mw_spool_append(f.spool, &none), MW_E_OK);
	ck_assert_int_eq(mw_spool_read(f.spool, start, &record), MW_E_OK);
	ck_assert_uint_eq(record.size, 0);
	ck_assert_uint_eq(record.topic.len, 0);
	ck_assert_int_eq(record.arrival_ns, -5);
	ck_assert_uint_eq(record.source, UINT32_MAX);
	ck_assert_int_eq(mw_spool_read(f.spool, record.next, &record), MW_E_NOTFOUND);
	fixture_done(&f);
}
END_TEST

START_TEST(records_and_cursors_survive_a_reopen)
{
	struct mw_spool_record record;
	struct mw_spool_cursor at = {0, 0};
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(mw_spool_read(f.spool, at, &record), MW_E_OK);
		at = record.next;
	}
	for (int round = 0; round < 3; round++) {
		mw_spool_close(f.spool);
		fixture_open(&f);
		ck_assert_int_eq(append(&f, 10 + round), MW_E_OK);
	}
	for (int i = 4; i < 13; i++) {
		ck_assert_int_eq(mw_spool_read(f.spool, at, &record), MW_E_OK);
		ck_assert_int_eq(check_record(&record), i);
		at = record.next;
	}
	ck_assert_int_eq(mw_spool_read(f.spool, at, &record), MW_E_NOTFOUND);
	fixture_done(&f);
}
END_TEST

START_TEST(reopening_an_empty_spool_leaves_no_files_behind)
{
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	for (int round = 0; round < 5; round++) {
		mw_spool_close(f.spool);
		fixture_open(&f);
	}
	ck_assert_uint_eq(count_files(&f), 1);
	fixture_done(&f);
}
END_TEST

START_TEST(segments_rotate_and_nothing_is_lost_between_them)
{
	struct fixture f;

	fixture_init(&f, 1 << 20, 1024);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	ck_assert_uint_gt(count_files(&f), 20);
	expect_run(&f, 0, 1000);
	mw_spool_close(f.spool);
	fixture_open(&f);
	expect_run(&f, 0, 1000);
	fixture_done(&f);
}
END_TEST

START_TEST(a_full_spool_refuses_the_newest_and_keeps_the_acknowledged)
{
	struct mw_spool_stats stats;
	struct fixture f;
	int taken = 0;

	fixture_init(&f, 8192, 1024);
	while (append(&f, taken) == MW_E_OK)
		taken++;
	ck_assert_int_gt(taken, 50);
	ck_assert_int_eq(append(&f, taken), MW_E_FULL);
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_eq(stats.refused_full, 2);
	ck_assert_uint_eq(stats.appended, (uint64_t)taken);
	ck_assert_uint_le(stats.bytes, 8192);
	expect_run(&f, 0, taken);
	fixture_done(&f);
}
END_TEST

START_TEST(a_full_spool_takes_again_when_the_reader_has_released)
{
	struct mw_spool_cursor at = {0, 0};
	struct mw_spool_record record;
	struct mw_spool_stats stats;
	struct fixture f;
	int next = 0;

	fixture_init(&f, 4096, 4096); /* a single segment fills the whole */
	for (int round = 0; round < 20; round++) {
		int before = next;

		while (append(&f, next) == MW_E_OK)
			next++;
		ck_assert_int_gt(next, before);
		while (mw_spool_read(f.spool, at, &record) == MW_E_OK)
			at = record.next;
		mw_spool_release(f.spool, at);
	}
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_le(stats.bytes, 4096);
	fixture_done(&f);
}
END_TEST

START_TEST(release_removes_what_lies_before_and_never_what_lies_after)
{
	struct mw_spool_cursor at = {0, 0};
	struct mw_spool_record record;
	struct fixture f;
	size_t files;

	fixture_init(&f, 1 << 20, 1024);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	files = count_files(&f);
	mw_spool_release(f.spool, start);
	ck_assert_uint_eq(count_files(&f), files);
	for (int i = 0; i < 150; i++) {
		ck_assert_int_eq(mw_spool_read(f.spool, at, &record), MW_E_OK);
		at = record.next;
	}
	mw_spool_release(f.spool, at);
	ck_assert_uint_lt(count_files(&f), files);
	for (int i = 150; i < 300; i++) {
		ck_assert_int_eq(mw_spool_read(f.spool, at, &record), MW_E_OK);
		ck_assert_int_eq(check_record(&record), i);
		at = record.next;
	}
	mw_spool_release(f.spool, at);
	ck_assert_uint_eq(count_files(&f), 1);
	fixture_done(&f);
}
END_TEST

START_TEST(a_cursor_older_than_what_is_kept_moves_to_the_oldest)
{
	struct mw_spool_cursor at = {0, 0};
	struct mw_spool_record record;
	struct fixture f;

	fixture_init(&f, 1 << 20, 1024);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	while (mw_spool_read(f.spool, at, &record) == MW_E_OK && check_record(&record) < 150)
		at = record.next;
	mw_spool_release(f.spool, at);
	ck_assert_int_eq(mw_spool_read(f.spool, start, &record), MW_E_OK);
	ck_assert_int_le(check_record(&record), 150);
	ck_assert_int_gt(check_record(&record), 100);
	fixture_done(&f);
}
END_TEST

START_TEST(a_cursor_of_a_spool_that_was_deleted_reads_the_new_one_and_releases_nothing)
{
	const struct mw_spool_cursor old = {1000, 5000};
	struct mw_spool_record record;
	struct fixture f;

	fixture_init(&f, 1 << 20, 1024);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	mw_spool_release(f.spool, old);
	ck_assert_int_eq(mw_spool_read(f.spool, old, &record), MW_E_OK);
	ck_assert_int_eq(check_record(&record), 0);
	fixture_done(&f);
}
END_TEST

START_TEST(a_record_that_cannot_be_written_down_is_refused)
{
	struct mw_spool_record record = {.topic = {"x", 65536}};
	struct mw_spool_stats stats;
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	ck_assert_int_eq(mw_spool_append(f.spool, &record), MW_E_INVAL);
	record.topic.len = 1;
	record.size = (1u << 30) + 1;
	ck_assert_int_eq(mw_spool_append(f.spool, &record), MW_E_INVAL);
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_eq(stats.appended, 0);
	fixture_done(&f);
}
END_TEST

START_TEST(a_directory_belongs_to_one_process)
{
	struct mw_spool *second = NULL;
	char why[256] = "";
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	ck_assert_int_eq(mw_spool_open(&f.opts, why, sizeof(why), &second), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "in use"));
	ck_assert_ptr_null(second);
	fixture_done(&f);
}
END_TEST

START_TEST(a_place_that_cannot_be_a_spool_is_told)
{
	struct mw_spool_opts opts = {"/proc/nothing/here", 1 << 20, 0, S};
	struct mw_spool *spool = NULL;
	char why[256] = "";

	ck_assert_int_eq(mw_spool_open(&opts, why, sizeof(why), &spool), MW_E_IO);
	ck_assert_ptr_nonnull(strstr(why, "/proc/nothing/here"));
}
END_TEST

START_TEST(foreign_files_are_left_alone)
{
	char path[256];
	struct fixture f;
	int fd;

	fixture_init(&f, 1 << 20, 0);
	(void)snprintf(path, sizeof(path), "%s/README", f.dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/000000000000000G.seg", f.dir);
	(void)close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(append(&f, 0), MW_E_OK);
	mw_spool_close(f.spool);
	fixture_open(&f);
	expect_run(&f, 0, 1);
	ck_assert_uint_eq(count_files(&f), 4);
	fixture_done(&f);
}
END_TEST

START_TEST(waiting_ends_at_once_when_there_is_something_to_read_or_a_wake)
{
	const struct mw_spool_cursor never = {UINT64_MAX, 0};
	struct mw_spool_record record;
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	mw_spool_wait(f.spool, start, 0);
	ck_assert_int_eq(append(&f, 0), MW_E_OK);
	mw_spool_wait(f.spool, start, 3600 * S); /* the test's timeout is the assertion */
	mw_spool_wake(f.spool);
	mw_spool_wait(f.spool, never, 3600 * S);
	ck_assert_int_eq(mw_spool_read(f.spool, start, &record), MW_E_OK);
	mw_spool_wake(f.spool);
	mw_spool_wait(f.spool, record.next, 3600 * S);
	fixture_done(&f);
}
END_TEST

START_TEST(syncing_happens_when_due_and_not_before)
{
	struct fixture f;

	fixture_init(&f, 1 << 20, 1024);
	for (int64_t now = 0; now < 20 * S; now += S) {
		for (int i = 0; i < 40; i++) /* rotates, so that old segments are synced too */
			ck_assert_int_eq(append(&f, i), MW_E_OK);
		ck_assert_int_eq(mw_spool_sync(f.spool, now), MW_E_OK);
	}
	fixture_done(&f);
}
END_TEST

#define CONCURRENT 20000

static void *appender(void *ctx)
{
	struct fixture *f = ctx;

	for (int i = 0; i < CONCURRENT; i++) {
		mw_err err = append(f, i);

		ck_assert(err == MW_E_OK || err == MW_E_FULL);
		if (err == MW_E_FULL)
			i--; /* until the reader has released */
		if (i % 100 == 0)
			(void)mw_spool_sync(f->spool, (int64_t)i * S);
	}
	return NULL;
}

START_TEST(one_thread_appends_while_another_reads_and_releases)
{
	struct mw_spool_cursor at = {0, 0};
	struct mw_spool_record record;
	struct fixture f;
	pthread_t thread;
	int next = 0;

	fixture_init(&f, 64 << 10, 4096);
	ck_assert_int_eq(pthread_create(&thread, NULL, appender, &f), 0);
	while (next < CONCURRENT) {
		mw_spool_wait(f.spool, at, S);
		while (mw_spool_read(f.spool, at, &record) == MW_E_OK) {
			ck_assert_int_eq(check_record(&record), next);
			next++;
			at = record.next;
		}
		mw_spool_release(f.spool, at);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	fixture_done(&f);
}
END_TEST

MW_TEST_MAIN("spool", the_checksum_is_the_one_of_ieee_802_3,
	     records_come_back_in_order_with_every_field,
	     an_empty_payload_and_an_empty_topic_are_records_too,
	     records_and_cursors_survive_a_reopen, reopening_an_empty_spool_leaves_no_files_behind,
	     segments_rotate_and_nothing_is_lost_between_them,
	     a_full_spool_refuses_the_newest_and_keeps_the_acknowledged,
	     a_full_spool_takes_again_when_the_reader_has_released,
	     release_removes_what_lies_before_and_never_what_lies_after,
	     a_cursor_older_than_what_is_kept_moves_to_the_oldest,
	     a_cursor_of_a_spool_that_was_deleted_reads_the_new_one_and_releases_nothing,
	     a_record_that_cannot_be_written_down_is_refused, a_directory_belongs_to_one_process,
	     a_place_that_cannot_be_a_spool_is_told, foreign_files_are_left_alone,
	     waiting_ends_at_once_when_there_is_something_to_read_or_a_wake,
	     syncing_happens_when_due_and_not_before,
	     one_thread_appends_while_another_reads_and_releases)
