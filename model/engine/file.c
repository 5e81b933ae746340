#include "model/engine/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static mw_lm_err map_descriptor(int fd, struct lm_file *ret_file, const struct lm_why *why)
{
	struct stat info;
	void *data;

	if (fstat(fd, &info) != 0)
		return lm_why(why, MW_LM_E_IO, "%s", strerror(errno));
	if (!S_ISREG(info.st_mode))
		return lm_why(why, MW_LM_E_IO, "is not a regular file");
	if (info.st_size == 0)
		return lm_why(why, MW_LM_E_FORMAT, "is empty");
	data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return lm_why(why, MW_LM_E_IO, "%s", strerror(errno));
	(void)madvise(data, (size_t)info.st_size, MADV_WILLNEED);
	ret_file->data = data;
	ret_file->size = (size_t)info.st_size;
	return MW_LM_E_OK;
}

mw_lm_err lm_file_map(const char *path, struct lm_file *ret_file, const struct lm_why *why)
{
	/* a FIFO in the file's place must not hold us */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	mw_lm_err err;

	if (fd < 0)
		return lm_why(why, MW_LM_E_IO, "%s", strerror(errno));
	err = map_descriptor(fd, ret_file, why);
	(void)close(fd);
	return err;
}

void lm_file_unmap(const struct lm_file *file)
{
	(void)munmap((void *)(uintptr_t)file->data, file->size);
}

void lm_file_release(const struct lm_file *file, const void *data, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t from = (size_t)((const char *)data - (const char *)file->data);
	size_t to = (from + size) / page * page;

	from = (from + page - 1) / page * page;
	if (from < to)
		(void)madvise((char *)(uintptr_t)file->data + from, to - from, MADV_DONTNEED);
}
