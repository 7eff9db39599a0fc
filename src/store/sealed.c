#include "store/sealed.h"

/* In front of each sealed value. */
#define MARK "sealed:"

static bool is_secret_in(const struct us_option *options, struct us_slice name)
{
	for (; options && options->name; options++)
		if (options->secret && us_slice_is(name, options->name))
			return true;
	return false;
}

bool us_sealed_is_secret(const struct us_sealed *sealed, struct us_slice name)
{
	return is_secret_in(sealed->options[0], name) || is_secret_in(sealed->options[1], name);
}

static bool is_marked(const struct us_json *value)
{
	return value->type == US_JSON_STRING && value->string.n >= strlen(MARK) &&
		   memcmp(value->string.p, MARK, strlen(MARK)) == 0;
}

static struct us_slice context_of(
	const struct us_sealed *sealed, struct us_arena *arena, struct us_slice option)
{
	return us_slice(us_arena_printf(arena, "%s/" US_SLICE_FMT, sealed->owner, US_SLICE_ARG(option)));
}

static const struct us_json *find_member(const struct us_json *object, struct us_slice key)
{
	for (size_t i = 0; object && i < object->object.n; i++)
		if (us_slice_is_equal(object->object.members[i].key, key))
			return &object->object.members[i].value;
	return NULL;
}

enum us_errc us_sealed_write(const struct us_sealed *sealed, struct us_arena *arena,
	const struct us_json *configuration, const struct us_json *kept, struct us_str *out, struct us_err *err)
{
	struct us_jsonw w = US_JSONW_INIT(out);
	struct us_str text = US_STR_INIT;

	if (configuration->type != US_JSON_OBJECT)
		return us_err_set(err, US_INVALID, "the configuration is a %s, not an object",
			us_json_type_name(configuration->type));
	us_jsonw_open(&w, '{');
	for (size_t i = 0; i < configuration->object.n; i++) {
		const struct us_json_member *m = &configuration->object.members[i];
		us_jsonw_key_slice(&w, m->key);
		if (m->value.type != US_JSON_STRING || !m->value.string.n || !us_sealed_is_secret(sealed, m->key)) {
			us_jsonw_value(&w, &m->value);
			continue;
		}
		if (us_slice_is(m->value.string, US_OPTION_HIDDEN)) {
			const struct us_json *old = find_member(kept, m->key);
			if (!old || !is_marked(old)) {
				us_str_fini(&text);
				return us_err_set(err, US_CONFIG,
					US_SLICE_FMT ": \"" US_OPTION_HIDDEN
								 "\" stands for the stored secret, and none is stored",
					US_SLICE_ARG(m->key));
			}
			us_jsonw_value(&w, old);
			continue;
		}
		us_str_clear(&text);
		us_str_add_text(&text, MARK);
		us_secret_seal(sealed->key, context_of(sealed, arena, m->key), m->value.string, &text);
		us_jsonw_string(&w, us_str_slice(&text));
	}
	us_jsonw_close(&w, '}');
	us_str_fini(&text);
	return US_OK;
}

static enum us_errc reveal(
	const struct us_sealed *sealed, struct us_arena *arena, struct us_json_member *m, struct us_err *err)
{
	struct us_slice text = { m->value.string.p + strlen(MARK), m->value.string.n - strlen(MARK) };
	struct us_str plain = US_STR_INIT;
	enum us_errc rc = us_secret_unseal(sealed->key, context_of(sealed, arena, m->key), text, &plain, err);

	if (!rc)
		m->value.string = plain.p ? us_slice_dup(arena, us_str_slice(&plain)) : US_SLICE("");
	us_secret_wipe_str(&plain);
	if (rc)
		us_err_prefix(err, US_SLICE_FMT, US_SLICE_ARG(m->key));
	return rc;
}

enum us_errc us_sealed_read(const struct us_sealed *sealed, struct us_arena *arena, enum us_secrets secrets,
	const struct us_json *stored, const struct us_json **ret_configuration, struct us_err *err)
{
	size_t n = stored->object.n;
	struct us_json *shown = us_arena_alloc(arena, sizeof *shown);
	struct us_json_member *members = us_arena_array(arena, n, sizeof *members);

	*shown = *stored;
	shown->object.members = members;
	if (n)
		memcpy(members, stored->object.members, n * sizeof *members);
	for (size_t i = 0; i < n; i++) {
		struct us_json *value = &members[i].value;
		if (value->type != US_JSON_STRING || !value->string.n ||
			!(is_marked(value) || us_sealed_is_secret(sealed, members[i].key)))
			continue;
		if (secrets == US_SECRETS_HIDDEN) {
			value->string = US_SLICE(US_OPTION_HIDDEN);
		} else if (is_marked(value)) {
			enum us_errc rc = reveal(sealed, arena, &members[i], err);
			if (rc)
				return rc;
		}
	}
	*ret_configuration = shown;
	return US_OK;
}
