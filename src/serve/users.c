#include "serve/users.h"

#include "store/directory.h"

/* ---- a row as bytes ---- */

/* The row as it is comes first, its pointers without a meaning; then its texts, each with its length before it and NUL behind it. */
#define NOT_SET UINT32_MAX

static void put_count(struct us_str *out, size_t n)
{
	uint32_t count = (uint32_t) n;

	us_str_add(out, (const char *) &count, sizeof count);
}

static void put_text(struct us_str *out, struct us_slice text)
{
	put_count(out, text.p ? text.n : NOT_SET);
	us_str_add_slice(out, text);
	us_str_add_char(out, '\0');
}

static size_t take_count(const char **at)
{
	uint32_t count;

	memcpy(&count, *at, sizeof count);
	*at += sizeof count;
	return count;
}

static struct us_slice take_text(const char **at)
{
	size_t n = take_count(at);
	struct us_slice text = n == NOT_SET ? US_SLICE_NONE : (struct us_slice) { *at, n };

	*at += text.n + 1;
	return text;
}

static void put_row(struct us_str *out, const struct us_listed *row)
{
	const struct us_user *user = &row->user.user;

	us_str_add(out, (const char *) row, sizeof *row);
	put_text(out, row->fold);
	put_text(out, user->id);
	put_text(out, user->name);
	put_text(out, user->full_name);
	put_text(out, user->first_name);
	put_text(out, user->last_name);
	put_text(out, user->email);
	for (size_t i = 0; i < user->n_attributes; i++) {
		put_text(out, user->attributes[i].name);
		put_count(out, user->attributes[i].n);
		for (size_t j = 0; j < user->attributes[i].n; j++)
			put_text(out, user->attributes[i].values[j]);
	}
}

static struct us_listed take_row(struct us_arena *arena, struct us_slice bytes)
{
	const char *at = bytes.p + sizeof(struct us_listed);
	struct us_listed row;

	memcpy(&row, bytes.p, sizeof row);
	struct us_user *user = &row.user.user;
	row.fold = take_text(&at);
	user->id = take_text(&at);
	user->name = take_text(&at);
	user->full_name = take_text(&at);
	user->first_name = take_text(&at);
	user->last_name = take_text(&at);
	user->email = take_text(&at);
	struct us_field *attributes = us_arena_array(arena, user->n_attributes, sizeof *attributes);
	user->attributes = attributes;
	for (size_t i = 0; i < user->n_attributes; i++) {
		struct us_field *f = &attributes[i];
		f->name = take_text(&at);
		f->n = take_count(&at);
		struct us_slice *values = us_arena_array(arena, f->n, sizeof *values);
		for (size_t j = 0; j < f->n; j++)
			values[j] = take_text(&at);
		f->values = values;
	}
	return row;
}

/* ---- finding ---- */

enum us_errc us_users_find(struct us_kept *kept, struct us_dbc *c, struct us_arena *arena, int64_t directory, struct us_slice name,
	struct us_listed *ret_row, struct us_err *err)
{
	struct us_kept_key key = { .kind = US_KEPT_USER, .directory = directory, .what = name };
	struct us_slice bytes;

	if (!kept)
		return us_object_find_listed(c, arena, directory, false, US_OBJECT_BY_NAME, name, 0, ret_row, err);
	enum us_errc rc = us_directory_load_revision(c, directory, &key.revision, err);
	if (rc)
		return rc;
	if (us_kept_find(kept, arena, &key, &bytes)) {
		*ret_row = take_row(arena, bytes);
		return US_OK;
	}
	rc = us_object_find_listed(c, arena, directory, false, US_OBJECT_BY_NAME, name, 0, ret_row, err);
	if (!rc) {
		struct us_str out = US_STR_INIT;
		put_row(&out, ret_row);
		us_kept_keep(kept, &key, us_str_slice(&out));
		us_str_fini(&out);
	}
	return rc;
}
