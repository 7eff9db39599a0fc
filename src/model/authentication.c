#include "model/authentication.h"

static const char *const texts[] = {
#define X(code, text) [code] = text,
	US_AUTHENTICATION_TABLE(X)
#undef X
};

const char *us_authentication_text(enum us_authentication authentication) { return texts[authentication]; }
