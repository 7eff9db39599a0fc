#include "model/template.h"

/* The literal up to the next place, with doubled braces made single. */
static enum us_errc take_literal(struct us_arena *arena, struct us_slice *rest, struct us_slice *ret_literal, struct us_err *err)
{
	char *out = us_arena_alloc(arena, rest->n + 1);
	size_t n = 0, i = 0;

	while (i < rest->n) {
		char c = rest->p[i];
		bool is_doubled = (c == '{' || c == '}') && i + 1 < rest->n && rest->p[i + 1] == c;
		if (c == '{' && !is_doubled)
			break;
		if (c == '}' && !is_doubled)
			return us_err_set(err, US_CONFIG, "has a } that closes nothing (write }} for a brace)");
		out[n++] = c;
		i += 1 + is_doubled;
	}
	out[n] = '\0';
	rest->p += i;
	rest->n -= i;
	*ret_literal = (struct us_slice) { out, n };
	return US_OK;
}

/* A place ends at its first } that is not inside quotes: filters of paths may hold braces. */
static enum us_errc take_place(struct us_arena *arena, struct us_slice *rest, struct us_template_part *part, struct us_err *err)
{
	size_t end = 1, n_bars = 0;
	bool quoted = false;

	for (; end < rest->n && (quoted || rest->p[end] != '}'); end++) {
		quoted ^= rest->p[end] == '"';
		n_bars += !quoted && rest->p[end] == '|';
	}
	if (end >= rest->n)
		return us_err_set(err, US_CONFIG, "has a { that is not closed (write {{ for a brace)");
	part->paths = us_arena_array(arena, n_bars + 1, sizeof *part->paths);
	for (size_t from = 1; from <= end;) {
		size_t to = from;
		for (quoted = false; to < end && (quoted || rest->p[to] != '|'); to++)
			quoted ^= rest->p[to] == '"';
		struct us_slice text = us_slice_trim((struct us_slice) { rest->p + from, to - from });
		if (!text.n && to == end && part->n_paths) {
			part->is_optional = true;
		} else {
			enum us_errc rc = us_path_parse(arena, text, &part->paths[part->n_paths++], err);
			if (rc)
				return us_err_prefix(err, "the place {" US_SLICE_FMT "}", (int) (end - 1 < 100 ? end - 1 : 100), rest->p + 1);
		}
		from = to + 1;
	}
	rest->p += end + 1;
	rest->n -= end + 1;
	return US_OK;
}

enum us_errc us_template_parse(struct us_arena *arena, struct us_slice text, struct us_template *ret_template, struct us_err *err)
{
	struct us_template_part *parts = us_arena_array(arena, US_TEMPLATE_MAX_PARTS, sizeof *parts);
	struct us_template t = { .parts = parts };

	if (text.n > US_TEMPLATE_MAX_BYTES)
		return us_err_set(err, US_CONFIG, "is longer than %d bytes", US_TEMPLATE_MAX_BYTES);
	for (struct us_slice rest = text; rest.n;) {
		struct us_template_part *part = &parts[t.n_parts];
		enum us_errc rc;
		if (t.n_parts++ == US_TEMPLATE_MAX_PARTS)
			return us_err_set(err, US_CONFIG, "has more than %d parts", US_TEMPLATE_MAX_PARTS);
		if (rest.p[0] == '{' && !(rest.n > 1 && rest.p[1] == '{')) {
			rc = take_place(arena, &rest, part, err);
			t.n_places++;
		} else {
			rc = take_literal(arena, &rest, &part->literal, err);
		}
		if (rc)
			return rc;
	}
	if (!t.n_places)
		return us_err_set(err, US_CONFIG, "has no place for a value: want {path} in it, or use value for a constant");
	*ret_template = t;
	return US_OK;
}

bool us_template_fill(const struct us_template *t, struct us_path_record *record, struct us_slice *ret_text)
{
	struct us_slice pieces[US_TEMPLATE_MAX_PARTS];
	size_t n = 0;

	for (size_t i = 0; i < t->n_parts; i++) {
		const struct us_template_part *part = &t->parts[i];
		const struct us_slice *values;
		size_t n_values, k = 0;
		pieces[i] = part->literal;
		while (k < part->n_paths && !us_path_find(&part->paths[k], record, &values, &n_values))
			k++;
		if (k < part->n_paths)
			pieces[i] = values[0];
		else if (part->n_paths && !part->is_optional)
			return false;
		n += pieces[i].n;
	}
	char *out = us_arena_alloc(record->arena, n + 1), *p = out;
	for (size_t i = 0; i < t->n_parts; i++)
		if (pieces[i].n)
			p = (char *) memcpy(p, pieces[i].p, pieces[i].n) + pieces[i].n;
	*p = '\0';
	*ret_text = (struct us_slice) { out, n };
	return n > 0;
}
