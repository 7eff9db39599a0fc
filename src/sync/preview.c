#include "sync/preview.h"

#include "base/json.h"
#include "model/flatten.h"
#include "model/lint.h"
#include "source/source.h"
#include "store/connector.h"
#include "store/object.h"

enum { SAMPLE_RECORDS = 1000 };

struct preview {
	struct us_store *store;
	const atomic_bool *cancel;
	struct us_arena arena;
	struct us_dbc *reader;
	struct us_connector connector;
	const struct us_json *configuration;
	const struct us_source_ops *ops;
	struct us_source *source;
	struct us_mapping *mapping;
	struct us_lint *lint;
	struct us_slice username;
	const struct us_json *pasted;
	bool wants_sample;
	struct us_record record;
	struct us_user_image *existing; /* NULL: nobody in the directory */
	struct us_jsonw w;
	struct us_err *err;
};

static enum us_errc open_connector(struct preview *p, struct us_slice key, struct us_slice request)
{
	const struct us_json *doc, *configuration;
	enum us_errc rc = us_json_parse(&p->arena, request, US_JSON_LIMITS_SMALL, &doc, p->err);

	if (rc == US_OK)
		rc = us_db_lease_reader(p->store->db, &p->reader, p->err);
	if (rc == US_OK)
		rc = us_connector_find(p->store, p->reader, &p->arena, key, US_SECRETS_CLEAR, &p->connector, p->err);
	if (rc)
		return rc;
	configuration = us_json_find(doc, "configuration");
	p->username = us_json_string(doc, "username");
	p->pasted = us_json_find(doc, "record");
	p->wants_sample = us_json_bool(doc, "sample", !p->pasted);
	p->configuration = p->connector.configuration;
	if (configuration)
		rc = us_connector_fill_secrets(p->store, &p->arena, &p->connector, configuration, &p->configuration, p->err);
	if (rc)
		return rc;
	p->ops = us_source_find(p->connector.type);
	if (!p->ops)
		return us_err_set(p->err, US_CONFIG, "there is no connector type " US_SLICE_FMT, US_SLICE_ARG(p->connector.type));
	return us_mapping_new(&p->arena, p->ops->type.preset, p->configuration, p->connector.name, &p->mapping, p->err);
}

static enum us_errc open_source(struct preview *p)
{
	struct us_conf conf = { p->ops->type.options, p->configuration };

	return p->source ? US_OK : p->ops->open(&conf, p->cancel, &p->source, p->err);
}

/* A pasted record has the form that a source's JSON has; what it is called by others does not matter here. */
static enum us_errc take_pasted(struct preview *p)
{
	struct us_str raw = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&raw);
	struct us_field *fields;

	if (!us_flatten(&p->arena, p->pasted, NULL, 0, &fields, &p->record.n_fields))
		return us_err_set(p->err, US_INVALID, "record has more than %d fields", US_FLATTEN_MAX_FIELDS);
	us_jsonw_value(&w, p->pasted);
	p->record.raw = us_slice_dup(&p->arena, us_str_slice(&raw));
	us_str_fini(&raw);
	p->record.fields = fields;
	p->record.id = us_json_string(p->pasted, "id");
	if (!p->record.id.n)
		p->record.id = US_SLICE("preview");
	return US_OK;
}

static enum us_errc ask_source(struct preview *p)
{
	struct us_page page = { 0 };
	enum us_errc rc = open_source(p);

	if (rc == US_OK)
		rc = p->ops->find(p->source, p->username, false, &p->arena, &page, p->err);
	if (rc == US_NOT_FOUND)
		return us_err_set(p->err, US_NOT_FOUND, "the identity provider knows no user <" US_SLICE_FMT ">", US_SLICE_ARG(p->username));
	if (rc)
		return rc;
	for (size_t i = 0; i < page.n; i++)
		if (page.records[i].kind == US_RECORD_USER) {
			p->record = page.records[i];
			return US_OK;
		}
	return us_err_set(p->err, US_PROTOCOL, "the source found the user and did not give the record");
}

/* Who the directory has under the record's id; a directory that was deleted has nobody. */
static enum us_errc find_existing(struct preview *p)
{
	struct us_object_keys keys = { .user_ids = &p->record.id, .n_user_ids = p->record.id.n > 0 };
	struct us_have have = { 0 };
	enum us_errc rc = us_object_load_have_some(p->reader, p->connector.directory, &keys, NULL, &have, p->err);
	uint32_t place = rc ? US_MAP_NONE : us_map_find(&have.users.ids, us_hash_slice(p->record.id));

	if (place != US_MAP_NONE && have.users.flags[place] & US_HAVE_OWNED) {
		p->existing = us_arena_zalloc(&p->arena, sizeof *p->existing);
		rc = us_object_load_user(p->reader, &p->arena, p->connector.directory, have.users.numbers[place], p->existing, p->err);
	}
	us_have_fini(&have);
	return rc == US_NOT_FOUND ? US_OK : rc;
}

/* The first page of the users, or less of it. */
static enum us_errc take_sample(struct preview *p)
{
	size_t n;
	enum us_errc rc = open_source(p);

	if (rc)
		return rc;
	const struct us_listing *listings = p->ops->listings(p->source, &n);
	for (size_t i = 0; i < n; i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_page page;
		if (listings[i].kind != US_RECORD_USER)
			continue;
		rc = p->ops->fetch(p->source, i, US_SLICE_NONE, &arena, &page, p->err);
		for (size_t k = 0; rc == US_OK && k < page.n && us_lint_records(p->lint) < SAMPLE_RECORDS; k++)
			if (page.records[k].kind == US_RECORD_USER)
				us_lint_add(p->lint, &page.records[k]);
		us_arena_fini(&arena);
		break;
	}
	return rc;
}

