/* JSON: reading into a tree in an arena, writing by appending.
 *
 * Reading is simdjson behind this face; this is the project's only C++ file. A page is parsed, used and its arena reset: a whole listing is
 * never one document. Strings are checked UTF-8 and NUL-terminated. Input is hostile: depth, size, count and duplicate
 * keys are checked here, so that nobody else has to.
 * Errors: US_INVALID with the place ("at byte 17: …"), US_TOO_LARGE.
 * Spec: RFC 8259.
 */
#ifndef US_BASE_JSON_H
#define US_BASE_JSON_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum us_json_type { US_JSON_NULL, US_JSON_BOOL, US_JSON_INT, US_JSON_DOUBLE, US_JSON_STRING, US_JSON_ARRAY, US_JSON_OBJECT };

struct us_json_member;
struct us_json {
	enum us_json_type type;
	union {
		bool boolean;
		int64_t integer;   /* whole numbers beyond int64 come as US_JSON_DOUBLE */
		double number;
		struct us_slice string;
		struct { struct us_json *items; size_t n; } array;
		struct { struct us_json_member *members; size_t n; } object; /* in the order of the text */
	};
};
struct us_json_member {
	struct us_slice key;
	struct us_json value;
};

struct us_json_limits {
	size_t bytes;   /* of the text */
	unsigned depth; /* 1: scalars in one container */
	size_t nodes;
};
/* For request bodies and configurations. */
#define US_JSON_LIMITS_SMALL ((struct us_json_limits) { 1 << 20, 32, 100000 })
/* For one page of an identity provider. */
#define US_JSON_LIMITS_PAGE ((struct us_json_limits) { 64 << 20, 64, 8000000 })

/* Owns: *ret_doc lives in arena; text may be freed at once. */
enum us_errc us_json_parse(struct us_arena *arena, struct us_slice text, struct us_json_limits limits,
	const struct us_json **ret_doc, struct us_err *err);

/* NULL if obj is NULL, is no object, or has no such member. */
const struct us_json *us_json_find(const struct us_json *obj, const char *key);
/* "a.b.c" through nested objects; a key that itself holds dots wins over the nested reading at each step. */
const struct us_json *us_json_find_path(const struct us_json *obj, struct us_slice path);
/* The value if it is there and of that type, else the fallback (US_SLICE_NONE for strings). */
struct us_slice us_json_string(const struct us_json *obj, const char *key);
int64_t us_json_int(const struct us_json *obj, const char *key, int64_t fallback);
bool us_json_bool(const struct us_json *obj, const char *key, bool fallback);
const char *us_json_type_name(enum us_json_type type); /* "string", "array" … for messages */

/* Writer: commas are kept by itself. Names are ASCII literals of ours or escaped like values. */
struct us_jsonw {
	struct us_str *out;
	bool want_comma;
};

#define US_JSONW_INIT(out_str) { .out = (out_str) }

void us_jsonw_open(struct us_jsonw *w, char bracket);  /* '{' or '[' */
void us_jsonw_close(struct us_jsonw *w, char bracket); /* '}' or ']' */
void us_jsonw_key(struct us_jsonw *w, const char *key);
void us_jsonw_key_slice(struct us_jsonw *w, struct us_slice key);
void us_jsonw_string(struct us_jsonw *w, struct us_slice value); /* NONE writes null; bad UTF-8 is replaced by U+FFFD */
void us_jsonw_text(struct us_jsonw *w, const char *value);       /* NULL writes null */
void us_jsonw_int(struct us_jsonw *w, int64_t value);
void us_jsonw_bool(struct us_jsonw *w, bool value);
void us_jsonw_null(struct us_jsonw *w);
void us_jsonw_double(struct us_jsonw *w, double value); /* shortest form that reads back equal; not finite: null */
void us_jsonw_raw(struct us_jsonw *w, struct us_slice json); /* already JSON */
void us_jsonw_value(struct us_jsonw *w, const struct us_json *value); /* a parsed tree again, no recursion */

/* key and value in one call */
void us_jsonw_put_string(struct us_jsonw *w, const char *key, struct us_slice value);
void us_jsonw_put_text(struct us_jsonw *w, const char *key, const char *value);
void us_jsonw_put_int(struct us_jsonw *w, const char *key, int64_t value);
void us_jsonw_put_bool(struct us_jsonw *w, const char *key, bool value);

#endif
