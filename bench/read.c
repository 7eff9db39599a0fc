/* Reads all listings of a source and throws the records away: what reading alone costs.
 *
 *     read TYPE CONFIGURATION        CONFIGURATION: a JSON object
 *
 * Prints one JSON line: rows, records, memberships, bytes, seconds, peak memory in kB.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/json.h"
#include "source/source.h"

int main(int argc, char **argv)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;
	struct us_source *source;
	struct us_reader *reader;
	struct us_page page;
	size_t listing;
	long long rows = 0, records = 0, memberships = 0;
	const struct us_source_ops *ops = argc == 3 ? us_source_find(us_slice(argv[1])) : NULL;

	if (!ops) {
		fputs("usage: read TYPE CONFIGURATION\n", stderr);
		return 2;
	}
	if (us_json_parse(&arena, us_slice(argv[2]), US_JSON_LIMITS_SMALL, &doc, &err)) {
		fprintf(stderr, "read: %s\n", err.text);
		return 2;
	}
	int64_t start = us_clock_monotonic_ms();
	struct us_conf conf = { ops->type.options, doc };
	enum us_errc rc = ops->open(&conf, NULL, &source, &err);
	if (rc == US_OK) {
		rc = us_reader_open(source, &reader, &err);
		while (rc == US_OK && (rc = us_reader_next(reader, &page, &listing, &err)) == US_OK) {
			rows += page.rows;
			records += (long long) page.n;
			for (size_t i = 0; i < page.n; i++)
				memberships += (long long) (page.records[i].n_groups + page.records[i].n_members);
		}
		us_reader_close(reader);
	}
	if (rc != US_END) {
		fprintf(stderr, "read: %s: %s\n", us_err_name(rc), err.text);
		return 1;
	}
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"rows\":%lld,\"records\":%lld,\"memberships\":%lld,\"bytes\":%lld,\"seconds\":%.3f,\"peakKB\":%ld}\n", rows, records, memberships,
		(long long) source->stats.bytes, (double) (us_clock_monotonic_ms() - start) / 1000, usage.ru_maxrss);
	ops->close(source);
	us_arena_fini(&arena);
	return 0;
}
