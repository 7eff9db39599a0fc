/* Runs bytes as a file through the file source: all listings, then a search. Whatever it says, records must be well-formed. */
#ifndef US_TESTS_FUZZ_FILE_H
#define US_TESTS_FUZZ_FILE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/json.h"
#include "source/source.h"

static inline void fuzz_check_text(struct us_slice s) { us_assert(!s.n || us_slice_is_utf8(s)); }

static inline void fuzz_check_page(const struct us_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct us_record *r = &page->records[i];
		us_assert(r->id.p && (r->id.n || r->problem.p));
		fuzz_check_text(r->id);
		fuzz_check_text(r->ref);
		for (size_t k = 0; k < r->n_fields; k++) {
			us_assert(r->fields[k].n);
			for (size_t v = 0; v < r->fields[k].n; v++)
				fuzz_check_text(r->fields[k].values[v]);
		}
		for (size_t k = 0; k < r->n_groups; k++)
			us_assert(r->groups[k].n);
		for (size_t k = 0; k < r->n_members; k++)
			us_assert(r->members[k].n);
	}
}

static inline void fuzz_file(const uint8_t *data, size_t size, const char *settings)
{
	struct us_arena arena = US_ARENA_INIT, conf_arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_source_ops *ops = us_source_find(US_SLICE("file"));
	const struct us_json *doc;
	struct us_source *source;
	struct us_reader *reader;
	struct us_page page;
	size_t listing;
	enum us_errc rc;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	us_assert(fd >= 0 && write(fd, data, size) == (ssize_t) size);
	char *json = us_arena_printf(&conf_arena, "{\"path\":\"/proc/self/fd/%d\",%s}", fd, settings);
	for (char *p = json, *at; (at = strchr(p, '~')); p = at + 1)
		*at = (char) ('0' + fd);
	us_assert(fd < 10);
	us_assert(us_json_parse(&conf_arena, us_slice(json), US_JSON_LIMITS_SMALL, &doc, &err) == US_OK);
	struct us_conf conf = { ops->type.options, doc };
	us_assert(ops->open(&conf, NULL, &source, &err) == US_OK);
	if (us_reader_open(source, &reader, NULL))
		us_assert(!"no reader");
	while ((rc = us_reader_next(reader, &page, &listing, &err)) == US_OK) {
		fuzz_check_page(&page);
		us_arena_reset(&arena);
	}
	us_assert(rc == US_END || (err.code == rc && err.text[0]));
	us_reader_close(reader);
	err = (struct us_err) US_ERR_INIT;
	if (ops->find(source, US_SLICE("1"), true, &arena, &page, &err) == US_OK)
		fuzz_check_page(&page);
	else
		us_assert(err.text[0]);
	ops->close(source);
	us_arena_fini(&arena);
	us_arena_fini(&conf_arena);
	close(fd);
}

#endif
