/* The C++ part of base/json.h: simdjson's DOM, walked with a stack of our own into a tree in the arena. */
#define _Noreturn [[noreturn]]
extern "C" {
#include "base/json.h"
#include "base/json_check.h"
}

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <simdjson.h>

namespace dom = simdjson::dom;

namespace {

/* A container that is being filled: its iterator there, its array here. */
struct frame {
	dom::array::iterator item, item_end;
	dom::object::iterator member, member_end;
	struct us_json *into;
	size_t at;
};

struct builder {
	struct us_arena *arena;
	struct us_json_limits limits;
	struct us_err *err;
	char *strings; /* room for all strings: one is never longer than its text with the quotes */
	struct frame *frames;
	unsigned depth;
	size_t nodes;
};

/* The parser's memory is kept for the thread's next document, unless one page has blown it up. */
enum { KEEP_BYTES = 4 << 20, PARSER_DEPTH = US_JSON_CHECK_DEPTH };

dom::parser *thread_parser()
{
	thread_local dom::parser parser;
	return &parser;
}

struct us_slice keep_string(struct builder *b, const char *p, size_t n)
{
	char *kept = b->strings;

	if (n)
		memcpy(kept, p, n);
	kept[n] = '\0';
	b->strings += n + 1;
	struct us_slice s = { kept, n };
	return s;
}

bool key_before(const struct us_json_member *a, const struct us_json_member *b)
{
	if (a->key.n != b->key.n)
		return a->key.n < b->key.n;
	return a->key.n && memcmp(a->key.p, b->key.p, a->key.n) < 0;
}

/* Sorted, not hashed: no choice of keys makes this slow. */
const struct us_json_member *find_duplicate(const struct us_json *object)
{
	const struct us_json_member *members = object->object.members;
	size_t n = object->object.n;

	if (n <= 16) {
		for (size_t i = 1; i < n; i++)
			for (size_t j = 0; j < i; j++)
				if (us_slice_is_equal(members[i].key, members[j].key))
					return &members[i];
		return nullptr;
	}
	auto **sorted = static_cast<const struct us_json_member **>(us_malloc(n * sizeof(void *)));
	for (size_t i = 0; i < n; i++)
		sorted[i] = &members[i];
	std::sort(sorted, sorted + n, key_before);
	const struct us_json_member *found = nullptr;
	for (size_t i = 1; i < n && !found; i++)
		if (us_slice_is_equal(sorted[i - 1]->key, sorted[i]->key))
			found = sorted[i];
	free(sorted);
	return found;
}

template <typename container> size_t count(const container &c)
{
	size_t n = c.size();

	if (n < 0xFFFFFF)
		return n; /* the tape's count stops there */
	n = 0;
	for (auto it = c.begin(), end = c.end(); it != end; ++it)
		n++;
	return n;
}

enum us_errc enter(struct builder *b, size_t children)
{
	if (b->depth > b->limits.depth)
		return us_err_set(b->err, US_TOO_LARGE, "JSON is nested deeper than %u", b->limits.depth);
	if (children > b->limits.nodes - b->nodes)
		return us_err_set(b->err, US_TOO_LARGE, "JSON has more than %zu values", b->limits.nodes);
	b->nodes += children;
	return US_OK;
}

/* Fills *into from e; a container is put on the stack, to be filled by the loop in build. */
enum us_errc take(struct builder *b, dom::element e, struct us_json *into)
{
	switch (e.type()) {
	case dom::element_type::NULL_VALUE:
		into->type = US_JSON_NULL;
		into->integer = 0;
		return US_OK;
	case dom::element_type::BOOL:
		into->type = US_JSON_BOOL;
		into->boolean = bool(e.get_bool().value_unsafe());
		return US_OK;
	case dom::element_type::INT64:
		into->type = US_JSON_INT;
		into->integer = e.get_int64().value_unsafe();
		return US_OK;
	case dom::element_type::UINT64:
		into->type = US_JSON_DOUBLE;
		into->number = double(e.get_uint64().value_unsafe());
		return US_OK;
	case dom::element_type::DOUBLE:
		into->type = US_JSON_DOUBLE;
		into->number = e.get_double().value_unsafe();
		return US_OK;
	case dom::element_type::STRING:
		into->type = US_JSON_STRING;
		into->string = keep_string(b, e.get_c_str().value_unsafe(), e.get_string_length().value_unsafe());
		return US_OK;
	case dom::element_type::ARRAY: {
		dom::array a = e.get_array().value_unsafe();
		size_t n = count(a);
		struct frame *f = &b->frames[b->depth++];
		if (enum us_errc rc = enter(b, n))
			return rc;
		into->type = US_JSON_ARRAY;
		into->array.n = n;
		into->array.items = static_cast<struct us_json *>(us_arena_alloc(b->arena, n * sizeof *into->array.items));
		f->item = a.begin();
		f->item_end = a.end();
		f->into = into;
		f->at = 0;
		return US_OK;
	}
	case dom::element_type::OBJECT: {
		dom::object o = e.get_object().value_unsafe();
		size_t n = count(o);
		struct frame *f = &b->frames[b->depth++];
		if (enum us_errc rc = enter(b, n))
			return rc;
		into->type = US_JSON_OBJECT;
		into->object.n = n;
		into->object.members = static_cast<struct us_json_member *>(
			us_arena_alloc(b->arena, n * sizeof *into->object.members));
		f->member = o.begin();
		f->member_end = o.end();
		f->into = into;
		f->at = 0;
		return US_OK;
	}
	}
	us_assert(!"type of a JSON value");
	return US_INTERNAL;
}

/* Invariant: frames[0..depth) are the containers that are not yet full, innermost last. */
enum us_errc build(struct builder *b, dom::element root, struct us_json *into)
{
	b->nodes = 1;
	enum us_errc rc = take(b, root, into);

