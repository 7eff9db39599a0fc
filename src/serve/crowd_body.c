#include "serve/crowd_body.h"

enum us_errc us_crowd_body_read(struct us_crowd_call *call, struct us_arena *arena, struct us_crowd_body *ret_body, struct us_err *err)
{
	struct us_slice text = us_slice_trim(call->request->body);
	struct us_crowd_body body = { NULL, NULL };
	enum us_errc rc;

	if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0) {
		text.p += 3;
		text.n -= 3;
	}
	if (!text.n)
		return us_crowd_refuse(call, US_CROWD_ILLEGAL_ARGUMENT, err, "the body is missing");
	if (text.p[0] == '<')
		rc = us_xml_parse(arena, text, US_XML_LIMITS_SMALL, &body.xml, err);
	else
		rc = us_json_parse(arena, text, US_JSON_LIMITS_SMALL, &body.json, err);
	if (!rc)
		*ret_body = body;
	return rc;
}

struct us_crowd_body us_crowd_body_find(struct us_crowd_body at, const char *name)
{
	return (struct us_crowd_body) { us_xml_find(at.xml, name), us_json_find(at.json, name) };
}

struct us_slice us_crowd_body_value(struct us_arena *arena, struct us_crowd_body at)
{
	if (at.xml)
		return at.xml->text;
	if (!at.json)
		return US_SLICE_NONE;
	switch (at.json->type) {
	case US_JSON_STRING:
		return at.json->string;
	case US_JSON_BOOL:
		return at.json->boolean ? US_SLICE("true") : US_SLICE("false");
	case US_JSON_INT:
		return us_slice(us_arena_printf(arena, "%lld", (long long) at.json->integer));
	case US_JSON_NULL:
	case US_JSON_DOUBLE:
	case US_JSON_ARRAY:
	case US_JSON_OBJECT:
		break;
	}
	return US_SLICE_NONE;
}

struct us_slice us_crowd_body_exact(struct us_arena *arena, struct us_crowd_body at, const char *name)
{
	struct us_crowd_body member = us_crowd_body_find(at, name);

	return us_crowd_body_is_there(member) ? us_crowd_body_value(arena, member) : us_xml_attribute(at.xml, name);
}

struct us_slice us_crowd_body_text(struct us_arena *arena, struct us_crowd_body at, const char *name)
{
	struct us_slice text = us_crowd_body_exact(arena, at, name);

	return us_crowd_body_find(at, name).xml ? us_slice_trim(text) : text;
}

struct us_crowd_body us_crowd_body_item(struct us_crowd_body list, const char *item, size_t at)
{
	struct us_crowd_body none = { NULL, NULL };

	if (list.json && list.json->type == US_JSON_ARRAY)
		return at < list.json->array.n ? (struct us_crowd_body) { NULL, &list.json->array.items[at] } : none;
	if (list.json)
		return at == 0 ? list : none;
	for (const struct us_xml *x = list.xml ? list.xml->first : NULL; x; x = x->next)
		if (us_slice_is(x->name, item) && at-- == 0)
			return (struct us_crowd_body) { x, NULL };
	return none;
}
