#include "source/keycloak_pager.h"

#include <stdlib.h>

enum { MAX_PASSES = 5, MAX_BACK = 24, MAX_IDLE = 3 };

void us_keycloak_pager_init(struct us_keycloak_pager *p, const char *what, const char *name_key, int64_t page_size)
{
	*p = (struct us_keycloak_pager) { .what = what, .name_key = name_key, .page_size = page_size, .last = US_MAP_NONE, .tally.pass = 1 };
}

void us_keycloak_pager_fini(struct us_keycloak_pager *p)
{
	us_map_fini(&p->seen);
	free(p->marks);
	*p = (struct us_keycloak_pager) { 0 };
}

int64_t us_keycloak_pager_first(const struct us_keycloak_pager *p) { return p->offset - p->back; }
int64_t us_keycloak_pager_max(const struct us_keycloak_pager *p) { return p->page_size + p->back; }

static uint32_t name_hash(const struct us_keycloak_pager *p, const struct us_json *row)
{
	return (uint32_t) us_hash_slice(us_json_string(row, p->name_key)).lo;
}

/* The page starts with a row that this pass has read, and under the same name: then all that stands before it was read, too. */
static bool fits(struct us_keycloak_pager *p, const struct us_json *rows)
{
	if (us_keycloak_pager_first(p) == 0)
		return true;
	if (!rows->array.n)
		return false;
	const struct us_json *row = &rows->array.items[0];
	uint32_t number = us_map_find(&p->seen, us_hash_slice(us_json_string(row, "id")));
	if (number == US_MAP_NONE || p->marks[number].pass != p->tally.pass || p->marks[number].name != name_hash(p, row))
		return false;
	if (number != p->last)
		p->tally.disturbed = true;
	return true;
}

static enum us_errc step_back(struct us_keycloak_pager *p, struct us_err *err)
{
	if (p->n_back == MAX_BACK)
		return us_err_set(err, US_PARTIAL, "the list of %s changes faster than it can be read", p->what);
	p->n_back++;
	p->tally.disturbed = true;
	p->back = p->back < 1 ? 1 : p->back * 8;
	if (p->back > p->offset)
		p->back = p->offset;
	return US_OK;
}

/* Notes the row; true if it was never seen before, in any pass. */
static bool mark(struct us_keycloak_pager *p, const struct us_json *row)
{
	struct us_slice id = us_json_string(row, "id");
	bool is_new;

	if (!id.n) {
		/* Cannot be told apart from its like: given out each time, to fail as one object. */
		p->tally.rows++;
		p->last = US_MAP_NONE;
		return true;
	}
	uint32_t number = us_map_put(&p->seen, us_hash_slice(id), &is_new);
	if (number >= p->n_marks_cap) {
		p->n_marks_cap = p->n_marks_cap ? p->n_marks_cap * 2 : 16;
		p->marks = us_realloc(p->marks, p->n_marks_cap * sizeof *p->marks);
	}
	if (is_new || p->marks[number].pass != p->tally.pass)
		p->tally.rows++;
	p->tally.fresh += is_new;
	p->tally.seen += is_new;
	p->marks[number] = (struct us_keycloak_mark) { name_hash(p, row), (uint8_t) p->tally.pass };
	p->last = number;
	return is_new;
}

static enum us_errc check_list(const struct us_keycloak_pager *p, const struct us_json *rows, struct us_err *err)
{
	if (rows->type != US_JSON_ARRAY)
		return us_err_set(err, US_PROTOCOL, "the answer to the question for %s is no list but of type %s", p->what,
			us_json_type_name(rows->type));
	for (size_t i = 0; i < rows->array.n; i++)
		if (rows->array.items[i].type != US_JSON_OBJECT)
			return us_err_set(err, US_PROTOCOL, "the list of %s holds something of type %s", p->what,
				us_json_type_name(rows->array.items[i].type));
	return US_OK;
}

enum us_errc us_keycloak_pager_take(struct us_keycloak_pager *p, const struct us_json *rows, struct us_arena *arena,
	const struct us_json ***ret_fresh, size_t *ret_n, enum us_keycloak_step *ret_step, struct us_err *err)
{
	enum us_errc rc = check_list(p, rows, err);
	int64_t first = us_keycloak_pager_first(p), n = (int64_t) rows->array.n, rows_before = p->tally.rows;
	uint32_t last_before = p->last;

	if (rc)
		return rc;
	*ret_n = 0;
	*ret_fresh = NULL;
	if (!fits(p, rows)) {
		*ret_step = US_KEYCLOAK_AGAIN;
		return step_back(p, err);
	}
	if (n == 0) {
		*ret_step = US_KEYCLOAK_END; /* first is 0: there is nobody, any more */
		p->tally.disturbed |= p->tally.rows > 0;
		return US_OK;
	}
	const struct us_json **fresh = us_arena_array(arena, (size_t) n, sizeof *fresh);
	for (int64_t i = 0; i < n; i++)
		if (mark(p, &rows->array.items[i]))
			fresh[(*ret_n)++] = &rows->array.items[i];
	*ret_fresh = fresh;
	if (p->back == 1 && n == 1 && p->last == last_before) {
		*ret_step = US_KEYCLOAK_END;
		return US_OK;
	}
	p->offset = first + n;
	p->back = 1;
	*ret_step = US_KEYCLOAK_MORE;
	if (p->offset > p->furthest)
		p->furthest = p->offset;
	if (p->tally.rows > rows_before) {
		p->n_idle = 0;
		return US_OK;
	}
	/* Nothing new: that is so while what was stepped back over is read again, and not for ever. */
	if (++p->n_idle > MAX_IDLE + p->n_back * (p->furthest / p->page_size + 2))
		return us_err_set(err, US_PARTIAL, "the server gives the same page of %s again and again; nothing is known of what follows", p->what);
	return US_OK;
}

void us_keycloak_pager_begin_pass(struct us_keycloak_pager *p)
{
	p->tally = (struct us_keycloak_tally) { .pass = p->tally.pass + 1, .seen = p->tally.seen };
	p->last = US_MAP_NONE;
	p->offset = p->furthest = p->back = 0;
	p->n_back = p->n_idle = 0;
}

enum us_errc us_keycloak_judge(const struct us_keycloak_tally *t, const char *what, int64_t before, int64_t after, bool *ret_complete,
	const char **ret_signal, struct us_err *err)
{
	bool disturbed = t->disturbed || before != after;
	bool has_all = t->rows >= after;
	/* Rows, and then none at all: nobody is gone for that, unless the server counts none. */
	bool is_flapping = t->rows == 0 && t->seen > 0 && after != 0;

	*ret_complete = has_all && !is_flapping && (!disturbed || (t->pass > 1 && t->fresh == 0));
	if (*ret_complete) {
		*ret_signal = disturbed ? "read twice, the same rows" : t->rows ? "nothing after the last row" : "empty list";
		return US_OK;
	}
	/* Once more also where nothing moved and rows are missing: it may have been a hiccup. Twice the same is no hiccup. */
	if (t->pass < MAX_PASSES && (disturbed || t->pass == 1))
		return US_OK;
	if (is_flapping)
		return us_err_set(err, US_PARTIAL, "the server gave %lld %s and then none", (long long) t->seen, what);
	if (has_all)
		return us_err_set(err, US_PARTIAL, "the list of %s changed during each of %u readings", what, t->pass);
	return us_err_set(err, US_PARTIAL, "the server counts %lld %s and lists %lld: the rest is hidden from the service account", (long long) after,
		what, (long long) t->rows);
}
