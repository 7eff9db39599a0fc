#include "model/scim_path.h"

#include <strings.h>

#include "model/scim_filter.h"

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_name(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

size_t us_scim_path_span(struct us_slice text)
{
	size_t n = 0;

	while (n < text.n && (is_name(text.p[n]) || text.p[n] == '.' || text.p[n] == ':' || text.p[n] == '$'))
		n++;
	return n;
}

/* Takes a name from the front of text; only a sub-attribute may be $ref. */
static bool take_name(struct us_slice *text, bool is_sub, struct us_slice *ret_name)
{
	size_t n = is_sub && text->n && text->p[0] == '$';

	if (n == text->n || !is_letter(text->p[n]))
		return false;
	while (n < text->n && is_name(text->p[n]))
		n++;
	*ret_name = (struct us_slice) { text->p, n };
	text->p += n;
	text->n -= n;
	return true;
}

static bool has_prefix(struct us_slice text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && strncasecmp(text.p, prefix, n) == 0;
}

/* The schema whose URN stands in front, with the colon behind it. */
static const struct us_scim_schema *take_schema(const struct us_scim_kind *kind, struct us_slice *text, bool *ret_is_whole)
{
	const struct us_scim_schema *schemas[] = { kind->schema, kind->extension };

	for (size_t i = 0; i < 2; i++) {
		if (!schemas[i] || !has_prefix(*text, schemas[i]->id))
			continue;
		size_t n = strlen(schemas[i]->id);
		*ret_is_whole = text->n == n;
		if (!*ret_is_whole && text->p[n] != ':')
			continue;
		n += !*ret_is_whole;
		text->p += n;
		text->n -= n;
		return schemas[i];
	}
	return NULL;
}

static const char *unknown(bool *ret_is_unknown)
{
	if (ret_is_unknown)
		*ret_is_unknown = true;
	return "there is no such attribute";
}

const char *us_scim_path_parse_plain(
	const struct us_scim_kind *kind, struct us_slice text, struct us_scim_path *ret_path, bool *ret_is_unknown)
{
	struct us_scim_path path = { 0 };
	struct us_slice name, sub = US_SLICE_NONE;
	bool is_whole = false;

	if (ret_is_unknown)
		*ret_is_unknown = false;
	bool has_urn = has_prefix(text, "urn:");
	if (has_urn)
		path.schema = take_schema(kind, &text, &is_whole);
	if (is_whole) {
		*ret_path = path;
		return path.schema == kind->extension ? NULL : "a schema alone is no attribute";
	}
	/* Another schema's; its URN is not looked into further. */
	if (has_urn && !path.schema)
		return us_scim_path_span(text) == text.n ? unknown(ret_is_unknown) : "an attribute must stand here";
	if (!take_name(&text, false, &name))
		return "an attribute must stand here";
	if (text.n && text.p[0] == '.') {
		text.p++;
		text.n--;
		if (!take_name(&text, true, &sub))
			return "a sub-attribute must stand behind the dot";
	}
	if (text.n)
		return "an attribute can only be followed by a dot and a sub-attribute";
	path.attribute = path.schema ? us_scim_find_attribute(path.schema->attributes, name) : us_scim_find_core(kind, name, &path.schema);
	/* The common attributes belong to the core schema when that is named. */
	if (!path.attribute && path.schema == kind->schema)
		path.attribute = us_scim_find_core(kind, name, &path.schema);
	if (!path.attribute)
		return unknown(ret_is_unknown);
	if (sub.n && !(path.sub = us_scim_find_attribute(path.attribute->sub, sub)))
		return unknown(ret_is_unknown);
	*ret_path = path;
	return NULL;
}

static enum us_errc wrong(struct us_err *err, struct us_slice text, const char *why)
{
	return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_PATH, "path \"" US_SLICE_FMT "\": %s",
		US_SLICE_ARG(((struct us_slice) { text.p, text.n < 200 ? text.n : 200 })), why);
}

enum us_errc us_scim_path_parse(struct us_arena *arena, const struct us_scim_kind *kind, struct us_slice text,
	struct us_scim_path *ret_path, struct us_err *err)
{
	struct us_slice rest = us_slice_trim(text);
	struct us_scim_path path;
	const char *why;

	if (text.n > US_SCIM_PATH_MAX_BYTES)
		return us_err_set_native(err, US_INVALID, US_SCIM_INVALID_PATH, "a path is longer than %d bytes", US_SCIM_PATH_MAX_BYTES);
	size_t n = us_scim_path_span(rest);
	if ((why = us_scim_path_parse_plain(kind, (struct us_slice) { rest.p, n }, &path, NULL)))
		return wrong(err, text, why);
	rest.p += n;
	rest.n -= n;
	if (rest.n && rest.p[0] == '[') {
		enum us_errc rc = us_scim_filter_parse_values(arena, kind, &path, &rest, err);
		if (rc) {
			if (err)
				err->native = US_SCIM_INVALID_PATH;
			us_err_prefix(err, "path \"" US_SLICE_FMT "\"", US_SLICE_ARG(((struct us_slice) { text.p, text.n < 150 ? text.n : 150 })));
			return rc;
		}
	}
	if (rest.n)
		return wrong(err, text, "it must end behind the attribute, or behind a filter in brackets and a sub-attribute");
	*ret_path = path;
	return US_OK;
}
