#include "source/keycloak_walk.h"

#include <stdlib.h>

#include "net/url.h"
#include "source/keycloak_record.h"

enum { MEMBERS_PAGE_ROWS = 2000 };

static void add_window(struct us_str *url, const struct us_keycloak_pager *pager, bool is_brief)
{
	us_url_add_query_int(url, "first", us_keycloak_pager_first(pager));
	us_url_add_query_int(url, "max", us_keycloak_pager_max(pager));
	us_url_add_query(url, "briefRepresentation", is_brief ? US_SLICE("true") : US_SLICE("false"));
}

enum us_errc us_keycloak_walk_ask(struct us_keycloak_api *api, struct us_keycloak_pager *pager, struct us_slice path, bool is_brief,
	struct us_arena *arena, const struct us_json ***ret_fresh, size_t *ret_n, enum us_keycloak_step *ret_step, struct us_err *err)
{
	const struct us_json *doc;

	for (;;) {
		us_keycloak_api_prepare(api, api->call);
		us_str_add_slice(&api->call->url, path);
		add_window(&api->call->url, pager, is_brief);
		enum us_errc rc = us_keycloak_api_get(api, pager->what, arena, &doc, err);
		if (rc == US_OK)
			rc = us_keycloak_pager_take(pager, doc, arena, ret_fresh, ret_n, ret_step, err);
		if (rc || *ret_step != US_KEYCLOAK_AGAIN)
			return rc;
	}
}

/* ---- users ---- */

enum us_errc us_keycloak_walk_users(struct us_keycloak_walk *w, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err)
{
	struct us_keycloak_pager *p = &w->users;
	const struct us_json **fresh;
	enum us_keycloak_step step;
	size_t n;
	enum us_errc rc = US_OK;

	if (is_first) {
		us_keycloak_pager_fini(p);
		us_keycloak_pager_init(p, "users", "username", w->page_size);
		rc = us_keycloak_api_count(w->api, "users", &w->users_before, err);
	}
	if (rc == US_OK)
		rc = us_keycloak_walk_ask(w->api, p, US_SLICE("/users"), w->is_brief, arena, &fresh, &n, &step, err);
	if (rc)
		return rc;
	struct us_record *records = us_arena_array(arena, n, sizeof *records);
	page->records = records;
	page->n = n;
	for (size_t i = 0; i < n; i++)
		us_keycloak_user_record(arena, fresh[i], &records[i]);
	page->rows = (int64_t) n;
	page->announced = w->users_before;
	if (step != US_KEYCLOAK_END)
		return US_OK;
	int64_t after = 0;
	rc = us_keycloak_api_count(w->api, "users", &after, err);
	if (rc == US_OK)
		rc = us_keycloak_judge(&p->tally, p->what, w->users_before, after, &page->end, &page->signal, err);
	if (rc)
		return rc;
	w->users_before = page->announced = after;
	if (!page->end)
		us_keycloak_pager_begin_pass(p);
	return US_OK;
}

/* ---- groups ---- */

/* Records of a page while it grows: groups come in trees. */
struct batch {
	struct us_arena *arena;
	struct us_record *records;
	size_t n, cap;
};

static struct us_record *add_record(struct batch *b)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		struct us_record *grown = us_arena_array(b->arena, cap, sizeof *grown);
		if (b->n)
			memcpy(grown, b->records, b->n * sizeof *grown);
		b->records = grown;
		b->cap = cap;
	}
	return &b->records[b->n++];
}

static void add_queue(struct us_keycloak_groups *g, struct us_slice id)
{
	if (g->n_queue == g->cap_queue) {
		g->cap_queue = g->cap_queue ? g->cap_queue * 2 : 64;
		g->queue = us_realloc(g->queue, g->cap_queue * sizeof *g->queue);
	}
	g->queue[g->n_queue++] = id;
}

