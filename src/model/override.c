#include "model/override.h"

static const struct {
	enum us_override bit;
	const char *name;
} names[] = {
	{ US_OVERRIDE_LIMITS, "limits" },
	{ US_OVERRIDE_EMPTY_LISTING, "empty-listing" },
	{ US_OVERRIDE_CONFIGURATION_CHANGED, "configuration-changed" },
};
enum { N_NAMES = sizeof names / sizeof *names };

/* 0: it is not known. */
static unsigned bit_of(struct us_slice name)
{
	for (size_t i = 0; i < N_NAMES; i++)
		if (us_slice_is(us_slice_trim(name), names[i].name))
			return names[i].bit;
	return 0;
}

bool us_override_parse(struct us_slice list, unsigned *ret_overrides)
{
	unsigned all = 0;

	for (;;) {
		const char *comma = list.n ? memchr(list.p, ',', list.n) : NULL;
		struct us_slice name = { list.p, comma ? (size_t) (comma - list.p) : list.n };
		unsigned bit = bit_of(name);
		if (!bit)
			return false;
		all |= bit;
		if (!comma)
			break;
		list.p += name.n + 1;
		list.n -= name.n + 1;
	}
	*ret_overrides = all;
	return true;
}

void us_override_write(struct us_jsonw *w, unsigned overrides, struct us_slice by, struct us_slice reason)
{
	us_jsonw_open(w, '{');
	us_jsonw_key(w, "limits");
	us_jsonw_open(w, '[');
	for (size_t i = 0; i < N_NAMES; i++)
		if (overrides & names[i].bit)
			us_jsonw_text(w, names[i].name);
	us_jsonw_close(w, ']');
	us_jsonw_put_string(w, "by", by);
	us_jsonw_put_string(w, "reason", reason);
	us_jsonw_close(w, '}');
}

void us_override_read(struct us_arena *arena, struct us_slice json, unsigned *ret_overrides, struct us_slice *ret_by, struct us_slice *ret_reason)
{
	const struct us_json *doc = NULL;

	*ret_overrides = 0;
	*ret_by = *ret_reason = US_SLICE_NONE;
	if (!json.n || us_json_parse(arena, json, US_JSON_LIMITS_SMALL, &doc, NULL))
		return;
	const struct us_json *list = us_json_find(doc, "limits");
	for (size_t i = 0; list && list->type == US_JSON_ARRAY && i < list->array.n; i++)
		if (list->array.items[i].type == US_JSON_STRING)
			*ret_overrides |= bit_of(list->array.items[i].string);
	*ret_by = us_json_string(doc, "by");
	*ret_reason = us_json_string(doc, "reason");
}
