#include "sync/preview.h"

#include "base/json.h"
#include "model/flatten.h"
#include "model/lint.h"
#include "sync/probe.h"

enum { SAMPLE_RECORDS = 1000 };

struct preview {
	struct us_probe probe;
	struct us_lint *lint;
	struct us_slice username;
	const struct us_json *pasted;
	bool wants_sample;
	struct us_jsonw w;
	struct us_err *err;
};

static enum us_errc open_connector(struct preview *p, struct us_slice key, struct us_slice request)
{
	const struct us_json *doc;
	enum us_errc rc = us_json_parse(&p->probe.arena, request, US_JSON_LIMITS_SMALL, &doc, p->err);

	if (rc)
		return rc;
	p->username = us_json_string(doc, "username");
	p->pasted = us_json_find(doc, "record");
	p->wants_sample = us_json_bool(doc, "sample", !p->pasted);
	return us_probe_open(&p->probe, key, us_json_find(doc, "configuration"), p->err);
}

/* A pasted record has the form that a source's JSON has; what it is called by others does not matter here. */
static enum us_errc take_pasted(struct preview *p)
{
	struct us_str raw = US_STR_INIT;
	struct us_jsonw w = US_JSONW_INIT(&raw);
	struct us_field *fields;

	if (!us_flatten(&p->probe.arena, p->pasted, NULL, 0, &fields, &p->probe.record.n_fields))
		return us_err_set(p->err, US_INVALID, "record has more than %d fields", US_FLATTEN_MAX_FIELDS);
	us_jsonw_value(&w, p->pasted);
	p->probe.record.raw = us_slice_dup(&p->probe.arena, us_str_slice(&raw));
	us_str_fini(&raw);
	p->probe.record.fields = fields;
	p->probe.record.id = us_json_string(p->pasted, "id");
	if (!p->probe.record.id.n)
		p->probe.record.id = US_SLICE("preview");
	return US_OK;
}

static enum us_errc ask_source(struct preview *p)
{
	enum us_errc rc = us_probe_ask(&p->probe, p->username, false, p->err);

	if (rc == US_NOT_FOUND)
		return us_err_set(p->err, US_NOT_FOUND, "the identity provider knows no user <" US_SLICE_FMT ">", US_SLICE_ARG(p->username));
	return rc;
}

/* The first page of the users, or less of it. */
static enum us_errc take_sample(struct preview *p)
{
	size_t n;
	enum us_errc rc = us_probe_open_source(&p->probe, p->err);

	if (rc)
		return rc;
	const struct us_listing *listings = p->probe.ops->listings(p->probe.source, &n);
	for (size_t i = 0; i < n; i++) {
		struct us_arena arena = US_ARENA_INIT;
		struct us_page page;
		if (listings[i].kind != US_RECORD_USER)
			continue;
		rc = p->probe.ops->fetch(p->probe.source, i, US_SLICE_NONE, &arena, &page, p->err);
		for (size_t k = 0; rc == US_OK && k < page.n && us_lint_records(p->lint) < SAMPLE_RECORDS; k++)
			if (page.records[k].kind == US_RECORD_USER)
				us_lint_add(p->lint, &page.records[k]);
		us_arena_fini(&arena);
		break;
	}
	return rc;
}

/* ---- the answer ---- */

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
	struct us_trace trace = { 0 };
	struct us_mapping_input in = { .record = &p->probe.record, .knows_existing = true, .trace = &trace };
	struct us_mapped m;

	in.existing = p->probe.existing ? &p->probe.existing->user : NULL;
	us_mapping_user(p->probe.mapping, &in, &p->probe.arena, &m);
	us_jsonw_open(&p->w, '{');
	us_jsonw_put_text(&p->w, "outcome", us_probe_outcome(m.kind));
	us_jsonw_put_string(&p->w, "reason", m.kind == US_MAPPED_WANTED ? US_SLICE_NONE : m.reason);
	us_probe_put_user(&p->w, "user", m.kind == US_MAPPED_WANTED ? &m.user : NULL);
	us_probe_put_values(&p->w, "groups", m.groups, m.kind == US_MAPPED_WANTED ? m.n_groups : 0);
	us_probe_put_user(&p->w, "existing", in.existing);
	us_probe_put_rows(&p->w, &trace);
	us_probe_put_record(&p->w, &p->probe.record);
	put_warnings(p);
	us_jsonw_close(&p->w, '}');
}

enum us_errc us_sync_preview(struct us_store *store, struct us_slice connector, struct us_slice request, const atomic_bool *cancel,
	struct us_str *out, struct us_err *err)
{
	struct preview p = { .probe = { .store = store, .cancel = cancel, .record = { .kind = US_RECORD_USER } }, .w = US_JSONW_INIT(out), .err = err };
	enum us_errc rc = open_connector(&p, connector, request);

	if (rc == US_OK)
		rc = p.pasted ? take_pasted(&p) : ask_source(&p);
	if (rc == US_OK)
		rc = us_probe_find_existing(&p.probe, err);
	/* The sample counts what the rules match, and the user of the preview is none of it. */
	if (rc == US_OK) {
		p.lint = us_lint_new(&p.probe.arena, p.probe.mapping);
		if (p.wants_sample)
			rc = take_sample(&p);
	}
	if (rc == US_OK)
		put_answer(&p);
	if (p.lint)
		us_lint_fini(p.lint);
	us_probe_close(&p.probe);
	return rc;
}
