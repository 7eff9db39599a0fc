/* DN: one spelling for each distinguished name, so that names can be compared, hashed and looked up as bytes.
 *
 * Canonical form: attribute types in lower case (well-known OIDs by their short name); values unescaped, NFKC case folded, outer spaces
 * dropped and runs of inner spaces made one; the parts of a multi-valued RDN sorted; separators without spaces. `,` `+` `\` `"` `;` `<`
 * `>` and a leading `#` in values are escaped by a backslash, control characters and bytes that are no UTF-8 by their two hex digits, so the form is always
 * well-formed UTF-8 without NUL and names are equal if and only if their forms are. All attributes are taken to ignore case, as DNs do in
 * every directory that is met. Read on input: RFC 4514 and, from RFC 2253, quoted values, `;` as separator, "OID." before numbers.
 * Plain ASCII names take a single pass.
 * Spec: RFC 4514, RFC 4518 section 2 (as in base/fold.h).
 */
#ifndef US_NET_DN_H
#define US_NET_DN_H

#include "base/arena.h"
#include "base/str.h"

#define US_DN_MAX_BYTES 32768 /* longer ones are malformed */
#define US_DN_MAX_PARTS 16    /* of one multi-valued RDN */

/* The canonical form, in arena; the empty DN is the empty form. False if dn is malformed: then nothing was set. */
bool us_dn_canonicalize(struct us_arena *arena, struct us_slice dn, struct us_slice *ret_canonical);

/* Both canonical: whether dn is base or lies below it. Everything is below the empty DN. */
bool us_dn_is_within(struct us_slice dn, struct us_slice base);

#endif
