/* The spool after power cuts, damaged bytes, a full disk and kill -9. */
#include "tests/unit/spool_fixture.h"
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Five records as they lie in a file, and where each ends. */
struct five {
	uint8_t bytes[1024];
	long end[6];
};

static void make_five(struct five *five)
{
	struct fixture f;
	char path[256];
	FILE *file;

	fixture_init(&f, 1 << 20, 0);
	segment_path(&f, 1, path, sizeof(path));
	five->end[0] = file_size(path);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(append(&f, i), MW_E_OK);
		five->end[i + 1] = file_size(path);
	}
	ck_assert_int_lt(five->end[5], (long)sizeof(five->bytes));
	file = fopen(path, "re");
	ck_assert_uint_eq(fread(five->bytes, 1, sizeof(five->bytes), file), (size_t)five->end[5]);
	(void)fclose(file);
	fixture_done(&f);
}

/* A spool whose only file holds the first `cut` bytes, then `more` bytes of the filler. */
static void fixture_torn(struct fixture *f, const struct five *five, long cut, size_t more,
			 uint8_t filler)
{
	char path[256];
	FILE *file;

	fixture_init(f, 1 << 20, 0);
	mw_spool_close(f->spool);
	segment_path(f, 1, path, sizeof(path));
	file = fopen(path, "we");
	ck_assert_uint_eq(fwrite(five->bytes, 1, (size_t)cut, file), (size_t)cut);
	for (size_t i = 0; i < more; i++)
		(void)fputc(filler, file);
	ck_assert_int_eq(fclose(file), 0);
	fixture_open(f);
}

static int whole_records(const struct five *five, long cut)
{
	int whole = 0;

	while (whole < 5 && five->end[whole + 1] <= cut)
		whole++;
	return whole;
}

START_TEST(a_tail_torn_at_any_byte_costs_only_the_torn_record)
{
	struct mw_spool_stats stats;
	struct five five;
	struct fixture f;

	make_five(&five);
	for (long cut = five.end[5]; cut >= five.end[0]; cut--) {
		int whole = whole_records(&five, cut);

		fixture_torn(&f, &five, cut, 0, 0);
		mw_spool_stats(f.spool, &stats);
		ck_assert_uint_eq(stats.torn_bytes, (uint64_t)(cut - five.end[whole]));
		ck_assert_uint_eq(stats.corrupt_records, 0);
		expect_run(&f, 0, whole);
		ck_assert_int_eq(append(&f, whole), MW_E_OK); /* and life goes on */
		expect_run(&f, 0, whole + 1);
		fixture_done(&f);
	}
}
END_TEST

START_TEST(a_tail_that_a_power_cut_filled_with_anything_is_torn)
{
	struct mw_spool_stats stats;
	struct five five;
	struct fixture f;

	make_five(&five);
	for (long cut = five.end[3]; cut <= five.end[4]; cut++)
		for (int filler = 0; filler <= 0xff; filler += 0xff) {
			int whole = whole_records(&five, cut);

			fixture_torn(&f, &five, cut, 4096, (uint8_t)filler);
			mw_spool_stats(f.spool, &stats);
			/* a filler may happen to be the record's own last byte */
			ck_assert_uint_ge(stats.torn_bytes, 4000);
			ck_assert_uint_le(stats.bytes, (uint64_t)five.end[4] + MW_SEGMENT_HEADER);
			expect_run(&f, 0, whole);
			fixture_done(&f);
		}
}
END_TEST

START_TEST(a_file_shorter_than_its_header_is_torn)
{
	struct mw_spool_stats stats;
	char path[256];
	struct fixture f;

	for (long cut = 0; cut < MW_SEGMENT_HEADER; cut++) {
		fixture_init(&f, 1 << 20, 0);
		segment_path(&f, 1, path, sizeof(path));
		mw_spool_close(f.spool);
		ck_assert_int_eq(truncate(path, cut), 0);
		fixture_open(&f);
		mw_spool_stats(f.spool, &stats);
		ck_assert_uint_eq(stats.torn_bytes, (uint64_t)cut);
		ck_assert_int_eq(append(&f, 0), MW_E_OK);
		expect_run(&f, 0, 1);
		fixture_done(&f);
	}
}
END_TEST

