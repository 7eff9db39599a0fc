#include "sync/edit_plan.h"

#include <stdlib.h>

#include "sync/edit_state.h"

const char *us_edit_said(struct us_edit_plan *p, const struct us_edit_ref *ref)
{
	return ref->number && !ref->name.n ? us_arena_printf(&p->arena, "number %u", ref->number) : us_arena_printf(&p->arena, "\"" US_SLICE_FMT "\"",
		US_SLICE_ARG(ref->name));
}

enum us_errc us_edit_plan_new(struct us_dbc *c, int64_t directory, struct us_edit_plan **ret_plan, struct us_err *err)
{
	const struct us_object_keys nobody = { 0 };
	struct us_have have;
	enum us_errc rc = us_object_load_have_some(c, directory, &nobody, NULL, &have, err);

	if (rc)
		return rc;
	struct us_edit_plan *p = us_calloc(1, sizeof *p);
	p->c = c;
	p->directory = directory;
	p->users.next_number = have.users.next_number;
	p->groups.next_number = have.groups.next_number;
	p->groups.is_group = true;
	us_have_fini(&have);
	*ret_plan = p;
	return US_OK;
}

void us_edit_plan_free(struct us_edit_plan *p)
{
	struct us_edit_side *sides[] = { &p->users, &p->groups };

	for (int i = 0; i < 2; i++) {
		us_map_fini(&sides[i]->numbers);
		us_map_fini(&sides[i]->names.map);
		us_map_fini(&sides[i]->ids.map);
		free(sides[i]->objects);
		free(sides[i]->names.holders);
		free(sides[i]->ids.holders);
	}
	us_map_fini(&p->link_map);
	us_map_fini(&p->of_groups.map);
	us_map_fini(&p->of_members.map);
	free(p->of_groups.first);
	free(p->of_members.first);
	free(p->links);
	free(p->rows);
	us_arena_fini(&p->arena);
	free(p);
}

enum us_errc us_edit_plan_take(struct us_edit_plan *p, const struct us_edit *edit, uint32_t *ret_number, enum us_edit_refusal *ret_refusal,
	struct us_err *err)
{
	enum us_errc rc = US_OK;

	p->err = err;
	p->refusal = us_edit_check(edit, err);
	if (p->refusal)
		rc = us_edit_refusal_code(p->refusal);
	else
		switch (edit->kind) {
		case US_EDIT_CREATE_USER:
			rc = us_edit_create(p, &p->users, edit, ret_number);
			break;
		case US_EDIT_UPDATE_USER:
			rc = us_edit_update(p, &p->users, edit, ret_number);
			break;
		case US_EDIT_DELETE_USER:
			rc = us_edit_delete(p, &p->users, edit, ret_number);
			break;
		case US_EDIT_CREATE_GROUP:
			rc = us_edit_create(p, &p->groups, edit, ret_number);
			break;
		case US_EDIT_UPDATE_GROUP:
			rc = us_edit_update(p, &p->groups, edit, ret_number);
			break;
		case US_EDIT_DELETE_GROUP:
			rc = us_edit_delete(p, &p->groups, edit, ret_number);
			break;
		case US_EDIT_ADD_USER:
		case US_EDIT_REMOVE_USER:
			rc = us_edit_set_member(p, edit, false, edit->kind == US_EDIT_ADD_USER, ret_number);
			break;
		case US_EDIT_ADD_GROUP:
		case US_EDIT_REMOVE_GROUP:
			rc = us_edit_set_member(p, edit, true, edit->kind == US_EDIT_ADD_GROUP, ret_number);
			break;
		}
	*ret_refusal = p->refusal;
	return rc;
}

enum us_errc us_edit_plan_end(struct us_edit_plan *p, const struct us_change **ret_list, size_t *ret_n, struct us_report *ret_report,
	struct us_err *err)
{
	struct us_report report = { 0 };
	enum us_errc rc;

	p->err = err;
	if ((rc = us_edit_give_rows(p, &report)))
		return rc;
	*ret_list = p->rows;
	*ret_n = p->n_rows;
	*ret_report = report;
	return US_OK;
}
