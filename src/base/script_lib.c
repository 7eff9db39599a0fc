/* What a script may use. The functions of Lua's own library that are here cannot run long, or are charged by the size of what they are given;
 * those that could (patterns, sort, insert) are made anew. */
#include "base/script_lib.h"

#include <lualib.h>
#include <stdlib.h>
#include <strings.h>

#include "base/letter.h"

enum { MOST_GROUPS = 33, COST_OF_PATTERN = 2000, COST_OF_MATCH = 100 };

/* ---- regular expressions ---- */

static struct us_slice check_text(lua_State *lua, int argument)
{
	struct us_slice s;

	s.p = luaL_checklstring(lua, argument, &s.n);
	return s;
}

static struct us_regex *pattern(lua_State *lua, int argument)
{
	struct us_script *s = us_script_of(lua);
	struct us_slice text = check_text(lua, argument);
	struct us_err err = US_ERR_INIT;
	struct us_regex *regex;

	for (size_t i = 0; i < US_SCRIPT_PATTERNS; i++)
		if (s->patterns[i].regex && us_slice_is_equal(text, (struct us_slice) { s->patterns[i].text, s->patterns[i].n }))
			return s->patterns[i].regex;
	if (us_regex_new(text, 0, &regex, &err))
		us_script_fail(lua, "the pattern %s", err.text);
	struct us_script_pattern *slot = &s->patterns[s->next_pattern++ % US_SCRIPT_PATTERNS];
	free(slot->text);
	us_regex_free(slot->regex);
	*slot = (struct us_script_pattern) { us_malloc(text.n + 1), text.n, regex };
	memcpy(slot->text, text.p, text.n);
	return regex;
}

/* Also for a pattern that is at hand already: what a call costs must not depend on the ones before. */
static void charge_match(lua_State *lua, struct us_slice pattern, struct us_slice text)
{
	us_script_charge(lua, COST_OF_MATCH + pattern.n + text.n / 4);
}

static void push_span(lua_State *lua, struct us_slice text, struct us_span span)
{
	if (span.from == SIZE_MAX || span.from > span.to)
		lua_pushnil(lua);
	else
		lua_pushlstring(lua, text.p + span.from, span.to - span.from);
}

/* Where to start, as Lua counts: from 1, negative from the end; past a character's inside. SIZE_MAX: beyond the end. */
static size_t start_of(lua_State *lua, int argument, struct us_slice text)
{
	lua_Integer init = luaL_optinteger(lua, argument, 1);

	if (init < 0)
		init = (size_t)-init > text.n ? 1 : (lua_Integer)text.n + init + 1;
	else if (init == 0)
		init = 1;
	if ((size_t)init > text.n + 1)
		return SIZE_MAX;
	size_t at = (size_t)init - 1;
	while (at < text.n && ((unsigned char)text.p[at] & 0xC0) == 0x80)
		at++;
	return at;
}

static size_t search(lua_State *lua, struct us_span *spans)
{
	struct us_slice text = check_text(lua, 1), what = check_text(lua, 2);
	struct us_err err = US_ERR_INIT;
	size_t n, at = start_of(lua, 3, text);

	charge_match(lua, what, text);
	struct us_regex *regex = pattern(lua, 2);
	if (at == SIZE_MAX)
		return 0;
	if (us_regex_search(regex, text, at, spans, MOST_GROUPS, &n, &err))
		us_script_fail(lua, "%s", err.text);
	return n;
}

