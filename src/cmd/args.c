#include "cmd/args.h"

#include <getopt.h>
#include <stdio.h>

#include "base/clock.h"

enum { FIRST_OWN = 256, FIRST_COMMON = FIRST_OWN + US_ARGS_MAX_FLAGS };

static bool is_hidden(const struct us_flag *own, const struct us_flag *flag)
{
	for (; own && own->name; own++)
		if (strcmp(own->name, flag->name) == 0)
			return true;
	return false;
}

static size_t add_flags(const struct us_flag *flags, const struct us_flag *hidden_by, int first, struct option *longs, size_t n, char *shorts)
{
	size_t end = strlen(shorts);

	for (int i = 0; flags && flags[i].name; i++) {
		if (hidden_by && is_hidden(hidden_by, &flags[i]))
			continue;
		longs[n++] = (struct option) { flags[i].name, flags[i].value ? required_argument : no_argument, NULL, first + i };
		if (flags[i].letter) {
			shorts[end++] = flags[i].letter;
			if (flags[i].value)
				shorts[end++] = ':';
		}
	}
	shorts[end] = '\0';
	return n;
}

static int place_of_letter(const struct us_flag *flags, int c)
{
	for (int i = 0; flags && flags[i].name; i++)
		if (flags[i].letter == c)
			return i;
	return -1;
}

static bool is_value_unwanted(const struct option *longs, size_t n, const char *given)
{
	size_t length = strcspn(given, "=");

	for (size_t i = 0; i < n; i++)
		if (given[length] == '=' && strncmp(longs[i].name, given, length) == 0 && longs[i].has_arg == no_argument)
			return true;
	return false;
}

/* The option that begins most like the given one, with two letters at least; NULL: none does. */
static const char *near_option(const struct option *longs, size_t n, const char *given)
{
	const char *found = NULL;
	size_t most = 1;

	for (size_t i = 0; i < n; i++) {
		size_t same = 0;
		while (given[same] && given[same] == longs[i].name[same])
			same++;
		if (same > most) {
			most = same;
			found = longs[i].name;
		}
	}
	return found;
}

bool us_args_parse(struct us_arena *arena, const struct us_flag *own, const struct us_flag *common, bool until_operand, int argc, char **argv,
	struct us_args *args, const char **ret_problem)
{
	struct option longs[2 * US_ARGS_MAX_FLAGS + 1];
	char shorts[4 * US_ARGS_MAX_FLAGS + 3] = ":";
	int c;

	if (until_operand)
		memcpy(shorts, "+:", 3);
	size_t n = add_flags(own, NULL, FIRST_OWN, longs, 0, shorts);
	n = add_flags(common, own, FIRST_COMMON, longs, n, shorts);
	us_assert(n <= 2 * US_ARGS_MAX_FLAGS);
	longs[n] = (struct option) { 0 };

	opterr = 0;
	optind = 0; /* glibc: start afresh, read the leading '+' again */
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const char *given = argv[optind - 1];

		if (c == ':') {
			if (strncmp(given, "--", 2) == 0)
				*ret_problem = us_arena_printf(arena, "option '%s' needs a value", given);
			else
				*ret_problem = us_arena_printf(arena, "option '-%c' needs a value", optopt);
			return false;
		}
		if (c == '?') {
			if (strncmp(given, "--", 2) == 0 && is_value_unwanted(longs, n, given + 2))
				*ret_problem = us_arena_printf(arena, "option '%.*s' takes no value", (int) strcspn(given, "="), given);
			else if (optopt && optopt < FIRST_OWN)
				*ret_problem = us_arena_printf(arena, "unknown option '-%c'", optopt);
			else {
				const char *near = strncmp(given, "--", 2) == 0 ? near_option(longs, n, given + 2) : NULL;
				*ret_problem = us_arena_printf(arena, "unknown option '%.*s'%s%s%s", (int) strcspn(given, "="), given,
					near ? "; did you mean '--" : "", near ? near : "", near ? "'?" : "");
			}
			return false;
		}
		if (c < FIRST_OWN) {
			int at = place_of_letter(own, c);
			if (at >= 0)
				args->own[at] = optarg ? optarg : "";
			else if ((at = place_of_letter(common, c)) >= 0)
				args->common[at] = optarg ? optarg : "";
		} else if (c < FIRST_COMMON) {
			args->own[c - FIRST_OWN] = optarg ? optarg : "";
		} else {
			args->common[c - FIRST_COMMON] = optarg ? optarg : "";
		}
	}
	args->operands = argv + optind;
	args->n_operands = argc - optind;
	return true;
}

void us_args_describe(struct us_str *out, const struct us_flag *flags)
{
	for (; flags && flags->name; flags++) {
		char left[64];
		char letter[8] = "    ";

		if (flags->letter)
			snprintf(letter, sizeof letter, "-%c, ", flags->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, flags->name, flags->value ? " " : "", flags->value ? flags->value : "");
		us_str_printf(out, "  %-26s %s\n", left, flags->help);
	}
}

bool us_args_duration(const char *text, int64_t *ret_s) { return us_clock_parse_span(us_slice(text), ret_s); }
