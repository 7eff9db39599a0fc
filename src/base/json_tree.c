#include "base/json.h"

static const struct us_json *find_slice(const struct us_json *obj, struct us_slice key)
{
	if (!obj || obj->type != US_JSON_OBJECT)
		return NULL;
	for (size_t i = 0; i < obj->object.n; i++)
		if (us_slice_is_equal(obj->object.members[i].key, key))
			return &obj->object.members[i].value;
	return NULL;
}

const struct us_json *us_json_find(const struct us_json *obj, const char *key)
{
	return find_slice(obj, us_slice(key));
}

const struct us_json *us_json_find_path(const struct us_json *obj, struct us_slice path)
{
	/* The longest piece of the path that is a member wins, then the rest is looked up in it. */
	while (obj) {
		struct us_slice key = path;
		const struct us_json *value;
		while (!(value = find_slice(obj, key))) {
			while (key.n && key.p[key.n - 1] != '.')
				key.n--;
			if (!key.n)
				return NULL;
			key.n--;
		}
		if (key.n == path.n)
			return value;
		path.p += key.n + 1;
		path.n -= key.n + 1;
		obj = value;
	}
	return NULL;
}

struct us_slice us_json_string(const struct us_json *obj, const char *key)
{
	const struct us_json *v = us_json_find(obj, key);

	return v && v->type == US_JSON_STRING ? v->string : US_SLICE_NONE;
}

int64_t us_json_int(const struct us_json *obj, const char *key, int64_t fallback)
{
	const struct us_json *v = us_json_find(obj, key);

	return v && v->type == US_JSON_INT ? v->integer : fallback;
}

bool us_json_bool(const struct us_json *obj, const char *key, bool fallback)
{
	const struct us_json *v = us_json_find(obj, key);

	return v && v->type == US_JSON_BOOL ? v->boolean : fallback;
}

const char *us_json_type_name(enum us_json_type type)
{
	switch (type) {
	case US_JSON_NULL: return "null";
	case US_JSON_BOOL: return "boolean";
	case US_JSON_INT: return "integer";
	case US_JSON_DOUBLE: return "number";
	case US_JSON_STRING: return "string";
	case US_JSON_ARRAY: return "array";
	case US_JSON_OBJECT: return "object";
	}
	return "unknown";
}
