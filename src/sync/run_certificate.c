#include "sync/run_state.h"

void us_run_write_certificate(struct us_act *a)
{
	struct us_jsonw w = US_JSONW_INIT(&a->certificate_json);
	const struct us_certificate *c = &a->certificate;

	us_jsonw_open(&w, '{');
	us_jsonw_put_bool(&w, "whole", us_certificate_is_whole(c));
	us_jsonw_key(&w, "listings");
	us_jsonw_open(&w, '[');
	for (size_t i = 0; i < c->n; i++) {
		const struct us_certificate_row *row = &c->rows[i];
		us_jsonw_open(&w, '{');
		us_jsonw_put_text(&w, "listing", row->listing);
		us_jsonw_put_int(&w, "pages", row->pages);
		us_jsonw_put_int(&w, "rows", row->rows);
		if (row->announced >= 0)
			us_jsonw_put_int(&w, "announced", row->announced);
		us_jsonw_put_text(&w, "end", row->signal);
		us_jsonw_close(&w, '}');
	}
	us_jsonw_close(&w, ']');
	if (a->scope.n) {
		us_jsonw_key(&w, "scope");
		us_jsonw_open(&w, '{');
		us_jsonw_key(&w, "requiredGroups");
		us_jsonw_open(&w, '[');
		for (size_t i = 0; i < a->scope.n_names; i++)
			us_jsonw_string(&w, a->scope.names[i]);
		us_jsonw_close(&w, ']');
		us_jsonw_put_int(&w, "groups", (int64_t) a->scope.n);
		us_jsonw_close(&w, '}');
	}
	if (a->source) {
		us_jsonw_put_int(&w, "requests", a->source->stats.requests);
		us_jsonw_put_int(&w, "retries", a->source->stats.retries);
	}
	us_jsonw_close(&w, '}');
	a->run.certificate = us_str_slice(&a->certificate_json);
}
