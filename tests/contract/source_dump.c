/* Opens a source by type and configuration, reads it as a sync does and prints what came as JSON lines: one for each record, one for each
 * listing of the certificate, the error if there was one, and the counters. The contract tests compare these lines.
 *
 *     source_dump TYPE CONFIGURATION.json [--test | --find NAME | --find-id ID | --authenticate ID | --check] [--quiet] [--cancel-after-ms N] [--again]
 *                 [--required NAME]…
 *
 * Exit status: 0 read whole, 1 error, 2 usage or bad configuration. --quiet leaves the records out, for measuring; --again reads a second
 * time with the same source after the first reading, whatever became of it. "-" reads the configuration from standard input.
 * --authenticate takes the password from SOURCE_PASSWORD. --required: reads the names of groups first and narrows the reading to these; prints whether the source could.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "source/source.h"

static atomic_bool is_cancelled;

struct options {
	const char *type, *file, *find, *authenticate;
	bool is_id, test, check, quiet, again;
	long cancel_after_ms;
	const char *required[16];
	size_t n_required;
};

static void put_line(struct us_str *line)
{
	us_str_add_char(line, '\n');
	fwrite(line->p, 1, line->n, stdout);
	us_str_clear(line);
}

static void put_slices(struct us_jsonw *w, const char *key, const struct us_slice *list, size_t n)
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n; i++)
		us_jsonw_string(w, list[i]);
	us_jsonw_close(w, ']');
}

static void put_record(struct us_str *line, const struct us_record *r)
{
	static const char *const kinds[] = { "user", "group", "members" }, *const tri[] = { "unknown", "no", "yes" };
	struct us_jsonw w = US_JSONW_INIT(line);

	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "kind", kinds[r->kind]);
	us_jsonw_put_string(&w, "id", r->id);
	us_jsonw_put_string(&w, "ref", r->ref);
	if (r->kind == US_RECORD_USER)
		us_jsonw_put_text(&w, "active", tri[r->active]);
	us_jsonw_key(&w, "fields");
	us_jsonw_open(&w, '{');
	for (size_t i = 0; i < r->n_fields; i++) {
		us_jsonw_key_slice(&w, r->fields[i].name);
		us_jsonw_open(&w, '[');
		for (size_t j = 0; j < r->fields[i].n; j++)
			us_jsonw_string(&w, r->fields[i].values[j]);
		us_jsonw_close(&w, ']');
	}
	us_jsonw_close(&w, '}');
	put_slices(&w, "members", r->members, r->n_members);
	put_slices(&w, "groups", r->groups, r->n_groups);
	if (r->problem.p)
		us_jsonw_put_string(&w, "problem", r->problem);
	us_jsonw_close(&w, '}');
	put_line(line);
}

static void put_error(struct us_str *line, const struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(line);

	us_jsonw_open(&w, '{');
	us_jsonw_put_text(&w, "error", us_err_name(err->code));
	us_jsonw_put_int(&w, "native", err->native);
	us_jsonw_put_text(&w, "text", err->text);
	us_jsonw_close(&w, '}');
	put_line(line);
}

static void put_certificate(struct us_str *line, const struct us_certificate *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct us_jsonw w = US_JSONW_INIT(line);
		us_jsonw_open(&w, '{');
		us_jsonw_put_text(&w, "listing", c->rows[i].listing);
		us_jsonw_put_int(&w, "pages", c->rows[i].pages);
		us_jsonw_put_int(&w, "rows", c->rows[i].rows);
		us_jsonw_put_int(&w, "announced", c->rows[i].announced);
		us_jsonw_put_text(&w, "signal", c->rows[i].signal);
		us_jsonw_close(&w, '}');
		put_line(line);
	}
}

/* Not ru_maxrss: that begins with the memory of whoever started this program. */
static long peak_kilobytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long peak = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "VmHWM: %ld", &peak) == 1)
			break;
	if (f)
		fclose(f);
	return peak;
}

