#include "unit.h"

#include "base/json.h"
#include "model/flatten.h"
#include "model/mapping.h"

/* What every record of these tests is, unless a row has one of its own. */
static const char company[] =
	"{\"login\":\"Anna.Berg@Example.com\",\"sn\":\"Berg\",\"givenName\":\"Änna\",\"mail\":\" anna@home.example \",\"initials\":\"\","
	"\"upn\":\"anna_berg_partner.com#EXT#@tenant.onmicrosoft.com\",\"enabled\":false,\"number\":42,"
	"\"ou\":[\"IT\",\"HR\",\"Board\"],\"profile\":{\"login\":\"ab\",\"deep\":{\"er\":\"x\"}},"
	"\"emails\":[{\"type\":\"home\",\"value\":\"h@x\"},{\"type\":\"Work\",\"value\":\"w@x\",\"primary\":true},{\"value\":\"n@x\"}],"
	"\"Phone [home]\":\"123\",\"bad\":\"a\\u0007b\",\"gaps\":[\"\",\"x\",\"\",\"y\"],\"blank\":\" \\u3000\\u200b \"}";

struct world {
	struct us_arena arena;
	struct us_record record;
	struct us_mapping *mapping;
	struct us_problem *problems;
};

/* rows: the inside of the array "mapping". */
static void open_world(struct world *w, const char *rows, const char *record)
{
	struct us_err err = US_ERR_INIT;
	const struct us_json *doc, *conf;
	struct us_field *fields;
	struct us_str text = US_STR_INIT;

	*w = (struct world) { 0 };
	assert_int_equal(us_json_parse(&w->arena, us_slice(record), US_JSON_LIMITS_SMALL, &doc, &err), US_OK);
	assert_true(us_flatten(&w->arena, doc, NULL, 0, &fields, &w->record.n_fields));
	w->record.fields = fields;
	w->record.kind = US_RECORD_USER;
	w->record.id = US_SLICE("u1");
	w->record.raw = us_slice(record);
	us_str_printf(&text, "{\"mapping\":[%s]}", rows);
	if (us_json_parse(&w->arena, us_str_slice(&text), US_JSON_LIMITS_SMALL, &conf, &err))
		fail_msg("%s: %s", rows, err.text);
	us_str_fini(&text);
	us_mapping_check(&w->arena, conf, &w->problems);
	enum us_errc rc = us_mapping_new(&w->arena, NULL, conf, US_SLICE("hr"), &w->mapping, &err);
	if ((rc == US_OK) != (w->problems == NULL))
		fail_msg("%s: checked is not usable: %s", rows, w->problems ? w->problems->reason : err.text);
	if (rc)
		w->mapping = NULL;
}

static void close_world(struct world *w)
{
	us_mapping_free(w->mapping);
	us_arena_fini(&w->arena);
}

static void add(struct us_str *s, struct us_slice value)
{
	if (value.p)
		us_str_add_slice(s, value);
	else
		us_str_add_text(s, "(none)");
}

/* The value of an attribute of the result as text: values with | between. */
static void show(const struct us_mapped *m, const char *attribute, struct us_str *out)
{
	const struct us_user *u = &m->user;
	const struct { const char *name; struct us_slice value; } own[] = {
		{ "username", u->name }, { "fullName", u->full_name }, { "firstName", u->first_name }, { "lastName", u->last_name }, { "email", u->email },
		{ "active", u->active ? US_SLICE("true") : US_SLICE("false") },
	};

	if (m->kind != US_MAPPED_WANTED) {
		us_str_printf(out, "%s: " US_SLICE_FMT, m->kind == US_MAPPED_FILTERED ? "FILTERED" : m->kind == US_MAPPED_FAILED ? "FAILED" : "EXISTING",
			US_SLICE_ARG(m->reason));
		return;
	}
	for (size_t i = 0; i < countof(own); i++)
		if (strcmp(own[i].name, attribute) == 0) {
			add(out, own[i].value);
			return;
		}
	if (strcmp(attribute, "groups") == 0)
		for (size_t i = 0; i < m->n_groups; i++) {
			us_str_add_text(out, i ? "|" : "");
			us_str_add_slice(out, m->groups[i]);
		}
	for (size_t i = 0; i < u->n_attributes; i++)
		for (size_t k = 0; us_slice_is(u->attributes[i].name, attribute) && k < u->attributes[i].n; k++) {
			us_str_add_text(out, k ? "|" : "");
			us_str_add_slice(out, u->attributes[i].values[k]);
		}
	if (!out->n)
		us_str_add_text(out, "(none)");
}

