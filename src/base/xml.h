/* XML: a small document is read into a tree in an arena; texts are escaped for writing.
 *
 * libxml2 reads, behind this face. Input is hostile: no DOCTYPE, so no entities but the five and no files or addresses; bytes, depth, elements
 * and attributes are bounded. UTF-8 only. Names come without their prefix. Comments and processing instructions are passed over.
 * Errors: US_INVALID with the place ("at byte 17: …"), US_TOO_LARGE.
 * Spec: XML 1.0 (fifth edition), Namespaces in XML 1.0.
 */
#ifndef US_BASE_XML_H
#define US_BASE_XML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { US_XML_MAX_DEPTH = 64, US_XML_MAX_ATTRIBUTES = 32 /* of one element */ };

struct us_xml_attribute {
	struct us_slice name, value;
};

/* An element. Its text is all of its own character data, joined; never NONE, in UTF-8 and without NUL. */
struct us_xml {
	struct us_slice name, text;
	const struct us_xml_attribute *attributes;
	size_t n_attributes;
	const struct us_xml *first, *next; /* its first child, its next sibling; NULL: there is none */
};

struct us_xml_limits {
	size_t bytes;   /* of the text */
	unsigned depth; /* of elements, 1: the root alone; at most US_XML_MAX_DEPTH */
	size_t nodes;   /* elements and attributes */
};
/* For request bodies. */
#define US_XML_LIMITS_SMALL ((struct us_xml_limits) { 1 << 20, 32, 100000 })

/* Owns: *ret_root lives in arena; text may be freed at once. */
enum us_errc us_xml_parse(struct us_arena *arena, struct us_slice text, struct us_xml_limits limits, const struct us_xml **ret_root,
	struct us_err *err);

/* The first child of that name; NULL if parent is NULL or has none. */
const struct us_xml *us_xml_find(const struct us_xml *parent, const char *name);
/* The text of that child, the value of that attribute; NONE if it is not there or the element is NULL. */
struct us_slice us_xml_text(const struct us_xml *parent, const char *name);
struct us_slice us_xml_attribute(const struct us_xml *element, const char *name);

/* Appends text so that it stands for itself, in an element or in an attribute's quotes of either kind. What XML cannot hold (control
 * characters, bad UTF-8, U+FFFE, U+FFFF) becomes U+FFFD. */
void us_xml_add_escaped(struct us_str *out, struct us_slice text);

#endif
