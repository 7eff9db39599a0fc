#include "sync/case.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

static _Noreturn void bad(const char *path, int number, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", path, number, what);
	exit(2);
}

static char *slurp(struct us_arena *arena, const char *path)
{
	FILE *f = fopen(path, "r");
	struct us_str text = US_STR_INIT;
	char chunk[4096];
	size_t n;

	if (!f)
		bad(path, 0, "cannot be opened");
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		us_str_add(&text, chunk, n);
	fclose(f);
	char *copy = us_arena_strndup(arena, us_str_text(&text), text.n);
	us_str_fini(&text);
	return copy;
}

/* Words are split at spaces; a double quote, also inside a word (key="a b"), keeps spaces until the next one. */
static void split(struct us_arena *arena, const char *path, int number, struct case_line *line)
{
	struct us_slice rest = line->text;

	while ((rest = us_slice_trim(rest)).n) {
		char *out = us_arena_alloc(arena, rest.n + 1);
		size_t n = 0, i = 0;
		bool quoted = false;
		for (; i < rest.n && (quoted || rest.p[i] != ' '); i++) {
			if (rest.p[i] == '"')
				quoted = !quoted;
			else
				out[n++] = rest.p[i];
		}
		out[n] = '\0';
		if (quoted)
			bad(path, number, "an open quote");
		if (line->n == CASE_MAX_WORDS)
			bad(path, number, "too many words");
		line->words[line->n++] = (struct us_slice) { out, n };
		rest.p += i;
		rest.n -= i;
	}
}

static void add(struct us_arena *arena, struct case_lines *lines, const struct case_line *line)
{
	if (lines->n % 16 == 0) {
		struct case_line *grown = us_arena_array(arena, lines->n + 16, sizeof *grown);
		if (lines->n)
			memcpy(grown, lines->line, lines->n * sizeof *grown);
		lines->line = grown;
	}
	lines->line[lines->n++] = *line;
}

void case_load(struct us_arena *arena, const char *path, struct sync_case *ret_case)
{
	struct sync_case c = { .name = path, .type = US_SLICE("case"), .config = US_SLICE("{}"), .status = US_SLICE("DONE") };
	struct case_lines *section = NULL;
	const char *slash = strrchr(path, '/');
	int number = 0;

	c.name = us_arena_strdup(arena, slash ? slash + 1 : path);
	for (char *p = slurp(arena, path), *next; p && *p; p = next) {
		next = strchr(p, '\n');
		if (next)
			*next++ = '\0';
		number++;
		struct case_line line = { .text = us_slice_trim(us_slice(p)) };
		bool inside = *p == ' ' || *p == '\t';
		if (!line.text.n || line.text.p[0] == '#')
			continue;
		if (inside) {
			if (!section)
				bad(path, number, "a line of no section");
			split(arena, path, number, &line);
			add(arena, section, &line);
			continue;
		}
		const char *colon = memchr(line.text.p, ':', line.text.n);
		if (!colon)
			bad(path, number, "neither a section nor inside one");
		struct us_slice key = { line.text.p, (size_t) (colon - line.text.p) };
		struct us_slice value = us_slice_trim((struct us_slice) { colon + 1, line.text.n - key.n - 1 });
		section = NULL;
		if (us_slice_is(key, "type"))
			c.type = value;
		else if (us_slice_is(key, "config"))
			c.config = value;
		else if (us_slice_is(key, "run")) {
			if (value.n > 7 && memcmp(value.p, "single ", 7) == 0)
				c.single = (struct us_slice) { value.p + 7, value.n - 7 };
			else if (us_slice_is(value, "delta"))
				c.is_delta = true;
			else if (!us_slice_is(value, "full"))
				bad(path, number, "run is full, delta or single NAME");
		} else if (us_slice_is(key, "override"))
			c.override = value;
		else if (us_slice_is(key, "scope"))
			c.scope_changed = us_slice_is(value, "changed");
		else if (us_slice_is(key, "status")) {
			const char *space = memchr(value.p, ' ', value.n);
			c.status = value;
			if (space) {
				c.status.n = (size_t) (space - value.p);
				c.rule = us_slice_trim((struct us_slice) { space, value.n - c.status.n });
			}
		} else if (us_slice_is(key, "message")) {
			line.text = value;
			add(arena, &c.messages, &line);
		} else if (us_slice_is(key, "no message")) {
			line.text = value;
			add(arena, &c.no_messages, &line);
		} else if (us_slice_is(key, "before"))
			section = &c.before;
		else if (us_slice_is(key, "listing"))
			section = &c.listing;
		else if (us_slice_is(key, "changes"))
			section = &c.changes;
		else if (us_slice_is(key, "plan"))
			section = &c.plan;
		else if (us_slice_is(key, "after")) {
			section = &c.after;
			c.has_after = true;
		} else if (us_slice_is(key, "approved")) {
			section = &c.approved;
			c.has_approved = true;
		} else if (us_slice_is(key, "later"))
			section = &c.later;
		else if (us_slice_is(key, "undo")) {
			section = &c.undo;
			c.has_undo = true;
		} else if (us_slice_is(key, "undone"))
			section = &c.undone;
		else
			bad(path, number, "an unknown section");
	}
	*ret_case = c;
}

struct us_slice case_word(const struct case_line *line, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 1; i < line->n; i++) {
		struct us_slice w = line->words[i];
		if (w.n == n && memcmp(w.p, key, n) == 0)
			return (struct us_slice) { "", 0 };
		if (w.n > n && memcmp(w.p, key, n) == 0 && w.p[n] == '=')
			return (struct us_slice) { w.p + n + 1, w.n - n - 1 };
	}
	return US_SLICE_NONE;
}