static int text_find(lua_State *lua)
{
	struct us_span spans[MOST_GROUPS];
	struct us_slice text = check_text(lua, 1);
	size_t n;

	luaL_checkstack(lua, MOST_GROUPS + 2, NULL);
	if (lua_toboolean(lua, 4)) {
		struct us_slice what = check_text(lua, 2);
		size_t at = start_of(lua, 3, text);
		us_script_charge(lua, COST_OF_MATCH + text.n / 4);
		const char *found = at == SIZE_MAX ? NULL : memmem(text.p + at, text.n - at, what.p, what.n);
		n = found != NULL;
		if (found)
			spans[0] = (struct us_span) { (size_t)(found - text.p), (size_t)(found - text.p) + what.n };
	} else {
		n = search(lua, spans);
	}
	if (!n) {
		lua_pushnil(lua);
		return 1;
	}
	lua_pushinteger(lua, (lua_Integer)spans[0].from + 1);
	lua_pushinteger(lua, (lua_Integer)spans[0].to);
	for (size_t i = 1; i < n; i++)
		push_span(lua, text, spans[i]);
	return (int)n + 1;
}

static int text_match(lua_State *lua)
{
	struct us_span spans[MOST_GROUPS];
	struct us_slice text = check_text(lua, 1);
	size_t n = search(lua, spans);

	luaL_checkstack(lua, MOST_GROUPS + 2, NULL);
	if (!n) {
		lua_pushnil(lua);
		return 1;
	}
	size_t first = n > 1;
	for (size_t i = first; i < n; i++)
		push_span(lua, text, spans[i]);
	return (int)(n - first);
}

static int text_replace(lua_State *lua)
{
	struct us_slice text = check_text(lua, 1), what = check_text(lua, 2), by = check_text(lua, 3);
	struct us_err err = US_ERR_INIT;
	struct us_str out = US_STR_INIT;
	int n;

	charge_match(lua, what, text);
	/* Each place of the text can be a match. */
	us_script_charge(lua, text.n + text.n / 64 * by.n);
	struct us_regex *regex = pattern(lua, 2);
	if (us_regex_replace(regex, text, by, &out, &n, &err) || out.n > US_SCRIPT_BLOCK_BYTES / 2) {
		us_str_fini(&out);
		return us_script_fail(lua, "%s", err.code ? err.text : "the result of gsub is too long");
	}
	/* Not by lua_pushlstring, which may raise an error and lose the buffer. */
	struct us_slice *box = lua_newuserdatauv(lua, out.n + 1, 0);
	memcpy(box, out.n ? out.p : "", out.n);
	size_t bytes = out.n;
	us_str_fini(&out);
	lua_pushlstring(lua, (const char *)box, bytes);
	lua_pushinteger(lua, n);
	return 2;
}

/* ---- letters ---- */

static int change(lua_State *lua, bool (*how)(struct us_slice text, struct us_str *out))
{
	struct us_slice text = check_text(lua, 1);
	struct us_str out = US_STR_INIT;
	char small[1024];

	us_script_charge(lua, 1 + text.n);
	if (!how(text, &out) || out.n > US_SCRIPT_BLOCK_BYTES / 2) {
		us_str_fini(&out);
		return us_script_fail(lua, "the text is not valid UTF-8, or too long");
	}
	char *copy = out.n > sizeof small ? lua_newuserdatauv(lua, out.n, 0) : small;
	size_t n = out.n;
	memcpy(copy, out.n ? out.p : "", n);
	us_str_fini(&out);
	lua_pushlstring(lua, copy, n);
	return 1;
}

static bool to_ascii(struct us_slice text, struct us_str *out) { return us_letter_ascii(text, false, out); }

static int text_lower(lua_State *lua) { return change(lua, us_letter_lower); }
static int text_upper(lua_State *lua) { return change(lua, us_letter_upper); }
static int text_ascii(lua_State *lua) { return change(lua, to_ascii); }

static int text_rep(lua_State *lua)
{
	struct us_slice text = check_text(lua, 1), between = US_SLICE("");
	lua_Integer n = luaL_checkinteger(lua, 2);

	if (!lua_isnoneornil(lua, 3))
		between = check_text(lua, 3);
	if (n > 0 && (text.n + between.n) > (size_t)(US_SCRIPT_BLOCK_BYTES / 2) / (size_t)n)
		return us_script_fail(lua, "the result of rep is too long");
	size_t bytes = n > 0 ? text.n * (size_t)n + between.n * (size_t)(n - 1) : 0;
	us_script_charge(lua, 1 + bytes / 16 + (n > 0 ? (size_t)n / 16 : 0));
	char *out = lua_newuserdatauv(lua, bytes + 1, 0), *p = out;
	for (lua_Integer i = 0; bytes && i < n; i++) {
		if (i)
			p = (char *)memcpy(p, between.p, between.n) + between.n;
		p = (char *)memcpy(p, text.p, text.n) + text.n;
	}
	lua_pushlstring(lua, out, bytes);
	return 1;
}

