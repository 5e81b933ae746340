/*
 * A spool whose files are damaged between and during use.  The input is a script of two-byte steps:
 * append, flip a byte, cut a file, reopen, read, release.  Whatever happens to the disk, what is
 * read was appended and comes in order.  A first byte of 0xff takes the rest as a segment file
 * instead.
 */
#include "gateway/io/spool_segment.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RECORDS_MAX 256
#define STEPS_MAX   400

struct run {
	char dir[64];
	struct mw_spool *spool;
	int appended;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void open_spool(struct run *run)
{
	const struct mw_spool_opts opts = {run->dir, 1 << 20, 512, 0};
	char why[256];

	require(mw_spool_open(&opts, why, sizeof(why), &run->spool) == MW_E_OK);
}

static void append(struct run *run, uint8_t size)
{
	uint8_t payload[256 + sizeof(int)];
	struct mw_spool_record record = {
	    .arrival_ns = run->appended, .topic = {"a/b", 3}, .payload = payload};

	if (run->appended == RECORDS_MAX)
		return;
	memset(payload, size, sizeof(payload));
	memcpy(payload, &run->appended, sizeof(int));
	record.size = sizeof(int) + size;
	if (mw_spool_append(run->spool, &record) == MW_E_OK)
		run->appended++;
}

/* Reads everything; releases up to the given record. */
static void read_all(struct run *run, int release)
{
	struct mw_spool_cursor at = {0, 0};
	struct mw_spool_record record;
	int last = -1, number;

	while (mw_spool_read(run->spool, at, &record) == MW_E_OK) {
		require(record.topic.len == 3 && memcmp(record.topic.ptr, "a/b", 3) == 0);
		require(record.size >= sizeof(int));
		memcpy(&number, record.payload, sizeof(int));
		require(number > last && number < run->appended && record.arrival_ns == number);
		for (size_t i = sizeof(int); i < record.size; i++)
			require(record.payload[i] == (uint8_t)(record.size - sizeof(int)));
		last = number;
		at = record.next;
		if (number == release)
			mw_spool_release(run->spool, at);
	}
}

/* The oldest or newest file, or whatever lies at that place. */
static int open_file(const struct run *run, unsigned which)
{
	DIR *dir = opendir(run->dir);
	struct dirent *entry;
	int fd = -1;

	while (fd < 0 && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && which-- == 0)
			fd = openat(dirfd(dir), entry->d_name, O_RDWR | O_CLOEXEC);
	(void)closedir(dir);
	return fd;
}

static void damage(const struct run *run, uint8_t where, bool cut)
{
	int fd = open_file(run, where & 3u);
	struct stat info;
	uint8_t byte;
	off_t at;

	if (fd < 0)
		return;
	require(fstat(fd, &info) == 0);
	at = info.st_size * where / 256;
	if (cut) {
		require(ftruncate(fd, at) == 0);
	} else if (pread(fd, &byte, 1, at) == 1) {
		byte ^= (uint8_t)(where | 1u);
		require(pwrite(fd, &byte, 1, at) == 1);
	}
	(void)close(fd);
}

static void step(struct run *run, uint8_t what, uint8_t how)
{
	switch (what % 8) {
	case 0:
	case 1:
	case 2:
		append(run, how);
		break;
	case 3:
		read_all(run, how);
		break;
	case 4:
		mw_spool_close(run->spool);
		open_spool(run);
		break;
	case 5:
		damage(run, how, false);
		break;
	case 6: /* a file is only cut short while nobody has it open: a power cut */
		mw_spool_close(run->spool);
		damage(run, how, true);
		open_spool(run);
		break;
	default:
		require(mw_spool_sync(run->spool, (int64_t)how << 30) == MW_E_OK);
		break;
	}
}

static void run_file(struct run *run, const uint8_t *data, size_t size)
{
	struct mw_spool_cursor at = {0, 0};
	struct mw_spool_record record;
	char path[128], name[MW_SEGMENT_NAME];
	size_t n = 0;
	int fd;

	mw_segment_name(1, name);
	(void)snprintf(path, sizeof(path), "%s/%s", run->dir, name);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)close(fd);
	open_spool(run);
	while (mw_spool_read(run->spool, at, &record) == MW_E_OK) {
		require(record.next.segment > at.segment || record.next.offset > at.offset);
		require(++n <= size);
		at = record.next;
	}
}

static void remove_all(struct run *run)
{
	DIR *dir = opendir(run->dir);
	struct dirent *entry;

	mw_spool_close(run->spool);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
	(void)rmdir(run->dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	struct run run = {.appended = 0};

	(void)snprintf(run.dir, sizeof(run.dir), "%s/mw-fuzz-XXXXXX", base);
	require(mkdtemp(run.dir) != NULL);
	if (size > 0 && data[0] == 0xff) {
		run_file(&run, data + 1, size - 1);
	} else {
		open_spool(&run);
		for (size_t i = 0; i + 1 < size && i < (size_t)2 * STEPS_MAX; i += 2)
			step(&run, data[i], data[i + 1]);
		read_all(&run, -1);
	}
	remove_all(&run);
	return 0;
}
