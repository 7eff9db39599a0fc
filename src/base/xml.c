#include "base/xml.h"

#include <pthread.h>

#include <libxml/parser.h>
#include <libxml/parserInternals.h>

/* ---- what libxml2 never gets to see ---- */

static size_t find_end(struct us_slice text, size_t at, const char *mark)
{
	const char *p = memmem(text.p + at, text.n - at, mark, strlen(mark));

	return p ? (size_t) (p - text.p) + strlen(mark) : text.n;
}

static bool has_word(struct us_slice text, size_t at, const char *word)
{
	return text.n - at >= strlen(word) && memcmp(text.p + at, word, strlen(word)) == 0;
}

/* libxml2 compares each attribute of an element with all before it, so their number is bounded before it looks. A value cannot hold a "<":
 * what lies between two of them holds one tag at most. at: behind the tag's "<". *ret_at: where its end or the next "<" is. */
static bool check_tag(struct us_slice text, size_t at, size_t *ret_at)
{
	unsigned n = 0;
	char quote = '\0';

	for (; at < text.n && text.p[at] != '<'; at++) {
		char c = text.p[at];
		if (quote) {
			if (c == quote)
				quote = '\0';
		} else if (c == '>') {
			break;
		} else if (c == '"' || c == '\'') {
			quote = c;
			n++;
		}
	}
	*ret_at = at;
	return n <= US_XML_MAX_ATTRIBUTES;
}

/* A DOCTYPE is refused wherever one could stand, in a form that could be one or not. */
static enum us_errc check_markup(struct us_slice text, struct us_err *err)
{
	size_t at = 0;

	while (at < text.n) {
		const char *open = memchr(text.p + at, '<', text.n - at);
		if (!open)
			break;
		size_t start = (size_t) (open - text.p);
		at = start + 1;
		if (has_word(text, at, "!--"))
			at = find_end(text, at + 3, "-->");
		else if (has_word(text, at, "![CDATA["))
			at = find_end(text, at + 8, "]]>");
		else if (has_word(text, at, "?"))
			at = find_end(text, at + 1, "?>");
		else if (has_word(text, at, "!"))
			return us_err_set(err, US_INVALID, "at byte %zu: a document type (<!DOCTYPE …>) is not allowed here", start);
		else if (!check_tag(text, at, &at))
			return us_err_set(err, US_TOO_LARGE, "at byte %zu: an element has more than %d attributes", start, US_XML_MAX_ATTRIBUTES);
	}
	return US_OK;
}

/* ---- building the tree ---- */

/* An element that is open: its text so far, and where its next child goes. */
struct open {
	struct us_xml *element;
	const struct us_xml **into;
	struct us_str text;
};

/* Invariant: open[0..depth) are the elements that are open, innermost last. err.code is set by the first thing that was wrong, and nothing
 * is done from then on. */
struct builder {
	xmlParserCtxtPtr context;
	struct us_arena *arena;
	struct us_xml_limits limits;
	struct open open[US_XML_MAX_DEPTH];
	unsigned depth;
	size_t nodes;
	struct us_xml *root;
	struct us_err err;
};

static long place(const struct builder *b)
{
	long at = xmlByteConsumed(b->context);

	return at < 0 ? 0 : at;
}

static void fail(struct builder *b, enum us_errc code, const char *why)
{
	if (!b->err.code)
		us_err_set(&b->err, code, "at byte %ld: %s", place(b), why);
}

/* The last thing that a callback does: what it was handed is freed by this. */
static void stop_if_failed(struct builder *b)
{
	if (b->err.code)
		xmlStopParser(b->context);
}

/* What libxml2 leaves a colon in is a name with more than one prefix. */
static struct us_slice take_name(struct builder *b, const xmlChar *name)
{
	struct us_slice s = us_slice_dup(b->arena, us_slice((const char *) name));

	if (memchr(s.p, ':', s.n))
		fail(b, US_INVALID, "a name with more than one colon");
	return s;
}

