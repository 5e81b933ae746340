/* The spool: what was acknowledged is read again, whatever happened to the disk in between. */
#include "gateway/base/crc32.h"
#include "gateway/io/spool_segment.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define S 1000000000LL

struct fixture {
	char dir[64];
	struct mw_spool_opts opts;
	struct mw_spool *spool;
};

static void fixture_open(struct fixture *f)
{
	char why[256] = "";

	ck_assert_msg(mw_spool_open(&f->opts, why, sizeof(why), &f->spool) == MW_E_OK, "%s", why);
}

static void fixture_init(struct fixture *f, uint64_t max_bytes, uint64_t segment_bytes)
{
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/mw-spool-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	f->opts = (struct mw_spool_opts){f->dir, max_bytes, segment_bytes, S};
	fixture_open(f);
}

static void fixture_done(struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	struct dirent *entry;
	char path[400];

	mw_spool_close(f->spool);
	while ((entry = readdir(dir))) {
		(void)snprintf(path, sizeof(path), "%s/%s", f->dir, entry->d_name);
		(void)unlink(path);
	}
	(void)closedir(dir);
	(void)rmdir(f->dir);
}

static size_t count_files(const struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	struct dirent *entry;
	size_t n = 0;

	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

/* Record i: its payload says its number; sizes differ. */
static mw_err append(struct fixture *f, int i)
{
	char topic[32], payload[64];
	int size = snprintf(payload, sizeof(payload), "%d %.*s", i, i % 20, "xxxxxxxxxxxxxxxxxxxx");
	int topic_size = snprintf(topic, sizeof(topic), "plant/p%d", i % 7);
	const struct mw_spool_record record = {.arrival_ns = 1000 + i,
					       .source = (uint32_t)i % 3,
					       .retained = i % 2 == 1,
					       .topic = {topic, (size_t)topic_size},
					       .payload = (uint8_t *)payload,
					       .size = (size_t)size};

	return mw_spool_append(f->spool, &record);
}

/* The number of a record, after checking that every part belongs to it. */
static int check_record(const struct mw_spool_record *record)
{
	char payload[64], topic[32];
	int i;

	ck_assert_uint_lt(record->size, sizeof(payload));
	memcpy(payload, record->payload, record->size);
	payload[record->size] = '\0';
	i = atoi(payload);
	ck_assert_int_eq(record->arrival_ns, 1000 + i);
	ck_assert_uint_eq(record->source, (uint32_t)i % 3);
	ck_assert_int_eq(record->retained, i % 2 == 1);
	(void)snprintf(topic, sizeof(topic), "plant/p%d", i % 7);
	ck_assert_uint_eq(record->topic.len, strlen(topic));
	ck_assert_int_eq(memcmp(record->topic.ptr, topic, record->topic.len), 0);
	return i;
}

/* Reads everything from the cursor: numbers into seen (up to n), how many there were. */
static size_t read_all(struct fixture *f, struct mw_spool_cursor at, int *seen, size_t n)
{
	struct mw_spool_record record;
	size_t k = 0;

	while (mw_spool_read(f->spool, at, &record) == MW_E_OK) {
		ck_assert_uint_lt(k, n);
		seen[k++] = check_record(&record);
		at = record.next;
	}
	return k;
}

static const struct mw_spool_cursor start = {0, 0};

static void expect_run(struct fixture *f, int from, int to)
{
	int seen[2000];
	size_t n = read_all(f, start, seen, 2000);

	ck_assert_uint_eq(n, (size_t)(to - from));
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(seen[i], from + (int)i);
}

static void segment_path(const struct fixture *f, uint64_t number, char *path, size_t size)
{
	char name[MW_SEGMENT_NAME];

	mw_segment_name(number, name);
	(void)snprintf(path, size, "%s/%s", f->dir, name);
}

static long file_size(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

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

static void flip(const char *path, long at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 0x5a;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

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

/* --- kill -9, and two threads ------------------------------------------------------------- */

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
	     a_tail_torn_at_any_byte_costs_only_the_torn_record,
	     a_tail_that_a_power_cut_filled_with_anything_is_torn,
	     a_file_shorter_than_its_header_is_torn,
	     a_corrupt_byte_anywhere_costs_its_record_and_is_counted,
	     damage_in_the_middle_is_not_a_torn_tail_at_reopen,
	     one_damaged_header_copy_costs_nothing_and_two_cost_the_segment,
	     a_payload_that_looks_like_a_record_is_never_taken_for_one,
	     segments_rotate_and_nothing_is_lost_between_them,
	     a_full_spool_refuses_the_newest_and_keeps_the_acknowledged,
	     a_full_spool_takes_again_when_the_reader_has_released,
	     release_removes_what_lies_before_and_never_what_lies_after,
	     a_cursor_older_than_what_is_kept_moves_to_the_oldest,
	     a_cursor_past_a_tail_that_a_power_cut_took_meets_the_next_record,
	     a_cursor_of_a_spool_that_was_deleted_reads_the_new_one_and_releases_nothing,
	     a_failing_disk_is_counted_and_leaves_no_half_record,
	     a_record_that_cannot_be_written_down_is_refused, a_directory_belongs_to_one_process,
	     a_place_that_cannot_be_a_spool_is_told, foreign_files_are_left_alone,
	     waiting_ends_at_once_when_there_is_something_to_read_or_a_wake,
	     syncing_happens_when_due_and_not_before, what_was_appended_survives_kill_minus_9,
	     one_thread_appends_while_another_reads_and_releases)
