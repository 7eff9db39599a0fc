#include "model/transform.h"

#include <stdlib.h>
#include <strings.h>

#include "base/fold.h"
#include "base/letter.h"
#include "base/regex.h"

enum kind { TRIM, LOWER, UPPER, STRIP_DOMAIN, GUEST, ASCII, REGEX, TABLE, SCRIPT, N_KINDS };

struct rule {
	struct us_slice find, replace; /* replace NONE: only looks */
	struct us_regex *regex;
	int64_t matches;
};

struct entry {
	struct us_slice from, to;
};

struct us_transform {
	enum kind kind;
	bool german, ignores_case;
	struct rule *rules;
	size_t n_rules;
	struct entry *entries; /* sorted by from */
	size_t n_entries;
	struct us_slice source;
	int chunk;
	struct us_str scratch;
};

struct reading {
	struct us_arena *arena;
	const char *at;
	struct us_script *script;
	struct us_problem **problems;
	bool is_bad;
};

static void complain(struct reading *r, const char *at, const char *reason)
{
	us_problem_add(r->arena, r->problems, at, "%s", reason);
	r->is_bad = true;
}

/* ---- the steps ---- */

/* One value to one value in t->scratch or borrowed. false: it does not match. */
typedef bool change_fn(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err);

/* What stays as it was is not copied. */
static bool keep_scratch(struct us_transform *t, struct us_arena *arena, struct us_slice value, bool is_good, struct us_slice *ret,
	struct us_err *err)
{
	struct us_slice changed = us_str_slice(&t->scratch);

	if (!is_good)
		us_err_set(err, US_INVALID, "the value is not valid UTF-8");
	*ret = value.p && us_slice_is_equal(changed, value) ? value : us_slice_dup(arena, changed);
	return is_good;
}

static bool trim(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	(void) t, (void) arena, (void) err;
	*ret = us_slice_trim(value);
	return true;
}

static bool lower(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	return keep_scratch(t, arena, value, us_letter_lower(value, &t->scratch), ret, err);
}

static bool upper(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	return keep_scratch(t, arena, value, us_letter_upper(value, &t->scratch), ret, err);
}

static bool ascii(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	return keep_scratch(t, arena, value, us_letter_ascii(value, t->german, &t->scratch), ret, err);
}

static bool strip_domain(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	(void) t, (void) arena, (void) err;
	const char *at = memrchr(value.p, '@', value.n);

	*ret = at ? (struct us_slice) { value.p, (size_t) (at - value.p) } : value;
	return true;
}

/* The name of a guest is the address with its @ made _, and a domain has no _ in it. */
static bool guest(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	static const char mark[] = "#ext#";
	size_t n = 0;

	(void) t, (void) err;
	*ret = value;
	while (n + sizeof mark - 1 <= value.n && strncasecmp(value.p + n, mark, sizeof mark - 1) != 0)
		n++;
	const char *bar = n + sizeof mark - 1 <= value.n ? memrchr(value.p, '_', n) : NULL;
	if (!bar || bar == value.p || bar + 1 == value.p + n)
		return true;
	char *out = us_arena_strndup(arena, value.p, n);
	out[bar - value.p] = '@';
	*ret = (struct us_slice) { out, n };
	return true;
}

static bool regex(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	for (size_t i = 0; i < t->n_rules; i++) {
		struct rule *r = &t->rules[i];
		int n = 0;
		bool is = false;
		us_str_clear(&t->scratch);
		if (r->replace.p ? us_regex_replace(r->regex, value, r->replace, &t->scratch, &n, err) : us_regex_match(r->regex, value, &is, err))
			return false;
		if (!n && !is)
			continue;
		r->matches++;
		if (r->replace.p)
			return keep_scratch(t, arena, value, true, ret, err);
		*ret = value;
		return true;
	}
	return false;
}

static int by_from(const void *a, const void *b)
{
	return us_slice_compare(((const struct entry *) a)->from, ((const struct entry *) b)->from);
}

static bool table(struct us_transform *t, struct us_arena *arena, struct us_slice value, struct us_slice *ret, struct us_err *err)
{
	struct entry key = { .from = t->ignores_case ? us_fold(arena, value) : value };
	const struct entry *e = t->n_entries ? bsearch(&key, t->entries, t->n_entries, sizeof key, by_from) : NULL;

	(void) err;
	if (e)
		*ret = e->to;
	return e;
}

/* ---- reading ---- */

static struct us_slice find_value(const struct us_json *json, struct reading *r)
{
	if (json->type == US_JSON_STRING)
		return json->string;
	complain(r, r->at, "must be a text");
	return US_SLICE_NONE;
}

