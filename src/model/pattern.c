#include "model/pattern.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/fold.h"
#include "base/map.h"
#include "base/regex.h"

struct us_patterns {
	struct us_arena arena, folding;
	struct us_map names;   /* folded, of entries without wildcards */
	struct us_slice *wild; /* folded */
	struct us_regex **regex;
	size_t n_wild, n_regex;
	/* As written: names by number of the map, then wild, then regex, each list as long as all entries. */
	struct entry {
		struct us_slice text;
		bool is_marked;
	} * entries[3];
};

static bool is_regex(struct us_slice s) { return s.n >= 2 && s.p[0] == '/' && s.p[s.n - 1] == '/'; }

static struct us_slice inside(struct us_slice s) { return (struct us_slice) { s.p + 1, s.n - 2 }; }

static bool begins_with(struct us_slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n > n && memcmp(s.p, prefix, n) == 0;
}

/* null is as good as not set. */
static size_t entries(const struct us_json *list, const struct us_json **ret_items)
{
	bool is_array = list && list->type == US_JSON_ARRAY;

	*ret_items = is_array ? list->array.items : list;
	return is_array ? list->array.n : list && list->type == US_JSON_STRING ? 1 : 0;
}

struct us_patterns *us_patterns_new(const struct us_json *list, const char *prefix)
{
	struct us_patterns *p = us_calloc(1, sizeof *p);
	const struct us_json *items;
	size_t n = entries(list, &items);

	p->wild = us_calloc(n + 1, sizeof *p->wild);
	p->regex = us_calloc(n + 1, sizeof *p->regex);
	for (int i = 0; i < 3; i++)
		p->entries[i] = us_calloc(n + 1, sizeof **p->entries);
	for (size_t i = 0; i < n; i++) {
		struct us_slice s = items[i].string;
		bool has_prefix = begins_with(s, US_PATTERN_GROUP);
		if (has_prefix != (prefix != NULL))
			continue;
		if (prefix)
			s = (struct us_slice) { s.p + strlen(prefix), s.n - strlen(prefix) };
		if (is_regex(s)) {
			us_assert(us_regex_new(inside(s), US_REGEX_NOCASE, &p->regex[p->n_regex], NULL) == US_OK);
			p->entries[2][p->n_regex++].text = us_slice_dup(&p->arena, s);
		} else if (memchr(s.p, '*', s.n) || memchr(s.p, '?', s.n)) {
			p->wild[p->n_wild] = us_fold(&p->arena, s);
			p->entries[1][p->n_wild++].text = us_slice_dup(&p->arena, s);
		} else {
			p->entries[0][us_map_put(&p->names, us_fold_hash(s), NULL)].text = us_slice_dup(&p->arena, s);
		}
	}
	return p;
}

void us_patterns_free(struct us_patterns *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_regex; i++)
		us_regex_free(p->regex[i]);
	for (int i = 0; i < 3; i++)
		free(p->entries[i]);
	free(p->regex);
	free(p->wild);
	us_map_fini(&p->names);
	us_arena_fini(&p->arena);
	us_arena_fini(&p->folding);
	free(p);
}

bool us_patterns_is_empty(const struct us_patterns *p) { return !p->names.n && !p->n_wild && !p->n_regex; }

static size_t character(struct us_slice s, size_t at)
{
	size_t n = 1;

	while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xC0) == 0x80)
		n++;
	return n;
}

