#include "source/keycloak_scope.h"

#include <stdlib.h>

#include "net/url.h"
#include "source/keycloak_record.h"
#include "source/keycloak_walk.h"

enum { MAX_GROUPS = 1000 };

void us_keycloak_scope_fini(struct us_keycloak_scope *s)
{
	us_arena_fini(&s->arena);
	free(s->groups);
	us_map_fini(&s->wanted);
	us_map_fini(&s->met);
	us_keycloak_pager_fini(&s->list);
	*s = (struct us_keycloak_scope) { 0 };
}

/* ---- which groups ---- */

static void add_group(struct us_keycloak_scope *s, struct us_slice id)
{
	bool is_new;

	us_map_put(&s->wanted, us_hash_slice(id), &is_new);
	if (!is_new)
		return;
	if (s->n == s->cap)
		s->groups = us_realloc(s->groups, (s->cap = s->cap ? s->cap * 2 : 32) * sizeof *s->groups);
	s->groups[s->n++] = us_slice_dup(&s->arena, id);
}

/* The walk goes from the top down, so a link stands behind those above it. Where groups were moved meanwhile, the listing of groups finds one that
 * was left out. */
static void add_groups_below(struct us_keycloak_scope *s, const struct us_keycloak_groups *g)
{
	for (size_t i = 0; i < g->n_links; i++)
		if (us_map_find(&s->wanted, us_hash_slice(g->links[i].parent)) != US_MAP_NONE)
			add_group(s, g->links[i].child);
}

enum us_errc us_keycloak_scope_narrow(struct us_keycloak_walk *w, const struct us_slice *refs, size_t n, struct us_err *err)
{
	struct us_keycloak_scope *s = &w->scope;
	bool is_known = w->groups.is_complete && n > 0;

	us_keycloak_scope_fini(s);
	for (size_t i = 0; i < n && is_known; i++) {
		is_known = us_map_find(&w->groups.numbers, us_hash_slice(refs[i])) != US_MAP_NONE;
		add_group(s, refs[i]);
	}
	if (is_known)
		add_groups_below(s, &w->groups);
	s->is_on = is_known && s->n <= MAX_GROUPS;
	if (s->is_on)
		return US_OK;
	us_keycloak_scope_fini(s);
	return us_err_set(err, US_END, "the members of these groups cannot be read by themselves");
}

enum us_errc us_keycloak_scope_check(const struct us_keycloak_scope *s, struct us_slice group, const struct us_slice *members, size_t n,
	struct us_err *err)
{
	if (!s->is_on || us_map_find(&s->wanted, us_hash_slice(group)) == US_MAP_NONE)
		return US_OK;
	for (size_t i = 0; i < n; i++) {
		struct us_hash key = us_hash_slice(members[i]);
		if (us_map_find(&s->met, key) == US_MAP_NONE && us_map_find(&s->wanted, key) == US_MAP_NONE)
			return us_err_set(err, US_PARTIAL, "somebody came into a required group while its members were read (" US_SLICE_FMT
				"): the next sync reads them", US_SLICE_ARG(group));
	}
	return US_OK;
}

/* ---- who is in them ---- */

static void begin_list(struct us_keycloak_walk *w)
{
	us_keycloak_pager_fini(&w->scope.list);
	us_keycloak_pager_init(&w->scope.list, "members of required groups", "username", w->page_size);
}

/* The lists name the accounts of clients, too, which the list of all users leaves out. */
static enum us_errc add_user(struct us_keycloak_walk *w, const struct us_json *json, struct us_arena *arena, struct us_page *page,
	struct us_record *records, struct us_err *err)
{
	struct us_slice id = us_json_string(json, "id");
	struct us_err why = US_ERR_INIT;
	bool is_new = true;

	if (id.n)
		us_map_put(&w->scope.met, us_hash_slice(id), &is_new);
	if (!is_new)
		return US_OK;
	enum us_errc rc = us_keycloak_api_check_person(w->api, json, arena, &why);
	if (rc)
		return rc == US_NOT_FOUND ? US_OK : us_err_copy(err, &why);
	us_keycloak_user_record(arena, json, &records[page->n++]);
	return US_OK;
}

/* The list under way is complete, or its group is gone, which the listing of groups tells. */
static void next_list(struct us_keycloak_walk *w, struct us_page *page)
{
	struct us_keycloak_scope *s = &w->scope;

	s->at++;
	begin_list(w);
	if (s->at < s->n)
		return;
	page->end = true;
	page->signal = "each required group's list ended";
}

enum us_errc us_keycloak_scope_users(struct us_keycloak_walk *w, bool is_first, struct us_arena *arena, struct us_page *page,
	struct us_err *err)
{
	struct us_keycloak_scope *s = &w->scope;
	struct us_str path = US_STR_INIT;
	const struct us_json **fresh;
	enum us_keycloak_step step;
	struct us_err failed = US_ERR_INIT;
	bool is_complete;
	const char *signal;
	size_t n;

	if (is_first) {
		s->at = 0;
		us_map_fini(&s->met);
		s->met = (struct us_map) US_MAP_INIT;
		begin_list(w);
	}
	us_str_add_text(&path, "/groups");
	us_url_add_segment(&path, s->groups[s->at]);
	us_str_add_text(&path, "/members");
	enum us_errc rc = us_keycloak_walk_ask(w->api, &s->list, us_str_slice(&path), w->is_brief, arena, &fresh, &n, &step, &failed);
	us_str_fini(&path);
	if (rc == US_NOT_FOUND) {
		next_list(w, page);
		return US_OK;
	}
	if (rc)
		return us_err_copy(err, &failed);
	struct us_record *records = us_arena_array(arena, n, sizeof *records);
	page->records = records;
	for (size_t i = 0; i < n && !rc; i++)
		rc = add_user(w, fresh[i], arena, page, records, err);
	page->rows = (int64_t) page->n;
	if (rc || step != US_KEYCLOAK_END)
		return rc;
	rc = us_keycloak_judge(&s->list.tally, s->list.what, -1, -1, &is_complete, &signal, err);
	if (rc)
		return rc;
	if (is_complete)
		next_list(w, page);
	else
		us_keycloak_pager_begin_pass(&s->list);
	return US_OK;
}