static void read_rule(struct us_transform *t, const struct us_json *json, const char *at, struct reading *r)
{
	struct rule *rule = &t->rules[t->n_rules];
	const struct us_json *find = us_json_find(json, "find"), *replace = us_json_find(json, "replace");
	struct us_err err = US_ERR_INIT;

	if (json->type != US_JSON_OBJECT || !find || find->type != US_JSON_STRING || (replace && replace->type != US_JSON_STRING) ||
		json->object.n != 1 + (size_t) (replace != NULL)) {
		complain(r, at, "must be an object with find and perhaps replace, both texts");
		return;
	}
	*rule = (struct rule) { .find = us_slice_dup(r->arena, find->string) };
	if (replace)
		rule->replace = us_slice_dup(r->arena, replace->string);
	if (us_regex_new(rule->find, t->ignores_case ? US_REGEX_NOCASE : 0, &rule->regex, &err)) {
		complain(r, us_arena_printf(r->arena, "%s.find", at), err.text);
		return;
	}
	t->n_rules++;
	if (replace && us_regex_check_replacement(rule->find, t->ignores_case ? US_REGEX_NOCASE : 0, rule->replace, &err))
		complain(r, us_arena_printf(r->arena, "%s.replace", at), err.text);
}

static void read_regex(struct us_transform *t, const struct us_json *value, struct reading *r)
{
	bool many = value->type == US_JSON_ARRAY;
	size_t n = many ? value->array.n : 1;

	if (n == 0 || n > US_TRANSFORM_MAX_RULES) {
		complain(r, r->at, "must have from 1 to 200 rules");
		return;
	}
	t->rules = us_arena_array(r->arena, n, sizeof *t->rules);
	for (size_t i = 0; i < n; i++)
		read_rule(t, many ? &value->array.items[i] : value, many ? us_arena_printf(r->arena, "%s.regex[%zu]", r->at, i) : us_arena_printf(r->arena, "%s.regex", r->at), r);
}

static void read_table(struct us_transform *t, const struct us_json *value, struct reading *r)
{
	if (value->type != US_JSON_OBJECT || value->object.n == 0 || value->object.n > US_TRANSFORM_MAX_ENTRIES) {
		complain(r, r->at, "table must be an object with from 1 to 20000 texts");
		return;
	}
	t->entries = us_arena_array(r->arena, value->object.n, sizeof *t->entries);
	for (size_t i = 0; i < value->object.n; i++) {
		const struct us_json_member *m = &value->object.members[i];
		if (m->value.type != US_JSON_STRING) {
			complain(r, us_arena_printf(r->arena, "%s.table." US_SLICE_FMT, r->at, (int) (m->key.n < 100 ? m->key.n : 100), m->key.p), "must be a text");
			return;
		}
		struct us_slice from = t->ignores_case ? us_fold(r->arena, m->key) : us_slice_dup(r->arena, m->key);
		t->entries[t->n_entries++] = (struct entry) { from, us_slice_dup(r->arena, m->value.string) };
	}
	qsort(t->entries, t->n_entries, sizeof *t->entries, by_from);
	for (size_t i = 1; i < t->n_entries; i++)
		if (us_slice_is_equal(t->entries[i - 1].from, t->entries[i].from)) {
			complain(r, r->at, "table has two entries that differ in case only");
			return;
		}
}

static void read_script(struct us_transform *t, const struct us_json *value, struct reading *r)
{
	struct us_err err = US_ERR_INIT;

	t->source = us_slice_dup(r->arena, find_value(value, r));
	if (t->source.p && us_script_compile(r->script, t->source, &t->chunk, &err))
		complain(r, us_arena_printf(r->arena, "%s.script", r->at), err.text);
}

static void read_ascii(struct us_transform *t, const struct us_json *value, struct reading *r)
{
	t->german = us_slice_is(find_value(value, r), "german");
	if (!t->german && !r->is_bad)
		complain(r, r->at, "ascii knows no such language (known: german)");
}

static const struct {
	const char *name;
	change_fn *change;
	bool stands_alone, matches, may_ignore_case;
	void (*read)(struct us_transform *t, const struct us_json *value, struct reading *r);
} kinds[N_KINDS] = {
	[TRIM] = { "trim", trim, .stands_alone = true },
	[LOWER] = { "lower", lower, .stands_alone = true },
	[UPPER] = { "upper", upper, .stands_alone = true },
	[STRIP_DOMAIN] = { "stripDomain", strip_domain, .stands_alone = true },
	[GUEST] = { "guest", guest, .stands_alone = true },
	[ASCII] = { "ascii", ascii, .stands_alone = true, .read = read_ascii },
	[REGEX] = { "regex", regex, .matches = true, .may_ignore_case = true, .read = read_regex },
	[TABLE] = { "table", table, .matches = true, .may_ignore_case = true, .read = read_table },
	[SCRIPT] = { "script", NULL, .read = read_script },
};

