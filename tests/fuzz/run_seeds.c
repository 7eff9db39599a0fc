/* Feeds each file of the folders and files on the command line to the fuzz target, so that seeds and past finds run in
 * the normal tests, with any compiler. A folder without a seed is an error. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;

	if (!f || fstat(fileno(f), &st) != 0) {
		perror(path);
		exit(1);
	}
	/* Exactly as large as the file: reading past the end is seen by the sanitizer. */
	uint8_t *data = malloc((size_t) st.st_size + !st.st_size);
	if (!data || fread(data, 1, (size_t) st.st_size, f) != (size_t) st.st_size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t) st.st_size);
	free(data);
	return 1;
}

static int run_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!d) {
		perror(path);
		exit(1);
	}
	while ((e = readdir(d))) {
		char file[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof file, "%s/%s", path, e->d_name);
		n += run_file(file);
	}
	closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		struct stat st;
		n += stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
	}
	printf("%d seeds\n", n);
	return n ? 0 : 1;
}
