#include "source/file_ldif.h"

#include <stdlib.h>
#include <strings.h>

enum us_errc us_file_ldif_open(struct us_file_ldif *l, const char *folder, const char *path, const struct us_file_proof *proof,
	const struct us_slice *texts, size_t n_texts, const atomic_bool *cancel, struct us_err *err)
{
	*l = (struct us_file_ldif) { .proof = proof, .texts = texts, .n_texts = n_texts };
	enum us_errc rc = us_file_input_open(&l->in, folder, path, US_FILE_MOST_ENTRY_BYTES, cancel, err);
	return rc ? rc : us_file_input_skip_bom(&l->in, err);
}

void us_file_ldif_close(struct us_file_ldif *l)
{
	us_file_input_close(&l->in);
	free(l->lines);
	l->lines = NULL;
	l->cap_lines = 0;
}

static bool starts(struct us_slice s, const char *text)
{
	size_t n = strlen(text);
	return s.n >= n && strncasecmp(s.p, text, n) == 0;
}

/* ---- finding entries ---- */

/* One physical line at `at`, without its end. False: it is not all there. *ret_next is behind its line end. */
static bool line_at(const struct us_file_ldif *l, size_t at, struct us_slice *ret_line, size_t *ret_next, bool *ret_has_end)
{
	const char *p = l->in.buffer + at, *end = l->in.buffer + l->in.n;
	const char *lf = memchr(p, '\n', (size_t) (end - p));

	if (!lf && !l->in.is_end)
		return false;
	*ret_has_end = lf;
	*ret_next = lf ? (size_t) (lf - l->in.buffer) + 1 : l->in.n;
	if (!lf)
		lf = end;
	*ret_line = (struct us_slice) { p, (size_t) (lf - p) };
	ret_line->n -= ret_line->n && p[ret_line->n - 1] == '\r';
	return true;
}

enum stop { STOP_NONE, STOP_BLANK, STOP_MARKER, STOP_END };

/* The entry from in.at on: up to an empty line, the marker, or the file's end. */
static enum us_errc find_entry_end(struct us_file_ldif *l, size_t *ret_bytes, int64_t *ret_lines, enum stop *ret_stop, struct us_err *err)
{
	struct us_slice line;
	size_t used = 0, next;
	int64_t lines = 0, ignored;
	bool has_end;

	*ret_stop = STOP_NONE;
	while (!*ret_stop) {
		while (!line_at(l, l->in.at + used, &line, &next, &has_end)) {
			enum us_errc rc = us_file_input_fill(&l->in, err);
			if (rc)
				return rc;
		}
		if (!has_end && line.n == 0)
			*ret_stop = STOP_END;
		else if (line.n == 0)
			*ret_stop = STOP_BLANK;
		else if (used && l->proof->marker.n && us_file_proof_is_marker(l->proof, line, &ignored))
			*ret_stop = STOP_MARKER;
		else {
			used = next - l->in.at;
			lines += has_end;
			if (!has_end)
				*ret_stop = STOP_END;
		}
	}
	*ret_bytes = used;
	*ret_lines = lines;
	return US_OK;
}

/* Empty lines, comments with what is folded into them, and the version line between entries. US_END at the file's end. */
static enum us_errc skip_between(struct us_file_ldif *l, bool *ret_is_marker, int64_t *ret_announced, struct us_err *err)
{
	bool in_comment = false, has_end;
	struct us_slice line;
	size_t next;

	*ret_is_marker = false;
	for (;;) {
		while (!line_at(l, l->in.at, &line, &next, &has_end)) {
			enum us_errc rc = us_file_input_fill(&l->in, err);
			if (rc)
				return rc;
		}
		if (line.n == 0 && !has_end)
			return US_END;
		if (us_file_proof_is_marker(l->proof, line, ret_announced))
			*ret_is_marker = true;
		else if (line.n && line.p[0] == '#')
			in_comment = true;
		else if (line.n && !(in_comment && line.p[0] == ' ') && !(l->entries == 0 && starts(line, "version:")))
			return US_OK;
		else
			in_comment = in_comment && line.n;
		us_file_input_use(&l->in, next - l->in.at, has_end);
		if (*ret_is_marker)
			return US_OK;
	}
}

