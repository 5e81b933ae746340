/* spool_fixture.h -- a spool in a temporary directory, with records that say their number. */
#ifndef MW_TESTS_SPOOL_FIXTURE_H
#define MW_TESTS_SPOOL_FIXTURE_H

#include "gateway/io/spool_segment.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S 1000000000LL

struct fixture {
	char dir[64];
	struct mw_spool_opts opts;
	struct mw_spool *spool;
};

static inline void fixture_open(struct fixture *f)
{
	char why[256] = "";

	ck_assert_msg(mw_spool_open(&f->opts, why, sizeof(why), &f->spool) == MW_E_OK, "%s", why);
}

static inline void fixture_init(struct fixture *f, uint64_t max_bytes, uint64_t segment_bytes)
{
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/mw-spool-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(f->dir));
	f->opts = (struct mw_spool_opts){f->dir, max_bytes, segment_bytes, S};
	fixture_open(f);
}

static inline void fixture_done(struct fixture *f)
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

static inline size_t count_files(const struct fixture *f)
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
static inline mw_err append(struct fixture *f, int i)
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
static inline int check_record(const struct mw_spool_record *record)
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
static inline size_t read_all(struct fixture *f, struct mw_spool_cursor at, int *seen, size_t n)
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

static const struct mw_spool_cursor start __attribute__((unused)) = {0, 0};

static inline void expect_run(struct fixture *f, int from, int to)
{
	int seen[2000];
	size_t n = read_all(f, start, seen, 2000);

	ck_assert_uint_eq(n, (size_t)(to - from));
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(seen[i], from + (int)i);
}

static inline void segment_path(const struct fixture *f, uint64_t number, char *path, size_t size)
{
	char name[MW_SEGMENT_NAME];

	mw_segment_name(number, name);
	(void)snprintf(path, size, "%s/%s", f->dir, name);
}

static inline long file_size(const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

static inline void flip(const char *path, long at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 0x5a;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	(void)close(fd);
}

#endif
