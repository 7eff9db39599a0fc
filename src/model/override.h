/* Override: which rules of the guard may not hold one run, as whoever starts it says. */
#ifndef US_MODEL_OVERRIDE_H
#define US_MODEL_OVERRIDE_H

#include "base/json.h"

enum us_override {
	US_OVERRIDE_LIMITS = 1,               /* the numbers, those of shrinking reads too */
	US_OVERRIDE_EMPTY_LISTING = 2,        /* only if it is named: nothing was listed at all */
	US_OVERRIDE_CONFIGURATION_CHANGED = 4 /* likewise */
};

#define US_OVERRIDE_KNOWN "limits, empty-listing, configuration-changed"
enum { US_OVERRIDE_REASON_CHARACTERS = 500 };

/* "limits,empty-listing": names with commas between. false: none, or one that is not known. */
bool us_override_parse(struct us_slice list, unsigned *ret_overrides);
/* {"limits":["limits",…],"by":…,"reason":…}: as it is kept with the run and shown. */
void us_override_write(struct us_jsonw *w, unsigned overrides, struct us_slice by, struct us_slice reason);
/* Of that form; NONE: nothing is overridden. Slices borrow from arena. */
void us_override_read(struct us_arena *arena, struct us_slice json, unsigned *ret_overrides, struct us_slice *ret_by, struct us_slice *ret_reason);

#endif