	while (!rc && b->depth) {
		struct frame *f = &b->frames[b->depth - 1];
		if (f->into->type == US_JSON_ARRAY) {
			if (f->item != f->item_end) {
				dom::element e = *f->item;
				++f->item;
				rc = take(b, e, &f->into->array.items[f->at++]);
				continue;
			}
		} else {
			if (f->member != f->member_end) {
				struct us_json_member *m = &f->into->object.members[f->at++];
				m->key = keep_string(b, f->member.key_c_str(), f->member.key_length());
				dom::element e = f->member.value();
				++f->member;
				rc = take(b, e, &m->value);
				continue;
			}
			const struct us_json_member *twice = find_duplicate(f->into);
			if (twice)
				return us_err_set(b->err, US_INVALID, "JSON object has the member \"" US_SLICE_FMT "\" twice",
					int(std::min<size_t>(twice->key.n, 100)), twice->key.p);
		}
		b->depth--;
	}
	return rc;
}

enum us_errc explain(struct us_slice text, size_t skipped, simdjson::error_code code, struct us_json_limits limits,
	struct us_err *err)
{
	size_t at = 0;
	const char *wrong = us_json_check(text, &at);

	if (code == simdjson::MEMALLOC)
		us_err_nomem();
	if (code == simdjson::DEPTH_ERROR || (wrong && !strcmp(wrong, "nested too deeply")))
		return us_err_set(err, US_TOO_LARGE, "JSON is nested deeper than %u", limits.depth);
	if (wrong)
		return us_err_set(err, US_INVALID, "not JSON, at byte %zu: %s", at + skipped, wrong);
	if (code == simdjson::NUMBER_ERROR)
		return us_err_set(err, US_INVALID, "JSON holds a number that is out of range");
	return us_err_set(err, US_INVALID, "not JSON: %s", simdjson::error_message(code));
}

simdjson::error_code parse_text(struct us_slice text, dom::element *ret_root)
{
	dom::parser *parser = thread_parser();
	auto code = parser->parse(text.p, text.n, true).get(*ret_root);

	if (code != simdjson::NUMBER_ERROR)
		return code;
	/* Whole numbers that no 64 bits hold are refused by the parser: as doubles they are read. */
	struct us_str wide = {};
	us_json_check_widen(text, &wide);
	if (wide.n != text.n)
		code = parser->parse(wide.p, wide.n, true).get(*ret_root);
	us_str_fini(&wide);
	return code;
}

} // namespace

extern "C" enum us_errc us_json_parse(struct us_arena *arena, struct us_slice text, struct us_json_limits limits,
	const struct us_json **ret_doc, struct us_err *err)
{
	dom::element root;
	size_t skipped = 0;

	us_assert(limits.depth < PARSER_DEPTH);
	if (text.n > limits.bytes)
		return us_err_set(err, US_TOO_LARGE, "JSON of %zu bytes is larger than %zu", text.n, limits.bytes);
	if (text.n >= 3 && !memcmp(text.p, "\xEF\xBB\xBF", 3)) {
		text.p += 3;
		text.n -= 3;
		skipped = 3;
	}
	if (!text.n)
		return us_err_set(err, US_INVALID, "not JSON, at byte %zu: the text is empty", skipped);
	simdjson::error_code code = parse_text(text, &root);
	enum us_errc rc;
	if (code) {
		rc = explain(text, skipped, code, limits, err);
	} else {
		struct builder b = {};
		b.arena = arena;
		b.limits = limits;
		b.err = err;
		b.strings = static_cast<char *>(us_arena_alloc(arena, text.n));
		/* One frame above the limit: a container is pushed, then refused. */
		struct frame few[33];
		b.frames = limits.depth < 33 ? few : new struct frame[limits.depth + 1];
		auto *doc = static_cast<struct us_json *>(us_arena_alloc(arena, sizeof(struct us_json)));
		rc = build(&b, root, doc);
		if (b.frames != few)
			delete[] b.frames;
		if (!rc)
			*ret_doc = doc;
	}
	if (text.n > KEEP_BYTES)
		*thread_parser() = dom::parser();
	return rc;
}
