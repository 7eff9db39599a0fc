#include "unit.h"

#include "base/clock.h"
#include "base/script.h"

static const struct us_slice one[] = { US_SLICE("Anna.Berg@Example.com") }, two[] = { US_SLICE("red"), US_SLICE("blue") };
static const struct us_slice stored[] = { US_SLICE("anna") };
static const struct us_field user[] = { { US_SLICE("mail"), one, 1 }, { US_SLICE("colour"), two, 2 }, { US_SLICE("empty"), one, 0 } };
static const struct us_field existing[] = { { US_SLICE("username"), stored, 1 } };

struct outcome {
	enum us_errc rc;
	bool is_drop;
	char text[600]; /* values with | between, or the message */
};

static void run(struct us_script *s, const char *source, bool has_existing, struct outcome *ret)
{
	struct us_arena arena = US_ARENA_INIT;
	struct us_err err = US_ERR_INIT;
	struct us_script_input in = { .user = user, .n_user = 3, .existing = existing, .n_existing = 1, .has_existing = has_existing,
		.connector = US_SLICE("hr"), .values = two, .n_values = 2 };
	struct us_script_result result = { 0 };
	struct us_str text = US_STR_INIT;
	int chunk;

	*ret = (struct outcome) { .rc = us_script_compile(s, us_slice(source), &chunk, &err) };
	if (!ret->rc)
		ret->rc = us_script_run(s, chunk, &in, &arena, &result, &err);
	ret->is_drop = result.is_drop;
	for (size_t i = 0; i < result.n; i++) {
		us_str_add_text(&text, i ? "|" : "");
		us_str_add_slice(&text, result.values[i]);
	}
	snprintf(ret->text, sizeof ret->text, "%s", ret->rc ? err.text : us_str_text(&text));
	us_str_fini(&text);
	us_arena_fini(&arena);
}

static void a_script_computes_a_value(void **state)
{
	static const struct {
		const char *source, *text;
	} rows[] = {
		{ "return user.mail", "Anna.Berg@Example.com" },
		{ "return user.MAIL:lower()", "anna.berg@example.com" },
		{ "return user.colour", "red|blue" },
		{ "return user.none", "" },
		{ "return user.empty", "" },
		{ "return list(user.mail)", "Anna.Berg@Example.com" },
		{ "return list(user.none)", "" },
		{ "return value .. '/' .. #values", "red/2" },
		{ "return connector", "hr" },
		{ "return existing == nil", "true" },
		{ "return 7", "7" },
		{ "return 2.5", "2.5" },
		{ "return {1, true, 'x'}", "1|true|x" },
		{ "return", "" },
		{ "return nil", "" },
		{ "if value == 'red' then return 'r' end return 'b'", "r" },
		/* regular expressions in place of Lua's patterns */
		{ "return user.mail:match('^([^.]+)\\\\.')", "Anna" },
		{ "local a, b = user.mail:match('(\\\\w+)\\\\.(\\\\w+)') return {b, a}", "Berg|Anna" },
		{ "local a, b = ('y'):match('(x)?(y)') return tostring(a) .. b", "nily" },
		{ "local a, b = ('y'):match('(y)(x)?') return a .. tostring(b)", "ynil" },
		{ "return {('hello'):find('l+')}", "3|4" },
		{ "return {('a.b'):find('.', 1, true)}", "2|2" },
		{ "return ('hello'):find('z')", "" },
		{ "return (user.mail:gsub('@.*', ''))", "Anna.Berg" },
		{ "return (('a-b'):gsub('(.)-(.)', '$2-$1'))", "b-a" },
		{ "return {('abc'):gsub('.', function(c) return c:upper() .. '.' end)}", "A.B.C.|3" },
		{ "return (('abc'):gsub('.', {a = '1', b = false}))", "1bc" },
		{ "return (('żółw'):gsub('', '-'))", "-ż-ó-ł-w-" },
		{ "return (('żół'):gsub('', function() return '-' end))", "-ż-ó-ł-" },
		{ "local t = {} for w in ('a b  c'):gmatch('\\\\w') do t[#t + 1] = w end return t", "a|b|c" },
		{ "local t = {} for k, v in ('a=1,b=2'):gmatch('(\\\\w)=(\\\\w)') do t[#t + 1] = v .. k end return t", "1a|2b" },
		{ "return ('Łódź'):upper():lower():ascii()", "lodz" },
		{ "return ('ab'):rep(3, '-')", "ab-ab-ab" },
		{ "return ('%s-%03d'):format('x', 7)", "x-007" },
		/* in an order of its own, not of a hash table's */
		{ "local t = {} for k in pairs({b = 1, a = 2, c = 3, [2] = 4, [1] = 5, [true] = 6}) do t[#t + 1] = k end return t", "true|1|2|a|b|c" },
		{ "local t = {} for k, v in pairs(user) do t[#t + 1] = k end return t", "mail|colour|empty" },
		{ "local t = {3, 1, 2} table.sort(t) return t", "1|2|3" },
		{ "local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return t", "3|2|1" },
		{ "local t = {1, 3} table.insert(t, 2, 2) table.insert(t, 4) table.remove(t, 1) return t", "2|3|4" },
		{ "return table.concat({1, 2}, '+') .. math.floor(2.7) .. tostring(tonumber(' 8 ')) .. utf8.len('żó')", "1+2282" },
	};
	struct us_script *s = us_script_new();

	for (size_t i = 0; i < countof(rows); i++) {
		struct outcome o;
		run(s, rows[i].source, false, &o);
		if (o.rc || strcmp(o.text, rows[i].text) != 0)
			fail_msg("row %zu: %s: got \"%s\", want \"%s\"", i, rows[i].source, o.text, rows[i].text);
		assert_row(i, !o.is_drop);
	}
	us_script_free(s);
}

