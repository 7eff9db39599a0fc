/* completion bash: the script is made from the tables of verbs and flags, so that it cannot lag behind */
#include <stdio.h>

#include "cmd/verbs.h"

static void add_flags(struct us_str *out, const struct us_flag *flags)
{
	for (; flags && flags->name; flags++)
		us_str_printf(out, "%s--%s", out->n ? " " : "", flags->name);
}

/* Whether a verb of the table before `end` begins with these characters, which are whole words: "user" is not said by "users". */
static bool is_said(const struct us_verb *from, const struct us_verb *end, const char *text, size_t n)
{
	for (; from < end; from++)
		if (strncmp(from->name, text, n) == 0 && (text[n - 1] == ' ' || from->name[n] == ' ' || !from->name[n]))
			return true;
	return false;
}

/* noun_n: characters of the noun at the beginning of the first verb that has it, with its space. */
static void print_next(const struct us_verb *first, size_t noun_n)
{
	bool is_first = true;

	printf("\t'%.*s') subs='", (int) noun_n - 1, first->name);
	for (const struct us_verb *v = first; v->name; v++) {
		size_t n = strcspn(v->name + (strlen(v->name) > noun_n ? noun_n : 0), " ");
		if (strncmp(v->name, first->name, noun_n) != 0 || is_said(first, v, v->name, noun_n + n))
			continue;
		printf("%s%.*s", is_first ? "" : " ", (int) n, v->name + noun_n);
		is_first = false;
	}
	puts("' ;;");
}

int us_completion_run(struct us_cli *cli)
{
	if (strcmp(cli->args.operands[0], "bash") != 0)
		return us_cli_misuse(cli, "no completion for '%s'; there is: bash", cli->args.operands[0]);
	struct us_str firsts = US_STR_INIT;
	const char *last = "";
	size_t last_n = 0;

	for (const struct us_verb *v = us_verbs; v->name; v++) {
		size_t n = strcspn(v->name, " ");
		if (n == last_n && strncmp(v->name, last, n) == 0)
			continue;
		us_str_printf(&firsts, "%s%.*s", firsts.n ? " " : "", (int) n, v->name);
		last = v->name;
		last_n = n;
	}
	printf("# bash completion for usersync; load it with: source <(usersync completion bash)\n"
		"_usersync_names() {\n"
		"\tusersync \"${globals[@]}\" --json connector list 2>/dev/null </dev/null |\n"
		"\t\tgrep -o '\"name\":\"[^\"\\\\]*\"' | cut -d '\"' -f 4\n"
		"}\n"
		"_usersync() {\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb='' i word flags='' subs='' wants='' globals=()\n"
		"\tCOMPREPLY=()\n"
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
		"\t\tword=${COMP_WORDS[i]}\n"
		"\t\tcase $word in\n"
		"\t\t--url|--user|--token|--cacert) [ -n \"$verb\" ] || globals+=(\"$word\" \"${COMP_WORDS[i+1]}\"); i=$((i + 1)) ;;\n"
		"\t\t-*) ;;\n"
		"\t\t*) verb=\"${verb:+$verb }$word\" ;;\n"
		"\t\tesac\n"
		"\tdone\n"
		"\tcase $verb in\n"
		"\t'') subs='%s'; flags='", us_str_text(&firsts));
	us_str_clear(&firsts);
	add_flags(&firsts, us_cli_common_flags);
	printf("%s --version' ;;\n", us_str_text(&firsts));
	/* A noun alone: what may follow it. */
	for (const struct us_verb *v = us_verbs; v->name; v++)
		for (const char *space = strchr(v->name, ' '); space; space = strchr(space + 1, ' '))
			if (!is_said(us_verbs, v, v->name, (size_t) (space - v->name) + 1))
				print_next(v, (size_t) (space - v->name) + 1);
	for (const struct us_verb *v = us_verbs; v->name; v++) {
		us_str_clear(&firsts);
		add_flags(&firsts, v->flags);
		if (!v->is_local)
			add_flags(&firsts, us_cli_common_flags);
		bool takes_name = strncmp(v->operands, "CONNECTOR", 9) == 0 || strncmp(v->operands, "[CONNECTOR", 10) == 0 || strncmp(v->operands, "RUN", 3) == 0;
		const char *wants = takes_name ? "name" : strcmp(v->operands, "FILE") == 0 ? "file" : NULL;
		printf("\t'%s'|'%s '*) flags='%s'", v->name, v->name, us_str_text(&firsts));
		if (wants)
			printf("; [ \"$verb\" != '%s' ] || wants=%s", v->name, wants);
		puts(" ;;");
	}
	fputs("\tesac\n"
		"\tlocal IFS=$'\\n'\n"
		"\tif [[ $cur == -* ]]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"${flags// /$'\\n'}\" -- \"$cur\"))\n"
		"\telif [ -n \"$subs\" ]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"${subs// /$'\\n'}\" -- \"$cur\"))\n"
		"\telif [ \"$wants\" = name ]; then\n"
		"\t\tCOMPREPLY=($(compgen -W \"$(_usersync_names)\" -- \"$cur\"))\n"
		"\telif [ \"$wants\" = file ]; then\n"
		"\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n"
		"\tfi\n"
		"}\n"
		"complete -F _usersync usersync\n", stdout);
	us_str_fini(&firsts);
	return US_EXIT_OK;
}