/* Two that differ in their prefix alone would be one here. */
static void take_attributes(struct builder *b, struct us_xml *e, int n, const xmlChar **from)
{
	struct us_xml_attribute *list = us_arena_array(b->arena, (size_t) n, sizeof *list);

	for (int i = 0; i < n; i++, from += 5) {
		list[i].name = take_name(b, from[0]);
		list[i].value = us_slice_dup(b->arena, (struct us_slice) { (const char *) from[3], (size_t) (from[4] - from[3]) });
		for (int k = 0; k < i; k++)
			if (us_slice_is_equal(list[k].name, list[i].name))
				fail(b, US_INVALID, "an element has two attributes of one name");
	}
	e->attributes = list;
	e->n_attributes = (size_t) n;
}

static void on_document(void *data)
{
	struct builder *b = data;
	const xmlChar *declared = b->context->input->encoding ? b->context->input->encoding : b->context->encoding;

	if (declared && xmlStrcasecmp(declared, BAD_CAST "UTF-8") != 0)
		fail(b, US_INVALID, "the document says that it is not in UTF-8");
	stop_if_failed(b);
}

/* Not reached: check_markup has seen it. */
static void on_doctype(void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	(void) name, (void) external, (void) system;
	fail(data, US_INVALID, "a document type (<!DOCTYPE …>) is not allowed here");
	stop_if_failed(data);
}

static void open_element(struct builder *b, const xmlChar *name, int n_attributes, const xmlChar **attributes)
{
	struct us_xml *e = us_arena_zalloc(b->arena, sizeof *e);

	e->name = take_name(b, name);
	take_attributes(b, e, n_attributes, attributes);
	if (b->depth) {
		struct open *parent = &b->open[b->depth - 1];
		*parent->into = e;
		parent->into = &e->next;
	} else {
		b->root = e;
	}
	struct open *own = &b->open[b->depth++];
	own->element = e;
	own->into = &e->first;
	us_str_clear(&own->text);
}

static void on_begin(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int n_namespaces,
	const xmlChar **namespaces, int n_attributes, int n_defaulted, const xmlChar **attributes)
{
	struct builder *b = data;

	(void) prefix, (void) uri, (void) namespaces, (void) n_defaulted;
	if (b->err.code)
		return;
	b->nodes += 1 + (size_t) n_attributes + (size_t) n_namespaces;
	if (b->nodes > b->limits.nodes)
		fail(b, US_TOO_LARGE, "too many elements and attributes");
	else if (b->depth == b->limits.depth)
		fail(b, US_TOO_LARGE, "elements are nested too deeply");
	else
		open_element(b, name, n_attributes, attributes);
	stop_if_failed(b);
}

static void on_end(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct builder *b = data;

	(void) name, (void) prefix, (void) uri;
	if (b->err.code)
		return;
	us_assert(b->depth > 0);
	struct open *own = &b->open[--b->depth];
	own->element->text = us_slice_dup(b->arena, us_slice(us_str_text(&own->text)));
}

static void on_text(void *data, const xmlChar *text, int n)
{
	struct builder *b = data;

	if (!b->err.code && b->depth)
		us_str_add(&b->open[b->depth - 1].text, (const char *) text, (size_t) n);
}

/* The first fatal error is the reason; what is not well-formed has one. */
static void on_error(void *data, xmlErrorPtr error)
{
	struct builder *b = data;
	struct us_slice text = us_slice_trim(us_slice(error->message ? error->message : ""));

	if (!b->err.code && error->level == XML_ERR_FATAL)
		us_err_set(&b->err, US_INVALID, "at byte %ld: " US_SLICE_FMT, place(b), US_SLICE_ARG(text));
}

