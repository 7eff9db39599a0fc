#include "model/fate.h"

#include <stdio.h>

void us_fate_do_stage(struct us_fate *f, enum us_stage_action action)
{
	switch (action) {
	case US_STAGE_DISABLE:
		f->disable = true;
		break;
	case US_STAGE_STRIP:
		f->strip = true;
		break;
	case US_STAGE_ANONYMIZE:
		f->disable = f->anonymize = true;
		break;
	case US_STAGE_DELETE:
		f->delete = true;
		break;
	}
}

struct us_fate us_fate_of(const struct us_sync_settings *s, int64_t since, int64_t now_s)
{
	int64_t days = since ? (now_s - since) / 86400 : 0;
	struct us_fate f = { 0 };

	switch (s->cleanup) {
	case US_CLEANUP_KEEP:
		return f;
	case US_CLEANUP_DISABLE:
		f.disable = true;
		break;
	case US_CLEANUP_DELETE:
		f.delete = true;
		break;
	case US_CLEANUP_ANONYMIZE:
		f.disable = f.anonymize = true;
		break;
	case US_CLEANUP_STAGED:
		for (size_t i = 0; i < s->n_stages && s->stages[i].after_days <= days; i++)
			us_fate_do_stage(&f, s->stages[i].action);
		break;
	}
	f.strip |= s->strips;
	return f;
}

struct us_slice us_fate_name(uint32_t number, char ret_text[US_FATE_NAME_BYTES])
{
	snprintf(ret_text, US_FATE_NAME_BYTES, "user-%u", number);
	return us_slice(ret_text);
}

void us_fate_anonymize(struct us_arena *arena, uint32_t number, struct us_user *user)
{
	char text[US_FATE_NAME_BYTES];
	struct us_slice name = us_slice_dup(arena, us_fate_name(number, text));

	*user = (struct us_user) { .id = user->id,
		.name = name,
		.full_name = name,
		.active = user->active,
		.email = us_slice(us_arena_printf(arena, "user-%u@user.anon", number)) };
}

struct us_slice us_fate_not_anonymous(struct us_arena *arena, struct us_slice why, uint32_t number)
{
	return us_slice(us_arena_printf(
		arena, US_SLICE_FMT "; cannot be made anonymous: another user has the name user-%u", US_SLICE_ARG(why), number));
}

bool us_fate_is_anonymous(const struct us_user *user, uint32_t number)
{
	char text[US_FATE_NAME_BYTES];
	struct us_slice name = us_fate_name(number, text);

	return us_slice_is_equal(user->name, name) && us_slice_is_equal(user->full_name, name) && !user->n_attributes;
}
