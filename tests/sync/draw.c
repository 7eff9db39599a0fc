#include "sync/draw.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fold.h"

/* splitmix64 */
static uint64_t next(struct draw *d)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t draw_below(struct draw *d, uint32_t n) { return (uint32_t) (next(d) >> 11) % n; }
bool draw_one_in(struct draw *d, uint32_t n) { return draw_below(d, n) == 0; }

#define COUNT(a) ((uint32_t) (sizeof(a) / sizeof *(a)))
#define PICK(d, list) (list)[draw_below(d, COUNT(list))]

/* Names that are one name folded, that look like our own, like settings, like code; few, so that they meet. */
static const char *const user_names[] = { "anna", "ANNA", "an\u200bna", "\uff41nna", "bob", "Bob", "carl", "straße", "STRASSE", "ﬁ", "fi", "jörg",
	"jo\u0308rg", "user-1", "user-2", "USER-3", "svc-a", "svc-b", "root", "a b", "a\\b", "%s%n", "'; drop table user;--", "../../x", "*", "?",
	"{0}", "group:admins", "İ", "ı", "I", "i", "\u202ecba", "dora", "emil", "fritz", "gus", "hans" };
static const char *const group_names[] = { "staff", "Staff", "STAFF", "admins", "app-x", "app-y", "app-y2", "board", "it", "IT", "sales", "team-1",
	"team-2", "straße", "strasse", "g g", "everybody", "legal", "*", "app-*" };
static const char *const values[] = { "x", "X", "x y", "", "it", "IT", "sales", "a@x", "%", "\u00e4", "12", "true" };

static bool has_name(const struct us_map *names, const char *name)
{
	return us_map_find(names, us_fold_hash(us_slice(name))) != US_MAP_NONE;
}