/* Linear but for the last star: what stood before it never has to be tried again. */
static bool matches_wild(struct us_slice pattern, struct us_slice name)
{
	size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;

	while (n < name.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			resume = n;
		} else if (p < pattern.n && pattern.p[p] == '?') {
			p++;
			n += character(name, n);
		} else if (p < pattern.n && pattern.p[p] == name.p[n]) {
			p++;
			n++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			n = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

bool us_patterns_match(struct us_patterns *p, struct us_slice name, bool doubt)
{
	if (p->names.n && us_map_find(&p->names, us_fold_hash(name)) != US_MAP_NONE)
		return true;
	if (!p->n_wild && !p->n_regex)
		return false;
	us_arena_reset(&p->folding);
	struct us_slice folded = us_fold(&p->folding, name);
	for (size_t i = 0; i < p->n_wild; i++)
		if (matches_wild(p->wild[i], folded))
			return true;
	for (size_t i = 0; i < p->n_regex; i++) {
		bool is;
		if (us_regex_match(p->regex[i], folded, &is, NULL) ? doubt : is)
			return true;
	}
	return false;
}

struct us_slice us_patterns_find(struct us_patterns *p, struct us_slice name)
{
	uint32_t at = us_map_find(&p->names, us_fold_hash(name));
	bool is;

	if (at != US_MAP_NONE)
		return p->entries[0][at].text;
	us_arena_reset(&p->folding);
	struct us_slice folded = us_fold(&p->folding, name);
	for (size_t i = 0; i < p->n_wild; i++)
		if (matches_wild(p->wild[i], folded))
			return p->entries[1][i].text;
	for (size_t i = 0; i < p->n_regex; i++)
		if (us_regex_match(p->regex[i], folded, &is, NULL) == US_OK && is)
			return p->entries[2][i].text;
	return US_SLICE_NONE;
}

bool us_patterns_mark(struct us_patterns *p, struct us_slice name)
{
	uint32_t at = p->names.n ? us_map_find(&p->names, us_fold_hash(name)) : US_MAP_NONE;
	bool any = at != US_MAP_NONE, is;

	if (any)
		p->entries[0][at].is_marked = true;
	if (!p->n_wild && !p->n_regex)
		return any;
	us_arena_reset(&p->folding);
	struct us_slice folded = us_fold(&p->folding, name);
	for (size_t i = 0; i < p->n_wild; i++)
		if (matches_wild(p->wild[i], folded))
			any = p->entries[1][i].is_marked = true;
	for (size_t i = 0; i < p->n_regex; i++)
		if (us_regex_match(p->regex[i], folded, &is, NULL) == US_OK && is)
			any = p->entries[2][i].is_marked = true;
	return any;
}

struct us_slice us_patterns_unmarked(const struct us_patterns *p)
{
	const size_t n[3] = { p->names.n, p->n_wild, p->n_regex };

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < n[i]; k++)
			if (!p->entries[i][k].is_marked)
				return p->entries[i][k].text;
	return US_SLICE_NONE;
}

void us_patterns_unmark(struct us_patterns *p)
{
	const size_t n[3] = { p->names.n, p->n_wild, p->n_regex };

	for (int i = 0; i < 3; i++)
		for (size_t k = 0; k < n[i]; k++)
			p->entries[i][k].is_marked = false;
}

void us_patterns_check(
	struct us_arena *arena, const char *field, const struct us_json *list, struct us_problem **problems)
{
	const struct us_json *items;
	size_t n = entries(list, &items);

	if (list && list->type != US_JSON_STRING && list->type != US_JSON_ARRAY)
		return; /* the schema says so already */
	if (n > US_PATTERNS_MAX)
		us_problem_add(arena, problems, field, "has more than %d entries", US_PATTERNS_MAX);
	for (size_t i = 0; i < n && i < US_PATTERNS_MAX; i++) {
		const char *at = us_arena_printf(arena, "%s[%zu]", field, i);
		struct us_slice s = items[i].string;
		struct us_err err = US_ERR_INIT;
		struct us_regex *regex;
		if (items[i].type != US_JSON_STRING)
			continue;
		if (begins_with(s, US_PATTERN_GROUP))
			s = (struct us_slice) { s.p + strlen(US_PATTERN_GROUP), s.n - strlen(US_PATTERN_GROUP) };
		if (!s.n || us_slice_is(s, US_PATTERN_GROUP))
			us_problem_add(arena, problems, at, "is empty");
		else if (!is_regex(s))
			continue;
		else if (us_regex_new(inside(s), US_REGEX_NOCASE, &regex, &err))
			us_problem_add(arena, problems, at, "%s", err.text);
		else
			us_regex_free(regex);
	}
}