/* Takes one group of the list; true if this walk has not seen it before. */
static bool note_group(struct us_keycloak_walk *w, const struct us_json *json, struct batch *b)
{
	struct us_keycloak_groups *g = &w->groups;
	struct us_slice id = us_json_string(json, "id");
	bool is_new;
	uint32_t number = us_map_put(&g->numbers, us_hash_slice(id), &is_new);

	if (number >= g->cap) {
		g->cap = g->cap ? g->cap * 2 : 64;
		g->ids = us_realloc(g->ids, g->cap * sizeof *g->ids);
		g->walks = us_realloc(g->walks, g->cap * sizeof *g->walks);
	}
	if (!is_new && g->walks[number] == g->tally.pass)
		return false;
	g->walks[number] = (uint8_t) g->tally.pass;
	g->tally.rows++;
	if (!is_new)
		return true;
	g->tally.fresh++;
	g->tally.seen++;
	g->ids[number] = us_slice_dup(&g->arena, id);
	us_keycloak_group_record(b->arena, json, add_record(b));
	return true;
}

/* The group says, or leaves open, that it has children that are not in the text. */
static bool wants_children(struct us_keycloak_groups *g, const struct us_json *json, size_t n_embedded)
{
	const struct us_json *count = us_json_find(json, "subGroupCount");

	if (count && count->type == US_JSON_INT) {
		g->has_children = US_TRI_YES;
		return count->integer > (int64_t) n_embedded;
	}
	return n_embedded == 0 && g->has_children != US_TRI_NO;
}

static void nest(struct us_keycloak_walk *w, struct us_slice parent, const struct us_slice *children, size_t n, struct batch *b)
{
	struct us_keycloak_groups *g = &w->groups;

	if (!w->nests || !n)
		return;
	*add_record(b) = (struct us_record) { .kind = US_RECORD_MEMBERS, .ref = us_slice_dup(b->arena, parent), .members = children, .n_members = n };
	for (size_t i = 0; i < n; i++) {
		if (g->n_links == g->cap_links)
			g->links = us_realloc(g->links, (g->cap_links = g->cap_links ? g->cap_links * 2 : 64) * sizeof *g->links);
		g->links[g->n_links++] = (struct us_keycloak_link) { us_slice_dup(&g->arena, parent), us_slice_dup(&g->arena, children[i]) };
	}
}

/* A whole tree, without recursion: todo holds what is still to be taken. */
static void take_tree(struct us_keycloak_walk *w, const struct us_json *top, struct batch *b)
{
	struct us_keycloak_groups *g = &w->groups;
	size_t n = 0, cap = 16;
	const struct us_json **todo = us_malloc(cap * sizeof *todo);

	todo[n++] = top;
	while (n) {
		const struct us_json *json = todo[--n], *sub = us_json_find(json, "subGroups");
		struct us_slice id = us_json_string(json, "id");
		size_t n_sub = sub && sub->type == US_JSON_ARRAY ? sub->array.n : 0;
		if (!id.n || !note_group(w, json, b))
			continue;
		struct us_slice *children = us_arena_array(b->arena, n_sub, sizeof *children);
		for (size_t i = 0; i < n_sub; i++) {
			if (n == cap)
				todo = us_realloc(todo, (cap *= 2) * sizeof *todo);
			/* last first, so that they come off in their order */
			todo[n++] = &sub->array.items[n_sub - 1 - i];
			children[i] = us_json_string(&sub->array.items[i], "id");
		}
		nest(w, id, children, n_sub, b);
		if (wants_children(g, json, n_sub))
			add_queue(g, us_slice_dup(&g->arena, id));
	}
	free(todo);
}

static enum us_errc begin_groups_walk(struct us_keycloak_walk *w, struct us_err *err)
{
	struct us_keycloak_groups *g = &w->groups;