/* ---- what Lua's own gives away or takes too lightly ---- */

static int plain_tostring(lua_State *lua)
{
	switch (lua_type(lua, 1)) {
	case LUA_TNIL:
	case LUA_TBOOLEAN:
	case LUA_TNUMBER:
	case LUA_TSTRING:
		luaL_tolstring(lua, 1, NULL);
		return 1;
	default:
		/* It would be an address, another one in each run. */
		return us_script_fail(lua, "a %s cannot become a text", luaL_typename(lua, 1));
	}
}

static int plain_tonumber(lua_State *lua)
{
	size_t n;

	if (lua_type(lua, 1) == LUA_TSTRING) {
		const char *text = lua_tolstring(lua, 1, &n);
		if (n > 100 || lua_stringtonumber(lua, text) != n + 1)
			lua_pushnil(lua);
	} else if (lua_type(lua, 1) != LUA_TNUMBER) {
		lua_pushnil(lua);
	} else {
		lua_pushvalue(lua, 1);
	}
	return 1;
}

static int text_format(lua_State *lua)
{
	struct us_slice format = check_text(lua, 1);
	size_t cost = 1 + format.n;

	for (size_t i = 0; i < format.n; i++) {
		if (format.p[i] != '%')
			continue;
		for (i++; i < format.n && strchr("-+ #0123456789.", format.p[i]) && format.p[i]; i++)
			;
		if (i < format.n && format.p[i] == 'p')
			return us_script_fail(lua, "format knows no %%p");
	}
	for (int i = 2; i <= lua_gettop(lua); i++) {
		if (lua_type(lua, i) > LUA_TSTRING || lua_type(lua, i) == LUA_TLIGHTUSERDATA)
			return us_script_fail(lua, "a %s cannot become a text", luaL_typename(lua, i));
		cost += lua_type(lua, i) == LUA_TSTRING ? lua_rawlen(lua, i) / 16 : 8;
	}
	us_script_charge(lua, cost);
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
	return lua_gettop(lua);
}

/* In front of a function of Lua's own: pays for the texts and tables that it walks over. */
static int charged(lua_State *lua)
{
	size_t cost = 1;

	for (int i = 1; i <= lua_gettop(lua); i++)
		cost += lua_type(lua, i) == LUA_TSTRING ? lua_rawlen(lua, i) / 8 : lua_type(lua, i) == LUA_TTABLE ? lua_rawlen(lua, i) : 0;
	us_script_charge(lua, cost);
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_insert(lua, 1);
	lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
	return lua_gettop(lua);
}

