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

static bool attributes_differ(const struct us_field *a, size_t n_a, const struct us_field *b, size_t n_b)
{
	if (n_a != n_b)
		return true;
	for (size_t i = 0; i < n_a; i++) {
		const struct us_field *x = &a[i], *y = &b[i];
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
	add_word(&s, attributes_differ(have->user.attributes, have->user.n_attributes, want->attributes, want->n_attributes), "attributes");
	return take_text(arena, &s);
}

struct us_slice us_fields_of_group(struct us_arena *arena, const struct us_group_image *have, const struct us_group *want)
{
	struct us_str s = US_STR_INIT;

	add_word(&s, us_fields_differ(have->group.name, want->name), "name");
	add_word(&s, us_fields_differ(have->group.description, want->description), "description");
	add_word(&s, attributes_differ(have->group.attributes, have->group.n_attributes, want->attributes, want->n_attributes), "attributes");
	return take_text(arena, &s);
}
