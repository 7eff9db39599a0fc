/* Redact: what may leave the house in a support bundle. Pure.
 *
 * Nothing is kept for looking harmless, only for being known: numbers, choices and switches of the option
 * schemas, and words that the program's own messages use. All other text may name people, groups, hosts or
 * folders and is replaced by a mark that tells at most its length.
 */
#ifndef US_MODEL_REDACT_H
#define US_MODEL_REDACT_H

#include "model/option.h"

#define US_REDACT_MARK "\xE2\x80\xA6" /* … */

extern const char us_redact_words[]; /* each between spaces */

/* A message: what stands in <> or quotes goes, then each word that is not one of ours, and each number of
 * more than six digits. Appends. */
void us_redact_text(struct us_slice text, struct us_str *out);
/* A JSON array of messages, each as us_redact_text has it; what is no array of strings becomes an empty one.
 */
void us_redact_messages(const struct us_json *messages, struct us_jsonw *w);
/* A configuration: by the schemas a and b, either may be NULL. */
void us_redact_configuration(const struct us_option *a, const struct us_option *b,
	const struct us_json *configuration, struct us_jsonw *w);

#endif
