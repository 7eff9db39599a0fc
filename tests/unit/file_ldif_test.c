#include "file_folder.h"

#define L "'path':'~export.ldif'"
#define HEAD "version: 1\n\n"
#define USER(id, name) "dn: uid=" name ",dc=x\nobjectClass: person\nentryUUID: " id "\nuid: " name "\n"
#define ANN USER("1", "ann") "\n"
#define ANN_RECORD "user 1 ref=uid=ann,dc=x + dn=uid=ann,dc=x objectClass=person entryUUID=1 uid=ann\n"

static void check(size_t row, const char *settings, const char *text, const char *want)
{
	struct folder f;

	folder_make(&f);
	folder_put(&f, "export.ldif", text);
	assert_int_equal(folder_open(&f, settings), US_OK);
	for (int round = 0; round < 2; round++) {
		struct us_str out = US_STR_INIT;
		folder_read(&f, &out);
		if (strcmp(us_str_text(&out), want))
			fail_msg("row %zu, round %d: got\n%swant\n%s", row, round, us_str_text(&out), want);
		us_str_fini(&out);
	}
	folder_remove(&f);
}

static void entries_become_records(void **state)
{
	static const struct {
		const char *settings, *text, *want;
	} rows[] = {
		{ L, "", "END entries 0 end of file\n" },
		{ L, HEAD, "END entries 0 end of file\n" },
		{ L, HEAD ANN, ANN_RECORD "END entries 1 end of file\n" },
		{ L, "\xEF\xBB\xBF" HEAD ANN, ANN_RECORD "END entries 1 end of file\n" },
		{ L, "# a comment\n folded: on\n\n" HEAD "# again\n" ANN "# end\n", ANN_RECORD "END entries 1 end of file\n" },
		{ L, "dn: dc=x\nobjectClass: domain\ndc: x\n\n" ANN, ANN_RECORD "END entries 2 end of file\n" },
		{ L, "dn: cn=pc,dc=x\nobjectClass: user\nobjectClass: computer\nentryUUID: 7\n\n", "END entries 1 end of file\n" },
		/* CR LF, folded lines, comments between, base64, options, no space behind the colon, empty values */
		{ L, "dn: uid=ann,\r\n dc=x\r\nobjectclass: PERSON\r\nentryuuid:1\r\n# no\r\n  value\r\ncn;lang-de: A\r\n nn\r\ndescription:\r\n\r\n",
			"user 1 ref=uid=ann,dc=x + dn=uid=ann,dc=x objectclass=PERSON entryuuid=1 cn;lang-de=Ann\nEND entries 1 end of file\n" },
		{ L, "dn:: dWlkPVpvw6ssZGM9eA==\nobjectClass: person\nentryUUID: 1\ncn:: Wm/Dq\n w==\n\n",
			"user 1 ref=uid=zo\xC3\xAB,dc=x + dn=uid=Zo\xC3\xAB,dc=x objectClass=person entryUUID=1 cn=Zo\xC3\xAB\nEND entries 1 end of file\n" },
		/* binary values are left out */
		{ L, USER("1", "ann") "jpegPhoto:: /9j/4AAQ\n\n", ANN_RECORD "END entries 1 end of file\n" },
		/* values of one attribute that are not adjacent */
		{ L, USER("1", "ann") "mail: a\nsn: s\nMail: b\nmail: c\n\n",
			"user 1 ref=uid=ann,dc=x + dn=uid=ann,dc=x objectClass=person entryUUID=1 uid=ann mail=a|b|c sn=s\nEND entries 1 end of file\n" },
		/* Active Directory's id, and its way to say that an account is off */
		{ L ",'idColumn':'objectGUID'", "dn: cn=a,dc=x\nobjectClass: user\nobjectGUID:: ABEiM0RVZneImaq7zN3u/w==\nuserAccountControl: 514\n\n",
			"user 33221100-5544-7766-8899-aabbccddeeff ref=cn=a,dc=x - dn=cn=a,dc=x objectClass=user "
			"objectGUID=33221100-5544-7766-8899-aabbccddeeff userAccountControl=514\nEND entries 1 end of file\n" },
		{ L, USER("1", "a") "nsAccountLock: TRUE\n\n" USER("2", "b") "pwdAccountLockedTime: 000001010000Z\n\n" USER("3", "c") "userAccountControl: 512\n\n",
			"user 1 ref=uid=a,dc=x - dn=uid=a,dc=x objectClass=person entryUUID=1 uid=a nsAccountLock=TRUE\n"
			"user 2 ref=uid=b,dc=x - dn=uid=b,dc=x objectClass=person entryUUID=2 uid=b pwdAccountLockedTime=000001010000Z\n"
			"user 3 ref=uid=c,dc=x + dn=uid=c,dc=x objectClass=person entryUUID=3 uid=c userAccountControl=512\nEND entries 3 end of file\n" },
		/* groups, with DNs written in other ways than those that they mean */
		{ L, "dn: cn=G, dc=x\nobjectClass: groupOfNames\nentryUUID: g\nmember: UID=Ann , DC=x\nmember: cn=h,dc=x\n\n" ANN,
			"group g ref=cn=g,dc=x dn=cn=G, dc=x objectClass=groupOfNames entryUUID=g member=UID=Ann , DC=x|cn=h,dc=x has:uid=ann,dc=x has:cn=h,dc=x\n"
			ANN_RECORD "END entries 2 end of file\n" },
		{ L ",'refColumn':'uid','memberAttributes':['memberUid']", ANN "dn: cn=g,dc=x\nobjectClass: posixGroup\nentryUUID: g\nmemberUid: ann\n\n",
			"user 1 ref=ann + dn=uid=ann,dc=x objectClass=person entryUUID=1 uid=ann\n"
			"group g ref=cn=g,dc=x dn=cn=g,dc=x objectClass=posixGroup entryUUID=g memberUid=ann has:ann\nEND entries 2 end of file\n" },
		/* ldapsearch's closing lines */
		{ L, ANN "# search result\nsearch: 2\nresult: 0 Success\n\n# numResponses: 2\n# numEntries: 1\n", ANN_RECORD "END entries 1 end of file\n" },
		{ L ",'endMarker':'# numEntries: {rows}'", ANN "# search result\nsearch: 2\nresult: 0 Success\n\n# numResponses: 2\n# numEntries: 1\n",
			ANN_RECORD "END entries 1 end marker\n" },
		{ L ",'endMarker':'# end'", USER("1", "ann") "# end\n", ANN_RECORD "END entries 1 end marker\n" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		check(i, rows[i].settings, rows[i].text, rows[i].want);
}

static void a_doubtful_file_gives_its_good_entries_and_no_end(void **state)
{
	static const struct {
		const char *settings, *text, *want;
	} rows[] = {
		{ L, ANN "search: 2\nresult: 4 Size limit exceeded\n\n", ANN_RECORD "US_PARTIAL export.ldif line 6: ldapsearch ended with \"4 Size limit exceeded\"\n" },
		{ L, ANN "ref: ldap://other/dc=x\n\n", ANN_RECORD "US_PARTIAL export.ldif line 6: an entry without a DN\n" },
		{ L, USER("2", "bob") ANN, "US_PARTIAL export.ldif line 1: a second DN; the empty line between two entries is missing\n" },
		{ L, ANN "dn: uid=bob,dc=x\nchangetype: delete\n\n", ANN_RECORD
			"US_CONFIG export.ldif line 6: change records are not read; export the entries themselves\n" },
		{ L, ANN ANN, ANN_RECORD "user  + dn=uid=ann,dc=x objectClass=person entryUUID=1 uid=ann PROBLEM export.ldif: the id \"1\" is on line 1 and again on "
			"line 6; each user needs an id of its own\n"
			"US_PARTIAL export.ldif: the id \"1\" is on line 1 and again on line 6; each user needs an id of its own\n" },
		{ L, ANN USER("2", "ann") "\n", ANN_RECORD "user  + dn=uid=ann,dc=x objectClass=person entryUUID=2 uid=ann PROBLEM export.ldif: \"uid=ann,dc=x\" is on "
			"line 1 and again on line 6; memberships could mean either\n"
			"US_PARTIAL export.ldif: \"uid=ann,dc=x\" is on line 1 and again on line 6; memberships could mean either\n" },
		{ L, "dn: uid=a,dc=x\nobjectClass: person\n\n", "user  + dn=uid=a,dc=x objectClass=person PROBLEM export.ldif line 1: no usable entryUUID; export it, or set idColumn\n"
			"US_PARTIAL export.ldif line 1: no usable entryUUID; export it, or set idColumn\n" },
		/* values have no order */
		{ L ",'idColumn':'mail'", USER("1", "ann") "mail: a\nmail: b\n\n", "user  + dn=uid=ann,dc=x objectClass=person entryUUID=1 uid=ann mail=a|b PROBLEM "
			"export.ldif line 1: 2 values of mail; set idColumn to what has one\nUS_PARTIAL export.ldif line 1: 2 values of mail; set idColumn to what has one\n" },
		{ L, USER("1", "ann"), "user 1 ref=uid=ann,dc=x + dn=uid=ann,dc=x objectClass=person entryUUID=1 uid=ann PROBLEM export.ldif line 1: no empty line "
			"follows the last entry, so the file may be cut inside of it; end the file with an empty line, an end marker or a checksum file\n"
			"US_PARTIAL export.ldif line 1: no empty line follows the last entry, so the file may be cut inside of it; end the file with an empty "
			"line, an end marker or a checksum file\n" },
		/* what it is cannot be told, so it may be a user */
		{ L, ANN "dn: uid=bob,dc=x\nobjectClass:: cGVyc2=9u\nentryUUID: 2\n\n", ANN_RECORD "US_PARTIAL export.ldif line 6: objectClass is not base64\n" },
		{ L, ANN "dn: uid=bob,dc=x\nobjectClass:: /w==\nentryUUID: 2\n\n", ANN_RECORD "US_PARTIAL export.ldif line 6: objectClass is not UTF-8\n" },
		{ L, ANN "dn: uid=bob,dc=x\nobjectClass person\nentryUUID: 2\n\n", ANN_RECORD
			"US_PARTIAL export.ldif line 6: a line without an attribute name and a colon\n" },
		{ L, ANN "dn: uid=bob,dc=x\nobjectClass: person\nentryUUID:: /w==\n\n", ANN_RECORD
			"user  + dn=uid=bob,dc=x objectClass=person PROBLEM export.ldif line 6: no usable entryUUID; export it, or set idColumn\n"
			"US_PARTIAL export.ldif line 6: no usable entryUUID; export it, or set idColumn\n" },
		{ L ",'endMarker':'# end'", ANN, ANN_RECORD "US_PARTIAL export.ldif ends at line 6 without the end marker \"# end\": it is cut, or still being written\n" },
		{ L ",'endMarker':'# {rows}'", ANN "# 2\n", ANN_RECORD "US_PARTIAL export.ldif line 6: the end marker speaks of 2 entries, the file has 1\n" },
		{ L ",'endMarker':'# end'", "# end\n" ANN, "US_PARTIAL export.ldif line 2: entries follow the end marker of line 1\n" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		check(i, rows[i].settings, rows[i].text, rows[i].want);
}

/* A group that is not read whole is not changed. */
static void a_member_that_is_no_text_is_a_problem_of_its_group(void **state)
{
	check(0, L, "dn: cn=g,dc=x\nobjectClass: groupOfNames\nentryUUID: g\nmember: uid=ann,dc=x\nmember:: dWlkPf8sZGM9eA==\n\n",
		"group g ref=cn=g,dc=x dn=cn=g,dc=x objectClass=groupOfNames entryUUID=g member=uid=ann,dc=x has:uid=ann,dc=x PROBLEM export.ldif line 1: "
		"member is not UTF-8\nEND entries 1 end of file\n");
}

static void one_bad_value_is_a_problem_of_its_entry_alone(void **state)
{
	static const struct {
		const char *line, *want;
	} rows[] = {
		{ "cn:: Wm/Dqw=", "cn is not base64" },
		{ "cn:: Wm=Dqw==", "cn is not base64" },
		{ "cn:: Z", "cn is not base64" },
		{ "cn: \xC3", "cn is not UTF-8" },
		{ "cn:: Svxy", "cn is not UTF-8" },          /* a name in Latin-1 */
		{ "Room:: Svxy", "Room is not UTF-8" },      /* what the mapping takes */
		{ "street:: Svxy", "street is not UTF-8" },
		{ "cn:< file:///etc/passwd", "cn is a URL, which is not followed; put the value itself into the file" },
		{ "no colon", "a line without an attribute name and a colon" },
		{ "-", "a line without an attribute name and a colon" },
		{ ": x", "a line without an attribute name and a colon" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		char text[500], want[800];
		snprintf(text, sizeof text, USER("1", "ann") "%s\n\n" USER("2", "bob") "\n", rows[i].line);
		snprintf(want, sizeof want, "user 1 ref=uid=ann,dc=x + dn=uid=ann,dc=x objectClass=person entryUUID=1 uid=ann PROBLEM export.ldif line 1: %s\n"
			"user 2 ref=uid=bob,dc=x + dn=uid=bob,dc=x objectClass=person entryUUID=2 uid=bob\nEND entries 2 end of file\n", rows[i].want);
		check(i, L ",'mapping':[{'attribute':'room','from':'room'},{'attribute':'x','from':['y|street']}]", text, want);
	}
}

/* Invariant L. The proper ends are behind each entry's empty line, and before anything. */
static void a_file_cut_anywhere_inside_of_an_entry_has_no_end(void **state)
{
	static const char text[] = "# export\n\n" ANN "dn: cn=g,dc=x\nobjectClass: groupOfNames\nentryUUID: g\nmember: uid=ann\n ,dc=x\nmember: uid=b,dc=x\n\n";
	size_t head = strlen("# export\n\n"), first = head + strlen(ANN);

	for (size_t n = 0; n < sizeof text; n++) {
		struct folder f;
		struct us_str out = US_STR_INIT;
		folder_make(&f);
		folder_write(&f, "export.ldif", text, n);
		assert_int_equal(folder_open(&f, L), US_OK);
		enum us_errc rc = folder_read(&f, &out);
		if ((rc == US_END) != (n <= head || n == first || n == sizeof text - 1))
			fail_msg("cut behind byte %zu: %s", n, us_str_text(&out));
		us_str_fini(&out);
		folder_remove(&f);
	}
}

static void large_groups_and_pages_of_every_size_give_all_entries(void **state)
{
	static const size_t sizes[] = { 4095, 4096, 4097, 20000 };

	for (size_t i = 0; i < countof(sizes); i++) {
		struct folder f;
		struct us_str text = US_STR_INIT;
		struct us_arena arena = US_ARENA_INIT;
		struct us_reader *reader;
		struct us_page page;
		size_t listing, users = 0, members = 0;
		enum us_errc rc;
		folder_make(&f);
		us_str_add_text(&text, "dn: cn=all,dc=x\nobjectClass: groupOfNames\nentryUUID: g\n");
		for (size_t k = 0; k < sizes[i]; k++)
			us_str_printf(&text, "member: uid=u%zu,ou=people of a folder with a long name,dc=example,dc=org\n", k);
		for (size_t k = 0; k < sizes[i]; k++)
			us_str_printf(&text, "\ndn: uid=u%zu,ou=people of a folder with a long name,dc=example,dc=org\nobjectClass: person\nentryUUID: %zu\n", k, k);
		us_str_add_char(&text, '\n');
		folder_write(&f, "export.ldif", text.p, text.n);
		assert_int_equal(folder_open(&f, L), US_OK);
		assert_int_equal(us_reader_open(f.source, &reader, NULL), US_OK);
		while ((rc = us_reader_next(reader, &page, &listing, &f.err)) == US_OK) {
			for (size_t k = 0; k < page.n; k++) {
				users += page.records[k].kind == US_RECORD_USER;
				members += page.records[k].n_members;
			}
			us_arena_reset(&arena);
		}
		assert_row(i, rc == US_END && users == sizes[i] && members == sizes[i]);
		us_reader_close(reader);
		us_arena_fini(&arena);
		us_str_fini(&text);
		folder_remove(&f);
	}
}

static void one_user_is_found_with_its_groups(void **state)
{
	static const char text[] =
		"dn: cn=g,dc=x\nobjectClass: groupOfNames\nentryUUID: g\nmember: uid=ann,dc=x\nmember: uid=bob,dc=x\n\n"
		ANN USER("2", "bob") "\n"
		"dn: cn=h,dc=x\nobjectClass: groupOfNames\nentryUUID: h\nmember: uid=bob, dc=X\n\n";
	static const struct {
		const char *key;
		bool is_id;
		const char *want;
	} rows[] = {
		{ "Ann", false, "group g ref=cn=g,dc=x\nuser 1 ref=uid=ann,dc=x + in:cn=g,dc=x\n" },
		{ "2", true, "group g ref=cn=g,dc=x\ngroup h ref=cn=h,dc=x\nuser 2 ref=uid=bob,dc=x + in:cn=g,dc=x in:cn=h,dc=x\n" },
		{ "eve", false, "US_NOT_FOUND\n" },
	};

	for (size_t cut = 0; cut < 2; cut++)
		for (size_t i = 0; i < countof(rows); i++) {
			struct folder f;
			struct us_arena arena = US_ARENA_INIT;
			struct us_str out = US_STR_INIT;
			struct us_page page;
			folder_make(&f);
			folder_write(&f, "export.ldif", text, sizeof text - 1 - cut);
			assert_int_equal(folder_open(&f, L), US_OK);
			enum us_errc rc = f.source->ops->find(f.source, us_slice(rows[i].key), rows[i].is_id, &arena, &page, &f.err);
			for (size_t k = 0; rc == US_OK && k < page.n; k++) {
				struct us_record r = page.records[k];
				r.n_fields = 0;
				show_record(&r, &out);
			}
			if (rc)
				us_str_printf(&out, "%s\n", us_err_name(rc));
			/* Of a file without a proper end, groups may be missing: then nothing is said. */
			if (strcmp(us_str_text(&out), cut ? "US_PARTIAL\n" : rows[i].want))
				fail_msg("row %zu, cut %zu: got\n%s", i, cut, us_str_text(&out));
			us_str_fini(&out);
			us_arena_fini(&arena);
			folder_remove(&f);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_become_records),
		cmocka_unit_test(a_doubtful_file_gives_its_good_entries_and_no_end),
		cmocka_unit_test(a_member_that_is_no_text_is_a_problem_of_its_group),
		cmocka_unit_test(one_bad_value_is_a_problem_of_its_entry_alone),
		cmocka_unit_test(a_file_cut_anywhere_inside_of_an_entry_has_no_end),
		cmocka_unit_test(large_groups_and_pages_of_every_size_give_all_entries),
		cmocka_unit_test(one_user_is_found_with_its_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