static void drop_and_existing(void **state)
{
	struct us_script *s = us_script_new();
	struct outcome o;

	run(s, "if value == 'red' then return drop end", false, &o);
	assert_true(o.rc == US_OK && o.is_drop && !o.text[0]);
	run(s, "return existing.username", true, &o);
	assert_string_equal(o.text, "anna");
	run(s, "return existing.username", false, &o);
	assert_int_equal(o.rc, US_INVALID);
	us_script_free(s);
}

static void an_error_has_its_line(void **state)
{
	static const struct {
		const char *source, *says;
		enum us_errc rc;
	} rows[] = {
		{ "return (", "line 1: ", US_CONFIG },
		{ "local a = 1\nreturn a +", "line 2: ", US_CONFIG },
		{ "goto nowhere", "line 1: ", US_CONFIG },
		{ "\033Lua", "binary", US_CONFIG },
		{ "return user.none:lower()", "line 1: attempt to index a nil value", US_INVALID },
		{ "\n\nreturn nothing()", "line 3: attempt to call a nil value", US_INVALID },
		{ "error('my words')", "line 1: my words", US_INVALID },
		{ "\nerror({})", "line 2: an error that is no text", US_INVALID },
		{ "return {{}}", "returns a list with a table in it", US_INVALID },
		{ "return {a = 1}", "returns a table that is no list", US_INVALID },
		{ "return function() end", "returns a function", US_INVALID },
		{ "return user", "returns a userdata", US_INVALID },
		{ "local t = {} for i = 1, 1001 do t[i] = i end return t", "more than 1000 values", US_INVALID },
		{ "\nreturn ('x'):match('(')", "line 2: the pattern is no regular expression", US_INVALID },
		{ "x = 1", "line 1: x cannot be set", US_INVALID },
		{ "string.lower = 1", "line 1: the library cannot be changed", US_INVALID },
		{ "user.mail = 'x'", "line 1: mail cannot be set", US_INVALID },
		{ "return tostring({})", "a table cannot become a text", US_INVALID },
		{ "return ('%s'):format({})", "a table cannot become a text", US_INVALID },
		{ "return ('%p'):format('x')", "format knows no", US_INVALID },
		{ "return '1' + 1", "attempt to perform arithmetic", US_INVALID },
		{ "\nreturn table.insert({}, 9, 1)", "line 2: insert: no such place", US_INVALID },
		{ "return ('\\xff'):lower()", "not valid UTF-8", US_INVALID },
		{ "return ('\\xff'):match('x')", "UTF-8", US_INVALID },
		{ "for k in pairs({[{}] = 1}) do end", "a key is a table", US_INVALID },
		{ "for k in pairs(1) do end", "pairs wants a table", US_INVALID },
	};
	struct us_script *s = us_script_new();

	for (size_t i = 0; i < countof(rows); i++) {
		struct outcome o;
		run(s, rows[i].source, false, &o);
		if (o.rc != rows[i].rc || !strstr(o.text, rows[i].says))
			fail_msg("row %zu: %s: got %d \"%s\", want \"%s\"", i, rows[i].source, o.rc, o.text, rows[i].says);
	}
	us_script_free(s);
}

