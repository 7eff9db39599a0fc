#include "model/edit.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/fold.h"
#include "model/mapping.h"

enum { MOST_ATTRIBUTES = 1000 };

static const enum us_errc codes[] = {
#define X(refusal, code) [refusal] = code,
	US_EDIT_REFUSAL_TABLE(X)
#undef X
};

enum us_errc us_edit_refusal_code(enum us_edit_refusal refusal) { return codes[refusal]; }

enum us_edit_refusal us_edit_refuse(enum us_edit_refusal refusal, struct us_err *err, const char *format, ...)
{
	char text[US_ERR_TEXT_BYTES];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	us_err_set(err, codes[refusal], "%s", text);
	return refusal;
}

/* As strict as with names that a source gives, and no name that nobody could type. */
static enum us_edit_refusal check_name(const char *what, struct us_slice name, struct us_err *err)
{
	struct us_slice trimmed = us_slice_trim(name);
	struct us_arena arena = US_ARENA_INIT;

	if (!trimmed.n)
		return us_edit_refuse(US_EDIT_BAD_NAME, err, "the name of a %s must not be empty", what);
	if (trimmed.n != name.n)
		return us_edit_refuse(US_EDIT_BAD_NAME, err, "the name of a %s must not begin or end with a space", what);
	if (name.n > US_MAPPING_NAME_MAX_BYTES)
		return us_edit_refuse(US_EDIT_BAD_NAME, err, "the name of a %s is longer than %d bytes", what, US_MAPPING_NAME_MAX_BYTES);
	if (!us_slice_is_utf8(name))
		return us_edit_refuse(US_EDIT_BAD_NAME, err, "the name of a %s is not valid UTF-8", what);
	for (size_t i = 0; i < name.n; i++)
		if ((unsigned char) name.p[i] < 0x20 || name.p[i] == 0x7F)
			return us_edit_refuse(US_EDIT_BAD_NAME, err, "the name of a %s holds a control character", what);
	bool is_visible = us_slice_trim(us_fold(&arena, name)).n > 0;
	us_arena_fini(&arena);
	return is_visible ? US_EDIT_FINE : us_edit_refuse(US_EDIT_BAD_NAME, err, "the name of a %s has no visible character", what);
}

static enum us_edit_refusal check_value(const char *what, struct us_slice value, struct us_err *err)
{
	if (value.n > US_MAPPING_VALUE_MAX_BYTES)
		return us_edit_refuse(US_EDIT_BAD_VALUE, err, "%s is longer than %d bytes", what, US_MAPPING_VALUE_MAX_BYTES);
	if (!us_slice_is_utf8(value))
		return us_edit_refuse(US_EDIT_BAD_VALUE, err, "%s is not valid UTF-8", what);
	return US_EDIT_FINE;
}

static bool is_reserved(bool is_group, struct us_slice name)
{
	if (is_group)
		return us_slice_is_nocase(name, "name") || us_slice_is_nocase(name, "description") || us_slice_is_nocase(name, "active");
	for (enum us_mapping_target t = US_TARGET_USERNAME; t < US_TARGET_OTHER; t++)
		if (us_slice_is_nocase(name, us_mapping_target_name(t)))
			return true;
	return false;
}

static enum us_edit_refusal check_attributes(bool is_group, const struct us_edit *edit, struct us_err *err)
{
	if (edit->n_attributes > MOST_ATTRIBUTES)
		return us_edit_refuse(US_EDIT_BAD_VALUE, err, "a %s can have %d attributes at most", is_group ? "group" : "user", MOST_ATTRIBUTES);
	for (size_t i = 0; i < edit->n_attributes; i++) {
		const struct us_field *f = &edit->attributes[i];
		enum us_edit_refusal refusal = check_name("attribute", f->name, err);
		if (!refusal && is_reserved(is_group, f->name))
			refusal = us_edit_refuse(US_EDIT_RESERVED, err, "\"" US_SLICE_FMT "\" is a field of its own, not an attribute", US_SLICE_ARG(f->name));
		for (size_t k = 0; !refusal && k < f->n; k++)
			refusal = check_value("a value of an attribute", f->values[k], err);
		if (refusal)
			return refusal;
		for (size_t k = 0; k < i; k++)
			if (us_slice_is_equal(edit->attributes[k].name, f->name))
				return us_edit_refuse(US_EDIT_BAD_VALUE, err, "the attribute \"" US_SLICE_FMT "\" is given twice", US_SLICE_ARG(f->name));
	}
	return US_EDIT_FINE;
}

bool us_edit_has_password(const struct us_edit *edit)
{
	return edit->password.p && (edit->kind == US_EDIT_CREATE_USER || (edit->kind == US_EDIT_UPDATE_USER && edit->fields & US_EDIT_PASSWORD));
}

static enum us_edit_refusal check_password(struct us_slice password, struct us_err *err)
{
	if (!us_slice_is_utf8(password))
		return us_edit_refuse(US_EDIT_BAD_PASSWORD, err, "the password is not valid UTF-8");
	size_t n = us_slice_characters(password);
	if (n < US_EDIT_PASSWORD_LEAST)
		return us_edit_refuse(US_EDIT_BAD_PASSWORD, err, "the password is shorter than %d characters", US_EDIT_PASSWORD_LEAST);
	if (n > US_EDIT_PASSWORD_MOST)
		return us_edit_refuse(US_EDIT_BAD_PASSWORD, err, "the password is longer than %d characters", US_EDIT_PASSWORD_MOST);
	return US_EDIT_FINE;
}

enum us_edit_refusal us_edit_check(const struct us_edit *edit, struct us_err *err)
{
	enum us_edit_refusal refusal = US_EDIT_FINE;
	bool is_group = false;

	switch (edit->kind) {
	case US_EDIT_CREATE_GROUP:
	case US_EDIT_UPDATE_GROUP:
		is_group = true;
		break;
	case US_EDIT_CREATE_USER:
	case US_EDIT_UPDATE_USER:
		break;
	case US_EDIT_DELETE_USER:
	case US_EDIT_DELETE_GROUP:
	case US_EDIT_ADD_USER:
	case US_EDIT_REMOVE_USER:
	case US_EDIT_ADD_GROUP:
	case US_EDIT_REMOVE_GROUP:
		return US_EDIT_FINE;
	}
	bool is_new = edit->kind == US_EDIT_CREATE_USER || edit->kind == US_EDIT_CREATE_GROUP;
	unsigned fields = is_new ? ~0u : edit->fields;
	if (fields & US_EDIT_NAME)
		refusal = check_name(is_group ? "group" : "user", edit->name, err);
	if (!refusal && fields & US_EDIT_ID)
		refusal = check_value("the id", edit->id, err);
	const struct { unsigned field; const char *what; struct us_slice value; } values[] = {
		{ US_EDIT_DESCRIPTION, "description", edit->description }, { US_EDIT_FULL_NAME, "fullName", edit->full_name }, { US_EDIT_FIRST_NAME, "firstName", edit->first_name },
		{ US_EDIT_LAST_NAME, "lastName", edit->last_name }, { US_EDIT_EMAIL, "email", edit->email } };
	for (size_t i = 0; !refusal && i < sizeof values / sizeof *values; i++)
		if (fields & values[i].field)
			refusal = check_value(values[i].what, values[i].value, err);
	if (!refusal && fields & (US_EDIT_ATTRIBUTES | US_EDIT_ALL_ATTRIBUTES))
		refusal = check_attributes(is_group, edit, err);
	if (!refusal && us_edit_has_password(edit))
		refusal = check_password(edit->password, err);
	return refusal;
}
