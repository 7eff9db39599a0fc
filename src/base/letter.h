/* Letters: lower and upper case, and plain ASCII for what has an ASCII counterpart.
 *
 * Each appends to out and returns true; false, with nothing appended, if the text is no well-formed UTF-8. Simple case mappings: one
 * letter stays one letter. Spec: Unicode 15, section 3.13 (case), Annex 15 (NFKD).
 */
#ifndef US_BASE_LETTER_H
#define US_BASE_LETTER_H

#include "base/str.h"

bool us_letter_lower(struct us_slice text, struct us_str *out);
bool us_letter_upper(struct us_slice text, struct us_str *out);
/* Accents go, ß becomes ss, Ø becomes O, ł becomes l …; what has no counterpart (李) is left out. german: ä ö ü become ae oe ue. */
bool us_letter_ascii(struct us_slice text, bool german, struct us_str *out);

#endif