static void what_reaches_outside_is_not_there(void **state)
{
	static const char *const names[] = { "io", "os", "debug", "package", "require", "load", "loadstring", "loadfile", "dofile", "print",
		"collectgarbage", "setmetatable", "getmetatable", "rawset", "rawget", "rawequal", "rawlen", "next", "pcall", "xpcall", "coroutine",
		"_G", "_VERSION", "string.dump", "string.pack", "string.unpack", "string.packsize", "math.random", "math.randomseed", "table.move" };
	struct us_script *s = us_script_new();

	for (size_t i = 0; i < countof(names); i++) {
		char source[80];
		struct outcome o;
		snprintf(source, sizeof source, "return %s == nil", names[i]);
		run(s, source, false, &o);
		assert_row(i, o.rc == US_OK && strcmp(o.text, "true") == 0);
	}
	us_script_free(s);
}

/* Each of these would run for seconds, or take all memory. */
static void a_script_that_takes_too_much_is_stopped(void **state)
{
	static const struct {
		const char *source, *says;
	} rows[] = {
		{ "while true do end", "line 1: the script does not come to an end" },
		{ "\nrepeat until false", "line 2: the script does not come to an end" },
		{ "local function f() return f() end return f()", "does not come to an end" },
		{ "local function f() return 1 + f() end return f()", "" },
		{ "local t = {} for i = 1, 1e9 do t[i] = i end", "more memory than it may" },
		{ "local t = {} while true do t[#t + 1] = {} end", "" },
		{ "\nlocal s = 'x' while true do s = s .. s end", "line 2: the script uses more memory" },
		{ "local s = ('x'):rep(60000) while true do s = s .. 'x' end", "" },
		{ "local t = {} for i = 1, 200000 do t[i % 50] = ('x'):rep(60000) .. i end", "" },
		{ "return ('x'):rep(1e9)", "the result of rep is too long" },
		{ "return (''):rep(1e9)", "does not come to an end" },
		{ "return (('.-'):rep(50) .. 'b'):rep(10)", NULL },
		{ "return ('a'):rep(60000):find((('.-'):rep(400)) .. 'b')", NULL },
		{ "return ('a'):rep(60000):match('(a+)+$')", NULL },
		{ "return (('a'):rep(60000) .. '!'):match('^(a+)+$')", "costs too much" },
		{ "return (('a'):rep(60000) .. '!'):gsub('^(a|a)*$', '')", "costs too much" },
		{ "for w in (('a'):rep(60000) .. '!'):gmatch('^(a|a)*$') do end", "costs too much" },
		{ "while true do local a = ('a'):rep(4000):find('b') end", "does not come to an end" },
		{ "while true do local a = ('a'):rep(60000):upper() end", "does not come to an end" },
		{ "return (('a'):rep(60000):gsub('a', ('b'):rep(60000)))", "" },
		{ "local t = {} for i = 1, 4000 do t[i] = i end while true do table.insert(t, 1, 0) end", "" },
		{ "local t = {} for i = 1, 4000 do t[i] = i % 7 end while true do table.sort(t) end", "does not come to an end" },
		{ "local t = {} for i = 1, 4000 do t[i] = 'x' end while true do local s = table.concat(t) end", "does not come to an end" },
		{ "local t = {} for i = 1, 4000 do t[i] = 'x' end while true do local s = select('#', table.unpack(t)) end", "" },
		{ "local s = ('x'):rep(60000) while true do local n = utf8.len(s) end", "does not come to an end" },
		{ "local s = ('1'):rep(60000) while true do local n = tonumber(s) end", "does not come to an end" },
		{ "local s = ('x'):rep(60000) local r = s .. 'y' while true do local n = s .. 'z' == r end", "does not come to an end" },
		{ "while true do local n = ('%99d'):format(1) end", "does not come to an end" },
		{ "local i = 0 while true do i = i + 1 local n = ('x'):match('x{' .. i % 900 + 1 .. '}') end", "does not come to an end" },
		{ "return table.concat({}, 'x', 1, 1e9)", "" },
		{ "return table.unpack({}, 1, 1e7)", "" },
		{ "return string.char(table.unpack({}, 1, 1e6))", "" },
	};
	struct us_script *s = us_script_new();

	for (size_t i = 0; i < countof(rows); i++) {
		struct outcome o;
		int64_t begun = us_clock_monotonic_ms();
		run(s, rows[i].source, false, &o);
		int64_t took = us_clock_monotonic_ms() - begun;
		if (rows[i].says && (o.rc != US_INVALID || !strstr(o.text, rows[i].says)))
			fail_msg("row %zu: %s: got %d \"%s\", want \"%s\"", i, rows[i].source, o.rc, o.text, rows[i].says);
		/* Far above what it takes, far below what it would: also under a sanitizer on a busy machine. */
		if (took > 5000)
			fail_msg("row %zu: %s took %lld ms", i, rows[i].source, (long long) took);
		run(s, "return user.mail", false, &o);
		assert_row(i, o.rc == US_OK && strcmp(o.text, "Anna.Berg@Example.com") == 0);
	}
	us_script_free(s);
}