	us_keycloak_pager_fini(&g->list);
	us_keycloak_pager_init(&g->list, "groups", "name", w->page_size);
	g->at_top = true;
	g->n_queue = g->at = 0;
	g->is_complete = false;
	return us_keycloak_api_count(w->api, "groups", &g->before, err);
}

static void forget_groups(struct us_keycloak_groups *g)
{
	us_keycloak_pager_fini(&g->list);
	us_arena_fini(&g->arena);
	us_map_fini(&g->numbers);
	free(g->ids);
	free(g->walks);
	free(g->queue);
	free(g->links);
	*g = (struct us_keycloak_groups) { .has_children = g->has_children };
}

/* The list in hand is complete: on to the next group's children, or to the walk's end. */
static enum us_errc next_list(struct us_keycloak_walk *w, struct us_page *page, struct us_err *err)
{
	struct us_keycloak_groups *g = &w->groups;
	int64_t after = 0;

	if (!g->at_top)
		g->at++;
	g->at_top = false;
	us_keycloak_pager_fini(&g->list);
	us_keycloak_pager_init(&g->list, "groups", "name", w->page_size);
	if (g->at < g->n_queue)
		return US_OK;
	enum us_errc rc = us_keycloak_api_count(w->api, "groups", &after, err);
	if (rc == US_OK)
		rc = us_keycloak_judge(&g->tally, "groups", g->before, after, &page->end, &page->signal, err);
	if (rc)
		return rc;
	page->announced = after;
	g->is_complete = page->end;
	if (page->end)
		return US_OK;
	g->tally = (struct us_keycloak_tally) { .pass = g->tally.pass + 1, .seen = g->tally.seen };
	return begin_groups_walk(w, err);
}

/* An old server has no such question, and says so in its way; a new one may say that this one group is gone. */
static enum us_errc take_no_children(struct us_keycloak_walk *w, struct us_page *page, struct us_err *err)
{
	struct us_keycloak_groups *g = &w->groups;

	if (g->has_children == US_TRI_YES)
		g->tally.disturbed = true;
	else
		g->has_children = US_TRI_NO;
	if (g->has_children == US_TRI_NO)
		g->at = g->n_queue ? g->n_queue - 1 : 0; /* nobody has any */
	return next_list(w, page, err);
}

enum us_errc us_keycloak_walk_groups(struct us_keycloak_walk *w, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err)
{
	struct us_keycloak_groups *g = &w->groups;
	struct batch b = { .arena = arena };
	struct us_str path = US_STR_INIT;
	const struct us_json **fresh;
	enum us_keycloak_step step;
	size_t n = 0;
	uint32_t n_before;
	struct us_err failed = US_ERR_INIT;
	enum us_errc rc = US_OK;

	if (is_first) {
		forget_groups(g);
		g->tally.pass = 1;
		rc = begin_groups_walk(w, err);
	}
	if (rc)
		return rc;
	n_before = g->numbers.n;
	us_str_add_text(&path, "/groups");
	struct us_slice parent = g->at_top ? US_SLICE_NONE : g->queue[g->at];
	if (parent.p) {
		us_url_add_segment(&path, parent);
		us_str_add_text(&path, "/children");
	}
	rc = us_keycloak_walk_ask(w->api, &g->list, us_str_slice(&path), w->is_brief, arena, &fresh, &n, &step, &failed);
	us_str_fini(&path);
	page->announced = g->before;
	if (parent.p && (rc == US_NOT_FOUND || (rc == US_PROTOCOL && w->api->call->rc == US_OK && w->api->call->status == 405)))
		return take_no_children(w, page, err);
	if (rc)
		return us_err_copy(err, &failed);
	struct us_slice *children = us_arena_array(arena, n, sizeof *children);
	for (size_t i = 0; i < n; i++) {
		take_tree(w, fresh[i], &b);
		children[i] = us_json_string(fresh[i], "id");
	}
	if (parent.p) {
		g->has_children = US_TRI_YES;
		nest(w, parent, children, n, &b);
	}
	page->rows = (int64_t) g->numbers.n - n_before;
	page->records = b.records;
	page->n = b.n;
	for (size_t i = 0; i < b.n && rc == US_OK; i++)
		rc = us_keycloak_scope_check(&w->scope, b.records[i].ref, b.records[i].members, b.records[i].n_members, err);
	if (rc)
		return rc;
	if (step != US_KEYCLOAK_END)
		return US_OK;
	bool is_complete;
	const char *signal;
	rc = us_keycloak_judge(&g->list.tally, "groups", -1, -1, &is_complete, &signal, err);
	if (rc)
		return rc;
	if (is_complete)
		return next_list(w, page, err);
	us_keycloak_pager_begin_pass(&g->list);
	return US_OK;
}

