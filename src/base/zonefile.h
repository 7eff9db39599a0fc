/* Zone files: the bytes of a time zone from the system's folder, /usr/share/zoneinfo or the one that TZDIR names. */
#ifndef US_BASE_ZONEFILE_H
#define US_BASE_ZONEFILE_H

#include "base/err.h"
#include "base/str.h"

/* Appends the file's bytes. name: "Europe/Berlin"; one that could lead out of the folder is refused.
 * Errors: US_INVALID: that is no name of a zone; US_NOT_FOUND: the system has none of that name; US_CONFIG: it cannot be read. */
enum us_errc us_zonefile_read(struct us_slice name, struct us_str *out, struct us_err *err);

#endif