static void read_object(struct us_transform *t, const struct us_json *json, struct reading *r)
{
	const struct us_json *value = NULL, *ignore = us_json_find(json, "ignoreCase");

	for (size_t k = 0; k < N_KINDS; k++) {
		const struct us_json *v = kinds[k].read ? us_json_find(json, kinds[k].name) : NULL;
		if (v && !value) {
			value = v;
			t->kind = (enum kind) k;
		}
	}
	if (!value || json->object.n != 1 + (size_t) (ignore != NULL)) {
		complain(r, r->at, "must be one step: a name (trim, lower, upper, stripDomain, guest, ascii) or an object with one of regex, table, script, ascii");
		return;
	}
	if (ignore && (!kinds[t->kind].may_ignore_case || ignore->type != US_JSON_BOOL)) {
		complain(r, r->at, "ignoreCase is for regex and table, true or false");
		return;
	}
	t->ignores_case = ignore && ignore->boolean;
	kinds[t->kind].read(t, value, r);
}

struct us_transform *us_transform_read(struct us_arena *arena, const struct us_json *json, const char *at, struct us_script *script,
	struct us_problem **problems)
{
	struct us_transform *t = us_calloc(1, sizeof *t);
	struct reading r = { arena, at, script, problems, false };

	if (json->type == US_JSON_STRING) {
		t->kind = N_KINDS;
		for (size_t k = 0; k < N_KINDS; k++)
			if (kinds[k].stands_alone && us_slice_is(json->string, kinds[k].name))
				t->kind = (enum kind) k;
		if (t->kind == N_KINDS)
			complain(&r, at, "is no step (known: trim, lower, upper, stripDomain, guest, ascii; regex, table and script are objects)");
	} else if (json->type == US_JSON_OBJECT) {
		read_object(t, json, &r);
	} else {
		complain(&r, at, "must be the name of a step, or an object");
	}
	if (!r.is_bad)
		return t;
	us_transform_free(t);
	return NULL;
}

void us_transform_free(struct us_transform *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_rules; i++)
		us_regex_free(t->rules[i].regex);
	us_str_fini(&t->scratch);
	free(t);
}

/* ---- using ---- */

const char *us_transform_name(const struct us_transform *t) { return kinds[t->kind].name; }
bool us_transform_is_matching(const struct us_transform *t) { return kinds[t->kind].matches; }
struct us_slice us_transform_source(const struct us_transform *t) { return t->source; }
size_t us_transform_rules(const struct us_transform *t) { return t->n_rules; }

int64_t us_transform_matches(const struct us_transform *t, size_t rule, struct us_slice *ret_find)
{
	*ret_find = t->rules[rule].find;
	return t->rules[rule].matches;
}

static enum us_errc apply_script(struct us_transform *t, const struct us_transform_call *call, const struct us_slice *values, size_t n,
	struct us_transformed *ret, struct us_err *err)
{
	struct us_script_input in = *call->input;
	struct us_script_result result;

	in.values = values;
	in.n_values = n;
	enum us_errc rc = us_script_run(call->script, t->chunk, &in, call->arena, &result, err);
	if (rc == US_OK)
		*ret = (struct us_transformed) { result.values, result.n, result.n, result.is_drop };
	return rc;
}

enum us_errc us_transform_apply(struct us_transform *t, const struct us_transform_call *call, const struct us_slice *values, size_t n,
	struct us_transformed *ret_result, struct us_err *err)
{
	if (t->kind == SCRIPT)
		return apply_script(t, call, values, n, ret_result, err);
	struct us_slice *out = us_arena_alloc(call->arena, (n + 1) * sizeof *out);
	struct us_transformed result = { .values = out };
	struct us_err wrong; /* its text is long, and is filled only if something is wrong: this is done for each value of each user */
	wrong.code = US_OK;
	for (size_t i = 0; i < n; i++) {
		us_str_clear(&t->scratch);
		bool is_match = kinds[t->kind].change(t, call->arena, values[i], &out[result.n], &wrong);
		if (wrong.code)
			return us_err_copy(err, &wrong);
		result.n_matched += is_match;
		if (!is_match && call->keeps_unmatched)
			out[result.n] = values[i];
		result.n += is_match || call->keeps_unmatched;
	}
	*ret_result = result;
	return US_OK;
}