static void add_format(struct lines *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_format(struct lines *l, const char *format, ...)
{
	va_list ap;
	char text[400];

	va_start(ap, format);
	us_assert((size_t) vsnprintf(text, sizeof text, format, ap) < sizeof text);
	va_end(ap);
	add_line(l, strdup(text));
}

static void add_text(struct lines *l, const struct us_str *s) { add_line(l, strndup(us_str_text(s), s->n)); }

static void add_word(struct us_str *s, const char *key, const char *value)
{
	us_str_printf(s, strchr(value, ' ') || !*value ? " %s%s\"%s\"" : " %s%s%s", key, *key ? "=" : "", value);
}

static void add_fields(struct draw *d, struct us_str *s)
{
	static const char *const keys[] = { "fullName", "email", "dept", "ou", "ou", "mail" };

	for (size_t i = 0; i < COUNT(keys); i++)
		if (draw_one_in(d, 4))
			add_word(s, keys[i], PICK(d, values));
}

/* ---- what is there before ---- */

enum { MAX = 40 };

struct there {
	char id[24];
	bool is_local;
};

struct scene {
	struct draw *d;
	struct round *r;
	struct there users[MAX], groups[MAX];
	uint32_t n_users, n_groups; /* in the directory */
	uint32_t n_user_ids, n_group_ids;
	bool has_refs, is_assigning;
};

static void draw_there(struct scene *s, bool is_group)
{
	struct draw *d = s->d;
	struct there *list = is_group ? s->groups : s->users;
	uint32_t *n = is_group ? &s->n_groups : &s->n_users, ids = is_group ? s->n_group_ids : s->n_user_ids;
	struct us_map names = { 0 };
	struct us_str line = US_STR_INIT;

	for (uint32_t i = 1; i <= ids && *n < MAX; i++) {
		const char *name = is_group ? PICK(d, group_names) : PICK(d, user_names);
		struct there *t = &list[*n];
		if (draw_one_in(d, 3) || has_name(&names, name))
			continue;
		us_map_put(&names, us_fold_hash(us_slice(name)), NULL);
		t->is_local = draw_one_in(d, 5);
		if (is_group && !t->is_local && draw_one_in(d, 6))
			snprintf(t->id, sizeof t->id, draw_one_in(d, 2) ? "mapped:%u" : "assigned:%u", i);
		else
			snprintf(t->id, sizeof t->id, "%s%s%u", t->is_local ? "here-" : "", is_group ? "g" : "u", i);
		us_str_clear(&line);
		us_str_printf(&line, "%s %s", is_group ? "group" : "user", t->id);
		add_word(&line, "", name);
		if (is_group && draw_one_in(d, 4))
			add_word(&line, "description", "d");
		if (!is_group && draw_one_in(d, 3))
			add_word(&line, "fullName", PICK(d, values));
		if (!is_group && draw_one_in(d, 5))
			us_str_add_text(&line, " inactive");
		if (!is_group && !t->is_local && draw_one_in(d, 5))
			us_str_printf(&line, " missing=%u", draw_below(d, 12));
		if (t->is_local)
			us_str_add_text(&line, " local");
		add_text(&s->r->before, &line);
		++*n;
	}
	us_map_fini(&names);
	us_str_fini(&line);
}

/* The connector owns memberships between objects of its own, and those that it assigns to a local group. */
static void draw_members_there(struct scene *s)
{
	struct draw *d = s->d;

	for (uint32_t g = 0; g < s->n_groups; g++) {
		const struct there *group = &s->groups[g];
		for (uint32_t u = 0; u < s->n_users; u++) {
			bool may_own = !s->users[u].is_local && (!group->is_local || s->is_assigning);
			if (draw_one_in(d, 3))
				add_format(&s->r->before, "member %s %s%s", group->id, s->users[u].id,
					!may_own || draw_one_in(d, 6) ? " local" : "");
		}
		for (uint32_t k = 0; k < s->n_groups; k++) {
			bool may_own = !s->groups[k].is_local && !group->is_local;
			if (k != g && draw_one_in(d, 6))
				add_format(&s->r->before, "member %s @%s%s", group->id, s->groups[k].id,
					!may_own || draw_one_in(d, 6) ? " local" : "");
		}
	}
}

/* ---- what is listed ---- */

static void add_ref(const struct scene *s, struct us_str *line, const char *kind, uint32_t i)
{
	if (s->has_refs)
		us_str_printf(line, " ref=%s%u", kind, i);
}

static void draw_listed_user(struct scene *s, uint32_t i)
{
	struct draw *d = s->d;
	struct us_str line = US_STR_INIT;

	if (draw_one_in(d, 40))
		us_str_add_text(&line, "user -");
	else
		us_str_printf(&line, "user u%u", i);
	add_word(&line, "", draw_one_in(d, 30) ? "-" : PICK(d, user_names));
	add_fields(d, &line);
	us_str_add_text(&line, draw_one_in(d, 6) ? " inactive" : "");
	add_ref(s, &line, "ru", i);
	if (draw_one_in(d, 30))
		add_word(&line, "problem", "a page of it is missing");
	if (draw_one_in(d, 6))
		us_str_printf(&line, " groups=g%u,g%u", 1 + draw_below(d, s->n_group_ids + 1), 1 + draw_below(d, s->n_group_ids + 1));
	add_text(&s->r->listing, &line);
	us_str_fini(&line);
}

static void draw_listed_group(struct scene *s, uint32_t i)
{
	struct draw *d = s->d;
	struct us_str line = US_STR_INIT;

	if (draw_one_in(d, 40))
		us_str_add_text(&line, "group -");
	else
		us_str_printf(&line, "group g%u", i);
	add_word(&line, "", draw_one_in(d, 30) ? "-" : PICK(d, group_names));
	if (draw_one_in(d, 4))
		add_word(&line, "description", PICK(d, values));
	add_ref(s, &line, "rg", i);
	if (draw_one_in(d, 25))
		add_word(&line, "problem", "its members could not be read");
	add_text(&s->r->listing, &line);
	us_str_fini(&line);
}

/* Of itself, in circles, and of nobody, too. */
static void draw_listed_members(struct scene *s, uint32_t g)
{
	struct draw *d = s->d;
	const char *group = s->has_refs ? "rg" : "g", *user = s->has_refs ? "ru" : "u";

	for (uint32_t u = 1; u <= s->n_user_ids + 1; u++)
		if (draw_one_in(d, 4))
			add_format(&s->r->listing, "member %s%u %s%u", group, g, user, u);
	for (uint32_t k = 1; k <= s->n_group_ids; k++)
		if (draw_one_in(d, 5))
			add_format(&s->r->listing, "member %s%u @%s%u", group, g, group, k);
}

static void draw_listing(struct scene *s)
{
	struct draw *d = s->d;
	bool is_empty = draw_one_in(d, 25);

	for (uint32_t i = 1; i <= s->n_user_ids && !is_empty; i++) {
		if (!draw_one_in(d, 3))
			draw_listed_user(s, i);
		if (draw_one_in(d, 20))
			draw_listed_user(s, i);
		if (draw_one_in(d, 12))
			add_line(&s->r->listing, strdup("---"));
	}
	for (uint32_t i = 1; i <= s->n_group_ids && !is_empty; i++) {
		if (!draw_one_in(d, 4))
			draw_listed_group(s, i);
		if (draw_one_in(d, 20))
			draw_listed_group(s, i);
		if (!draw_one_in(d, 4))
			draw_listed_members(s, i);
	}
	if (draw_one_in(d, 10)) {
		add_line(&s->r->listing, strdup("---"));
		add_line(&s->r->listing, strdup("partial the connection was lost"));
	}
}

/* ---- the configuration ---- */

static void maybe(struct scene *s, uint32_t one_in, const char *text)
{
	if (draw_one_in(s->d, one_in))
		add_line(&s->r->config, strdup(text));
}

static void draw_patterns(struct scene *s, uint32_t one_in, const char *name, const char *const *list, uint32_t n)
{
	struct us_str text = US_STR_INIT;
	uint32_t many = 1 + draw_below(s->d, 2);

	if (draw_one_in(s->d, one_in)) {
		us_str_printf(&text, "\"%s\":[", name);
		for (uint32_t i = 0; i < many; i++)
			us_str_printf(&text, "%s\"%s\"", i ? "," : "", list[draw_below(s->d, n)]);
		us_str_add_text(&text, "]");
		add_text(&s->r->config, &text);
	}
	us_str_fini(&text);
}

static void draw_cleanup(struct scene *s)
{
	static const char *const plain[] = { "disable", "delete", "anonymize", "keep" };
	static const char *const actions[] = { "disable", "strip", "anonymize", "delete" };
	struct us_str text = US_STR_INIT;
	uint32_t day = draw_below(s->d, 3), n = 1 + draw_below(s->d, 4);

	if (draw_one_in(s->d, 3)) {
		us_str_add_text(&text, "\"cleanup\":\"staged\",\"cleanupStages\":[");
		/* None follows delete. */
		const char *action = "";
		for (uint32_t i = 0; i < n && strcmp(action, "delete"); i++, day += draw_below(s->d, 4)) {
			action = PICK(s->d, actions);
			us_str_printf(&text, "%s{\"afterDays\":%u,\"action\":\"%s\"}", i ? "," : "", day, action);
		}
		us_str_add_text(&text, "]");
	} else {
		us_str_printf(&text, "\"cleanup\":\"%s\"", PICK(s->d, plain));
	}
	add_text(&s->r->config, &text);
	us_str_fini(&text);
}

static void draw_mapping(struct scene *s)
{
	static const char *const rows[] = {
		"{\"attribute\":\"groups\",\"from\":\"ou\"}",
		"{\"attribute\":\"groups\",\"from\":\"ou\",\"transform\":\"lower\"}",
		"{\"attribute\":\"username\",\"from\":\"username\",\"transform\":[\"lower\",\"trim\"]}",
		"{\"attribute\":\"username\",\"from\":[\"mail\",\"username\"]}",
		"{\"attribute\":\"username\",\"script\":\"if existing then return existing.username end return user.username\"}",
		"{\"attribute\":\"dept\",\"from\":\"dept\"}",
		"{\"attribute\":\"dept\",\"from\":\"dept\",\"transform\":{\"regex\":{\"find\":\"^x$\"}},\"noMatch\":\"ignore\"}",
		"{\"attribute\":\"dept\",\"from\":\"dept\",\"transform\":{\"table\":{\"x\":\"y\"}},\"noMatch\":\"filter\"}",
		"{\"attribute\":\"dept\",\"from\":\"dept\",\"transform\":{\"table\":{\"x\":\"y\"}},\"noMatch\":\"clear\"}",
		"{\"attribute\":\"email\",\"from\":\"mail\"}",
		"{\"attribute\":\"fullName\",\"template\":\"{fullName} {username}\"}",
		"{\"attribute\":\"kind\",\"script\":\"if user.mail == '12' then return drop end if user.mail == 'x' then error('no') end return user.mail\"}",
	};

	static const char *const group_rows[] = {
		"{\"attribute\":\"name\",\"from\":\"name\",\"transform\":[\"lower\",{\"regex\":{\"find\":\"^team-(.)$\",\"replace\":\"app-$1\"}}]}",
		"{\"attribute\":\"name\",\"script\":\"if user.name == 'it' then error('no') end return 'x-' .. user.name\"}",
		"{\"attribute\":\"kind\",\"value\":\"synced\"}",
	};

	if (draw_one_in(s->d, 2))
		add_format(&s->r->config, "\"mapping\":[%s]", PICK(s->d, rows));
	if (draw_one_in(s->d, 8))
		add_format(&s->r->config, "\"groupMapping\":[%s]", PICK(s->d, group_rows));
}

static const char no_limits[] = "\"limits\":{\"users\":{\"percent\":100},\"groups\":{\"percent\":100},\"memberships\":{\"percent\":100},"
	"\"disabled\":{\"percent\":100},\"deleted\":{\"percent\":100},\"anonymized\":{\"percent\":100},"
	"\"perGroup\":{\"percent\":100},\"shrinkPercent\":100}";

static void draw_config(struct scene *s)
{
	static const char *const groups[] = { "staff", "admins", "app-*", "it", "/^team-[0-9]$/", "strasse", "*", "board", "nobody-has-this" };
	static const char *const users[] = { "root", "svc-*", "anna", "*a*", "/[m-z]/", "/^user-/", "group:admins", "group:app-*", "group:staff" };
	static const char *const assigned[] = { "everybody", "staff", "Legal", "app-x" };
	static const char *const predicates[] = { "return user.username ~= 'anna'", "if user.dept == 'x' then return 'strip' end return missingDays >= 2",
		"return not user.fullName", /* of groups, none asks: whose names the run itself may change */
		"if user.fullName then return 'anonymize' end return 'disable'", "if user.username == 'Bob' then error('no') end return true" };

	draw_cleanup(s);
	draw_mapping(s);
	if (!draw_one_in(s->d, 8))
		add_line(&s->r->config, strdup(no_limits));
	maybe(s, 4, "\"stripMemberships\":true");
	draw_patterns(s, 5, "stripExceptions", groups, COUNT(groups));
	draw_patterns(s, 4, "protectedUsers", users, COUNT(users));
	draw_patterns(s, 6, "groupFilter", groups, COUNT(groups));
	draw_patterns(s, 6, "groupExclude", groups, COUNT(groups));
	draw_patterns(s, 5, "requiredGroups", groups, COUNT(groups) - 1);
	draw_patterns(s, 6, "managedGroups", groups, COUNT(groups));
	draw_patterns(s, 6, "unmanagedGroups", groups, COUNT(groups));
	draw_patterns(s, 6, "protectedGroups", groups, COUNT(groups));
	if (s->is_assigning)
		add_format(&s->r->config, "\"assignGroups\":[\"%s\"]", PICK(s->d, assigned));
	maybe(s, 3, "\"nestedGroups\":\"flatten\"");
	maybe(s, 4, "\"emptyGroups\":\"drop\"");
	maybe(s, 8, draw_one_in(s->d, 2) ? "\"create\":\"single\"" : "\"create\":\"never\"");
	maybe(s, 6, "\"setActive\":false");
	maybe(s, 6, "\"groupCleanup\":\"keep\"");
	maybe(s, 8, "\"allOrNothing\":true");
	draw_patterns(s, 8, "adminGroups", groups, COUNT(groups));
	if (draw_one_in(s->d, 6) && strcmp(s->r->config.line[0], "\"cleanup\":\"keep\"") != 0)
		add_format(&s->r->config, "\"cleanupIf\":\"%s\"", PICK(s->d, predicates));
}

/* ---- rounds ---- */

void draw_round(struct draw *d, struct round *ret_round)
{
	struct round r = { 0 };
	struct scene s = { .d = d, .r = &r };

	s.n_user_ids = 2 + draw_below(d, draw_one_in(d, 8) ? 24 : 7);
	s.n_group_ids = 1 + draw_below(d, draw_one_in(d, 8) ? 10 : 4);
	s.has_refs = draw_one_in(d, 4);
	s.is_assigning = draw_one_in(d, 5);
	draw_config(&s);
	draw_there(&s, false);
	draw_there(&s, true);
	draw_members_there(&s);
	draw_listing(&s);
	if (draw_one_in(d, 6))
		r.single = strdup(PICK(d, user_names));
	*ret_round = r;
}

/* People and groups in which nothing fails: each has a name of its own, some are missing, and memberships differ. */
static void draw_calm(struct draw *d, struct round *r)
{
	struct us_str line = US_STR_INIT;
	uint32_t users = 3 + draw_below(d, 5), groups = 1 + draw_below(d, 4);

	for (uint32_t g = 1; g <= groups; g++) {
		add_format(&r->before, "group g%u n%u", g, g);
		add_format(&r->listing, "group g%u n%u", g, g);
	}
	for (uint32_t u = 1; u <= users; u++) {
		bool is_listed = u == 1 || draw_one_in(d, 2);
		us_str_clear(&line);
		us_str_printf(&line, "user u%u p%u", u, u);
		if (is_listed)
			add_text(&r->listing, &line);
		us_str_add_text(&line, draw_one_in(d, 4) ? " inactive" : "");
		if (draw_one_in(d, 3))
			us_str_printf(&line, " missing=%u", draw_below(d, 6));
		add_text(&r->before, &line);
		for (uint32_t g = 1; g <= groups; g++) {
			if (!draw_one_in(d, 3))
				add_format(&r->before, "member g%u u%u%s", g, u, draw_one_in(d, 9) ? " local" : "");
			if (is_listed && draw_one_in(d, 2))
				add_format(&r->listing, "member g%u u%u", g, u);
		}
	}
	for (uint32_t g = 1; g <= groups; g++)
		for (uint32_t k = 1; k <= groups; k++) {
			if (k != g && draw_one_in(d, 5))
				add_format(&r->before, "member g%u @g%u", g, k);
			if (k != g && draw_one_in(d, 5))
				add_format(&r->listing, "member g%u @g%u", g, k);
		}
	add_line(&r->config, strdup(no_limits));
	r->is_calm = true;
	us_str_fini(&line);
}

static void sometimes(struct draw *d, struct round *r, uint32_t one_in, const char *member)
{
	if (draw_one_in(d, one_in))
		add_line(&r->config, strdup(member));
}

void draw_stages(struct draw *d, struct round *ret_round)
{
	static const char *const actions[] = { "disable", "strip", "anonymize", "disable", "anonymize", "delete" };
	struct round r = { 0 };
	struct us_str text = US_STR_INIT;
	uint32_t n = 2 + draw_below(d, 3), day = draw_below(d, 3);
	const char *action = "";

	for (uint32_t i = 0; i < n && strcmp(action, "delete"); i++, day += 1 + draw_below(d, 3)) {
		action = PICK(d, actions);
		us_str_printf(&text, "%s{\"afterDays\":%u,\"action\":\"%s\"}", i ? "," : "\"cleanup\":\"staged\",\"cleanupStages\":[", day, action);
	}
	us_str_add_text(&text, "]");
	add_text(&r.config, &text);
	sometimes(d, &r, 4, "\"stripMemberships\":true");
	sometimes(d, &r, 3, "\"stripExceptions\":[\"n1\"]");
	draw_calm(d, &r);
	us_str_fini(&text);
	*ret_round = r;
}

void draw_required(struct draw *d, struct round *ret_round)
{
	static const char *const cleanups[] = { "disable", "delete", "anonymize", "keep" };
	static const char *const required[] = { "\"n1\"", "\"n2\",\"n1\"", "\"n*\"", "\"/^n[12]$/\"", "\"n3\",\"n1\"" };
	struct round r = { 0 };

	add_format(&r.config, "\"cleanup\":\"%s\"", PICK(d, cleanups));
	add_format(&r.config, "\"requiredGroups\":[%s]", PICK(d, required));
	sometimes(d, &r, 3, "\"nestedGroups\":\"flatten\"");
	sometimes(d, &r, 3, "\"stripMemberships\":true");
	sometimes(d, &r, 4, "\"emptyGroups\":\"drop\"");
	sometimes(d, &r, 4, "\"groupFilter\":[\"n1\",\"n2\"]");
	sometimes(d, &r, 5, "\"protectedUsers\":[\"p2\",\"group:n2\"]");
	sometimes(d, &r, 5, "\"assignGroups\":[\"all\"]");
	sometimes(d, &r, 5, "\"groupCleanup\":\"keep\"");
	draw_calm(d, &r);
	*ret_round = r;
}

void draw_free(struct round *r)
{
	free_lines(&r->config);
	free_lines(&r->before);
	free_lines(&r->listing);
	free(r->single);
}

/* Words 2 and 3 of a membership name objects of these lines. */
static bool is_there(const struct lines *l, const char *word)
{
	size_t n;

	word += *word == '@';
	n = strcspn(word, " ");
	for (size_t i = 0; i < l->n; i++) {
		const char *id = strchr(l->line[i], ' ') + 1;
		if (strncmp(l->line[i], "member", 6) && strncmp(id, word, n) == 0 && id[n] == ' ')
			return true;
	}
	return false;
}

char *draw_text(const struct round *r)
{
	struct us_str s = US_STR_INIT;

	us_str_add_text(&s, "config: {");
	for (size_t i = 0; i < r->config.n; i++)
		us_str_printf(&s, "%s%s", i ? "," : "", r->config.line[i]);
	us_str_add_text(&s, "}\n");
	if (r->single)
		us_str_printf(&s, "run: single %s\n", r->single);
	us_str_add_text(&s, "before:\n");
	for (size_t i = 0; i < r->before.n; i++) {
		const char *line = r->before.line[i];
		if (strncmp(line, "member ", 7) || (is_there(&r->before, line + 7) && is_there(&r->before, strchr(line + 7, ' ') + 1)))
			us_str_printf(&s, "  %s\n", line);
	}
	us_str_add_text(&s, "listing:\n");
	for (size_t i = 0; i < r->listing.n; i++)
		us_str_printf(&s, "  %s\n", r->listing.line[i]);
	return us_str_steal(&s);
}

void draw_shuffle(struct draw *d, const struct round *r, struct lines *ret_listing)
{
	const struct lines *l = &r->listing;
	struct lines out = { 0 };

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->line[i], "---"))
			add_line(&out, strdup(l->line[i]));
	for (size_t i = out.n; i > 1; i--) {
		size_t k = draw_below(d, (uint32_t) i);
		char *t = out.line[i - 1];
		out.line[i - 1] = out.line[k];
		out.line[k] = t;
	}
	*ret_listing = (struct lines) { 0 };
	for (size_t i = 0; i < out.n; i++) {
		if (draw_one_in(d, 3))
			add_line(ret_listing, strdup("---"));
		add_line(ret_listing, out.line[i]);
	}
	free(out.line);
}