START_TEST(a_corrupt_byte_anywhere_costs_its_record_and_is_counted)
{
	struct mw_spool_stats stats;
	char path[256];
	long ends[4];
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	segment_path(&f, 1, path, sizeof(path));
	ends[0] = file_size(path);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(append(&f, i), MW_E_OK);
		ends[i + 1] = file_size(path);
	}
	for (long at = ends[1]; at < ends[2]; at++) {
		struct mw_spool_stats before;
		int seen[8];

		flip(path, at);
		mw_spool_stats(f.spool, &before);
		ck_assert_uint_eq(read_all(&f, start, seen, 8), 2);
		ck_assert_int_eq(seen[0], 0);
		ck_assert_int_eq(seen[1], 2);
		mw_spool_stats(f.spool, &stats);
		/* the same damage read twice is one; moved damage is another */
		ck_assert_uint_le(stats.corrupt_records - before.corrupt_records, 1);
		flip(path, at);
	}
	ck_assert_uint_ge(stats.corrupt_records, 1);
	expect_run(&f, 0, 3);
	fixture_done(&f);
}
END_TEST

START_TEST(damage_in_the_middle_is_not_a_torn_tail_at_reopen)
{
	struct mw_spool_stats stats;
	char path[256];
	long first;
	int seen[8];
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	segment_path(&f, 1, path, sizeof(path));
	ck_assert_int_eq(append(&f, 0), MW_E_OK);
	first = file_size(path);
	ck_assert_int_eq(append(&f, 1), MW_E_OK);
	ck_assert_int_eq(append(&f, 2), MW_E_OK);
	mw_spool_close(f.spool);
	flip(path, first + 5);
	fixture_open(&f);
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_eq(stats.torn_bytes, 0);
	ck_assert_uint_eq(read_all(&f, start, seen, 8), 2);
	ck_assert_int_eq(seen[1], 2);
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_eq(stats.corrupt_records, 1);
	fixture_done(&f);
}
END_TEST

START_TEST(one_damaged_header_copy_costs_nothing_and_two_cost_the_segment)
{
	struct mw_spool_stats stats;
	char path[256];
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	segment_path(&f, 1, path, sizeof(path));
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	mw_spool_close(f.spool);
	flip(path, 17);
	fixture_open(&f);
	expect_run(&f, 0, 3);
	mw_spool_close(f.spool);
	flip(path, 17 + MW_SEGMENT_HEADER / 2);
	fixture_open(&f);
	ck_assert_int_eq(append(&f, 3), MW_E_OK);
	expect_run(&f, 3, 4);
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_eq(stats.corrupt_records, 1);
	fixture_done(&f);
}
END_TEST

