/* Errors: one code, one native number, one line for the operator.
 *
 * A function that can fail returns enum us_errc and takes `struct us_err *err` last, which lives in
 * the caller's frame. On US_OK err is untouched. An error is returned or logged, never both.
 *
 * The retry class says what comes next: AGAIN now, LATER (after err->wait_ms), or only after
 * somebody CHANGEs something. NOT_THERE (US_NOT_FOUND) is a fact; PARTIAL and UNCERTAIN mean "don't
 * know" and must never be read as "not there" (invariant L).
 */
#ifndef US_BASE_ERR_H
#define US_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum us_retry { US_RETRY_NONE, US_RETRY_AGAIN, US_RETRY_LATER, US_RETRY_CHANGE };

/*      code               HTTP  retry   text */
#define US_ERRC_TABLE(X) \
	X(US_OK,            200, NONE,   "ok") \
	X(US_END,           200, NONE,   "end of listing")          /* a claim by the source, not an error */ \
	X(US_PARTIAL,       502, LATER,  "incomplete read")         /* cut short: rows are missing */ \
	X(US_UNCERTAIN,     500, LATER,  "outcome unknown")         /* a write may or may not have happened */ \
	X(US_INVALID,       400, CHANGE, "invalid input") \
	X(US_UNAUTHORIZED,  401, CHANGE, "wrong or missing credentials") \
	X(US_FORBIDDEN,     403, CHANGE, "not allowed") \
	X(US_NOT_FOUND,     404, CHANGE, "not found") \
	X(US_METHOD,        405, CHANGE, "method not allowed") \
	X(US_CONFLICT,      409, CHANGE, "conflict") \
	X(US_EXPIRED,       410, CHANGE, "expired")                 /* it was good once: begin again */ \
	X(US_TOO_LARGE,     413, CHANGE, "too large") \
	X(US_MEDIA_TYPE,    415, CHANGE, "unsupported media type") \
	X(US_CONFIG,        422, CHANGE, "bad configuration") \
	X(US_THROTTLED,     429, LATER,  "too many requests") \
	X(US_CANCELLED,     409, NONE,   "cancelled") \
	X(US_UNAVAILABLE,   503, LATER,  "unavailable")             /* server down, refused, busy */ \
	X(US_DENIED,        502, CHANGE, "refused by the identity provider") /* its credentials or rights */ \
	X(US_TLS,           502, CHANGE, "certificate not trusted") \
	X(US_PROTOCOL,      502, LATER,  "unexpected answer") \
	X(US_TIMEOUT,       504, LATER,  "timed out") \
	X(US_DISK,          503, CHANGE, "cannot write to disk") \
	X(US_VERSION,       500, CHANGE, "made by a newer version") \
	X(US_INTERNAL,      500, NONE,   "internal error")

enum us_errc {
#define X(code, http, retry, text) code,
	US_ERRC_TABLE(X)
#undef X
	US_ERRC_COUNT
};

#define US_ERR_TEXT_BYTES 512

struct us_err {
	enum us_errc code;
	int native;                   /* errno, LDAP result, HTTP status, SQLite code; 0 if none */
	int64_t wait_ms;              /* US_RETRY_LATER: what the other side asked for; 0 if it did not say */
	char text[US_ERR_TEXT_BYTES]; /* one line for the operator: what happened and what to do; never a secret */
};

#define US_ERR_INIT { .code = US_OK }

const char *us_err_name(enum us_errc code);      /* "US_PARTIAL" */
const char *us_err_phrase(enum us_errc code);    /* "incomplete read" */
int us_err_http(enum us_errc code);
enum us_retry us_err_retry(enum us_errc code);

/* Fill err and return code, so that a failing function ends in `return us_err_set(err, …)`.
 * The text is cut at the buffer's end on a UTF-8 boundary; control characters become spaces.
 * err may be NULL. */
enum us_errc us_err_set(struct us_err *err, enum us_errc code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
enum us_errc us_err_set_native(struct us_err *err, enum us_errc code, int native, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Hands on an error that was kept apart so far: *err = *from (err may be NULL), returns its code. */
enum us_errc us_err_copy(struct us_err *err, const struct us_err *from);
/* Put "prefix: " before the text that is there: who was being served when it happened. */
enum us_errc us_err_prefix(struct us_err *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Our own bug: says where, aborts. Kept in release builds. */
#define us_assert(cond) \
	((cond) ? (void) 0 : us_err_bug(__FILE__, __LINE__, #cond))
_Noreturn void us_err_bug(const char *file, int line, const char *what);
/* Memory is exhausted: says so, aborts. Input is bounded where it enters, so this is no input error. */
_Noreturn void us_err_nomem(void);

#endif
