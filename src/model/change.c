#include "model/change.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const outcomes[] = {
#define X(code, text) [code] = text,
	US_OUTCOME_TABLE(X)
#undef X
};
static const char *const objects[] = {
	[US_OBJECT_USER] = "user",
	[US_OBJECT_GROUP] = "group",
	[US_OBJECT_MEMBERS] = "members",
};

const char *us_outcome_text(enum us_outcome outcome) { return outcomes[outcome]; }
const char *us_object_text(enum us_object object) { return objects[object]; }

bool us_outcome_is_written(enum us_outcome outcome)
{
	switch (outcome) {
	case US_OUTCOME_ADDED:
	case US_OUTCOME_UPDATED:
	case US_OUTCOME_RENAMED:
	case US_OUTCOME_DISABLED:
	case US_OUTCOME_DELETED:
	case US_OUTCOME_ANONYMIZED:
		return true;
	case US_OUTCOME_NOT_MODIFIED:
	case US_OUTCOME_FILTERED:
	case US_OUTCOME_FAILED:
	case US_OUTCOME_HELD:
	case US_OUTCOME_COUNT:
		break;
	}
	return false;
}

bool us_outcome_parse(struct us_slice text, enum us_outcome *ret_outcome)
{
	for (size_t i = 0; i < US_OUTCOME_COUNT; i++)
		if (us_slice_is(text, outcomes[i])) {
			*ret_outcome = (enum us_outcome) i;
			return true;
		}
	return false;
}

bool us_object_parse(struct us_slice text, enum us_object *ret_object)
{
	for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
		if (us_slice_is(text, objects[i])) {
			*ret_object = (enum us_object) i;
			return true;
		}
	return false;
}

/* ---- images: writing ---- */

static void put_set(struct us_jsonw *w, const char *key, struct us_slice value)
{
	if (value.p)
		us_jsonw_put_string(w, key, value);
}

static void put_hash(struct us_jsonw *w, struct us_hash hash)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char bytes[US_HASH_BYTES];
	char hex[2 * US_HASH_BYTES];

	if (us_hash_is_equal(hash, US_HASH_ZERO))
		return;
	us_hash_put(hash, bytes);
	for (size_t i = 0; i < sizeof bytes; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	us_jsonw_put_string(w, "hash", (struct us_slice) { hex, sizeof hex });
}

void us_attributes_write(struct us_jsonw *w, const struct us_field *attributes, size_t n)
{
	us_jsonw_open(w, '{');
	for (size_t i = 0; i < n; i++) {
		/* Fields of one name lie side by side (they are sorted): one member, or the object could not be read back. */
		bool is_more = i > 0 && us_slice_is_equal(attributes[i].name, attributes[i - 1].name);
		bool has_more = i + 1 < n && us_slice_is_equal(attributes[i].name, attributes[i + 1].name);
		if (!is_more) {
			us_jsonw_key_slice(w, attributes[i].name);
			us_jsonw_open(w, '[');
		}
		for (size_t k = 0; k < attributes[i].n; k++)
			us_jsonw_string(w, attributes[i].values[k]);
		if (!has_more)
			us_jsonw_close(w, ']');
	}
	us_jsonw_close(w, '}');
}

static void put_attributes(struct us_jsonw *w, const struct us_field *attributes, size_t n)
{
	if (!n)
		return;
	us_jsonw_key(w, "attributes");
	us_attributes_write(w, attributes, n);
}

void us_user_image_write(struct us_jsonw *w, const struct us_user_image *image)
{
	const struct us_user *u = &image->user;

	us_jsonw_open(w, '{');
	put_set(w, "id", u->id);
	put_set(w, "name", u->name);
	put_set(w, "fullName", u->full_name);
	put_set(w, "firstName", u->first_name);
	put_set(w, "lastName", u->last_name);
	put_set(w, "email", u->email);
	us_jsonw_put_bool(w, "active", u->active);
	put_attributes(w, u->attributes, u->n_attributes);
	us_jsonw_put_bool(w, "owned", image->owned);
	if (image->missing_since)
		us_jsonw_put_int(w, "missingSince", image->missing_since);
	if (image->retired.since) {
		us_jsonw_put_int(w, "retiredSince", image->retired.since);
		us_jsonw_put_int(w, "retiredBy", image->retired.by);
		us_jsonw_put_bool(w, "retiredStrips", image->retired.strips);
	}
	put_hash(w, image->hash);
	us_jsonw_put_int(w, "revision", image->revision);
	us_jsonw_close(w, '}');
}

