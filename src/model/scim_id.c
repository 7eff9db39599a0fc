#include "model/scim_id.h"

/* Answers and listings are full of them: written by hand, from the end of text, without printf. */
struct us_slice us_scim_id_write(char text[US_SCIM_ID_BYTES], bool is_group, uint32_t number)
{
	char *end = text + US_SCIM_ID_BYTES - 1, *p = end;

	*p = '\0';
	do
		*--p = (char) ('0' + number % 10);
	while (number /= 10);
	*--p = is_group ? 'g' : 'u';
	return (struct us_slice) { p, (size_t) (end - p) };
}

struct us_slice us_scim_id(struct us_arena *arena, bool is_group, uint32_t number)
{
	return us_scim_id_write(us_arena_alloc(arena, US_SCIM_ID_BYTES), is_group, number);
}

bool us_scim_id_parse(struct us_slice id, bool *ret_is_group, uint32_t *ret_number)
{
	int64_t number;

	if (id.n < 2 || (id.p[0] != 'u' && id.p[0] != 'g') || id.p[1] < '1' || id.p[1] > '9' ||
		!us_slice_to_int((struct us_slice) { id.p + 1, id.n - 1 }, &number) || number > UINT32_MAX)
		return false;
	*ret_is_group = id.p[0] == 'g';
	*ret_number = (uint32_t) number;
	return true;
}