/* ---- the face ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static enum us_errc read_document(struct builder *b, struct us_slice text, struct us_err *err)
{
	xmlParserCtxtPtr context = xmlCreateMemoryParserCtxt(text.p, (int) text.n);

	if (!context)
		us_err_nomem();
	b->context = context;
	*context->sax = (xmlSAXHandler) {
		.initialized = XML_SAX2_MAGIC,
		.startDocument = on_document,
		.internalSubset = on_doctype,
		.startElementNs = on_begin,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_text,
		.serror = on_error,
	};
	context->userData = b;
	/* NOENT: the five entities come as what they stand for in attributes, too; there are no others to be replaced. */
	xmlCtxtUseOptions(context, XML_PARSE_NONET | XML_PARSE_NOENT);
	xmlParseDocument(context);
	if (!b->err.code && !context->wellFormed)
		us_err_set(&b->err, US_INVALID, "at byte %ld: not well-formed", place(b));
	xmlFreeParserCtxt(context);
	for (size_t i = 0; i < US_XML_MAX_DEPTH; i++)
		us_str_fini(&b->open[i].text);
	return b->err.code ? us_err_copy(err, &b->err) : US_OK;
}

enum us_errc us_xml_parse(struct us_arena *arena, struct us_slice text, struct us_xml_limits limits, const struct us_xml **ret_root,
	struct us_err *err)
{
	struct builder b = { .arena = arena, .limits = limits };

	us_assert(limits.depth >= 1 && limits.depth <= US_XML_MAX_DEPTH && limits.bytes <= INT32_MAX);
	if (text.n > limits.bytes)
		return us_err_set(err, US_TOO_LARGE, "the document is longer than %zu bytes", limits.bytes);
	if (!us_slice_trim(text).n)
		return us_err_set(err, US_INVALID, "at byte 0: the text is empty");
	if (!us_slice_is_utf8(text))
		return us_err_set(err, US_INVALID, "at byte 0: not UTF-8");
	enum us_errc rc = check_markup(text, err);
	if (rc)
		return rc;
	pthread_once(&once, xmlInitParser);
	if ((rc = read_document(&b, text, err)))
		return rc;
	us_assert(b.root && b.depth == 0);
	*ret_root = b.root;
	return US_OK;
}

const struct us_xml *us_xml_find(const struct us_xml *parent, const char *name)
{
	for (const struct us_xml *e = parent ? parent->first : NULL; e; e = e->next)
		if (us_slice_is(e->name, name))
			return e;
	return NULL;
}

struct us_slice us_xml_text(const struct us_xml *parent, const char *name)
{
	const struct us_xml *e = us_xml_find(parent, name);

	return e ? e->text : US_SLICE_NONE;
}

struct us_slice us_xml_attribute(const struct us_xml *element, const char *name)
{
	for (size_t i = 0; element && i < element->n_attributes; i++)
		if (us_slice_is(element->attributes[i].name, name))
			return element->attributes[i].value;
	return US_SLICE_NONE;
}

/* ---- writing ---- */

/* The bytes of the character at p, 0 if XML cannot hold it. */
static size_t character(const char *p, const char *end)
{
	unsigned char c = (unsigned char) *p;
	size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

	if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
		return 0;
	if (n > (size_t) (end - p) || !us_slice_is_utf8((struct us_slice) { p, n }))
		return 0;
	if (n == 3 && memcmp(p, "\xEF\xBF", 2) == 0 && (unsigned char) p[2] >= 0xBE)
		return 0;
	return n;
}

void us_xml_add_escaped(struct us_str *out, struct us_slice text)
{
	const char *p = text.n ? text.p : "", *end = p + text.n, *from = p;

	while (p < end) {
		const char *as = NULL;
		size_t n = 1;
		switch (*p) {
		case '&': as = "&amp;"; break;
		case '<': as = "&lt;"; break;
		case '>': as = "&gt;"; break;
		case '"': as = "&quot;"; break;
		case '\'': as = "&apos;"; break;
		/* Read back as they are, a reader would make them spaces or line feeds. */
		case '\t': as = "&#9;"; break;
		case '\n': as = "&#10;"; break;
		case '\r': as = "&#13;"; break;
		default:
			if (*p >= 0x20 && *p < 0x7F) {
				p++;
				continue;
			}
			n = character(p, end);
			if (!n) {
				as = "\xEF\xBF\xBD";
				n = 1;
			}
		}
		if (as) {
			us_str_add(out, from, (size_t) (p - from));
			us_str_add_text(out, as);
			from = p + n;
		}
		p += n;
	}
	us_str_add(out, from, (size_t) (end - from));
}
