#include "model/lint.h"

#include "base/fold.h"
#include "base/map.h"

enum { SHOWN_PAIRS = 20 };

/* A path of a row, and how many records have it. */
struct seen {
	struct us_slice attribute;
	struct us_path *path;
	size_t records;
};

/* The first record of each outcome that is no wanted user, by row. */
struct failing {
	struct us_slice id, reason;
	size_t n;
};

struct us_lint {
	struct us_arena *arena, page; /* page: of one record */
	struct us_mapping *mapping;
	struct seen *seen;
	size_t n_seen;
	struct us_map names;
	struct us_slice *first_ids;   /* by number of the name */
	size_t cap_ids;
	struct us_problem *equal;
	size_t n_records, n_equal;
	struct failing failed, filtered;
};

static void watch(struct us_lint *l, const struct us_mapping_row *row, struct us_path *path, size_t *cap)
{
	if (l->n_seen == *cap) {
		struct seen *grown = us_arena_array(l->arena, *cap ? *cap * 2 : 32, sizeof *grown);
		if (l->n_seen)
			memcpy(grown, l->seen, l->n_seen * sizeof *grown);
		l->seen = grown;
		*cap = *cap ? *cap * 2 : 32;
	}
	l->seen[l->n_seen++] = (struct seen) { row->attribute, path, 0 };
}

struct us_lint *us_lint_new(struct us_arena *arena, struct us_mapping *mapping)
{
	struct us_lint *l = us_arena_zalloc(arena, sizeof *l);
	size_t n, cap = 0;
	struct us_mapping_row *rows = us_mapping_user_rows(mapping, &n);

	l->arena = arena;
	l->mapping = mapping;
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].is_configured)
			continue;
		for (size_t k = 0; k < rows[i].n_paths; k++)
			watch(l, &rows[i], &rows[i].paths[k], &cap);
		for (size_t t = 0; t < rows[i].n_templates; t++)
			for (size_t part = 0; part < rows[i].templates[t].n_parts; part++)
				for (size_t k = 0; k < rows[i].templates[t].parts[part].n_paths; k++)
					watch(l, &rows[i], &rows[i].templates[t].parts[part].paths[k], &cap);
	}
	return l;
}

void us_lint_fini(struct us_lint *l)
{
	us_map_fini(&l->names);
	us_arena_fini(&l->page);
}

static void note(struct us_lint *l, struct failing *f, struct us_slice id, struct us_slice reason)
{
	if (!f->n++) {
		f->id = us_slice_dup(l->arena, id);
		f->reason = us_slice_dup(l->arena, reason);
	}
}

static void note_name(struct us_lint *l, struct us_slice id, struct us_slice name)
{
	bool is_new;
	uint32_t at = us_map_put(&l->names, us_hash_slice(us_fold(&l->page, name)), &is_new);

	if (at >= l->cap_ids) {
		size_t cap = l->cap_ids ? l->cap_ids * 2 : 256;
		struct us_slice *grown = us_arena_array(l->arena, cap, sizeof *grown);
		if (l->cap_ids)
			memcpy(grown, l->first_ids, l->cap_ids * sizeof *grown);
		l->first_ids = grown;
		l->cap_ids = cap;
	}
	if (is_new)
		l->first_ids[at] = us_slice_dup(l->arena, id);
	/* The same user on two pages is no collision. */
	else if (!us_slice_is_equal(l->first_ids[at], id) && l->n_equal++ < SHOWN_PAIRS)
		us_problem_add(l->arena, &l->equal, "mapping.username", "makes two users equal: \"" US_SLICE_FMT "\" for ids \"" US_SLICE_FMT "\" and \"" US_SLICE_FMT "\"",
			US_SLICE_ARG(name), US_SLICE_ARG(l->first_ids[at]), US_SLICE_ARG(id));
}

void us_lint_add(struct us_lint *l, const struct us_record *record)
{
	struct us_path_record r = { .record = record, .arena = &l->page };
	struct us_mapping_input in = { .record = record, .knows_existing = true };
	struct us_mapped m;
	const struct us_slice *values;
	size_t n;

	us_arena_reset(&l->page);
	l->n_records++;
	for (size_t i = 0; i < l->n_seen; i++)
		l->seen[i].records += us_path_find(l->seen[i].path, &r, &values, &n);
	us_mapping_user(l->mapping, &in, &l->page, &m);
	switch (m.kind) {
	case US_MAPPED_WANTED:
		note_name(l, record->id, m.user.name);
		break;
	case US_MAPPED_FILTERED:
		note(l, &l->filtered, record->id, m.reason);
		break;
	case US_MAPPED_FAILED:
	case US_MAPPED_NEEDS_EXISTING:
		note(l, &l->failed, record->id, m.reason);
		break;
	}
}

size_t us_lint_records(const struct us_lint *l) { return l->n_records; }

static const char *field_of(struct us_lint *l, struct us_slice attribute)
{
	return us_arena_printf(l->arena, "mapping." US_SLICE_FMT, US_SLICE_ARG(attribute));
}

static void warn_of_rules(struct us_lint *l, const struct us_mapping_row *row, struct us_problem **list)
{
	for (size_t k = 0; k < row->n_transforms; k++)
		for (size_t i = 0; i < us_transform_rules(row->transforms[k]); i++) {
			struct us_slice find;
			if (us_transform_matches(row->transforms[k], i, &find) == 0)
				us_problem_add(l->arena, list, field_of(l, row->attribute), "the regular expression " US_SLICE_FMT " of step %zu matched no value of %zu records",
					(int) (find.n < 200 ? find.n : 200), find.p, k + 1, l->n_records);
		}
}

static void warn_of_outcome(struct us_lint *l, const struct failing *f, const char *what, struct us_problem **list)
{
	if (f->n)
		us_problem_add(l->arena, list, "mapping", "%s %zu of %zu users; the first, id \"" US_SLICE_FMT "\": " US_SLICE_FMT, what, f->n, l->n_records,
			US_SLICE_ARG(f->id), US_SLICE_ARG(f->reason));
}

struct us_problem *us_lint_warnings(struct us_lint *l)
{
	struct us_problem *list = NULL, **end;
	size_t n;
	const struct us_mapping_row *rows = us_mapping_user_rows(l->mapping, &n);

	if (!l->n_records)
		return NULL;
	for (size_t i = 0; i < l->n_seen; i++)
		if (!l->seen[i].records)
			us_problem_add(l->arena, &list, field_of(l, l->seen[i].attribute), "no record of %zu has " US_SLICE_FMT, l->n_records, US_SLICE_ARG(l->seen[i].path->text));
	for (size_t i = 0; i < n; i++)
		if (rows[i].is_configured)
			warn_of_rules(l, &rows[i], &list);
	warn_of_outcome(l, &l->failed, "fails", &list);
	warn_of_outcome(l, &l->filtered, "filters", &list);
	if (l->n_equal > SHOWN_PAIRS)
		us_problem_add(l->arena, &list, "mapping.username", "makes %zu users equal to others; the first are named below", l->n_equal);
	for (end = &list; *end; end = &(*end)->next)
		;
	*end = l->equal;
	return list;
}