/* ---- one entry ---- */

static int value_of(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 : c >= '0' && c <= '9' ? c - '0' + 52 :
		c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* In place, with its padding; false if it is no base64. */
static bool decode(char *p, size_t n, size_t *ret_n)
{
	size_t out = 0, padding = 0;
	uint32_t bits = 0;

	if (n % 4)
		return false;
	while (padding < 2 && n > padding && p[n - 1 - padding] == '=')
		padding++;
	for (size_t i = 0; i < n; i++) {
		int v = i >= n - padding ? 0 : value_of((unsigned char) p[i]);
		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t) v;
		if (i % 4 == 3) {
			p[out++] = (char) (bits >> 16);
			p[out++] = (char) (bits >> 8);
			p[out++] = (char) bits;
		}
	}
	*ret_n = out - padding;
	return true;
}

/* Active Directory's id is 16 bytes, of which the first three numbers are little-endian. Spec: RFC 4122, MS-DTYP 2.3.4.2. */
static struct us_slice guid_text(struct us_arena *arena, const char *bytes)
{
	const unsigned char *b = (const unsigned char *) bytes;

	return us_slice(us_arena_printf(arena, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]));
}

static bool is_name(struct us_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') ||
				s.p[i] == '-' || s.p[i] == '.' || s.p[i] == ';' || s.p[i] == '_'))
			return false;
	return s.n > 0;
}

static bool must_be_text(const struct us_file_ldif *l, struct us_slice name)
{
	for (size_t i = 0; i < l->n_texts; i++)
		if (l->texts[i].n == name.n && strncasecmp(l->texts[i].p, name.p, name.n) == 0)
			return true;
	return false;
}

/* One unfolded line. Returns NULL or what is wrong with it; the value is NONE if it is to be left out. */
static const char *split(const struct us_file_ldif *l, struct us_arena *arena, char *p, size_t n, struct us_file_ldif_line *ret_line)
{
	char *colon = memchr(p, ':', n), *end = p + n;

	ret_line->value = US_SLICE_NONE;
	ret_line->name = (struct us_slice) { p, colon ? (size_t) (colon - p) : 0 };
	if (!is_name(ret_line->name)) {
		ret_line->name = US_SLICE_NONE;
		return "a line without an attribute name and a colon";
	}
	char *v = colon + 1;
	bool is_base64 = v < end && *v == ':';
	if (v < end && *v == '<')
		return "is a URL, which is not followed; put the value itself into the file";
	v += is_base64;
	while (v < end && *v == ' ')
		v++;
	size_t bytes = (size_t) (end - v);
	if (is_base64 && !decode(v, bytes, &bytes))
		return "is not base64";
	struct us_slice value = { v, bytes };
	if (us_slice_is_nocase(ret_line->name, "objectGUID") && bytes == 16)
		value = guid_text(arena, v);
	else if (!us_slice_is_utf8(value)) {
		if (is_base64 && !must_be_text(l, ret_line->name))
			return NULL; /* a picture, a certificate */
		return memchr(v, 0, bytes) ? "holds a NUL byte" : "is not UTF-8";
	}
	if (value.n > US_FILE_MOST_VALUE_BYTES)
		return "has a value of more than 1 MB";
	ret_line->value = value;
	return NULL;
}

static struct us_file_ldif_line *add_line(struct us_file_ldif *l)
{
	if (l->n_lines == l->cap_lines) {
		l->cap_lines = l->cap_lines ? l->cap_lines * 2 : 64;
		l->lines = us_realloc(l->lines, l->cap_lines * sizeof *l->lines);
	}
	return &l->lines[l->n_lines++];
}

static void blame(struct us_file_ldif *l, struct us_arena *arena, struct us_file_entry *entry, struct us_slice name, const char *what)
{
	if (entry->problem)
		return;
	if (name.p)
		entry->problem = us_arena_printf(arena, "%s line %lld: %.*s %s", l->in.name, (long long) entry->line,
			(int) (name.n < 100 ? name.n : 100), name.p, what);
	else
		entry->problem = us_arena_printf(arena, "%s line %lld: %s", l->in.name, (long long) entry->line, what);
}

