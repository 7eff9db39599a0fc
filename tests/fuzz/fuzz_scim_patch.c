/* A body is refused with a fault, or the resource that it makes passes for one: read again it is the same. What was patched, too, whatever the
 * operations are; a resource is never the worse for a PATCH. */
#include <stdint.h>

#include "model/scim_patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char user[] =
	"{\"externalId\":\"e\",\"userName\":\"anna\",\"active\":true,\"name\":{\"givenName\":\"A\"},\"emails\":[{\"value\":\"a@x\",\"type\":\"work\","
	"\"primary\":true},{\"value\":\"b\"}],\"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\":{\"department\":\"D\"}}";
static const char group[] = "{\"displayName\":\"Staff\",\"members\":[{\"value\":\"u1\"},{\"value\":\"g2\",\"type\":\"Group\"}]}";

static void check_same(struct us_arena *arena, const struct us_scim_kind *kind, const struct us_json *resource)
{
	struct us_err err = US_ERR_INIT;
	struct us_json again;

	us_assert(us_scim_resource_read(arena, kind, resource, &again, &err) == US_OK);
	us_assert(us_json_is_equal(resource, &again));
}

static void try_kind(struct us_arena *arena, const struct us_scim_kind *kind, const char *have, const struct us_json *body)
{
	struct us_err err = US_ERR_INIT;
	struct us_json before, resource;
	const struct us_json *doc;
	struct us_scim_patch patch;
	bool is_changed;

	if (us_scim_resource_read(arena, kind, body, &resource, &err) == US_OK)
		check_same(arena, kind, &resource);
	else
		us_assert(err.code == US_INVALID && us_scim_fault_name(err.native) && err.text[0]);
	us_assert(us_json_parse(arena, us_slice(have), US_JSON_LIMITS_SMALL, &doc, &err) == US_OK);
	us_assert(us_scim_resource_read(arena, kind, doc, &before, &err) == US_OK);
	enum us_errc rc = us_scim_patch_read(arena, kind, body, &patch, &err);
	if (!rc)
		rc = us_scim_patch_apply(arena, kind, &before, &patch, &resource, &is_changed, &err);
	if (rc) {
		us_assert(rc == US_INVALID && us_scim_fault_name(err.native) && err.text[0]);
		return;
	}
	us_assert(is_changed != us_json_is_equal(&before, &resource));
	/* A required attribute may be set to a name of spaces: that is for the directory to refuse. */
	if (us_scim_resource_read(arena, kind, &resource, &before, &err) == US_OK)
		us_assert(us_json_is_equal(&resource, &before));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct us_arena arena = US_ARENA_INIT;
	const struct us_json *body;

	if (us_json_parse(&arena, (struct us_slice) { (const char *) data, size }, US_JSON_LIMITS_SMALL, &body, NULL) == US_OK) {
		try_kind(&arena, &us_scim_user, user, body);
		try_kind(&arena, &us_scim_group, group, body);
	}
	us_arena_fini(&arena);
	return 0;
}
