#include "gateway/io/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARENTS 3 /* build/tests/unit/PROGRAM is the deepest */

/* Joins with a slash; false when it does not fit or there is nothing at that path. */
static bool there(const char *dir, const char *rest, char *ret_path, size_t size)
{
	int n = snprintf(ret_path, size, "%s/%s", dir, rest);

	return n > 0 && (size_t)n < size && access(ret_path, R_OK) == 0;
}

static bool binary_dir(char *dir, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", dir, size - 1);
	char *slash;

	if (n <= 0)
		return false;
	dir[n] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return true;
}

/* Looks for PLACE/NAME in the binary's directory and the few above it. */
static bool beside_binary(const char *const *places, const char *name, char *ret_path, size_t size)
{
	char dir[4096], rest[512];
	char *slash;

	if (!binary_dir(dir, sizeof(dir)))
		return false;
	for (int up = 0; up <= PARENTS && dir[0] != '\0'; up++) {
		for (const char *const *place = places; *place; place++) {
			(void)snprintf(rest, sizeof(rest), "%s/%s", *place, name);
			if (there(dir, rest, ret_path, size))
				return true;
		}
		slash = strrchr(dir, '/');
		if (!slash)
			return false;
		*slash = '\0';
	}
	return false;
}

mw_err mw_conf_data_file(const char *name, char *ret_path, size_t size)
{
	static const char *const places[] = {"share/millwright", "schemas", "model/weights", NULL};
	const char *own = getenv("MILLWRIGHT_DATADIR");

	if (own)
		return there(own, name, ret_path, size) ? MW_E_OK : MW_E_NOTFOUND;
	if (beside_binary(places, name, ret_path, size))
		return MW_E_OK;
	return there("/usr/share/millwright", name, ret_path, size) ? MW_E_OK : MW_E_NOTFOUND;
}

mw_err mw_conf_profile_file(const char *name, const char *beside, char *ret_path, size_t size)
{
	char shipped[512];
	int n = snprintf(shipped, sizeof(shipped), "profiles/%s", name);

	if (*name == '/') {
		if ((size_t)snprintf(ret_path, size, "%s", name) >= size)
			return MW_E_NOTFOUND;
		return access(ret_path, R_OK) == 0 ? MW_E_OK : MW_E_NOTFOUND;
	}
	if (beside && there(beside, name, ret_path, size))
		return MW_E_OK;
	if (n < 0 || (size_t)n >= sizeof(shipped))
		return MW_E_NOTFOUND;
	return mw_conf_data_file(shipped, ret_path, size);
}

void mw_conf_plugin_dir(char *ret_path, size_t size)
{
	static const char *const places[] = {"plugins", "lib/millwright/plugins", NULL};
	const char *own = getenv("MILLWRIGHT_PLUGINDIR");
	char *slash;

	if (own)
		(void)snprintf(ret_path, size, "%s", own);
	else if (beside_binary(places, "json.so", ret_path, size) &&
		 (slash = strrchr(ret_path, '/')) != NULL)
		*slash = '\0'; /* json.so marks the directory: the source tree has a plugins/ too */
	else
		(void)snprintf(ret_path, size, "/usr/lib/millwright/plugins");
}