void us_group_image_write(struct us_jsonw *w, const struct us_group_image *image)
{
	us_jsonw_open(w, '{');
	put_set(w, "id", image->group.id);
	put_set(w, "name", image->group.name);
	put_set(w, "description", image->group.description);
	put_attributes(w, image->group.attributes, image->group.n_attributes);
	us_jsonw_put_bool(w, "owned", image->owned);
	put_hash(w, image->hash);
	us_jsonw_put_int(w, "revision", image->revision);
	us_jsonw_close(w, '}');
}

/* The revision is the last member. */
struct us_slice us_image_text_at(struct us_arena *arena, struct us_slice json, int64_t revision)
{
	static const char key[] = ",\"revision\":";
	size_t n = json.n ? json.n - 1 : 0;

	if (!n || json.p[n] != '}')
		return US_SLICE_NONE;
	while (n && json.p[n - 1] >= '0' && json.p[n - 1] <= '9')
		n--;
	if (n < sizeof key || memcmp(json.p + n - (sizeof key - 1), key, sizeof key - 1) != 0)
		return US_SLICE_NONE;
	char *text = us_arena_alloc(arena, n + 24);
	memcpy(text, json.p, n);
	return (struct us_slice) { text, n + (size_t) snprintf(text + n, 24, "%lld}", (long long) revision) };
}

/* ---- images: reading ---- */

/* Our own text, of bounded shape; members that a later version adds may nest a little deeper. */
#define IMAGE_LIMITS ((struct us_json_limits) { (size_t) 256 << 20, 8, 16000000 })

static enum us_errc get_string(const struct us_json *doc, const char *key, struct us_slice *ret_value, struct us_err *err)
{
	const struct us_json *v = us_json_find(doc, key);

	if (!v)
		return US_OK;
	if (v->type != US_JSON_STRING)
		return us_err_set(err, US_INVALID, "image: \"%s\" is a %s, not a string", key, us_json_type_name(v->type));
	*ret_value = v->string;
	return US_OK;
}

static enum us_errc get_bool(const struct us_json *doc, const char *key, bool *ret_value, struct us_err *err)
{
	const struct us_json *v = us_json_find(doc, key);

	if (!v || v->type != US_JSON_BOOL)
		return us_err_set(err, US_INVALID, "image: \"%s\" is not true or false", key);
	*ret_value = v->boolean;
	return US_OK;
}

static enum us_errc get_int(const struct us_json *doc, const char *key, int64_t *ret_value, struct us_err *err)
{
	const struct us_json *v = us_json_find(doc, key);

	if (!v)
		return US_OK;
	if (v->type != US_JSON_INT)
		return us_err_set(err, US_INVALID, "image: \"%s\" is not a whole number", key);
	*ret_value = v->integer;
	return US_OK;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum us_errc get_hash(const struct us_json *doc, struct us_hash *ret_hash, struct us_err *err)
{
	unsigned char bytes[US_HASH_BYTES];
	struct us_slice hex = US_SLICE_NONE;
	enum us_errc rc = get_string(doc, "hash", &hex, err);

	if (rc || !hex.p)
		return rc;
	bool ok = hex.n == 2 * sizeof bytes;
	for (size_t i = 0; ok && i < sizeof bytes; i++) {
		int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);
		ok = high >= 0 && low >= 0;
		bytes[i] = ok ? (unsigned char) (high << 4 | low) : 0;
	}
	if (!ok)
		return us_err_set(err, US_INVALID, "image: \"hash\" is not %zu hexadecimal digits", 2 * sizeof bytes);
	*ret_hash = us_hash_take(bytes, sizeof bytes);
	return US_OK;
}

static int by_name(const void *a, const void *b)
{
	return us_slice_compare(((const struct us_field *) a)->name, ((const struct us_field *) b)->name);
}

