#include "sync/delta.h"

#include <stdlib.h>

#include "base/map.h"
#include "store/retired.h"

/* Ids to ask the source for, each once. */
struct ids {
	struct us_arena *arena;
	struct us_map seen;
	struct us_slice *list; /* by number of seen */
	uint32_t cap;
};

struct feed {
	const struct us_want *want;
	struct us_arena *arena; /* of the run */
	struct ids users;       /* who come, or come back, or have logged in since they were cleaned up as inactive */
	struct ids members;     /* that were not known when their group was named */
	struct us_map cursors;
};

static void add_id(struct ids *ids, struct us_slice id)
{
	bool is_new;
	uint32_t at = us_map_put(&ids->seen, us_hash_slice(id), &is_new);

	if (!is_new)
		return;
	if (at >= ids->cap) {
		ids->cap = ids->cap ? ids->cap * 2 : 64;
		ids->list = us_realloc(ids->list, ids->cap * sizeof *ids->list);
	}
	ids->list[at] = us_slice_dup(ids->arena, id);
}

static void ids_fini(struct ids *ids)
{
	us_map_fini(&ids->seen);
	free(ids->list);
}

/* Whose groups the directory does not have: somebody new, or somebody who was cleaned up. */
static bool comes(const struct us_want *w, const struct us_record *r)
{
	const struct us_have_side *users = &w->have->users;
	uint32_t place = r->id.n ? us_map_find(&users->ids, us_hash_slice(r->id)) : 0;

	return r->id.n && !r->problem.p && (place == US_MAP_NONE || users->flags[place] & US_HAVE_MISSING);
}

/* Who was cleaned up may be gone or filtered: that decides whether they are put into groups. */
static bool is_known(const struct us_want *w, struct us_slice id)
{
	struct us_hash key = us_hash_slice(id);
	uint32_t place = us_map_find(&w->have->users.ids, key);

	if (place != US_MAP_NONE)
		return !(w->have->users.flags[place] & US_HAVE_MISSING);
	return us_map_find(&w->have->groups.ids, key) != US_MAP_NONE;
}

static enum us_errc too_many(struct us_err *err)
{
	return us_err_set(err, US_EXPIRED, "more than %d changed users or members are not in the directory", US_DELTA_MAX_FINDS);
}

/* One page, but for the users who come: they are asked for when all is read. */
static enum us_errc take_page(struct feed *f, struct us_arena *arena, const struct us_page *page, struct us_err *err)
{
	struct us_record *records = us_arena_array(arena, page->n, sizeof *records);
	struct us_want want = *f->want;
	struct us_page rest = *page;

	want.is_feed = true;
	rest.records = records;
	rest.n = 0;
	for (size_t i = 0; i < page->n; i++) {
		const struct us_record *r = &page->records[i];
		if (r->kind == US_RECORD_USER && !r->is_gone && comes(&want, r)) {
			add_id(&f->users, r->id);
			continue;
		}
		records[rest.n] = *r;
		if (r->kind == US_RECORD_USER)
			records[rest.n].n_groups = 0;
		rest.n++;
		for (size_t k = 0; k < r->n_members; k++)
			if (!is_known(&want, r->members[k]))
				add_id(&f->members, r->members[k]);
	}
	if (f->users.seen.n > US_DELTA_MAX_FINDS || f->members.seen.n > 10 * US_DELTA_MAX_FINDS)
		return too_many(err);
	return us_want_page(&want, arena, &rest, err);
}

/* Invariant L, as for listings: the feed goes on only with a cursor never seen before, and ends only by the source's own word. */
static enum us_errc check_page(struct feed *f, const struct us_page *page, struct us_err *err)
{
	bool is_new = true;

	if (!page->next.n || page->next.n > US_DELTA_MAX_CURSOR_BYTES || !us_slice_is_utf8(page->next))
		return us_err_set(err, US_PARTIAL, "the feed of changes stopped without saying where it goes on");
	if (!page->end)
		us_map_put(&f->cursors, us_hash_slice(page->next), &is_new);
	if (!is_new)
		return us_err_set(err, US_PARTIAL, "the feed of changes gave the same cursor twice; nothing is known of what follows");
	us_assert(!page->end || page->signal);
	return US_OK;
}