START_TEST(a_payload_that_looks_like_a_record_is_never_taken_for_one)
{
	/* A whole record of another spool: its header, topic and payload are intact. */
	struct mw_spool_record inner = {.arrival_ns = 1, .topic = {"a", 1}, .size = 1};
	struct mw_spool_record outer = {.arrival_ns = 2, .topic = {"b", 1}};
	uint8_t stolen[4096];
	char path[256];
	struct fixture f, other;
	struct mw_spool_record record;
	int fd;
	ssize_t n;

	inner.payload = (const uint8_t *)"1";
	fixture_init(&other, 1 << 20, 0);
	ck_assert_int_eq(mw_spool_append(other.spool, &inner), MW_E_OK);
	segment_path(&other, 1, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = pread(fd, stolen, sizeof(stolen), MW_SEGMENT_HEADER);
	ck_assert_int_eq(n, MW_RECORD_HEADER + 2);
	(void)close(fd);
	fixture_init(&f, 1 << 20, 0);
	outer.payload = stolen;
	outer.size = (size_t)n;
	ck_assert_int_eq(mw_spool_append(f.spool, &outer), MW_E_OK);
	segment_path(&f, 1, path, sizeof(path));
	flip(path, MW_SEGMENT_HEADER + 8); /* the outer one is damaged: the search enters it */
	ck_assert_int_eq(mw_spool_read(f.spool, start, &record), MW_E_NOTFOUND);
	fixture_done(&f);
	fixture_done(&other);
}
END_TEST

START_TEST(a_cursor_past_a_tail_that_a_power_cut_took_meets_the_next_record)
{
	struct mw_spool_cursor at = {0, 0};
	struct mw_spool_record record;
	char path[256];
	struct fixture f;

	fixture_init(&f, 1 << 20, 0);
	segment_path(&f, 1, path, sizeof(path));
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	while (mw_spool_read(f.spool, at, &record) == MW_E_OK)
		at = record.next;
	mw_spool_close(f.spool);
	ck_assert_int_eq(truncate(path, (off_t)at.offset - 70), 0);
	fixture_open(&f);
	for (int i = 5; i < 9; i++)
		ck_assert_int_eq(append(&f, i), MW_E_OK);
	for (int i = 5; i < 9; i++) {
		ck_assert_int_eq(mw_spool_read(f.spool, at, &record), MW_E_OK);
		ck_assert_int_eq(check_record(&record), i);
		at = record.next;
	}
	fixture_done(&f);
}
END_TEST

START_TEST(a_failing_disk_is_counted_and_leaves_no_half_record)
{
	const struct rlimit small = {700, RLIM_INFINITY};
	const struct rlimit free_again = {RLIM_INFINITY, RLIM_INFINITY};
	struct mw_spool_stats stats;
	struct fixture f;
	int taken = 0;

	fixture_init(&f, 1 << 20, 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	while (append(&f, taken) == MW_E_OK)
		taken++;
	ck_assert_int_eq(append(&f, taken), MW_E_IO);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &free_again), 0);
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_eq(stats.refused_io, 2);
	expect_run(&f, 0, taken);
	ck_assert_int_eq(append(&f, taken), MW_E_OK);
	expect_run(&f, 0, taken + 1);
	mw_spool_close(f.spool);
	fixture_open(&f);
	expect_run(&f, 0, taken + 1);
	fixture_done(&f);
}
END_TEST

/* --- kill -9, and two threads ----------------------------------------------------------------- */

START_TEST(what_was_appended_survives_kill_minus_9)
{
	struct mw_spool_stats stats;
	struct fixture f;
	int pipe_fd[2], last = -1, seen[20000];
	size_t n;
	pid_t pid;

	fixture_init(&f, 8 << 20, 4096);
	mw_spool_close(f.spool);
	ck_assert_int_eq(pipe(pipe_fd), 0);
	pid = fork();
	if (pid == 0) {
		fixture_open(&f);
		for (int i = 0; i < 20000 && append(&f, i) == MW_E_OK; i++)
			if (write(pipe_fd[1], &i, sizeof(i)) != sizeof(i)) /* "PUBACK" */
				break;
		_exit(0);
	}
	(void)close(pipe_fd[1]);
	while (last < 3000 && read(pipe_fd[0], &last, sizeof(last)) == sizeof(last))
		;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	while (read(pipe_fd[0], &last, sizeof(last)) == sizeof(last))
		;
	(void)close(pipe_fd[0]);
	fixture_open(&f);
	n = read_all(&f, start, seen, 20000);
	ck_assert_uint_ge(n, (size_t)last + 1);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(seen[i], (int)i);
	mw_spool_stats(f.spool, &stats);
	ck_assert_uint_eq(stats.corrupt_records, 0);
	fixture_done(&f);
}
END_TEST

MW_TEST_MAIN("spool_damage", a_tail_torn_at_any_byte_costs_only_the_torn_record,
	     a_tail_that_a_power_cut_filled_with_anything_is_torn,
	     a_file_shorter_than_its_header_is_torn,
	     a_corrupt_byte_anywhere_costs_its_record_and_is_counted,
	     damage_in_the_middle_is_not_a_torn_tail_at_reopen,
	     one_damaged_header_copy_costs_nothing_and_two_cost_the_segment,
	     a_payload_that_looks_like_a_record_is_never_taken_for_one,
	     a_cursor_past_a_tail_that_a_power_cut_took_meets_the_next_record,
	     a_failing_disk_is_counted_and_leaves_no_half_record,
	     what_was_appended_survives_kill_minus_9)
