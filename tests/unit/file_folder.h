/* A temporary folder with export files, and a file source over it shown as text, for the tests of the file source. */
#ifndef US_TESTS_FILE_FOLDER_H
#define US_TESTS_FILE_FOLDER_H

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "source/source.h"

struct folder {
	char path[64];
	struct us_arena arena;
	struct us_source *source;
	struct us_err err;
};

static inline void folder_make(struct folder *f)
{
	*f = (struct folder) { .path = "/tmp/usersync-file-XXXXXX" };
	assert_non_null(mkdtemp(f->path));
}

static inline const char *folder_path(struct folder *f, const char *name)
{
	return us_arena_printf(&f->arena, "%s/%s", f->path, name);
}

static inline void folder_write(struct folder *f, const char *name, const char *bytes, size_t n)
{
	FILE *out = fopen(folder_path(f, name), "wb");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, n, out), n);
	assert_int_equal(fclose(out), 0);
}

static inline void folder_put(struct folder *f, const char *name, const char *text) { folder_write(f, name, text, strlen(text)); }

static inline void folder_remove(struct folder *f)
{
	DIR *d = opendir(f->path);
	struct dirent *e;

	if (f->source)
		f->source->ops->close(f->source);
	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(f->path);
	us_arena_fini(&f->arena);
}

/* settings: members of the configuration as JSON; '~' stands for the folder, "'" for a quote. */
static inline enum us_errc folder_open(struct folder *f, const char *settings)
{
	static const struct us_option common[] = { { .name = "mapping", .type = US_OPTION_ARRAY }, { .name = NULL } };
	const struct us_source_ops *ops = us_source_find(US_SLICE("file"));
	struct us_str json = US_STR_INIT;
	const struct us_json *doc;
	struct us_problem *problems = NULL;

	if (f->source)
		f->source->ops->close(f->source);
	f->source = NULL;
	us_str_add_char(&json, '{');
	for (const char *p = settings; *p; p++) {
		if (*p == '~')
			us_str_printf(&json, "%s/", f->path);
		else
			us_str_add_char(&json, *p == '\'' ? '"' : *p);
	}
	us_str_add_char(&json, '}');
	assert_int_equal(us_json_parse(&f->arena, us_str_slice(&json), US_JSON_LIMITS_SMALL, &doc, &f->err), US_OK);
	us_str_fini(&json);
	us_option_check(&f->arena, ops->type.options, common, doc, &problems);
	if (problems)
		fail_msg("%s: %s", problems->field, problems->reason);
	struct us_conf conf = { ops->type.options, doc };
	return ops->open(&conf, NULL, &f->source, &f->err);
}

static inline void show_record(const struct us_record *r, struct us_str *out)
{
	static const char *kinds[] = { "user", "group", "members" };

	us_str_printf(out, "%s " US_SLICE_FMT, kinds[r->kind], US_SLICE_ARG(r->id));
	if (r->ref.p)
		us_str_printf(out, " ref=" US_SLICE_FMT, US_SLICE_ARG(r->ref));
	if (r->active)
		us_str_add_text(out, r->active == US_TRI_YES ? " +" : " -");
	for (size_t i = 0; i < r->n_fields; i++) {
		us_str_printf(out, " " US_SLICE_FMT "=", US_SLICE_ARG(r->fields[i].name));
		for (size_t k = 0; k < r->fields[i].n; k++) {
			us_str_add_text(out, k ? "|" : "");
			us_str_add_slice(out, r->fields[i].values[k]);
		}
	}
	for (size_t i = 0; i < r->n_groups; i++)
		us_str_printf(out, " in:" US_SLICE_FMT, US_SLICE_ARG(r->groups[i]));
	for (size_t i = 0; i < r->n_members; i++)
		us_str_printf(out, " has:" US_SLICE_FMT, US_SLICE_ARG(r->members[i]));
	if (r->problem.p)
		us_str_printf(out, " PROBLEM " US_SLICE_FMT, US_SLICE_ARG(r->problem));
	us_str_add_char(out, '\n');
}

/* Reads all listings through the paging loop: one line for each record, then the end signals or the error. */
static inline enum us_errc folder_read(struct folder *f, struct us_str *out)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_reader *reader;
	struct us_page page;
	size_t listing;
	enum us_errc rc;

	assert_int_equal(us_reader_open(f->source, &reader, NULL), US_OK);
	while ((rc = us_reader_next(reader, &page, &listing, &f->err)) == US_OK) {
		for (size_t i = 0; i < page.n; i++)
			show_record(&page.records[i], out);
		us_arena_reset(&arena);
	}
	us_arena_fini(&arena);
	const struct us_certificate *c = us_reader_certificate(reader);
	if (rc == US_END)
		for (size_t i = 0; i < c->n; i++)
			us_str_printf(out, "END %s %lld %s\n", c->rows[i].listing, (long long) c->rows[i].rows, c->rows[i].signal);
	else
		us_str_printf(out, "%s %s\n", us_err_name(rc), f->err.text);
	us_reader_close(reader);
	return rc;
}

#endif
