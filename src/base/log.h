/* Log: one event, one line; a constant lower-case phrase, values as fields.
 *
 *     us_log(US_LOG_INFO, "run finished", "run", US_LOG_INT(id), "status", "DONE", NULL);
 *
 * Text on a terminal, JSON lines otherwise, to stderr, one write(2) a line. Thread-safe. Only job, api, serve and cmd
 * log above debug. People's names only at debug. Secrets have no formatter.
 */
#ifndef US_BASE_LOG_H
#define US_BASE_LOG_H

enum us_log_level { US_LOG_DEBUG, US_LOG_INFO, US_LOG_WARN, US_LOG_ERROR };
enum us_log_format { US_LOG_AUTO, US_LOG_TEXT, US_LOG_JSON };

void us_log_init(enum us_log_level least, enum us_log_format format);
int us_log_is_on(enum us_log_level level);

/* Fields: key, then a text value; ends with NULL. For numbers use US_LOG_INT. */
void us_log(enum us_log_level level, const char *phrase, ...) __attribute__((sentinel));

/* A text form of a number that lives until the end of the full expression's block. */
struct us_log_number { char text[24]; };
const char *us_log_int(struct us_log_number *buffer, long long value);
#define US_LOG_INT(value) us_log_int(&(struct us_log_number) { "" }, (value))

#endif
