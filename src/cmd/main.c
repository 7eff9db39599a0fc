/* usersync: finds the verb, parses its arguments, runs it. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cli.h"
#include "cmd/verbs.h"

static const struct us_flag top_flags[] = {
	{ "version", NULL, "print the version" },
	{ 0 },
};

/* How many of the words make the name, or its beginning if they run out; 0: they say something else. */
static int match_words(const char *name, int argc, char **argv, const char **ret_rest)
{
	for (int words = 0; words < argc; words++) {
		size_t n = strlen(argv[words]);
		if (strncmp(name, argv[words], n) != 0 || (name[n] && name[n] != ' '))
			return 0;
		name += n + (name[n] == ' ');
		*ret_rest = name;
		if (!*name)
			return words + 1;
	}
	return argc;
}

/* "connector list" takes two words, "sync" one. NULL: there is no such verb. */
static const struct us_verb *find_verb(int argc, char **argv, int *ret_words)
{
	for (const struct us_verb *v = us_verbs; v->name; v++) {
		const char *rest = v->name;
		int words = match_words(v->name, argc, argv, &rest);
		if (words && !*rest) {
			*ret_words = words;
			return v;
		}
	}
	return NULL;
}

/* The longest beginning of a verb that the words are: "notice target"; how many words it takes, 0 if it is none. */
static int find_noun(struct us_arena *arena, int argc, char **argv, const char **ret_noun)
{
	for (int words = argc; words > 0; words--)
		for (const struct us_verb *v = us_verbs; v->name; v++) {
			const char *rest = v->name;
			if (match_words(v->name, words, argv, &rest) == words && *rest) {
				*ret_noun = us_arena_strndup(arena, v->name, (size_t) (rest - v->name) - 1);
				return words;
			}
		}
	return 0;
}

/* noun NULL: all verbs. */
static void list_verbs(struct us_str *out, const char *noun)
{
	for (const struct us_verb *v = us_verbs; v->name; v++) {
		char left[96];
		if (noun && (strncmp(v->name, noun, strlen(noun)) != 0 || v->name[strlen(noun)] != ' '))
			continue;
		snprintf(left, sizeof left, "%s%s%s", v->name, *v->operands ? " " : "", v->operands);
		us_str_printf(out, "  %-34s %s\n", left, v->summary);
	}
}

static void help_all(void)
{
	struct us_str out = US_STR_INIT;

	us_str_add_text(&out, "usersync " USERSYNC_VERSION ": keeps user directories in step with identity providers.\n\n"
		"Usage: usersync [OPTION]... VERB [ARGUMENT]...\n\nVerbs:\n");
	list_verbs(&out, NULL);
	us_str_add_text(&out, "\nA CONNECTOR is named by its name, UUID or number; a RUN by its number, or by a connector's name for its last run.\n"
		"'usersync VERB --help' says more about one of them.\n\nOptions of all verbs that talk to a server:\n");
	us_args_describe(&out, us_cli_common_flags);
	us_args_describe(&out, top_flags);
	us_str_add_text(&out, "\nWhat is not given comes from the environment, then from ~/.config/usersync/config (url, user, password, token, cacert;\n"
		"\"key = value\", mode 0600).\nExit codes: 0 fine, 1 failed, 2 wrong usage, 3 held for a decision. 'check' has those of a monitoring plug-in.\n");
	fputs(us_str_text(&out), stdout);
	us_str_fini(&out);
}

static void help_noun(const char *noun)
{
	struct us_str out = US_STR_INIT;

	list_verbs(&out, noun);
	printf("Usage: usersync %s VERB [ARGUMENT]...\n\n%s", noun, us_str_text(&out));
	us_str_fini(&out);
}

static void help_verb(const struct us_verb *v)
{
	struct us_str out = US_STR_INIT;

	us_str_printf(&out, "Usage: usersync %s%s%s%s\n\n%c%s.\n", v->name, v->flags || !v->is_local ? " [OPTION]..." : "", *v->operands ? " " : "",
		v->operands, v->summary[0] - (v->summary[0] >= 'a' && v->summary[0] <= 'z' ? 32 : 0), v->summary + 1);
	if (v->more)
		us_str_printf(&out, "\n%s\n", v->more);
	if (v->flags) {
		us_str_add_text(&out, "\nOptions:\n");
		us_args_describe(&out, v->flags);
	}
	if (!v->is_local) {
		us_str_add_text(&out, "\nOptions of all verbs:\n");
		for (const struct us_flag *f = us_cli_common_flags; f->name; f++) {
			bool is_hidden = false;
			for (const struct us_flag *own = v->flags; own && own->name; own++)
				is_hidden |= strcmp(own->name, f->name) == 0;
			if (!is_hidden)
				us_args_describe(&out, (const struct us_flag[]) { *f, { 0 } });
			else
				us_str_printf(&out, "      (--%s as a login stands before the verb)\n", f->name);
		}
	}
	fputs(us_str_text(&out), stdout);
	us_str_fini(&out);
}

