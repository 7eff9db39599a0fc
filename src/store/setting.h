/* Settings of the whole server, by name, each a JSON text, with who changed it last. */
#ifndef US_STORE_SETTING_H
#define US_STORE_SETTING_H

#include "base/json.h"
#include "store/store.h"

#define US_SETTING_LIMITS "limits" /* limits, onLimit and heldExpiry for connectors that have none of their own */

struct us_setting {
	const struct us_json *value; /* an object; NULL: it was never set */
	int64_t updated;
	struct us_slice updated_by;
};

/* In arena. A value that was never set is no error. */
enum us_errc us_setting_load(struct us_dbc *c, struct us_arena *arena, const char *name, struct us_setting *ret, struct us_err *err);
enum us_errc us_setting_save(struct us_dbc *c, const char *name, const struct us_json *value, struct us_slice by, int64_t now_s, struct us_err *err);

#endif