#define NAME "{\"attribute\":\"username\",\"from\":\"login\"}"

static void a_row_gives_a_value(void **state)
{
	static const struct {
		const char *attribute, *row, *value; /* row: the members beside attribute */
	} rows[] = {
		/* sources */
		{ "username", "\"from\":\"login\"", "Anna.Berg@Example.com" },
		{ "username", "\"from\":\"LOGIN\"", "Anna.Berg@Example.com" },
		{ "username", "\"from\":\"profile.login\"", "ab" },
		{ "a", "\"from\":\"profile.deep.er\"", "x" },
		{ "a", "\"from\":[\"nothing\",\"initials\",\"sn\",\"login\"]", "Berg" },
		{ "a", "\"from\":\"ou\"", "IT|HR|Board" },
		{ "lastName", "\"from\":\"ou\"", "IT" },
		{ "a", "\"from\":\"number\"", "42" },
		{ "a", "\"from\":\"emails.value\"", "h@x|w@x|n@x" },
		{ "email", "\"from\":\"emails[type eq \\\"work\\\"].value\"", "w@x" },
		{ "a", "\"from\":\"emails[type ne \\\"work\\\"].value\"", "h@x|n@x" },
		{ "a", "\"from\":\"emails[value sw \\\"n@\\\"].value\"", "n@x" },
		{ "a", "\"from\":\"emails[value ew \\\"@x\\\"].value\"", "h@x|w@x|n@x" },
		{ "a", "\"from\":\"emails[type co \\\"om\\\"].value\"", "h@x" },
		{ "a", "\"from\":\"emails[primary eq \\\"true\\\"].value\"", "w@x" },
		{ "a", "\"from\":\"emails[0].value\"", "h@x" },
		{ "a", "\"from\":\"emails[9].value\"", "(none)" },
		{ "a", "\"from\":\"ou[1]\"", "HR" },
		{ "a", "\"from\":\"emails[type eq \\\"fax\\\"].value\"", "(none)" },
		{ "a", "\"from\":[\"emails[type eq \\\"fax\\\"].value\",\"sn\"]", "Berg" },
		{ "a", "\"from\":\"Phone [home]\"", "123" },
		{ "a", "\"from\":\"gaps\"", "x|y" },
		{ "a", "\"from\":[\"initials\",\"gaps\",\"sn\"]", "x|y" },
		{ "lastName", "\"from\":\"gaps\"", "x" },
		{ "lastName", "\"template\":\"{gaps}\"", "x" },
		{ "groups", "\"from\":\"gaps\"", "x|y" },
		{ "a", "\"value\":\"x\"", "x" },
		{ "a", "\"from\":\"nothing\",\"value\":\"x\"", "x" },
		{ "a", "\"from\":\"sn\",\"value\":\"x\"", "Berg" },
		{ "email", "\"value\":null", "(none)" },
		{ "fullName", "\"value\":null", "(none)" },
		{ "active", "\"value\":true", "true" },
		{ "active", "\"value\":false", "false" },
		{ "active", "\"from\":\"enabled\"", "false" },
		{ "fullName", "\"template\":\"{sn}, {givenName}\"", "Berg, Änna" },
		{ "fullName", "\"template\":\"{sn}, {nothing}\"", "Änna Berg" },
		{ "fullName", "\"template\":[\"{sn}, {nothing}\",\"{sn}\"]", "Berg" },
		{ "fullName", "\"template\":\"{sn}{nothing|initials|}{{x}}\"", "Berg{x}" },
		{ "fullName", "\"template\":\"{nothing|sn} {emails[type eq \\\"work\\\"].value}\"", "Berg w@x" },
		{ "fullName", "\"template\":\"{nothing}\",\"value\":\"nobody\"", "nobody" },
		{ "a", "\"script\":\"return user.sn .. connector\"", "Berghr" },
		{ "a", "\"script\":\"return user.ou\"", "IT|HR|Board" },
		{ "a", "\"script\":\"return nil\"", "(none)" },
		{ "a", "\"script\":\"return ''\"", "(none)" },
		{ "a", "\"script\":\"return nil\",\"value\":\"x\"", "x" },
		{ "a", "\"script\":\"return drop\"", "FILTERED: is filtered by the row a of the mapping" },
		{ "a", "\"script\":\"\\n\\nreturn user.none.x\"", "FAILED: a: line 3: attempt to index a nil value (field 'none')" },
		{ "a", "\"script\":\"while true do end\"", "FAILED: a: line 1: the script does not come to an end: it was stopped after 200000 steps" },
		/* steps */
		{ "email", "\"from\":\"mail\",\"transform\":\"trim\"", "anna@home.example" },
		{ "email", "\"from\":\"mail\",\"transform\":[\"trim\",\"upper\"]", "ANNA@HOME.EXAMPLE" },
		{ "username", "\"from\":\"login\",\"transform\":[\"lower\",\"stripDomain\"]", "anna.berg" },
		{ "username", "\"from\":\"upn\",\"transform\":[\"guest\"]", "anna_berg@partner.com" },
		{ "username", "\"from\":\"login\",\"transform\":[\"guest\"]", "Anna.Berg@Example.com" },
		{ "firstName", "\"from\":\"givenName\",\"transform\":\"ascii\"", "Anna" },
		{ "firstName", "\"from\":\"givenName\",\"transform\":{\"ascii\":\"german\"}", "Aenna" },
		{ "a", "\"from\":\"ou\",\"transform\":[\"lower\"]", "it|hr|board" },
		{ "username", "\"from\":\"login\",\"transform\":[{\"regex\":{\"find\":\"^(\\\\w+)\\\\.(\\\\w+)@.*\",\"replace\":\"$2$1\"}}]", "BergAnna" },
		{ "a", "\"from\":\"login\",\"transform\":[{\"regex\":[{\"find\":\"^x\",\"replace\":\"1\"},{\"find\":\"n\",\"replace\":\"2\"},{\"find\":\"B\",\"replace\":\"3\"}]}]", "A22a.Berg@Example.com" },
		{ "a", "\"from\":\"login\",\"transform\":[{\"regex\":{\"find\":\"BERG\",\"replace\":\"b\"},\"ignoreCase\":true}]", "Anna.b@Example.com" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"table\":{\"Berg\":\"Hill\"}}]", "Hill" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"table\":{\"bErg\":\"Hill\"},\"ignoreCase\":true}]", "Hill" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"table\":{\"berg\":\"Hill\"}}]", "Berg" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"table\":{\"Berg\":\"\"}}]", "(none)" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"script\":\"return value:upper() .. #values\"}]", "BERG1" },
		{ "a", "\"from\":\"ou\",\"transform\":[{\"script\":\"local t = values table.sort(t) return t\"},\"upper\"]", "BOARD|HR|IT" },
		{ "a", "\"from\":\"nothing\",\"transform\":[{\"script\":\"return value == nil and 'nil'\"}]", "nil" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"script\":\"return drop\"}]", "FILTERED: is filtered by the row a of the mapping" },
		{ "a", "\"from\":\"sn\",\"transform\":[\"lower\",{\"script\":\"error('no')\"}]", "FAILED: a: step 2 (script): line 1: no" },
		{ "a", "\"from\":\"bad\",\"transform\":\"trim\"", "a\ab" },
		{ "username", "\"from\":\"bad\"", "FAILED: username holds a control character" },
		{ "username", "\"from\":\"blank\"", "FAILED: username has no visible character" },
		{ "groups", "\"from\":\"blank\"", "FAILED: groups has no visible character" },
		{ "a", "\"from\":\"blank\",\"transform\":\"trim\"", "\u3000\u200b" },
		{ "username", "\"from\":\"nothing\"", "FAILED: the user has no username; looked at nothing" },
		{ "active", "\"value\":\"perhaps\"", "FAILED: active is neither true nor false" },
		/* what matches nothing */
		{ "a", "\"from\":\"sn\",\"transform\":[{\"regex\":{\"find\":\"x\",\"replace\":\"y\"}},\"lower\"]", "berg" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"regex\":{\"find\":\"x\"}}],\"noMatch\":\"clear\"", "(none)" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"regex\":{\"find\":\"e\"}}],\"noMatch\":\"clear\"", "Berg" },
		{ "a", "\"from\":\"ou\",\"transform\":[{\"regex\":{\"find\":\"^.{2}$\"}}],\"noMatch\":\"clear\"", "IT|HR" },
		{ "a", "\"from\":\"ou\",\"transform\":[{\"regex\":{\"find\":\"^(.)R$\",\"replace\":\"$1\"}}],\"noMatch\":\"untransformed\"", "IT|H|Board" },
		{ "a", "\"from\":\"ou\",\"transform\":[{\"table\":{\"HR\":\"people\"}}],\"noMatch\":\"filter\"", "people" },
		{ "a", "\"from\":\"ou\",\"transform\":[{\"table\":{\"xx\":\"people\"}}],\"noMatch\":\"filter\"", "FILTERED: is filtered by the row a of the mapping" },
		{ "a", "\"from\":\"nothing\",\"transform\":[{\"table\":{\"xx\":\"people\"}}],\"noMatch\":\"filter\"", "FILTERED: is filtered by the row a of the mapping" },
		{ "username", "\"from\":\"sn\",\"transform\":[{\"regex\":{\"find\":\"x\"}}],\"noMatch\":\"clear\"", "FAILED: the user has no username; looked at sn" },
		{ "a", "\"from\":\"sn\",\"transform\":[{\"regex\":{\"find\":\"x\"}}],\"noMatch\":\"ignore\"", "EXISTING: " },
		{ "groups", "\"from\":\"ou\",\"transform\":\"lower\"", "it|hr|board" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct world w;
		struct us_mapped m;
		struct us_str text = US_STR_INIT, got = US_STR_INIT;
		us_str_printf(&text, "%s{\"attribute\":\"%s\",%s}", strcmp(rows[i].attribute, "username") == 0 ? "" : NAME ",", rows[i].attribute, rows[i].row);
		open_world(&w, us_str_text(&text), company);
		if (!w.mapping)
			fail_msg("row %zu: %s: %s %s", i, us_str_text(&text), w.problems->field, w.problems->reason);
		/* Twice: nothing of the first time may be left. */
		for (int k = 0; k < 2; k++) {
			us_str_clear(&got);
			us_mapping_user(w.mapping, &(struct us_mapping_input) { .record = &w.record }, &w.arena, &m);
			show(&m, rows[i].attribute, &got);
			if (strcmp(us_str_text(&got), rows[i].value) != 0)
				fail_msg("row %zu: %s: got \"%s\", want \"%s\"", i, rows[i].row, us_str_text(&got), rows[i].value);
		}
		us_str_fini(&text);
		us_str_fini(&got);
		close_world(&w);
	}
}

static void what_is_stored_can_stay(void **state)
{
	static const struct us_slice phone[] = { US_SLICE("1"), US_SLICE("2") };
	static const struct us_field attributes[] = { { US_SLICE("phone"), phone, 2 } };
	const struct us_user stored = { .name = US_SLICE("old"), .email = US_SLICE("old@x"), .active = false, .attributes = attributes, .n_attributes = 1 };
#define KEEP "\"from\":\"sn\",\"transform\":[{\"regex\":{\"find\":\"x\"}}],\"noMatch\":\"ignore\""
	static const struct {
		const char *attribute, *row, *known, *fresh;
	} rows[] = {
		{ "username", KEEP, "old", "FAILED: the user has no username; no rule matches, and there is no stored one" },
		{ "email", KEEP, "old@x", "(none)" },
		{ "lastName", KEEP, "(none)", "(none)" },
		{ "active", KEEP, "false", "true" },
		{ "phone", KEEP, "1|2", "(none)" },
		{ "a", "\"script\":\"if existing then return existing.phone end\"", "1|2", "(none)" },
		{ "a", "\"script\":\"if existing then return existing.active .. existing.username end return 'new'\"", "falseold", "new" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		for (int is_known = 0; is_known < 2; is_known++) {
			struct world w;
			struct us_mapped m;
			struct us_str text = US_STR_INIT, got = US_STR_INIT;
			us_str_printf(&text, "%s{\"attribute\":\"%s\",%s}", i == 0 ? "" : NAME ",", rows[i].attribute, rows[i].row);
			open_world(&w, us_str_text(&text), company);
			assert_row(i, w.mapping);
			us_mapping_user(w.mapping, &(struct us_mapping_input) { .record = &w.record }, &w.arena, &m);
			assert_row(i, m.kind == US_MAPPED_NEEDS_EXISTING);
			us_mapping_user(w.mapping, &(struct us_mapping_input) { .record = &w.record, .knows_existing = true, .existing = is_known ? &stored : NULL },
				&w.arena, &m);
			show(&m, rows[i].attribute, &got);
			const char *want = is_known ? rows[i].known : rows[i].fresh;
			if (strcmp(us_str_text(&got), want) != 0)
				fail_msg("row %zu: got \"%s\", want \"%s\"", i, us_str_text(&got), want);
			us_str_fini(&text);
			us_str_fini(&got);
			close_world(&w);
		}
}

static void what_is_wrong_has_its_field(void **state)
{
	static const struct {
		const char *rows, *field, *reason;
	} rows[] = {
		{ "1", "mapping[0]", "must be an object" },
		{ "{}", "mapping[0].attribute", "must be a name" },
		{ "{\"attribute\":\"\",\"from\":\"x\"}", "mapping[0].attribute", "must be a name" },
		{ "{\"attribute\":\"a\"}", "mapping[0]", "has no source" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"script\":\"return 1\"}", "mapping[0]", "more than one of" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"form\":\"x\"}", "mapping[0]", "unknown member" },
		{ "{\"attribute\":\"a\",\"from\":\"\"}", "mapping[0].from", "empty path" },
		{ "{\"attribute\":\"a\",\"from\":[]}", "mapping[0].from", "array of from 1" },
		{ "{\"attribute\":\"a\",\"from\":[1]}", "mapping[0].from", "not int" },
		{ "{\"attribute\":\"a\",\"from\":null}", "mapping[0].from", "not null" },
		{ "{\"attribute\":\"a\",\"from\":\"e[type eq work].v\"}", NULL, NULL },
		{ "{\"attribute\":\"a\",\"from\":\"e[type is \\\"work\\\"].v\"}", "mapping[0].from", "no filter" },
		{ "{\"attribute\":\"a\",\"from\":\"e[type eq \\\"work\\\"\"}", "mapping[0].from", "not closed" },
		{ "{\"attribute\":\"a\",\"from\":\"e[type eq \\\"work].v\"}", "mapping[0].from", "not closed" },
		{ "{\"attribute\":\"a\",\"from\":\"e[0]v\"}", "mapping[0].from", "other than a dot" },
		{ "{\"attribute\":\"a\",\"from\":\"e[0].\"}", "mapping[0].from", "ends in a dot" },
		{ "{\"attribute\":\"a\",\"from\":\"e[0]..v\"}", "mapping[0].from", "empty name" },
		{ "{\"attribute\":\"username\",\"from\":\"\"}", "mapping[0].from", "empty path" },
		{ "{\"attribute\":\"username\",\"value\":null}", "mapping[0].value", "nobody would have a name" },
		{ "{\"attribute\":\"username\",\"value\":\"x\"}", "mapping[0].value", "everybody the same name" },
		{ "{\"attribute\":\"a\",\"value\":\"\"}", "mapping[0].value", "must not be empty" },
		{ "{\"attribute\":\"a\",\"value\":3}", "mapping[0].value", "must be a text" },
		{ "{\"attribute\":\"a\",\"template\":\"x\"}", "mapping[0].template", "no place" },
		{ "{\"attribute\":\"a\",\"template\":\"{x\"}", "mapping[0].template", "not closed" },
		{ "{\"attribute\":\"a\",\"template\":\"x}{y}\"}", "mapping[0].template", "closes nothing" },
		{ "{\"attribute\":\"a\",\"template\":\"{}\"}", "mapping[0].template", "empty path" },
		{ "{\"attribute\":\"a\",\"script\":1}", "mapping[0].script", "must be a text" },
		{ "{\"attribute\":\"a\",\"script\":\"return (\"}", "mapping[0].script", "line 1" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":\"lowr\"}", "mapping[0].transform", "is no step" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[\"lower\",7]}", "mapping[0].transform[1]", "name of a step" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[\"regex\"]}", "mapping[0].transform[0]", "is no step" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"lower\":true}]}", "mapping[0].transform[0]", "must be one step" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"script\":\"\",\"ignoreCase\":true}]}", "mapping[0].transform[0]", "ignoreCase" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"regex\":[]}]}", "mapping[0].transform[0]", "from 1 to 200 rules" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"regex\":[{\"find\":\"(\"}]}]}", "mapping[0].transform[0].regex[0].find", "is no regular expression" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"regex\":{\"find\":\"(a)\",\"replace\":\"$2\"}}]}", "mapping[0].transform[0].regex.replace", "is no replacement" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"regex\":{\"find\":\"(?<n>a)(b)?\",\"replace\":\"$2${n}$$\"}}]}", NULL, NULL },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"regex\":{\"replace\":\"x\"}}]}", "mapping[0].transform[0].regex", "must be an object with find" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"table\":{}}]}", "mapping[0].transform[0]", "table must be" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"table\":{\"a\":1}}]}", "mapping[0].transform[0].table.a", "must be a text" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"table\":{\"a\":\"1\",\"A\":\"2\"},\"ignoreCase\":true}]}", "mapping[0].transform[0]", "differ in case" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"script\":\"x =\"}]}", "mapping[0].transform[0].script", "line 1" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"ascii\":\"dutch\"}]}", "mapping[0].transform[0]", "no such language" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"noMatch\":\"clear\"}", "mapping[0].noMatch", "has no effect" },
		{ "{\"attribute\":\"a\",\"from\":\"x\",\"transform\":[{\"table\":{\"a\":\"b\"}}],\"noMatch\":\"drop\"}", "mapping[0].noMatch", "must be one of" },
		{ NAME "," NAME, "mapping[1]", "second row for the attribute username" },
		{ NAME ",{\"attribute\":\"a\",\"from\":\"x\"},{\"attribute\":\"a\",\"value\":\"x\"}", "mapping[2]", "second row for the attribute a" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct world w;
		open_world(&w, rows[i].rows, company);
		if (!rows[i].field ? w.problems != NULL : !w.problems || strcmp(w.problems->field, rows[i].field) != 0 || !strstr(w.problems->reason, rows[i].reason))
			fail_msg("row %zu: %s: got %s: %s", i, rows[i].rows, w.problems ? w.problems->field : "-", w.problems ? w.problems->reason : "-");
		close_world(&w);
	}
}

static void a_costly_regex_fails_its_user_only(void **state)
{
	struct world w;
	struct us_mapped m;
	struct us_str record = US_STR_INIT, got = US_STR_INIT;

	us_str_add_text(&record, "{\"login\":\"x\",\"note\":\"");
	for (int i = 0; i < 5000; i++)
		us_str_add_char(&record, 'a');
	us_str_add_text(&record, "!\"}");
	open_world(&w, NAME ",{\"attribute\":\"a\",\"from\":\"note\",\"transform\":[{\"regex\":{\"find\":\"^(a+)+$\",\"replace\":\"\"}}]}", us_str_text(&record));
	us_mapping_user(w.mapping, &(struct us_mapping_input) { .record = &w.record }, &w.arena, &m);
	show(&m, "a", &got);
	assert_string_equal(us_str_text(&got), "FAILED: a: step 1 (regex): the regular expression costs too much on this text");
	us_str_fini(&got);
	us_str_fini(&record);
	close_world(&w);
}

static void a_trace_shows_each_step(void **state)
{
	struct world w;
	struct us_mapped m;
	struct us_trace trace;

	open_world(&w, NAME ",{\"attribute\":\"a\",\"from\":\"ou\",\"transform\":[\"lower\",{\"regex\":{\"find\":\"^.r\",\"replace\":\"x\"}}],\"noMatch\":\"clear\"}", company);
	us_mapping_user(w.mapping, &(struct us_mapping_input) { .record = &w.record, .trace = &trace }, &w.arena, &m);
	assert_int_equal(m.kind, US_MAPPED_WANTED);
	for (size_t i = 0; i < trace.n; i++) {
		const struct us_trace_row *row = &trace.rows[i];
		if (!us_slice_is(row->attribute, "a"))
			continue;
		assert_int_equal(row->n_steps, 3);
		assert_string_equal(row->steps[0].name, "source");
		assert_slice(row->steps[0].values[2], "Board");
		assert_slice(row->steps[1].values[2], "board");
		assert_true(row->steps[2].is_matching && row->steps[2].n_matched == 1 && row->steps[2].n == 1);
		assert_slice(row->steps[2].values[0], "x");
		assert_null(row->end);
		close_world(&w);
		return;
	}
	fail_msg("no trace of the row");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_gives_a_value),
		cmocka_unit_test(what_is_stored_can_stay),
		cmocka_unit_test(what_is_wrong_has_its_field),
		cmocka_unit_test(a_costly_regex_fails_its_user_only),
		cmocka_unit_test(a_trace_shows_each_step),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
