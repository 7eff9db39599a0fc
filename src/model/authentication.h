/* Authentication: what came of a user's name and password. */
#ifndef US_MODEL_AUTHENTICATION_H
#define US_MODEL_AUTHENTICATION_H

#define US_AUTHENTICATION_TABLE(X) \
	X(US_AUTH_OK,          "right") \
	X(US_AUTH_WRONG,       "wrong password") \
	X(US_AUTH_UNKNOWN,     "no such user") \
	X(US_AUTH_INACTIVE,    "the user is not active") \
	X(US_AUTH_EXPIRED,     "the password or the account has expired or must be renewed") \
	X(US_AUTH_NOT_ALLOWED, "nobody can check this user's password") /* a local user without one; a connector that does not delegate */ \
	X(US_AUTH_UNREACHABLE, "the identity provider gives no answer")

enum us_authentication {
#define X(code, text) code,
	US_AUTHENTICATION_TABLE(X)
#undef X
	US_AUTH_COUNT
};

const char *us_authentication_text(enum us_authentication authentication);

enum { US_AUTH_PASSWORD_MOST_BYTES = 1024 }; /* a longer one is wrong, without a look */

#endif