static void put_counters(struct us_str *line, const struct us_source *source, int64_t records, int64_t links, int64_t ms)
{
	struct us_jsonw w = US_JSONW_INIT(line);
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	us_jsonw_open(&w, '{');
	us_jsonw_put_int(&w, "records", records);
	us_jsonw_put_int(&w, "links", links);
	us_jsonw_put_int(&w, "requests", source->stats.requests);
	us_jsonw_put_int(&w, "retries", source->stats.retries);
	us_jsonw_put_int(&w, "binds", source->stats.binds);
	us_jsonw_put_int(&w, "searches", source->stats.searches);
	us_jsonw_put_int(&w, "bytes", source->stats.bytes);
	us_jsonw_put_int(&w, "milliseconds", ms);
	us_jsonw_put_int(&w, "cpuMilliseconds", (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000
		+ (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000);
	us_jsonw_put_int(&w, "peakKilobytes", peak_kilobytes());
	us_jsonw_close(&w, '}');
	put_line(line);
}

static void *cancel_later(void *arg)
{
	long ms = *(long *) arg;
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
	atomic_store(&is_cancelled, true);
	return NULL;
}

static enum us_errc read_all(struct us_source *source, const struct options *o, struct us_str *line, struct us_err *err)
{
	struct us_reader *reader;
	struct us_page page;
	int64_t records = 0, links = 0, start = us_clock_monotonic_ms();
	size_t listing;
	enum us_errc rc;

	rc = us_reader_open(source, &reader, err);
	if (rc)
		return rc;
	while ((rc = us_reader_next(reader, &page, &listing, err)) == US_OK) {
		for (size_t i = 0; i < page.n; i++) {
			records++;
			links += (int64_t) (page.records[i].n_members + page.records[i].n_groups);
			if (!o->quiet)
				put_record(line, &page.records[i]);
		}
	}
	put_certificate(line, us_reader_certificate(reader));
	put_counters(line, source, records, links, us_clock_monotonic_ms() - start);
	us_reader_close(reader);
	return rc == US_END ? US_OK : rc;
}

static bool is_required(const struct options *o, const struct us_record *r)
{
	const struct us_field *name = us_record_find(r, US_SLICE("name"));

	for (size_t i = 0; r->kind == US_RECORD_GROUP && name && name->n && i < o->n_required; i++)
		if (us_slice_is(name->values[0], o->required[i]))
			return true;
	return false;
}

static enum us_errc narrow(struct us_source *source, const struct options *o, struct us_str *line, struct us_err *err)
{
	struct us_reader *reader;
	struct us_arena arena = US_ARENA_INIT;
	struct us_slice refs[64];
	struct us_page page;
	size_t listing, n = 0;
	enum us_errc rc = us_reader_open_outline(source, &reader, err);

	if (rc)
		return rc;
	while ((rc = us_reader_next(reader, &page, &listing, err)) == US_OK)
		for (size_t i = 0; i < page.n && n < 64; i++)
			if (is_required(o, &page.records[i]))
				refs[n++] = us_slice_dup(&arena, page.records[i].ref.p ? page.records[i].ref : page.records[i].id);
	us_reader_close(reader);
	if (rc == US_END)
		rc = source->ops->narrow(source, refs, n, err);
	struct us_jsonw w = US_JSONW_INIT(line);
	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "narrowed", rc == US_OK);
	us_jsonw_close(&w, '}');
	put_line(line);
	us_arena_fini(&arena);
	return rc == US_END ? US_OK : rc;
}

static enum us_errc act(struct us_source *source, const struct options *o, struct us_str *line, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_str notes = US_STR_INIT;
	struct us_page page;
	enum us_errc rc;

	if (o->test) {
		rc = source->ops->test(source, &notes, err);
		fputs(us_str_text(&notes), stderr);
	} else if (o->authenticate) {
		enum us_authentication a;
		const char *password = getenv("SOURCE_PASSWORD");
		rc = source->ops->authenticate(source, us_slice(o->authenticate), us_slice(password ? password : ""), &a, err);
		if (rc == US_OK) {
			struct us_jsonw w = US_JSONW_INIT(line);
			us_jsonw_open(&w, '{');
			us_jsonw_put_text(&w, "authentication", us_authentication_text(a));
			us_jsonw_close(&w, '}');
			put_line(line);
		}
	} else if (o->find) {
		int64_t start = us_clock_monotonic_ms();
		rc = source->ops->find(source, us_slice(o->find), o->is_id, &arena, &page, err);
		for (size_t i = 0; !rc && i < page.n; i++)
			put_record(line, &page.records[i]);
		put_counters(line, source, rc ? 0 : (int64_t) page.n, 0, us_clock_monotonic_ms() - start);
	} else {
		rc = o->n_required ? narrow(source, o, line, err) : US_OK;
		if (!rc)
			rc = read_all(source, o, line, err);
	}
	us_str_fini(&notes);
	us_arena_fini(&arena);
	return rc;
}

static int run(const struct options *o, const struct us_json *doc, struct us_arena *arena, struct us_str *line)
{
	const struct us_source_ops *ops = us_source_find(us_slice(o->type));
	struct us_problem *problems = NULL;
	struct us_err err = US_ERR_INIT;
	struct us_source *source;

	if (!ops) {
		fprintf(stderr, "source_dump: no source of type %s\n", o->type);
		return 2;
	}
	us_option_check(arena, ops->type.options, NULL, doc, &problems);
	for (const struct us_problem *p = problems; p; p = p->next)
		fprintf(stderr, "%s: %s\n", p->field, p->reason);
	if (problems)
		return 2;
	struct us_conf conf = { ops->type.options, doc };
	if (ops->open(&conf, &is_cancelled, &source, &err)) {
		put_error(line, &err);
		return 1;
	}
	enum us_errc rc = US_OK;
	for (int round = 0; !o->check && round < 1 + o->again; round++) {
		err = (struct us_err) US_ERR_INIT;
		rc = act(source, o, line, &err);
		if (rc)
			put_error(line, &err);
	}
	ops->close(source);
	return rc ? 1 : 0;
}

static bool read_file(const char *path, struct us_str *out)
{
	char buffer[65536];
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	size_t n;

	if (!f)
		return false;
	while ((n = fread(buffer, 1, sizeof buffer, f)) > 0)
		us_str_add(out, buffer, n);
	if (f != stdin)
		fclose(f);
	return true;
}

static bool read_options(int argc, char **argv, struct options *o)
{
	if (argc < 3)
		return false;
	o->type = argv[1];
	o->file = argv[2];
	for (int i = 3; i < argc; i++) {
		bool has_value = i + 1 < argc;
		if (strcmp(argv[i], "--test") == 0)
			o->test = true;
		else if (strcmp(argv[i], "--check") == 0)
			o->check = true;
		else if (strcmp(argv[i], "--quiet") == 0)
			o->quiet = true;
		else if (strcmp(argv[i], "--again") == 0)
			o->again = true;
		else if (has_value && (strcmp(argv[i], "--find") == 0 || strcmp(argv[i], "--find-id") == 0)) {
			o->is_id = strcmp(argv[i], "--find-id") == 0;
			o->find = argv[++i];
		} else if (has_value && strcmp(argv[i], "--required") == 0 && o->n_required < 16)
			o->required[o->n_required++] = argv[++i];
		else if (has_value && strcmp(argv[i], "--authenticate") == 0)
			o->authenticate = argv[++i];
		else if (has_value && strcmp(argv[i], "--cancel-after-ms") == 0)
			o->cancel_after_ms = atol(argv[++i]);
		else
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	struct us_arena arena = US_ARENA_INIT;
	struct us_str text = US_STR_INIT, line = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc;
	pthread_t canceller;
	int status = 2;

	signal(SIGPIPE, SIG_IGN); /* as the server has it */
	if (!read_options(argc, argv, &o) || !read_file(o.file, &text)) {
		fprintf(stderr, "usage: source_dump TYPE CONFIGURATION.json [--test | --find NAME | --find-id ID | --authenticate ID | --check] [--quiet] [--again]\n");
		return 2;
	}
	if (o.cancel_after_ms)
		pthread_create(&canceller, NULL, cancel_later, &o.cancel_after_ms);
	if (us_json_parse(&arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &doc, &err))
		fprintf(stderr, "source_dump: %s: %s\n", o.file, err.text);
	else
		status = run(&o, doc, &arena, &line);
	if (o.cancel_after_ms)
		pthread_join(canceller, NULL);
	us_str_fini(&text);
	us_str_fini(&line);
	us_arena_fini(&arena);
	return status;
}