static enum us_errc read_pages(struct feed *f, struct us_slice cursor, struct us_delta *ret, struct us_err *err)
{
	struct us_source *source = f->want->source;
	struct us_arena arena = US_ARENA_INIT;
	struct us_str at = US_STR_INIT;
	struct us_page page = { 0 };
	enum us_errc rc = US_OK;

	us_str_add_slice(&at, cursor);
	us_map_put(&f->cursors, us_hash_slice(cursor), NULL);
	while (rc == US_OK && !page.end) {
		us_arena_reset(&arena);
		page = (struct us_page) { .announced = -1 };
		rc = *f->want->cancel ? us_err_set(err, US_CANCELLED, "Cancelled while reading")
		                      : source->ops->changes(source, us_str_slice(&at), &arena, &page, err);
		if (rc == US_OK)
			rc = check_page(f, &page, err);
		if (rc == US_OK)
			rc = take_page(f, &arena, &page, err);
		if (rc)
			break;
		us_str_clear(&at);
		us_str_add_slice(&at, page.next);
		ret->row.pages++;
		ret->row.rows += page.rows;
	}
	if (rc == US_OK) {
		ret->row.signal = page.signal;
		ret->cursor = us_slice_dup(f->arena, us_str_slice(&at));
	}
	us_str_fini(&at);
	us_arena_fini(&arena);
	return rc;
}

/* One user with the groups that the directory has or the feed has named: any other comes with a feed of its own. Nobody: it went meanwhile, or is
 * outside of the listings. */
static enum us_errc find_one(struct feed *f, struct us_arena *arena, struct us_slice id, struct us_err *err)
{
	const struct us_want *w = f->want;
	struct us_page page = { 0 };
	enum us_errc rc = *w->cancel ? us_err_set(err, US_CANCELLED, "Cancelled while reading") : w->source->ops->find(w->source, id, true, arena, &page, err);

	if (rc)
		return rc == US_NOT_FOUND ? US_OK : rc;
	struct us_record *records = us_arena_array(arena, page.n, sizeof *records);
	size_t n = 0;
	for (size_t i = 0; i < page.n; i++)
		if (page.records[i].kind == US_RECORD_USER || us_map_find(&w->have->groups.ids, us_hash_slice(page.records[i].id)) != US_MAP_NONE)
			records[n++] = page.records[i];
	page.records = records;
	page.n = n;
	rc = us_want_page(w, arena, &page, err);
	for (size_t i = 0; i < n && rc == US_OK; i++)
		if (records[i].kind == US_RECORD_USER)
			us_plan_has_groups(w->plan, records[i].id);
	return rc;
}

static enum us_errc find_open(struct feed *f, struct us_err *err)
{
	const struct ids *both[] = { &f->users, &f->members };
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;
	int asked = 0;

	for (int k = 0; k < 2; k++)
		for (uint32_t i = 0; i < both[k]->seen.n && rc == US_OK; i++) {
			if (k == 1 && (is_known(f->want, f->members.list[i]) || us_map_find(&f->users.seen, f->members.seen.keys[i]) != US_MAP_NONE))
				continue;
			us_arena_reset(&arena);
			rc = ++asked > US_DELTA_MAX_FINDS ? too_many(err) : find_one(f, &arena, both[k]->list[i], err);
		}
	us_arena_fini(&arena);
	return rc;
}

static enum us_errc add_waking(struct feed *f, struct us_err *err)
{
	struct us_slice *ids;
	size_t n = 0;
	enum us_errc rc = us_retired_list_waking(f->want->reader, f->arena, f->want->directory, &ids, &n, err);

	for (size_t i = 0; i < n && !rc; i++)
		add_id(&f->users, ids[i]);
	return rc;
}

enum us_errc us_delta_read(const struct us_want *want, struct us_slice cursor, struct us_arena *arena, struct us_delta *ret_delta, struct us_err *err)
{
	struct feed f = { .want = want, .arena = arena, .users.arena = arena, .members.arena = arena };
	struct us_delta delta = { .row = { .listing = "changes", .kind = US_RECORD_USER, .announced = -1 } };
	struct us_err own = US_ERR_INIT;
	enum us_errc rc = add_waking(&f, &own);

	if (rc == US_OK)
		rc = read_pages(&f, cursor, &delta, &own);
	if (rc == US_OK)
		rc = find_open(&f, &own);
	us_map_fini(&f.cursors);
	ids_fini(&f.users);
	ids_fini(&f.members);
	if (rc)
		return us_err_copy(err, &own);
	*ret_delta = delta;
	return US_OK;
}