/* Values of one attribute come together, in the order of the file. Linear, since an attribute's lines are adjacent in all exports. */
static void gather(struct us_file_ldif *l, struct us_arena *arena, struct us_file_entry *entry)
{
	size_t n = 0, at = 0, last = 0;
	struct us_field fields[US_FILE_MOST_ATTRIBUTES];

	for (size_t i = 0; i < l->n_lines; i++) {
		struct us_slice name = l->lines[i].name;
		size_t k = last;
		bool is_same = n && fields[k].name.n == name.n && strncasecmp(fields[k].name.p, name.p, name.n) == 0;
		for (k = is_same ? k : 0; !is_same && k < n; k++)
			if (fields[k].name.n == name.n && strncasecmp(fields[k].name.p, name.p, name.n) == 0)
				break;
		if (k == US_FILE_MOST_ATTRIBUTES) {
			blame(l, arena, entry, US_SLICE_NONE, "more than 500 different attributes");
			l->n_lines = i;
			break;
		}
		if (k == n)
			fields[n++] = (struct us_field) { .name = name };
		fields[k].n++;
		l->lines[i].field = (uint32_t) k;
		last = k;
	}
	struct us_slice *values = us_arena_alloc(arena, l->n_lines * sizeof *values);
	for (size_t k = 0; k < n; k++) {
		fields[k].values = values + at;
		at += fields[k].n;
		fields[k].n = 0;
	}
	for (size_t i = 0; i < l->n_lines; i++) {
		struct us_field *f = &fields[l->lines[i].field];
		values[(size_t) (f->values - values) + f->n++] = l->lines[i].value;
	}
	struct us_field *kept = us_arena_alloc(arena, n * sizeof *kept);
	if (n)
		memcpy(kept, fields, n * sizeof *kept);
	entry->fields = kept;
	entry->n_fields = n;
}

/* Unfolds and splits the copy of an entry. US_CONFIG for change records. */
static enum us_errc parse(struct us_file_ldif *l, struct us_arena *arena, char *p, size_t n, struct us_file_entry *entry, struct us_err *err)
{
	char *end = p + n;
	size_t n_dns = 0;

	l->n_lines = 0;
	while (p < end) {
		/* One logical line: lines that begin with a space are moved up to it. */
		char *start = p, *to = p;
		bool is_first = true;
		while (p < end && (is_first || *p == ' ')) {
			char *lf = memchr(p, '\n', (size_t) (end - p)), *stop = lf ? lf : end;
			char *next = lf ? lf + 1 : end;
			if (stop > p && stop[-1] == '\r')
				stop--;
			p += !is_first;
			if (stop > p) {
				memmove(to, p, (size_t) (stop - p));
				to += stop - p;
			}
			p = next;
			is_first = false;
		}
		if (start[0] == '#')
			continue;
		struct us_file_ldif_line line;
		const char *wrong = split(l, arena, start, (size_t) (to - start), &line);
		if (!wrong && us_slice_is_nocase(line.name, "dn") && line.value.n) {
			n_dns++;
			entry->dn = line.value;
			continue;
		}
		if (us_slice_is_nocase(line.name, "changetype") || us_slice_is_nocase(line.name, "control"))
			return us_err_set(err, US_CONFIG, "%s line %lld: change records are not read; export the entries themselves", l->in.name,
				(long long) entry->line);
		if (wrong)
			blame(l, arena, entry, line.name, wrong);
		else if (line.value.n)
			*add_line(l) = line;
	}
	if (n_dns > 1) {
		entry->dn = US_SLICE_NONE;
		entry->problem = NULL;
		blame(l, arena, entry, US_SLICE_NONE, "a second DN; the empty line between two entries is missing");
	}
	return US_OK;
}

