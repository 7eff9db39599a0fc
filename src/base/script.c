#include "base/script_lib.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* Instructions between two looks at the budget. */
enum { STEP = 1000 };

struct us_script *us_script_of(lua_State *lua) { return *(struct us_script **)lua_getextraspace(lua); }

/* The line of the script that is running, whatever of the library it is in; 0 if none is. */
static int line_of(lua_State *lua)
{
	lua_Debug at;

	for (int level = 0; level < 40 && lua_getstack(lua, level, &at); level++) {
		lua_getinfo(lua, "Sl", &at);
		if (strcmp(at.short_src, US_SCRIPT_CHUNK) == 0 && at.currentline > 0)
			return at.currentline;
	}
	return 0;
}

int us_script_fail(lua_State *lua, const char *format, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	lua_pushstring(lua, text);
	return lua_error(lua);
}

void us_script_charge(lua_State *lua, size_t cost)
{
	struct us_script *s = us_script_of(lua);

	s->budget -= cost > US_SCRIPT_BUDGET ? US_SCRIPT_BUDGET : (int64_t)cost;
	if (s->budget < 0 && s->is_limited)
		us_script_fail(lua, "the script does not come to an end: it was stopped after %d steps", US_SCRIPT_BUDGET);
}

static void count(lua_State *lua, lua_Debug *at)
{
	(void)at;
	us_script_charge(lua, STEP);
}

/* Long texts are charged by their length, for each is made by one instruction. Short ones are shared between calls and tables grow with what
 * is put in one by one: charging those would make a call depend on the ones before it. */
static void *allocate(void *context, void *p, size_t before, size_t after)
{
	struct us_script *s = context;
	size_t used = p ? before : 0;

	if (after == 0) {
		free(p);
		s->bytes -= used;
		return NULL;
	}
	bool is_text = !p && (before == LUA_TSTRING || before == LUA_TUSERDATA);
	if (after > used && s->is_limited) {
		if (after > US_SCRIPT_BLOCK_BYTES || s->bytes - used + after > US_SCRIPT_MEMORY_BYTES) {
			s->is_refused = true;
			s->line = line_of(s->lua);
			return NULL;
		}
		if (is_text && after > 128)
			s->budget -= (int64_t)(after / 64);
	}
	void *grown = realloc(p, after);
	if (!grown)
		us_err_nomem();
	s->bytes += after - used;
	return grown;
}

/* ---- views ---- */

static const struct us_field *find(const struct us_script_view *view, const char *name, size_t n)
{
	for (size_t i = 0; i < view->n; i++)
		if (view->fields[i].name.n == n && strncasecmp(view->fields[i].name.p, name, n) == 0)
			return &view->fields[i];
	return NULL;
}

static void push_slice(lua_State *lua, struct us_slice s) { lua_pushlstring(lua, s.p ? s.p : "", s.n); }