/* The names of user or existing, in their order. */
static int names(lua_State *lua)
{
	const struct us_script_view *view = luaL_testudata(lua, 1, US_SCRIPT_VIEW);

	if (!view)
		return us_script_fail(lua, "pairs wants a table, not a %s", luaL_typename(lua, 1));
	us_script_charge(lua, view->n);
	lua_newtable(lua);
	for (size_t i = 0; i < view->n; i++) {
		lua_pushlstring(lua, view->fields[i].name.p, view->fields[i].name.n);
		lua_rawseti(lua, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* ---- in Lua, where each step is counted ---- */

static const char prelude[] =
	"local c = ...\n"
	"local type, next, error, select, unpack, concat = c.type, c.next, c.error, c.select, c.unpack, c.concat\n"
	"local find, replace, sub, names = c.find, c.replace, c.sub, c.names\n"
	"local lib = {}\n"
	/* Stable, and with no pivot that is drawn. */
	"function lib.sort(t, less)\n"
	"  local n, from, to, width = #t, t, {}, 1\n"
	"  less = less or function(a, b) return a < b end\n"
	"  while width < n do\n"
	"    local k = 1\n"
	"    for left = 1, n, 2 * width do\n"
	"      local i, mid, stop = left, left + width, left + 2 * width\n"
	"      if mid > n + 1 then mid = n + 1 end\n"
	"      if stop > n + 1 then stop = n + 1 end\n"
	"      local j = mid\n"
	"      while i < mid or j < stop do\n"
	"        if j >= stop or (i < mid and not less(from[j], from[i])) then to[k] = from[i]; i = i + 1\n"
	"        else to[k] = from[j]; j = j + 1 end\n"
	"        k = k + 1\n"
	"      end\n"
	"    end\n"
	"    from, to, width = to, from, 2 * width\n"
	"  end\n"
	"  if from ~= t then for i = 1, n do t[i] = from[i] end end\n"
	"end\n"
	"local function before(a, b)\n"
	"  local x, y = type(a), type(b)\n"
	"  if x ~= y then return x < y end\n"
	"  if x == 'boolean' then return b and not a end\n"
	"  return a < b\n"
	"end\n"
	"function lib.pairs(t)\n"
	"  local keys, n, at = {}, 0, 0\n"
	"  if type(t) == 'table' then\n"
	"    for k in next, t do\n"
	"      local kind = type(k)\n"
	"      if kind ~= 'string' and kind ~= 'number' and kind ~= 'boolean' then error('pairs: a key is a ' .. kind) end\n"
	"      n = n + 1; keys[n] = k\n"
	"    end\n"
	"    lib.sort(keys, before)\n"
	"  else keys = names(t) end\n"
	"  return function()\n"
	"    at = at + 1\n"
	"    local k = keys[at]\n"
	"    if k ~= nil then return k, t[k] end\n"
	"  end\n"
	"end\n"
	"function lib.insert(t, at, ...)\n"
	"  local n = #t + 1\n"
	"  if select('#', ...) == 0 then t[n] = at return end\n"
	"  if type(at) ~= 'number' or at < 1 or at > n then error('insert: no such place') end\n"
	"  for i = n, at + 1, -1 do t[i] = t[i - 1] end\n"
	"  t[at] = (...)\n"
	"end\n"
	"function lib.remove(t, at)\n"
	"  local n = #t\n"
	"  at = at or n\n"
	"  local gone = t[at]\n"
	"  if n == 0 then return gone end\n"
	"  if type(at) ~= 'number' or at < 1 or at > n then error('remove: no such place') end\n"
	"  for i = at, n do t[i] = t[i + 1] end\n"
	"  return gone\n"
	"end\n"
	"function lib.pack(...) return { n = select('#', ...), ... } end\n"
	"function lib.list(x)\n"
	"  if x == nil then return {} end\n"
	"  if type(x) == 'table' then return x end\n"
	"  return { x }\n"
	"end\n"
	"function lib.gmatch(s, p)\n"
	"  local at = 1\n"
	"  local function give(first, last, ...)\n"
	"    if not first then at = nil return nil end\n"
	"    at = last >= first and last + 1 or first + 1\n"
	"    if select('#', ...) == 0 then return sub(s, first, last) end\n"
	"    return ...\n"
	"  end\n"
	"  return function() if at then return give(find(s, p, at)) end end\n"
	"end\n"
	"function lib.gsub(s, p, r)\n"
	"  local kind = type(r)\n"
	"  if kind == 'string' or kind == 'number' then return replace(s, p, r) end\n"
	"  if kind ~= 'table' and kind ~= 'function' then error('gsub wants a text, table or function, not a ' .. kind) end\n"
	"  local out, n, at, done = {}, 0, 1, 1\n"
	"  while true do\n"
	"    local m = lib.pack(find(s, p, at))\n"
	"    local first, last = m[1], m[2]\n"
	"    if not first then break end\n"
	"    local whole, v = sub(s, first, last), nil\n"
	"    if kind == 'function' then\n"
	"      if m.n > 2 then v = r(unpack(m, 3, m.n)) else v = r(whole) end\n"
	"    else\n"
	"      local key = whole\n"
	"      if m.n > 2 then key = m[3] end\n"
	"      if key ~= nil then v = r[key] end\n"
	"    end\n"
	"    if v == nil or v == false then v = whole end\n"
	"    if type(v) ~= 'string' and type(v) ~= 'number' then error('gsub: the new text is a ' .. type(v)) end\n"
	"    n = n + 1\n"
	"    out[#out + 1] = sub(s, done, first - 1)\n"
	"    out[#out + 1] = v\n"
	"    done = last + 1\n"
	"    at = last >= first and last + 1 or first + 1\n"
	"  end\n"
	"  out[#out + 1] = sub(s, done)\n"
	"  return concat(out), n\n"
	"end\n"
	"return lib\n";

/* ---- putting it together ---- */

enum kind { OWN, CHARGED, FORMAT, PRELUDE };

static const struct {
	const char *library, *name; /* library "_G": a global of its own */
	enum kind kind;
	lua_CFunction function;     /* OWN */
} functions[] = {
	{ "_G", "assert", CHARGED, NULL }, { "_G", "error", CHARGED, NULL }, { "_G", "ipairs", CHARGED, NULL },
	{ "_G", "select", CHARGED, NULL }, { "_G", "type", CHARGED, NULL }, { "_G", "tostring", OWN, plain_tostring },
	{ "_G", "tonumber", OWN, plain_tonumber }, { "_G", "pairs", PRELUDE, NULL }, { "_G", "list", PRELUDE, NULL },
	{ "string", "byte", CHARGED, NULL }, { "string", "char", CHARGED, NULL }, { "string", "len", CHARGED, NULL },
	{ "string", "reverse", CHARGED, NULL }, { "string", "sub", CHARGED, NULL }, { "string", "format", FORMAT, NULL },
	{ "string", "find", OWN, text_find }, { "string", "match", OWN, text_match }, { "string", "gmatch", PRELUDE, NULL },
	{ "string", "gsub", PRELUDE, NULL }, { "string", "lower", OWN, text_lower }, { "string", "upper", OWN, text_upper },
	{ "string", "ascii", OWN, text_ascii }, { "string", "rep", OWN, text_rep },
	{ "utf8", "char", CHARGED, NULL }, { "utf8", "codepoint", CHARGED, NULL }, { "utf8", "len", CHARGED, NULL },
	{ "utf8", "offset", CHARGED, NULL },
	{ "table", "concat", CHARGED, NULL }, { "table", "unpack", CHARGED, NULL }, { "table", "pack", PRELUDE, NULL },
	{ "table", "insert", PRELUDE, NULL }, { "table", "remove", PRELUDE, NULL }, { "table", "sort", PRELUDE, NULL },
	{ "math", "abs", CHARGED, NULL }, { "math", "ceil", CHARGED, NULL }, { "math", "floor", CHARGED, NULL },
	{ "math", "fmod", CHARGED, NULL }, { "math", "max", CHARGED, NULL }, { "math", "min", CHARGED, NULL },
	{ "math", "tointeger", CHARGED, NULL }, { "math", "type", CHARGED, NULL },
};

static const struct {
	const char *name;
	lua_CFunction open;
} libraries[] = { { "_G", luaopen_base }, { "string", luaopen_string }, { "utf8", luaopen_utf8 }, { "table", luaopen_table },
	{ "math", luaopen_math } };
enum { N_LIBRARIES = sizeof libraries / sizeof *libraries };

static void open_prelude(lua_State *lua)
{
	static const struct { const char *library, *name, *as; } borrowed[] = {
		{ "_G", "type", "type" }, { "_G", "next", "next" }, { "_G", "error", "error" }, { "_G", "select", "select" },
		{ "table", "unpack", "unpack" }, { "table", "concat", "concat" }, { "string", "sub", "sub" },
	};

	int code = luaL_loadbufferx(lua, prelude, sizeof prelude - 1, "=" US_SCRIPT_PRELUDE, "t");
	us_assert(code == LUA_OK);
	lua_newtable(lua);
	for (size_t i = 0; i < sizeof borrowed / sizeof *borrowed; i++) {
		for (size_t k = 0; k < N_LIBRARIES; k++)
			if (strcmp(libraries[k].name, borrowed[i].library) == 0)
				lua_getfield(lua, (int)k + 1, borrowed[i].name);
		lua_pushcclosure(lua, charged, 1);
		lua_setfield(lua, -2, borrowed[i].as);
	}
	lua_pushcfunction(lua, text_find);
	lua_setfield(lua, -2, "find");
	lua_pushcfunction(lua, text_replace);
	lua_setfield(lua, -2, "replace");
	lua_pushcfunction(lua, names);
	lua_setfield(lua, -2, "names");
	lua_call(lua, 1, 1);
}

/* The table at the top is hidden behind an empty one that nothing can be put into. */
static void close_table(lua_State *lua)
{
	lua_newtable(lua);
	lua_newtable(lua);
	lua_rotate(lua, -3, -1);
	lua_setfield(lua, -2, "__index");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
}

static int refuse_setting(lua_State *lua) { return us_script_fail(lua, "the library cannot be changed"); }

void us_script_lib_open(lua_State *lua)
{
	int base = lua_gettop(lua);

	/* Lua's own at 1 … N, the prelude after them, what scripts get after that; the rest is never seen by a script. */
	us_assert(base == 0);
	for (size_t i = 0; i < N_LIBRARIES; i++) {
		lua_pushcfunction(lua, libraries[i].open);
		lua_pushstring(lua, libraries[i].name);
		lua_call(lua, 1, 1);
	}
	open_prelude(lua);
	for (size_t i = 0; i < N_LIBRARIES; i++)
		lua_newtable(lua);
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		size_t k = 0;
		while (strcmp(libraries[k].name, functions[i].library) != 0)
			k++;
		switch (functions[i].kind) {
		case OWN:
			lua_pushcfunction(lua, functions[i].function);
			break;
		case CHARGED:
		case FORMAT:
			lua_getfield(lua, (int)k + 1, functions[i].name);
			us_assert(lua_isfunction(lua, -1));
			lua_pushcclosure(lua, functions[i].kind == FORMAT ? text_format : charged, 1);
			break;
		case PRELUDE:
			lua_getfield(lua, N_LIBRARIES + 1, functions[i].name);
			us_assert(lua_isfunction(lua, -1));
			/* From C, so that a script that ends in such a call is still there when its line is asked for. */
			lua_pushcclosure(lua, charged, 1);
			break;
		}
		lua_setfield(lua, N_LIBRARIES + 2 + (int)k, functions[i].name);
	}
	/* Methods of texts; Lua's own arithmetic on texts goes with the table that it came in. */
	lua_pushliteral(lua, "");
	lua_newtable(lua);
	lua_pushvalue(lua, N_LIBRARIES + 3);
	lua_setfield(lua, -2, "__index");
	lua_pushboolean(lua, 0);
	lua_setfield(lua, -2, "__metatable");
	lua_setmetatable(lua, -2);
	lua_pop(lua, 1);
	lua_pushvalue(lua, N_LIBRARIES + 2);
	for (size_t k = 1; k < N_LIBRARIES; k++) {
		lua_pushvalue(lua, N_LIBRARIES + 2 + (int)k);
		close_table(lua);
		lua_getmetatable(lua, -1);
		lua_pushcfunction(lua, refuse_setting);
		lua_setfield(lua, -2, "__newindex");
		lua_pop(lua, 1);
		lua_setfield(lua, -2, libraries[k].name);
	}
	lua_replace(lua, 1);
	lua_settop(lua, 1);
}