/* ldapsearch's closing lines: "search: 2", "result: 0 Success". They are no entry, and the code says if it saw all. */
static bool is_result(const struct us_file_ldif *l, const struct us_file_entry *entry, struct us_slice *ret_result)
{
	if (entry->dn.p || entry->problem || l->n_lines < 2 || !us_slice_is_nocase(l->lines[0].name, "search") ||
			!us_slice_is_nocase(l->lines[1].name, "result"))
		return false;
	*ret_result = l->lines[1].value;
	return true;
}

static enum us_errc end(struct us_file_ldif *l, struct us_err *err)
{
	if (l->proof->marker.n && !l->has_marker && !l->doubts.n)
		us_file_doubts_add(&l->doubts, "%s ends at line %lld without the end marker \"%.*s\": it is cut, or still being written", l->in.name,
			(long long) l->in.line, (int) (l->proof->marker.n < 100 ? l->proof->marker.n : 100), l->proof->marker.p);
	enum us_errc rc = us_file_doubts_tell(&l->doubts, err);
	return rc ? rc : US_END;
}

static enum us_errc end_at_marker(struct us_file_ldif *l, int64_t announced, struct us_err *err)
{
	bool again;
	int64_t ignored;
	long long line = (long long) l->in.line - 1;

	l->has_marker = true;
	if (announced >= 0 && announced != l->entries)
		us_file_doubts_add(&l->doubts, "%s line %lld: the end marker speaks of %lld entries, the file has %lld", l->in.name, line,
			(long long) announced, (long long) l->entries);
	enum us_errc rc = skip_between(l, &again, &ignored, err);
	if (rc == US_OK)
		us_file_doubts_add(&l->doubts, "%s line %lld: entries follow the end marker of line %lld", l->in.name, (long long) l->in.line, line);
	return rc == US_OK || rc == US_END ? end(l, err) : rc;
}

enum us_errc us_file_ldif_next(struct us_file_ldif *l, struct us_arena *arena, struct us_file_entry *ret_entry, struct us_err *err)
{
	struct us_file_entry entry = { 0 };
	struct us_slice result;
	int64_t lines, announced;
	enum stop stop;
	bool is_marker;
	size_t bytes;

	for (;;) {
		enum us_errc rc = skip_between(l, &is_marker, &announced, err);
		if (rc == US_OK && is_marker)
			return end_at_marker(l, announced, err);
		if (rc == US_END)
			return end(l, err);
		if (rc == US_OK)
			rc = find_entry_end(l, &bytes, &lines, &stop, err);
		if (rc == US_TOO_LARGE)
			return us_err_set(err, US_PARTIAL, "%s line %lld: an entry of more than %d MB", l->in.name, (long long) l->in.line,
				US_FILE_MOST_ENTRY_BYTES >> 20);
		if (rc)
			return rc;
		entry = (struct us_file_entry) { .line = l->in.line };
		char *copy = us_arena_strndup(arena, l->in.buffer + l->in.at, bytes);
		us_file_input_use(&l->in, bytes, lines);
		rc = parse(l, arena, copy, bytes, &entry, err);
		if (rc)
			return rc;
		if (!is_result(l, &entry, &result))
			break;
		if (!starts(result, "0 ") && !us_slice_is(result, "0"))
			us_file_doubts_add(&l->doubts, "%s line %lld: ldapsearch ended with \"%.*s\"", l->in.name, (long long) entry.line,
				(int) (result.n < 100 ? result.n : 100), result.p);
	}
	gather(l, arena, &entry);
	l->entries++;
	if (!entry.dn.p) {
		blame(l, arena, &entry, US_SLICE_NONE, "an entry without a DN");
		us_file_doubts_add(&l->doubts, "%s", entry.problem);
	} else if (stop == STOP_END && !l->proof->has_checksum) {
		entry.problem = us_arena_printf(arena, "%s line %lld: no empty line follows the last entry, so the file may be cut inside of it; "
			"end the file with an empty line, an end marker or a checksum file", l->in.name, (long long) entry.line);
		us_file_doubts_add(&l->doubts, "%s", entry.problem);
	}
	*ret_entry = entry;
	return US_OK;
}
