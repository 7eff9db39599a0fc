#include "model/fields.h"

static void add_word(struct us_str *s, bool differs, const char *word)
{
	if (!differs)
		return;
	if (s->n)
		us_str_add_text(s, ", ");
	us_str_add_text(s, word);
}

bool us_fields_differ(struct us_slice a, struct us_slice b) { return !a.p != !b.p || !us_slice_is_equal(a, b); }

static bool attributes_differ(const struct us_user *a, const struct us_user *b)
{
	if (a->n_attributes != b->n_attributes)
		return true;
	for (size_t i = 0; i < a->n_attributes; i++) {
		const struct us_field *x = &a->attributes[i], *y = &b->attributes[i];
		if (!us_slice_is_equal(x->name, y->name) || x->n != y->n)
			return true;
		for (size_t k = 0; k < x->n; k++)
			if (!us_slice_is_equal(x->values[k], y->values[k]))
				return true;
	}
	return false;
}

static struct us_slice take_text(struct us_arena *arena, struct us_str *s)
{
	struct us_slice text = us_slice_dup(arena, us_str_slice(s));

	us_str_fini(s);
	return text;
}

struct us_slice us_fields_of_user(struct us_arena *arena, const struct us_user_image *have, const struct us_user *want)
{
	struct us_str s = US_STR_INIT;

	add_word(&s, have->missing_since != 0, "is back");
	add_word(&s, us_fields_differ(have->user.name, want->name), "username");
	add_word(&s, us_fields_differ(have->user.full_name, want->full_name), "fullName");
	add_word(&s, us_fields_differ(have->user.first_name, want->first_name), "firstName");
	add_word(&s, us_fields_differ(have->user.last_name, want->last_name), "lastName");
	add_word(&s, us_fields_differ(have->user.email, want->email), "email");
	add_word(&s, have->user.active != want->active, want->active ? "activated" : "deactivated");
	add_word(&s, attributes_differ(&have->user, want), "attributes");
	return take_text(arena, &s);
}

struct us_slice us_fields_of_group(struct us_arena *arena, const struct us_group_image *have, const struct us_group *want)
{
	struct us_str s = US_STR_INIT;

	add_word(&s, us_fields_differ(have->group.name, want->name), "name");
	add_word(&s, us_fields_differ(have->group.description, want->description), "description");
	return take_text(arena, &s);
}
