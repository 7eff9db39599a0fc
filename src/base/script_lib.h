/* The insides of a script, shared by script.c (the box) and script_lib.c (what is in it). Nobody else includes this. */
#ifndef US_BASE_SCRIPT_LIB_H
#define US_BASE_SCRIPT_LIB_H

#include <lauxlib.h>
#include <lua.h>

#include "base/regex.h"
#include "base/script.h"

enum { US_SCRIPT_PATTERNS = 16 };

/* The chunk name of scripts; positions in it are what messages tell. */
#define US_SCRIPT_CHUNK "line"
#define US_SCRIPT_PRELUDE "lib"

struct us_script_pattern {
	char *text;
	size_t n;
	struct us_regex *regex;
};

struct us_script {
	lua_State *lua;
	size_t bytes;      /* in use */
	int64_t budget;    /* what is left of this call */
	bool is_limited;   /* a call is running */
	bool is_refused;   /* an allocation was, in this call */
	int line;          /* where */
	int environment;   /* reference of the table behind the scripts' globals */
	struct us_script_view *user, *existing;
	int user_ref, existing_ref;
	struct us_script_pattern patterns[US_SCRIPT_PATTERNS];
	unsigned next_pattern;
};

/* What `user` and `existing` show; empty outside of a call. */
struct us_script_view {
	const struct us_field *fields;
	size_t n;
};
#define US_SCRIPT_VIEW "fields of a user"

struct us_script *us_script_of(lua_State *lua);
/* Raises an error of the script with the line that it is at. */
int us_script_fail(lua_State *lua, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Takes from the budget; raises an error when it is used up. */
void us_script_charge(lua_State *lua, size_t cost);
/* Leaves the table of all that scripts may use on the stack. */
void us_script_lib_open(lua_State *lua);

#endif
