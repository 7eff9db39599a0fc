#include "sync/probe.h"

#include "sync/pushed.h"

enum us_errc us_probe_open(struct us_probe *p, struct us_slice connector, const struct us_json *configuration, struct us_err *err)
{
	struct us_dbc *reader;
	enum us_errc rc = us_db_lease_reader(p->store->db, &reader, err);

	if (rc)
		return rc;
	rc = us_connector_find(p->store, reader, &p->arena, connector, US_SECRETS_CLEAR, &p->connector, err);
	us_db_release(reader);
	if (rc)
		return rc;
	p->configuration = p->connector.configuration;
	if (configuration)
		rc = us_connector_fill_secrets(p->store, &p->arena, &p->connector, configuration, &p->configuration, err);
	if (rc)
		return rc;
	p->ops = us_source_find(p->connector.type);
	if (!p->ops)
		return us_err_set(err, US_CONFIG, "there is no connector type " US_SLICE_FMT, US_SLICE_ARG(p->connector.type));
	return us_mapping_new(&p->arena, p->ops->type.preset, p->configuration, p->connector.name, &p->mapping, err);
}

void us_probe_close(struct us_probe *p)
{
	us_mapping_free(p->mapping);
	if (p->source)
		p->ops->close(p->source);
	us_arena_fini(&p->arena);
}

enum us_errc us_probe_open_source(struct us_probe *p, struct us_err *err)
{
	return p->source ? US_OK : us_pushed_open_source(p->store, &p->connector, p->configuration, p->ops, p->cancel, &p->source, err);
}

enum us_errc us_probe_ask(struct us_probe *p, struct us_slice key, bool is_id, struct us_err *err)
{
	enum us_errc rc = us_probe_open_source(p, err);

	if (rc == US_OK)
		rc = p->ops->find(p->source, key, is_id, &p->arena, &p->page, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < p->page.n; i++)
		if (p->page.records[i].kind == US_RECORD_USER) {
			p->record = p->page.records[i];
			return US_OK;
		}
	return us_err_set(err, US_PROTOCOL, "the source found the user and did not give the record");
}

enum us_errc us_probe_find_existing(struct us_probe *p, struct us_err *err)
{
	struct us_object_keys keys = { .user_ids = &p->record.id, .n_user_ids = p->record.id.n > 0 };
	struct us_have have = { 0 };
	struct us_dbc *reader;
	enum us_errc rc = us_db_lease_reader(p->store->db, &reader, err);

	if (rc)
		return rc;
	rc = us_object_load_have_some(reader, p->connector.directory, &keys, NULL, &have, err);
	uint32_t place = rc ? US_MAP_NONE : us_map_find(&have.users.ids, us_hash_slice(p->record.id));
	if (place != US_MAP_NONE && have.users.flags[place] & US_HAVE_OWNED) {
		p->existing = us_arena_zalloc(&p->arena, sizeof *p->existing);
		p->existing_number = have.users.numbers[place];
		rc = us_object_load_user(reader, &p->arena, p->connector.directory, p->existing_number, p->existing, err);
	}
	us_have_fini(&have);
	us_db_release(reader);
	return rc == US_NOT_FOUND ? US_OK : rc;
}

const char *us_probe_outcome(enum us_mapped_kind kind)
{
	static const char *const outcomes[] = {
		[US_MAPPED_WANTED] = "WANTED", [US_MAPPED_FAILED] = "FAILED", [US_MAPPED_FILTERED] = "FILTERED", [US_MAPPED_NEEDS_EXISTING] = "FAILED",
	};

	return outcomes[kind];
}

void us_probe_put_values(struct us_jsonw *w, const char *key, const struct us_slice *values, size_t n)
{
	us_jsonw_key(w, key);
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < n; i++)
		us_jsonw_string(w, values[i]);
	us_jsonw_close(w, ']');
}

void us_probe_put_rows(struct us_jsonw *w, const struct us_trace *trace)
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
			if (k)
				us_probe_put_values(w, "before", s[-1].values, s[-1].n);
			us_probe_put_values(w, "values", s->values, s->n);
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

void us_probe_put_record(struct us_jsonw *w, const struct us_record *record)
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

void us_probe_put_user(struct us_jsonw *w, const char *key, const struct us_user *user)
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
