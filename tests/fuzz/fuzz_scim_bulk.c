/* A bulk is refused as a whole, or each operation is refused for itself or whole; references lead to POSTs of the same request. */
#include <stdint.h>

#include "model/scim_bulk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct us_scim_bulk *bulk, size_t at)
{
	const struct us_scim_bulk_operation *op = &bulk->operations[at];

	if (op->wrong) {
		us_assert(op->wrong[0]);
		return;
	}
	us_assert(op->method != US_SCIM_BULK_OTHER && op->kind);
	us_assert((op->method == US_SCIM_BULK_POST) == !op->id.p);
	us_assert((op->method == US_SCIM_BULK_DELETE) == !op->data);
	for (size_t i = 0; i < op->n_references; i++) {
		const struct us_scim_bulk_reference *r = &op->references[i];
		us_assert(r->to < bulk->n && bulk->operations[r->to].method == US_SCIM_BULK_POST && bulk->operations[r->to].bulk_id.p);
		us_assert(r->text->n > strlen("bulkId:"));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	const struct us_json *body;
	struct us_scim_bulk bulk;

	if (us_json_parse(&arena, (struct us_slice) { (const char *) data, size }, US_JSON_LIMITS_SMALL, &body, NULL) == US_OK) {
		if (us_scim_bulk_read(&arena, body, &bulk, &err) == US_OK)
			for (size_t i = 0; i < bulk.n; i++)
				check(&bulk, i);
		else
			us_assert(err.text[0] && (err.code == US_TOO_LARGE || err.native == US_SCIM_INVALID_SYNTAX));
		/* What is filled in is a text of the data. */
		for (size_t i = 0; err.code == US_OK && i < bulk.n; i++)
			for (size_t k = 0; k < bulk.operations[i].n_references; k++)
				*bulk.operations[i].references[k].text = US_SLICE("u1");
	}
	us_arena_fini(&arena);
	return 0;
}