/* ---- the answer ---- */

static void put_values(struct us_jsonw *w, const char *key, const struct us_slice *values, size_t n)
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n; i++)
		us_jsonw_string(w, values[i]);
	us_jsonw_close(w, ']');
}

static void put_rows(struct us_jsonw *w, const struct us_trace *trace)
{
	us_jsonw_key(w, "rows");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < trace->n; i++) {
		const struct us_trace_row *row = &trace->rows[i];
		us_jsonw_open(w, '{');
		us_jsonw_put_string(w, "attribute", row->attribute);
		us_jsonw_key(w, "steps");
		us_jsonw_open(w, '[');
		for (size_t k = 0; k < row->n_steps; k++) {
			const struct us_trace_step *s = &row->steps[k];
			us_jsonw_open(w, '{');
			us_jsonw_put_text(w, "step", s->name);
			put_values(w, "values", s->values, s->n);
			if (s->is_matching)
				us_jsonw_put_int(w, "matched", (int64_t) s->n_matched);
			us_jsonw_close(w, '}');
		}
		us_jsonw_close(w, ']');
		us_jsonw_put_text(w, "end", row->end);
		us_jsonw_close(w, '}');
	}
	us_jsonw_close(w, ']');
}

static void put_record(struct us_jsonw *w, const struct us_record *record)
{
	us_jsonw_key(w, "record");
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < record->n_fields; i++) {
		const struct us_field *f = &record->fields[i];
		us_jsonw_key_slice(w, f->name);
		if (f->n == 1)
			us_jsonw_string(w, f->values[0]);
		else {
			us_jsonw_open(w, '[');
			for (size_t k = 0; k < f->n; k++)
				us_jsonw_string(w, f->values[k]);
			us_jsonw_close(w, ']');
		}
	}
	us_jsonw_close(w, '}');
}

static void put_user(struct us_jsonw *w, const char *key, const struct us_user *user)
{
	struct us_user_image image = { 0 };

	us_jsonw_key(w, key);
	if (!user) {
		us_jsonw_null(w);
		return;
	}
	image.user = *user;
	image.owned = true;
	us_user_image_write(w, &image);
}

static void put_warnings(struct preview *p)
{
	us_jsonw_put_int(&p->w, "sampled", (int64_t) us_lint_records(p->lint));
	us_jsonw_key(&p->w, "warnings");
	us_jsonw_open(&p->w, '[');
	for (const struct us_problem *w = us_lint_warnings(p->lint); w; w = w->next) {
		us_jsonw_open(&p->w, '{');
		us_jsonw_put_text(&p->w, "field", w->field);
		us_jsonw_put_text(&p->w, "reason", w->reason);
		us_jsonw_close(&p->w, '}');
	}
	us_jsonw_close(&p->w, ']');
}

static void put_answer(struct preview *p)
{
	static const char *const outcomes[] = {
		[US_MAPPED_WANTED] = "WANTED", [US_MAPPED_FAILED] = "FAILED", [US_MAPPED_FILTERED] = "FILTERED", [US_MAPPED_NEEDS_EXISTING] = "FAILED",
	};
	struct us_trace trace = { 0 };
	struct us_mapping_input in = { .record = &p->record, .knows_existing = true, .trace = &trace };
	struct us_mapped m;

	in.existing = p->existing ? &p->existing->user : NULL;
	us_mapping_user(p->mapping, &in, &p->arena, &m);
	us_jsonw_open(&p->w, '{');
	us_jsonw_put_text(&p->w, "outcome", outcomes[m.kind]);
	us_jsonw_put_string(&p->w, "reason", m.kind == US_MAPPED_WANTED ? US_SLICE_NONE : m.reason);
	put_user(&p->w, "user", m.kind == US_MAPPED_WANTED ? &m.user : NULL);
	put_values(&p->w, "groups", m.groups, m.kind == US_MAPPED_WANTED ? m.n_groups : 0);
	put_user(&p->w, "existing", in.existing);
	put_rows(&p->w, &trace);
	put_record(&p->w, &p->record);
	put_warnings(p);
	us_jsonw_close(&p->w, '}');
}

enum us_errc us_sync_preview(struct us_store *store, struct us_slice connector, struct us_slice request, const atomic_bool *cancel,
	struct us_str *out, struct us_err *err)
{
	struct preview p = { .store = store, .cancel = cancel, .w = US_JSONW_INIT(out), .err = err, .record = { .kind = US_RECORD_USER } };
	enum us_errc rc = open_connector(&p, connector, request);

	if (rc == US_OK)
		rc = p.pasted ? take_pasted(&p) : ask_source(&p);
	if (rc == US_OK)
		rc = find_existing(&p);
	/* The sample counts what the rules match, and the user of the preview is none of it. */
	if (rc == US_OK) {
		p.lint = us_lint_new(&p.arena, p.mapping);
		if (p.wants_sample)
			rc = take_sample(&p);
	}
	if (rc == US_OK)
		put_answer(&p);
	if (p.lint)
		us_lint_fini(p.lint);
	us_mapping_free(p.mapping);
	if (p.source)
		p.ops->close(p.source);
	if (p.reader)
		us_db_release(p.reader);
	us_arena_fini(&p.arena);
	return rc;
}