static enum us_errc take_attributes(struct us_arena *arena, const struct us_json *doc, const struct us_field **ret_attributes,
	size_t *ret_n, struct us_err *err)
{
	if (doc->type != US_JSON_OBJECT)
		return us_err_set(err, US_INVALID, "attributes are a %s, not an object", us_json_type_name(doc->type));
	size_t n = doc->object.n;
	struct us_field *fields = us_arena_array(arena, n, sizeof *fields);
	bool is_sorted = true;
	for (size_t i = 0; i < n; i++) {
		const struct us_json_member *m = &doc->object.members[i];
		if (m->value.type != US_JSON_ARRAY)
			return us_err_set(err, US_INVALID, "attribute \"" US_SLICE_FMT "\" is not an array", US_SLICE_ARG(m->key));
		struct us_slice *values = us_arena_array(arena, m->value.array.n, sizeof *values);
		for (size_t k = 0; k < m->value.array.n; k++) {
			const struct us_json *v = &m->value.array.items[k];
			if (v->type == US_JSON_STRING)
				values[k] = v->string;
			else if (v->type != US_JSON_NULL)
				return us_err_set(err, US_INVALID, "attribute \"" US_SLICE_FMT "\" holds a value that is not a string",
					US_SLICE_ARG(m->key));
		}
		fields[i] = (struct us_field) { m->key, values, m->value.array.n };
		is_sorted = is_sorted && (i == 0 || us_slice_compare(fields[i - 1].name, fields[i].name) < 0);
	}
	if (!is_sorted)
		qsort(fields, n, sizeof *fields, by_name);
	*ret_attributes = n ? fields : NULL;
	*ret_n = n;
	return US_OK;
}

enum us_errc us_attributes_parse(struct us_arena *arena, struct us_slice json, const struct us_field **ret_attributes, size_t *ret_n,
	struct us_err *err)
{
	const struct us_json *doc;
	enum us_errc rc = us_json_parse(arena, json, IMAGE_LIMITS, &doc, err);

	return rc ? rc : take_attributes(arena, doc, ret_attributes, ret_n, err);
}

static enum us_errc get_attributes(struct us_arena *arena, const struct us_json *doc, const struct us_field **ret_attributes, size_t *ret_n,
	struct us_err *err)
{
	const struct us_json *v = us_json_find(doc, "attributes");

	return v ? take_attributes(arena, v, ret_attributes, ret_n, err) : US_OK;
}

static enum us_errc parse_object(struct us_arena *arena, struct us_slice json, const struct us_json **ret_doc, struct us_err *err)
{
	const struct us_json *doc;
	enum us_errc rc = us_json_parse(arena, json, IMAGE_LIMITS, &doc, err);

	if (rc)
		return rc;
	if (doc->type != US_JSON_OBJECT)
		return us_err_set(err, US_INVALID, "image is a %s, not an object", us_json_type_name(doc->type));
	*ret_doc = doc;
	return US_OK;
}

enum us_errc us_user_image_parse(struct us_arena *arena, struct us_slice json, struct us_user_image *ret_image, struct us_err *err)
{
	struct us_user_image image = { 0 };
	struct us_user *u = &image.user;
	const struct us_json *doc;
	enum us_errc rc = parse_object(arena, json, &doc, err);

	if (rc || (rc = get_string(doc, "id", &u->id, err)) || (rc = get_string(doc, "name", &u->name, err)) ||
		(rc = get_string(doc, "fullName", &u->full_name, err)) ||
		(rc = get_string(doc, "firstName", &u->first_name, err)) ||
		(rc = get_string(doc, "lastName", &u->last_name, err)) || (rc = get_string(doc, "email", &u->email, err)) ||
		(rc = get_bool(doc, "active", &u->active, err)) || (rc = get_bool(doc, "owned", &image.owned, err)) ||
		(rc = get_int(doc, "missingSince", &image.missing_since, err)) ||
		(rc = get_int(doc, "retiredSince", &image.retired.since, err)) || (rc = get_int(doc, "retiredBy", &image.retired.by, err)) || (rc = get_hash(doc, &image.hash, err)) ||
		(rc = get_int(doc, "revision", &image.revision, err)) || (rc = get_attributes(arena, doc, &u->attributes, &u->n_attributes, err)))
		return rc;
	image.retired.strips = us_json_bool(doc, "retiredStrips", false);
	*ret_image = image;
	return US_OK;
}

enum us_errc us_group_image_parse(struct us_arena *arena, struct us_slice json, struct us_group_image *ret_image, struct us_err *err)
{
	struct us_group_image image = { 0 };
	const struct us_json *doc;
	enum us_errc rc = parse_object(arena, json, &doc, err);