/* What a call costs and gives does not depend on the calls before it. */
static void calls_leave_nothing_behind(void **state)
{
	static const char source[] = "local t = {} for w in (user.mail .. ('x'):rep(100)):gmatch('\\\\w') do t[#t + 1] = w end "
		"for i = 1, N do t[1] = t[1] .. '' end return #t";
	struct us_script *fresh = us_script_new(), *used = us_script_new();
	struct outcome a, b;
	size_t stopped = 0;

	for (int n = 0; n < 60000; n += 1500) {
		struct us_str text = US_STR_INIT;
		const char *at = strstr(source, "1, N");
		us_str_printf(&text, "%.*s1, %d%s", (int) (at - source), source, n, at + 4);
		us_script_free(fresh);
		fresh = us_script_new();
		run(fresh, us_str_text(&text), false, &a);
		run(used, us_str_text(&text), false, &b);
		assert_int_equal(a.rc, b.rc);
		assert_string_equal(a.text, b.text);
		stopped += a.rc != US_OK;
		us_str_fini(&text);
	}
	assert_true(stopped > 0 && stopped < 40);
	us_script_free(fresh);
	us_script_free(used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_script_computes_a_value),
		cmocka_unit_test(drop_and_existing),
		cmocka_unit_test(an_error_has_its_line),
		cmocka_unit_test(what_reaches_outside_is_not_there),
		cmocka_unit_test(a_script_that_takes_too_much_is_stopped),
		cmocka_unit_test(calls_leave_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