/* ---- members ---- */

static void reset_members(struct us_keycloak_walk *w)
{
	struct us_keycloak_members *m = &w->members;

	us_http_abort(w->api->http);
	for (size_t i = 0; i < m->n_slots; i++) {
		us_keycloak_pager_fini(&m->slots[i].pager);
		m->slots[i].busy = false;
	}
	m->n_busy = 0;
	m->next_group = 0;
	m->is_broken = false;
}

static void ask_for_members(struct us_keycloak_walk *w, struct us_keycloak_slot *slot)
{
	us_keycloak_api_prepare(w->api, slot->call);
	us_str_add_text(&slot->call->url, "/groups");
	us_url_add_segment(&slot->call->url, w->groups.ids[slot->group]);
	us_str_add_text(&slot->call->url, "/members");
	add_window(&slot->call->url, &slot->pager, true);
	slot->call->owner = slot;
	us_http_start(slot->call);
}

static void fill_slots(struct us_keycloak_walk *w)
{
	struct us_keycloak_members *m = &w->members;

	for (size_t i = 0; i < m->n_slots && m->next_group < w->groups.numbers.n; i++) {
		struct us_keycloak_slot *slot = &m->slots[i];
		if (slot->busy)
			continue;
		us_keycloak_pager_fini(&slot->pager);
		us_keycloak_pager_init(&slot->pager, "members of groups", "username", w->page_size);
		slot->group = m->next_group++;
		slot->busy = true;
		slot->asked_again = false;
		m->n_busy++;
		ask_for_members(w, slot);
	}
}

static void free_slot(struct us_keycloak_members *m, struct us_keycloak_slot *slot)
{
	slot->busy = false;
	m->n_busy--;
	us_keycloak_pager_fini(&slot->pager);
}

/* One answer of one group. */
static enum us_errc take_members(struct us_keycloak_walk *w, struct us_keycloak_slot *slot, struct batch *b, struct us_page *page,
	struct us_err *err)
{
	struct us_keycloak_members *m = &w->members;
	const struct us_json *doc, **fresh;
	enum us_keycloak_step step;
	struct us_err failed = US_ERR_INIT;
	size_t n;

