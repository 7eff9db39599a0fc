/* Whatever is read as XML is written, read again and must be the same text the second time. */
#include <stdint.h>

#include "base/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_element(struct us_str *out, const struct us_xml *e)
{
	us_str_printf(out, "<" US_SLICE_FMT, US_SLICE_ARG(e->name));
	for (size_t i = 0; i < e->n_attributes; i++) {
		/* With a prefix, so that none becomes the declaration of a namespace. */
		us_str_printf(out, " p:" US_SLICE_FMT "=\"", US_SLICE_ARG(e->attributes[i].name));
		us_xml_add_escaped(out, e->attributes[i].value);
		us_str_add_char(out, '"');
	}
	us_str_add_char(out, '>');
	us_xml_add_escaped(out, e->text);
}

static void write_document(struct us_str *out, const struct us_xml *root)
{
	const struct us_xml *way[US_XML_MAX_DEPTH], *e = root;
	size_t depth = 0;

	for (;;) {
		open_element(out, e);
		if (e->first) {
			way[depth++] = e;
			e = e->first;
			continue;
		}
		us_str_printf(out, "</" US_SLICE_FMT ">", US_SLICE_ARG(e->name));
		while (!e->next && depth) {
			e = way[--depth];
			us_str_printf(out, "</" US_SLICE_FMT ">", US_SLICE_ARG(e->name));
		}
		if (e == root)
			return;
		e = e->next;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct us_xml_limits again = { 64 << 20, 32, 100000 };
	struct us_arena arena = US_ARENA_INIT;
	struct us_str first = US_STR_INIT, second = US_STR_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_xml *root;

	if (us_xml_parse(&arena, (struct us_slice) { (const char *) data, size }, US_XML_LIMITS_SMALL, &root, &err) == US_OK) {
		write_document(&first, root);
		us_assert(us_slice_is_utf8(us_str_slice(&first)));
		us_assert(us_xml_parse(&arena, us_str_slice(&first), again, &root, &err) == US_OK);
		write_document(&second, root);
		us_assert(us_slice_is_equal(us_str_slice(&first), us_str_slice(&second)));
	} else {
		us_assert(err.code == US_INVALID || err.code == US_TOO_LARGE);
		us_assert(err.text[0]);
	}
	us_str_fini(&first);
	us_str_fini(&second);
	us_arena_fini(&arena);
	return 0;
}