static bool is_given(const struct us_args *args, const char *name)
{
	for (int i = 0; us_cli_common_flags[i].name; i++)
		if (strcmp(us_cli_common_flags[i].name, name) == 0)
			return args->common[i] != NULL;
	return false;
}

static int misuse(const char *problem)
{
	fprintf(stderr, "usersync: %s\nTry 'usersync --help'.\n", problem);
	return US_EXIT_USAGE;
}

static int run_verb(struct us_cli *cli, int argc, char **argv)
{
	const struct us_verb *v = cli->verb;
	static const struct us_flag only_help[] = { { "help", NULL, "this text", 'h' }, { 0 } };
	struct us_args before = cli->args;
	const char *problem;

	if (v->is_local) {
		struct us_args args = { 0 };
		if (!us_args_parse(&cli->arena, v->flags, only_help, false, argc, argv, &args, &problem))
			return us_cli_misuse(cli, "%s", problem);
		cli->args = args;
		if (args.common[0])
			return help_verb(v), US_EXIT_OK;
	} else {
		if (!us_args_parse(&cli->arena, v->flags, us_cli_common_flags, false, argc, argv, &before, &problem))
			return us_cli_misuse(cli, "%s", problem);
		cli->args = before;
		if (is_given(&cli->args, "help"))
			return help_verb(v), US_EXIT_OK;
		cli->as_json = is_given(&cli->args, "json");
	}
	if (cli->args.n_operands < v->min_operands)
		return us_cli_misuse(cli, "missing argument; want: usersync %s %s", v->name, v->operands);
	if (cli->args.n_operands > v->max_operands)
		return us_cli_misuse(cli, "unexpected argument '%s'", cli->args.operands[v->max_operands]);
	for (int i = 0; i < cli->args.n_operands; i++)
		if (!*cli->args.operands[i])
			return us_cli_misuse(cli, "argument %d is empty", i + 1);
	int code = v->run(cli);
	if (fflush(stdout) != 0 || ferror(stdout))
		return us_cli_fail("cannot write to standard output");
	return code;
}

static int run(struct us_cli *cli, int argc, char **argv)
{
	const char *problem;
	int words;

	if (!us_args_parse(&cli->arena, top_flags, us_cli_common_flags, true, argc, argv, &cli->args, &problem))
		return misuse(problem);
	if (cli->args.own[0]) {
		puts("usersync " USERSYNC_VERSION);
		return US_EXIT_OK;
	}
	int n = cli->args.n_operands;
	char **rest = cli->args.operands;
	if (n == 0 && is_given(&cli->args, "help"))
		return help_all(), US_EXIT_OK;
	if (n == 0)
		return misuse("no verb given");
	if (strcmp(rest[0], "help") == 0 && n == 1)
		return help_all(), US_EXIT_OK;
	bool for_help = is_given(&cli->args, "help") || strcmp(rest[0], "help") == 0;
	if (strcmp(rest[0], "help") == 0) {
		rest++;
		n--;
	}
	cli->verb = find_verb(n, rest, &words);
	if (cli->verb && for_help)
		return help_verb(cli->verb), US_EXIT_OK;
	if (cli->verb)
		return run_verb(cli, n - words + 1, rest + words - 1);
	const char *noun;
	words = find_noun(&cli->arena, n, rest, &noun);
	if (words) {
		if (for_help || (n > words && (strcmp(rest[words], "--help") == 0 || strcmp(rest[words], "-h") == 0)))
			return help_noun(noun), US_EXIT_OK;
		if (n > words)
			fprintf(stderr, "usersync %s: unknown verb '%s'\n", noun, rest[words]);
		else
			fprintf(stderr, "usersync %s: no verb given\n", noun);
		fprintf(stderr, "Try 'usersync %s --help'.\n", noun);
		return US_EXIT_USAGE;
	}
	return misuse(us_arena_printf(&cli->arena, "unknown verb '%s'", rest[0]));
}

int main(int argc, char **argv)
{
	struct us_cli cli = { .arena = US_ARENA_INIT };

	/* Column widths of any script, whatever the environment says; numbers and messages stay as they are. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		setlocale(LC_CTYPE, "");
	/* A closed connection and a limit on the size of files are errors of the call that meets them. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	int code = run(&cli, argc, argv);
	us_client_close(cli.client);
	us_arena_fini(&cli.arena);
	return code;
}