	if (rc || (rc = get_string(doc, "id", &image.group.id, err)) ||
		(rc = get_string(doc, "name", &image.group.name, err)) ||
		(rc = get_string(doc, "description", &image.group.description, err)) ||
		(rc = get_bool(doc, "owned", &image.owned, err)) || (rc = get_hash(doc, &image.hash, err)) ||
		(rc = get_int(doc, "revision", &image.revision, err)) ||
		(rc = get_attributes(arena, doc, &image.group.attributes, &image.group.n_attributes, err)))
		return rc;
	*ret_image = image;
	return US_OK;
}

/* ---- deltas ---- */

static void add_u32(struct us_str *out, uint32_t v)
{
	char bytes[4] = { (char) v, (char) (v >> 8), (char) (v >> 16), (char) (v >> 24) };

	us_str_add(out, bytes, sizeof bytes);
}

static uint32_t take_u32(const char *p)
{
	const unsigned char *b = (const unsigned char *) p;

	return b[0] | (uint32_t) b[1] << 8 | (uint32_t) b[2] << 16 | (uint32_t) b[3] << 24;
}

void us_members_delta_write(struct us_str *out, const struct us_members_delta *delta)
{
	const uint32_t *const lists[4] = { delta->added_users, delta->removed_users, delta->added_groups, delta->removed_groups };
	const uint32_t counts[4] = { delta->n_added_users, delta->n_removed_users, delta->n_added_groups, delta->n_removed_groups };

	us_str_reserve(out, 16 + 4 * ((size_t) counts[0] + counts[1] + counts[2] + counts[3]));
	for (int i = 0; i < 4; i++)
		add_u32(out, counts[i]);
	for (int i = 0; i < 4; i++)
		for (uint32_t k = 0; k < counts[i]; k++)
			add_u32(out, lists[i][k]);
}

enum us_errc us_members_delta_parse(struct us_arena *arena, struct us_slice bytes, struct us_members_delta *ret_delta, struct us_err *err)
{
	uint32_t counts[4];
	const uint32_t *lists[4];
	uint64_t total = 0;

	if (bytes.n < 16)
		return us_err_set(err, US_INVALID, "members: %zu bytes are too few", bytes.n);
	for (int i = 0; i < 4; i++)
		total += counts[i] = take_u32(bytes.p + 4 * i);
	if (bytes.n != 16 + 4 * total)
		return us_err_set(err, US_INVALID, "members: %zu bytes do not hold %llu numbers", bytes.n, (unsigned long long) total);
	uint32_t *numbers = us_arena_alloc(arena, total * sizeof *numbers);
	const char *p = bytes.p + 16;
	for (int i = 0; i < 4; i++) {
		lists[i] = numbers;
		for (uint32_t k = 0; k < counts[i]; k++, p += 4) {
			numbers[k] = take_u32(p);
			if (numbers[k] == 0 || (k > 0 && numbers[k] <= numbers[k - 1]))
				return us_err_set(err, US_INVALID, "members: the numbers are not in order");
		}
		numbers += counts[i];
	}
	*ret_delta = (struct us_members_delta) {
		.added_users = lists[0], .n_added_users = counts[0],
		.removed_users = lists[1], .n_removed_users = counts[1],
		.added_groups = lists[2], .n_added_groups = counts[2],
		.removed_groups = lists[3], .n_removed_groups = counts[3],
	};
	return US_OK;
}

/* ---- hashes of sets ---- */

/* Stored as a sum: the bytes that are hashed must never change. */
static struct us_hash member_hash(char kind, uint32_t number)
{
	char bytes[5] = { kind, (char) number, (char) (number >> 8), (char) (number >> 16), (char) (number >> 24) };

	return us_hash(bytes, sizeof bytes);
}

struct us_hash us_members_hash_user(uint32_t number) { return member_hash('u', number); }
struct us_hash us_members_hash_group(uint32_t number) { return member_hash('g', number); }

struct us_hash us_members_hash_add(struct us_hash set, struct us_hash member)
{
	uint64_t lo = set.lo + member.lo;

	return (struct us_hash) { lo, set.hi + member.hi + (lo < member.lo) };
}

struct us_hash us_members_hash_remove(struct us_hash set, struct us_hash member)
{
	return (struct us_hash) { set.lo - member.lo, set.hi - member.hi - (set.lo < member.lo) };
}
