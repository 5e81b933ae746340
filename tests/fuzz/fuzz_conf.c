/* Any bytes as a configuration, a fault library and a machine profile: taken, or refused with file
 * and line. */
#include "gateway/io/conf.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* What reaches out of the file is left out: it would open whatever path the fuzzer thinks of. */
static bool reaches_out(const uint8_t *data, size_t size)
{
	return memmem(data, size, "@include", 8) || memmem(data, size, "plugin_dir", 10) ||
	       memmem(data, size, "profile", 7);
}

/* libconfig 1.5 leaks the text of an unfinished string when it meets a syntax error. */
const char *__lsan_default_suppressions(void);

__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig.so\n";
}

static void check_reason(const char *why, const char *path)
{
	require(strncmp(why, path, strlen(path)) == 0);
	require(strlen(why) > strlen(path) + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mw_config *config = NULL;
	struct mw_fault_library *library = NULL;
	struct mw_profile *profile = NULL;
	char path[64], why[512] = "";
	int fd;

	if (reaches_out(data, size))
		return 0;
	fd = memfd_create("conf", MFD_CLOEXEC);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (mw_conf_load(path, why, sizeof(why), &config) != MW_E_OK)
		check_reason(why, path);
	mw_conf_free(config);
	if (mw_conf_load_faults(path, why, sizeof(why), &library) != MW_E_OK)
		check_reason(why, path);
	mw_fault_library_free(library);
	if (mw_conf_load_profile(path, why, sizeof(why), &profile) != MW_E_OK)
		check_reason(why, path);
	mw_profile_free(profile);
	(void)close(fd);
	return 0;
}