	us_arena_reset(&m->scratch);
	enum us_errc rc = us_keycloak_api_take(w->api, slot->call, slot->pager.what, &m->scratch, &doc, &failed);
	if (rc == US_NOT_FOUND) {
		/* Deleted since it was listed. Invariant L: who was in it is not known, and not gone. */
		struct us_slice id = us_slice_dup(b->arena, w->groups.ids[slot->group]);
		*add_record(b) = (struct us_record) { .kind = US_RECORD_GROUP, .id = id, .ref = id,
			.problem = US_SLICE("was deleted while its members were read: the next sync takes it away") };
		free_slot(m, slot);
		return US_OK;
	}
	if (rc == US_PROTOCOL && slot->call->rc == US_OK && slot->call->status == 200 && !slot->asked_again) {
		slot->asked_again = true;
		ask_for_members(w, slot);
		return US_OK;
	}
	if (rc == US_OK)
		rc = us_keycloak_pager_take(&slot->pager, doc, &m->scratch, &fresh, &n, &step, &failed);
	if (rc)
		return us_err_copy(err, &failed);
	if (n) {
		struct us_slice *members = us_arena_array(b->arena, n, sizeof *members);
		for (size_t i = 0; i < n; i++)
			members[i] = us_slice_dup(b->arena, us_json_string(fresh[i], "id"));
		*add_record(b) = (struct us_record) { .kind = US_RECORD_MEMBERS, .members = members, .n_members = n,
			.ref = us_slice_dup(b->arena, w->groups.ids[slot->group]) };
		page->rows += (int64_t) n;
		rc = us_keycloak_scope_check(&w->scope, w->groups.ids[slot->group], members, n, err);
		if (rc)
			return rc;
	}
	if (step == US_KEYCLOAK_END) {
		bool is_complete;
		const char *signal;
		rc = us_keycloak_judge(&slot->pager.tally, slot->pager.what, -1, -1, &is_complete, &signal, err);
		if (rc)
			return rc;
		if (is_complete) {
			free_slot(m, slot);
			return US_OK;
		}
		us_keycloak_pager_begin_pass(&slot->pager);
	}
	slot->asked_again = false;
	ask_for_members(w, slot);
	return US_OK;
}

static enum us_errc read_all_groups(struct us_keycloak_walk *w, struct us_err *err)
{
	struct us_arena arena = US_ARENA_INIT;
	enum us_errc rc = US_OK;

	for (bool is_first = true; rc == US_OK && !w->groups.is_complete; is_first = false) {
		struct us_page page = { .announced = -1 };
		us_arena_reset(&arena);
		rc = us_keycloak_walk_groups(w, is_first, &arena, &page, err);
	}
	us_arena_fini(&arena);
	return rc;
}

/* Invariant: each group before next_group is complete or in a busy slot. */
enum us_errc us_keycloak_walk_members(struct us_keycloak_walk *w, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err)
{
	struct us_keycloak_members *m = &w->members;
	struct batch b = { .arena = arena };
	enum us_errc rc = US_OK;

	if (is_first) {
		reset_members(w);
		rc = read_all_groups(w, err);
	} else if (m->is_broken) {
		rc = us_err_set(err, US_PARTIAL, "the listing of members was interrupted and has to start again");
	}
	page->announced = -1;
	while (rc == US_OK && page->rows < MEMBERS_PAGE_ROWS) {
		struct us_http_call *call = NULL;
		fill_slots(w);
		if (!m->n_busy) {
			page->end = true;
			page->signal = "each group's list ended";
			break;
		}
		rc = us_http_wait(w->api->http, &call, err);
		if (rc == US_OK)
			rc = take_members(w, call->owner, &b, page, err);
	}
	if (rc) {
		reset_members(w);
		m->is_broken = true;
		return rc;
	}
	page->records = b.records;
	page->n = b.n;
	return US_OK;
}

/* ---- life ---- */

void us_keycloak_walk_init(struct us_keycloak_walk *w, struct us_keycloak_api *api, int64_t page_size, size_t n_slots)
{
	*w = (struct us_keycloak_walk) { .api = api, .page_size = page_size };
	us_assert(n_slots <= US_KEYCLOAK_MAX_SLOTS);
	w->members.n_slots = n_slots;
	for (size_t i = 0; i < n_slots; i++)
		w->members.slots[i].call = us_http_call_new(api->http);
}

void us_keycloak_walk_fini(struct us_keycloak_walk *w)
{
	struct us_keycloak_members *m = &w->members;

	us_keycloak_pager_fini(&w->users);
	forget_groups(&w->groups);
	us_keycloak_scope_fini(&w->scope);
	for (size_t i = 0; i < m->n_slots; i++) {
		us_keycloak_pager_fini(&m->slots[i].pager);
		us_http_call_free(m->slots[i].call);
	}
	us_arena_fini(&m->scratch);
}
