/* replay_main.c -- runs a fuzz target once on every file of the folders and files named. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat info;
	uint8_t *data;
	size_t size;

	if (!file || fstat(fileno(file), &info) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	data = malloc((size_t)info.st_size + 1);
	size = data ? fread(data, 1, (size_t)info.st_size, file) : 0;
	(void)fclose(file);
	if (!data)
		exit(EXIT_FAILURE);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int replay_path(const char *path)
{
	struct stat info;
	char inner[4096];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	if (stat(path, &info) != 0)
		return 0;
	if (!S_ISDIR(info.st_mode))
		return replay_file(path);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		n += replay_path(inner);
	}
	if (dir)
		(void)closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int n = 0;

	for (int i = 1; i < argc; i++)
		n += replay_path(argv[i]);
	printf("%d inputs replayed\n", n);
	return n > 0 ? EXIT_SUCCESS
		     : EXIT_FAILURE; /* an empty corpus is a check that cannot fail */
}
