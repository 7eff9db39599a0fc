/* Prints the times that cron expressions name: a line "zone<TAB>expression<TAB>after<TAB>count" in, a line of UTC seconds out, or "error" with
 * the reason. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/zonefile.h"
#include "model/cron.h"

static void answer(const char *zone_name, const char *text, int64_t after, long count)
{
	struct us_err err = US_ERR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_str bytes = US_STR_INIT;
	struct us_zone zone;
	struct us_cron cron;
	enum us_errc rc = us_zonefile_read(us_slice(zone_name), &bytes, &err);

	if (rc == US_OK)
		rc = us_zone_parse(&arena, us_str_slice(&bytes), &zone, &err);
	if (rc == US_OK)
		rc = us_cron_parse(us_slice(text), &cron, &err);
	if (rc)
		printf("error %s", err.text);
	for (long i = 0; rc == US_OK && i < count && us_cron_next(&cron, &zone, after, &after); i++)
		printf("%s%lld", i ? " " : "", (long long) after);
	putchar('\n');
	fflush(stdout);
	us_str_fini(&bytes);
	us_arena_fini(&arena);
}

int main(void)
{
	char line[2048];

	while (fgets(line, sizeof line, stdin)) {
		char *save, *zone = strtok_r(line, "\t\n", &save), *text = strtok_r(NULL, "\t\n", &save);
		char *after = strtok_r(NULL, "\t\n", &save), *count = strtok_r(NULL, "\t\n", &save);
		if (!count)
			return 2;
		answer(zone, text, atoll(after), atol(count));
	}
	return 0;
}