static void push_list(lua_State *lua, const struct us_slice *values, size_t n)
{
	us_script_charge(lua, n);
	lua_createtable(lua, (int)(n < 1000 ? n : 1000), 0);
	for (size_t i = 0; i < n; i++) {
		push_slice(lua, values[i]);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
}

static int view_index(lua_State *lua)
{
	const struct us_script_view *view = lua_touserdata(lua, 1);
	size_t n;
	const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tolstring(lua, 2, &n) : NULL;

	us_script_charge(lua, 1 + view->n / 8);
	const struct us_field *f = name ? find(view, name, n) : NULL;
	if (!f || !f->n)
		lua_pushnil(lua);
	else if (f->n == 1)
		push_slice(lua, f->values[0]);
	else
		push_list(lua, f->values, f->n);
	return 1;
}

static int read_only(lua_State *lua)
{
	const char *name = lua_type(lua, 2) == LUA_TSTRING ? lua_tostring(lua, 2) : "it";

	return us_script_fail(lua, "%.60s cannot be set: only variables that are declared local can", name);
}

static struct us_script_view *new_view(lua_State *lua, int *ret_ref)
{
	struct us_script_view *view = lua_newuserdatauv(lua, sizeof *view, 0);

	*view = (struct us_script_view) { 0 };
	if (luaL_newmetatable(lua, US_SCRIPT_VIEW)) {
		lua_pushcfunction(lua, view_index);
		lua_setfield(lua, -2, "__index");
		lua_pushcfunction(lua, read_only);
		lua_setfield(lua, -2, "__newindex");
	}
	lua_setmetatable(lua, -2);
	*ret_ref = luaL_ref(lua, LUA_REGISTRYINDEX);
	return view;
}

/* ---- the box ---- */

/* Scripts' globals are an empty table in front of the environment: what is there can be read, nothing can be set. */
static int open_box(lua_State *lua)
{
	struct us_script *s = us_script_of(lua);

	s->user = new_view(lua, &s->user_ref);
	s->existing = new_view(lua, &s->existing_ref);
	us_script_lib_open(lua);
	lua_pushlightuserdata(lua, s);
	lua_setfield(lua, -2, "drop");
	lua_rawgeti(lua, LUA_REGISTRYINDEX, s->user_ref);
	lua_setfield(lua, -2, "user");
	lua_newtable(lua);
	lua_newtable(lua);
	lua_pushvalue(lua, -3);
	lua_setfield(lua, -2, "__index");
	lua_pushcfunction(lua, read_only);
	lua_setfield(lua, -2, "__newindex");
	lua_setmetatable(lua, -2);
	lua_rawseti(lua, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	s->environment = luaL_ref(lua, LUA_REGISTRYINDEX);
	return 0;
}

struct us_script *us_script_new(void) { return us_calloc(1, sizeof(struct us_script)); }

/* The box is opened for the first chunk: most mappings have none, and it costs more than planning a small directory. */
static void need_box(struct us_script *s)
{
	if (s->lua)
		return;
	s->lua = lua_newstate(allocate, s);
	if (!s->lua)
		us_err_nomem();
	*(struct us_script **)lua_getextraspace(s->lua) = s;
	lua_pushcfunction(s->lua, open_box);
	int code = lua_pcall(s->lua, 0, 0, 0);
	us_assert(code == LUA_OK);
}

void us_script_free(struct us_script *s)
{
	if (!s)
		return;
	s->is_limited = false;
	if (s->lua)
		lua_close(s->lua);
	for (size_t i = 0; i < US_SCRIPT_PATTERNS; i++) {
		free(s->patterns[i].text);
		us_regex_free(s->patterns[i].regex);
	}
	free(s);
}

/* The message on the stack: without the position that Lua put in front, which may be one of the library. */
static const char *message_of(lua_State *lua)
{
	const char *text = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "an error that is no text";
	size_t chunk = strncmp(text, US_SCRIPT_CHUNK ":", sizeof US_SCRIPT_CHUNK) == 0 ? sizeof US_SCRIPT_CHUNK
		: strncmp(text, US_SCRIPT_PRELUDE ":", sizeof US_SCRIPT_PRELUDE) == 0 ? sizeof US_SCRIPT_PRELUDE : 0;
	const char *p = text + chunk + strspn(text + chunk, "0123456789");

	return chunk && p[0] == ':' && p[1] == ' ' ? p + 2 : text;
}

static int keep_line(lua_State *lua)
{
	us_script_of(lua)->line = line_of(lua);
	return 1;
}

static enum us_errc fail(struct us_script *s, int code, enum us_errc as, struct us_err *err)
{
	const char *text = message_of(s->lua);
	enum us_errc rc;

	if (code == LUA_ERRMEM && s->is_refused)
		text = "the script uses more memory than it may, or makes a text or table that is too large";
	rc = s->line ? us_err_set(err, as, "line %d: %s", s->line, text) : us_err_set(err, as, "%s", text);
	lua_settop(s->lua, 0);
	return rc;
}

static void begin(struct us_script *s)
{
	s->budget = US_SCRIPT_BUDGET;
	s->is_refused = false;
	s->line = 0;
	s->is_limited = true;
}

enum us_errc us_script_compile(struct us_script *s, struct us_slice source, int *ret_chunk, struct us_err *err)
{
	if (source.n > US_SCRIPT_SOURCE_BYTES)
		return us_err_set(err, US_CONFIG, "is longer than %d bytes", US_SCRIPT_SOURCE_BYTES);
	need_box(s);
	begin(s);
	int code = luaL_loadbufferx(s->lua, source.p, source.n, "=" US_SCRIPT_CHUNK, "t");
	s->is_limited = false;
	if (code != LUA_OK) {
		const char *text = lua_tostring(s->lua, -1);
		const char *prefix = US_SCRIPT_CHUNK ":";
		if (text && strncmp(text, prefix, strlen(prefix)) == 0)
			s->line = atoi(text + strlen(prefix));
		return fail(s, code, US_CONFIG, err);
	}
	*ret_chunk = luaL_ref(s->lua, LUA_REGISTRYINDEX);
	return US_OK;
}

/* ---- a call ---- */

struct call {
	struct us_script *script;
	int chunk;
	const struct us_script_input *input;
	struct us_arena *arena;
	struct us_script_result *result;
};

/* A value of the result as text; NONE for what cannot be one. */
static struct us_slice to_text(lua_State *lua, int index, struct us_arena *arena)
{
	size_t n;

	switch (lua_type(lua, index)) {
	case LUA_TBOOLEAN:
		return lua_toboolean(lua, index) ? US_SLICE("true") : US_SLICE("false");
	case LUA_TSTRING:
	case LUA_TNUMBER:
		break;
	default:
		return US_SLICE_NONE;
	}
	const char *text = lua_tolstring(lua, index, &n);
	return us_slice_dup(arena, (struct us_slice) { text, n });
}

static void take_list(struct call *c, lua_State *lua)
{
	size_t n = lua_rawlen(lua, -1);

	if (n > US_SCRIPT_MAX_VALUES)
		us_script_fail(lua, "the script returns a list of more than %d values", US_SCRIPT_MAX_VALUES);
	lua_pushnil(lua);
	for (size_t seen = 0; lua_next(lua, -2); seen++) {
		if (seen == n || !lua_isinteger(lua, -2))
			us_script_fail(lua, "the script returns a table that is no list");
		lua_pop(lua, 1);
	}
	struct us_slice *values = us_arena_array(c->arena, n + 1, sizeof *values);
	for (size_t i = 0; i < n; i++) {
		lua_rawgeti(lua, -1, (lua_Integer)i + 1);
		values[i] = to_text(lua, -1, c->arena);
		if (!values[i].p)
			us_script_fail(lua, "the script returns a list with a %s in it", luaL_typename(lua, -1));
		lua_pop(lua, 1);
	}
	c->result->values = values;
	c->result->n = n;
}

static void take_result(struct call *c, lua_State *lua)
{
	*c->result = (struct us_script_result) { 0 };
	if (lua_isnil(lua, -1))
		return;
	if (lua_touserdata(lua, -1) == c->script && lua_islightuserdata(lua, -1)) {
		c->result->is_drop = true;
		return;
	}
	if (lua_istable(lua, -1)) {
		take_list(c, lua);
		return;
	}
	struct us_slice *value = us_arena_alloc(c->arena, sizeof *value);
	*value = to_text(lua, -1, c->arena);
	if (!value->p)
		us_script_fail(lua, "the script returns a %s, not a value", luaL_typename(lua, -1));
	c->result->values = value;
	c->result->n = 1;
}

static int run_chunk(lua_State *lua)
{
	struct call *c = lua_touserdata(lua, 1);
	const struct us_script_input *in = c->input;

	lua_rawgeti(lua, LUA_REGISTRYINDEX, c->script->environment);
	if (in->has_existing)
		lua_rawgeti(lua, LUA_REGISTRYINDEX, c->script->existing_ref);
	else
		lua_pushnil(lua);
	lua_setfield(lua, 2, "existing");
	push_slice(lua, in->connector);
	lua_setfield(lua, 2, "connector");
	if (in->n_values)
		push_slice(lua, in->values[0]);
	else
		lua_pushnil(lua);
	lua_setfield(lua, 2, "value");
	if (in->n_values)
		push_list(lua, in->values, in->n_values);
	else
		lua_newtable(lua);
	lua_setfield(lua, 2, "values");
	for (size_t i = 0; i < in->n_numbers; i++) {
		if (in->numbers[i].is_nil)
			lua_pushnil(lua);
		else
			lua_pushinteger(lua, (lua_Integer) in->numbers[i].value);
		lua_setfield(lua, 2, in->numbers[i].name);
	}
	lua_rawgeti(lua, LUA_REGISTRYINDEX, c->chunk);
	lua_sethook(lua, count, LUA_MASKCOUNT, STEP);
	lua_call(lua, 0, 1);
	take_result(c, lua);
	return 0;
}

enum us_errc us_script_run(struct us_script *s, int chunk, const struct us_script_input *input, struct us_arena *arena,
	struct us_script_result *ret_result, struct us_err *err)
{
	struct us_script_result result;
	struct call c = { s, chunk, input, arena, &result };

	*s->user = (struct us_script_view) { input->user, input->n_user };
	*s->existing = (struct us_script_view) { input->existing, input->n_existing };
	begin(s);
	lua_settop(s->lua, 0);
	lua_pushcfunction(s->lua, keep_line);
	lua_pushcfunction(s->lua, run_chunk);
	lua_pushlightuserdata(s->lua, &c);
	int code = lua_pcall(s->lua, 1, 0, 1);
	s->is_limited = false;
	lua_sethook(s->lua, NULL, 0, 0);
	*s->user = *s->existing = (struct us_script_view) { 0 };
	if (code != LUA_OK)
		return fail(s, code, US_INVALID, err);
	*ret_result = result;
	return US_OK;
}
