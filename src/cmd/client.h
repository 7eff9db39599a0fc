/* Client: calls to a running server, one at a time, over one kept connection. */
#ifndef US_CMD_CLIENT_H
#define US_CMD_CLIENT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"

struct us_client;

struct us_client_conf {
	const char *url;      /* "http://127.0.0.1:8080", with or without a context path */
	const char *user, *password;
	const char *token;    /* wins over user and password */
	const char *cacert;   /* PEM file with certificates to trust; NULL: the system's */
	int64_t timeout_ms;   /* of one call */
};

struct us_client_answer {
	int status;              /* HTTP */
	struct us_slice body;
	const struct us_json *doc; /* NULL if the body is no JSON */
};

/* Owns: *ret_client, until close. Errors: US_CONFIG for a URL that is none. */
enum us_errc us_client_open(const struct us_client_conf *conf, struct us_client **ret_client, struct us_err *err);
void us_client_close(struct us_client *client);

/* path: below the admin API's base path when it begins with "/usersync", "/directory" …, or from the root when it begins with "//".
 * body NONE: no body. The answer lives in arena and is filled whenever the server answered (status is not 0), also on an error.
 * Errors: the server's own answer as the code of its status, err->native that status and the text its message; US_UNAVAILABLE, US_TLS,
 * US_TIMEOUT, US_PROTOCOL, with the address. */
enum us_errc us_client_call(struct us_client *client, struct us_arena *arena, const char *method, const char *path, struct us_slice body,
	struct us_client_answer *ret_answer, struct us_err *err);

/* One path segment or query value, percent-encoded. */
const char *us_client_quote(struct us_arena *arena, const char *text);

#endif
