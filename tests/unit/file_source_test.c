#include "file_folder.h"

#include <sys/time.h>
#include <time.h>

#include "base/secret.h"
#include "source/file.h"

#define U "'path':'~users.csv'"
#define UG U ",'groupsPath':'~groups.csv'"
#define UGM UG ",'membershipsPath':'~members.csv'"
#define UM U ",'membershipsPath':'~members.csv'"

static void check(size_t row, const char *settings, const char *users, const char *groups, const char *members, const char *want)
{
	struct folder f;
	struct us_str out = US_STR_INIT;

	folder_make(&f);
	folder_put(&f, "users.csv", users);
	if (groups)
		folder_put(&f, "groups.csv", groups);
	if (members)
		folder_put(&f, "members.csv", members);
	if (folder_open(&f, settings) == US_OK)
		folder_read(&f, &out);
	else
		us_str_printf(&out, "%s %s\n", us_err_name(f.err.code), f.err.text);
	/* Twice the same: a first page starts afresh. */
	struct us_str again = US_STR_INIT;
	if (f.source)
		folder_read(&f, &again);
	if (strcmp(us_str_text(&out), want))
		fail_msg("row %zu: got\n%swant\n%s", row, us_str_text(&out), want);
	if (f.source && strcmp(us_str_text(&again), want))
		fail_msg("row %zu: second read gave\n%swant\n%s", row, us_str_text(&again), want);
	us_str_fini(&out);
	us_str_fini(&again);
	folder_remove(&f);
}

static void csv_files_become_records(void **state)
{
	static const struct {
		const char *settings, *users, *groups, *members, *want;
	} rows[] = {
		{ U, "id,username\n1,ann\n2,bob\n", NULL, NULL,
			"user 1 id=1 username=ann\nuser 2 id=2 username=bob\nEND users 2 end of file\n" },
		{ U, "\xEF\xBB\xBFid,username\r\n1,ann\r\n\r\n", NULL, NULL, "user 1 id=1 username=ann\nEND users 1 end of file\n" },
		{ U, "id,username\n", NULL, NULL, "END users 0 end of file\n" },
		{ U, "id,mail,x\n1,,\n", NULL, NULL, "user 1 id=1\nEND users 1 end of file\n" },
		{ U, "id,active\n1,true\n2,No\n3,\n4,0\n5,enabled\n", NULL, NULL,
			"user 1 + id=1 active=true\nuser 2 - id=2 active=No\nuser 3 + id=3\nuser 4 - id=4 active=0\n"
			"user 5 + id=5 active=enabled\nEND users 5 end of file\n" },
		{ U, "id,active\n1,maybe\n2,yes\n", NULL, NULL,
			"user 1 id=1 active=maybe PROBLEM users.csv line 2: column \"active\" holds \"maybe\"; use true or false\n"
			"user 2 + id=2 active=yes\nEND users 2 end of file\n" },
		/* groups of a column */
		{ U, "id,groups\n1,;\n2, ; ;\n", NULL, NULL, "user 1 id=1\nuser 2 id=2\nEND users 2 end of file\n" },
		/* ... that are there although the user is not to be used */
		{ U, "id,active,groups\n1,maybe,a;b\n", NULL, NULL,
			"group a name=a\ngroup b name=b\nuser 1 id=1 active=maybe groups=a|b in:a in:b PROBLEM users.csv line 2: column \"active\" holds "
			"\"maybe\"; use true or false\nEND users 1 end of file\n" },
		{ U, "id,x,groups\n1,5\" disk,a\n", NULL, NULL,
			"group a name=a\nuser 1 id=1 x=5\" disk groups=a in:a PROBLEM users.csv line 2: column \"x\" holds a quote; put the cell into quotes and "
			"double those inside\nEND users 1 end of file\n" },
		{ U, "id,groups\n1,a;b\n2, b ; c ;;b\n3,\n", NULL, NULL,
			"group a name=a\ngroup b name=b\nuser 1 id=1 groups=a|b in:a in:b\n"
			"group c name=c\nuser 2 id=2 groups=b|c in:b in:c\nuser 3 id=3\nEND users 3 end of file\n" },
		{ U ",'groupsColumn':'teams','groupSeparator':'|'", "id,teams,groups\n1,a|b,x\n", NULL, NULL,
			"group a name=a\ngroup b name=b\nuser 1 id=1 groups=x teams=a|b in:a in:b\nEND users 1 end of file\n" },
		{ U, "groups,id\n\"say \"\"hi\"\";b\",1\n", NULL, NULL,
			"group say \"hi\" name=say \"hi\"\ngroup b name=b\nuser 1 id=1 groups=say \"hi\"|b in:say \"hi\" in:b\n"
			"END users 1 end of file\n" },
		/* a file of groups */
		{ UG, "id,groups\n1,g1\n", "id,name\ng1,Admins\ng2,All\n", NULL,
			"user 1 id=1 groups=g1 in:g1\ngroup g1 id=g1 name=Admins\ngroup g2 id=g2 name=All\n"
			"END users 1 end of file\nEND groups 2 end of file\n" },
		{ UG ",'groupRefColumn':'name'", "id,groups\n1,Admins\n", "id,name\ng1,Admins\n", NULL,
			"user 1 id=1 groups=Admins in:Admins\ngroup g1 ref=Admins id=g1 name=Admins\n"
			"END users 1 end of file\nEND groups 1 end of file\n" },
		/* a file of memberships */
		{ UGM, "id\n1\n2\n", "id\na\nb\n", "group,member\na,1\na,2\nb,a\na,1\n",
			"user 1 id=1\nuser 2 id=2\ngroup a ref=%a id=a\ngroup b ref=%b id=b\n"
			"members a ref=%a has:1 has:2\nmembers b ref=%b has:%a\nmembers a ref=%a has:1\n"
			"END users 2 end of file\nEND groups 2 end of file\nEND memberships 4 end of file\n" },
		{ UGM, "id\n1\n", "id\n1\n2\n", "type,member,group\nuser,1,2\ngroup,1,2\n",
			"user 1 id=1\ngroup 1 ref=%1 id=1\ngroup 2 ref=%2 id=2\nmembers 2 ref=%2 has:1 has:%1\n"
			"END users 1 end of file\nEND groups 2 end of file\nEND memberships 2 end of file\n" },
		{ UGM, "id\n%1\n@1\n", "id\n1\n", "group,member\n1,%1\n1,@1\n",
			"user %1 ref=@%1 id=%1\nuser @1 ref=@@1 id=@1\ngroup 1 ref=%1 id=1\nmembers 1 ref=%1 has:@%1 has:@@1\n"
			"END users 2 end of file\nEND groups 1 end of file\nEND memberships 2 end of file\n" },
		{ UM ",'refColumn':'login'", "id,login\n1,ann\n", NULL, "group,member,type\na,ann,\nb,a,group\n",
			"user 1 ref=ann id=1 login=ann\ngroup a ref=%a name=a\nmembers a ref=%a has:ann\n"
			"group b ref=%b name=b\nmembers b ref=%b has:%a\n"
			"END users 1 end of file\nEND memberships 2 end of file\n" },
		{ U ",'delimiter':';','groupSeparator':','", "id;groups\n1;a,b\n", NULL, NULL,
			"group a name=a\ngroup b name=b\nuser 1 id=1 groups=a|b in:a in:b\nEND users 1 end of file\n" },
		{ U ",'delimiter':'tab'", "id\tname\n1\tA, B\n", NULL, NULL, "user 1 id=1 name=A, B\nEND users 1 end of file\n" },
		{ U ",'idColumn':'Employee No'", "Employee No , x\n7,y\n", NULL, NULL, "user 7 Employee No=7 x=y\nEND users 1 end of file\n" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		check(i, rows[i].settings, rows[i].users, rows[i].groups, rows[i].members, rows[i].want);
}

static void headers_that_cannot_be_used_are_refused(void **state)
{
	static const struct {
		const char *settings, *users, *want;
	} rows[] = {
		{ U ",'membershipsPath':'~users.csv','membershipMemberColumn':'id','membershipTypeColumn':'kind'", "id,group,type\n1,a,group\n",
			"user 1 id=1 group=a type=group\n"
			"US_CONFIG users.csv has no column \"kind\"; set membershipTypeColumn to one of its columns: id, group, type\n" },
		{ U, "", "US_PARTIAL users.csv is empty: not even a header row is there\n" },
		{ U, "\xEF\xBB\xBF", "US_PARTIAL users.csv is empty: not even a header row is there\n" },
		{ U, "\n\n", "US_PARTIAL users.csv is empty: not even a header row is there\n" },
		{ U, "id,na", "US_PARTIAL users.csv line 1: the file is cut inside of the header row\n" },
		{ U, "id,\"na", "US_PARTIAL users.csv line 1: the file is cut inside of the header row\n" },
		{ U, "name,mail\nx,y\n", "US_CONFIG users.csv has no column \"id\"; set idColumn to one of its columns: name, mail\n" },
		{ U, "id;mail\nx;y\n", "US_CONFIG users.csv has no column \"id\"; set idColumn to one of its columns: id;mail (is another delimiter in use?)\n" },
		{ U, "id,mail,id\n", "US_CONFIG users.csv line 1: column \"id\" is there twice; rename one of them\n" },
		{ U, "id,,mail\n", "US_CONFIG users.csv line 1: column 2 has no name\n" },
		{ U, "id,ma\"il\n", "US_CONFIG users.csv line 1: the header row holds a quote where none may be\n" },
		{ U, "id,a\rb\n", "US_CONFIG users.csv line 1: the header row holds a carriage return alone; end lines in LF or CR LF\n" },
		{ U, "id,\xE9\n", "US_CONFIG users.csv line 1: the header row is not UTF-8\n" },
		{ U, "\xFF\xFEi", "US_CONFIG users.csv is UTF-16; save it as UTF-8\n" },
		{ U ",'groupsColumn':'teams'", "id\n1\n", "US_CONFIG users.csv has no column \"teams\"; set groupsColumn to one of its columns: id\n" },
		{ U ",'activeColumn':'on'", "id\n1\n", "US_CONFIG users.csv has no column \"on\"; set activeColumn to one of its columns: id\n" },
		{ U ",'delimiter':';'", "id\n", "US_CONFIG delimiter and groupSeparator are the same character; set groupSeparator to another\n" },
		{ U ",'delimiter':'ab'", "id\n", "US_CONFIG delimiter must be one ASCII character other than a quote, or tab\n" },
		{ UG ",'format':'ldif'", "id\n", "US_CONFIG groupsPath and membershipsPath are for CSV files; an LDIF file holds users and groups\n" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		check(i, rows[i].settings, rows[i].users, NULL, NULL, rows[i].want);
}

static void a_doubtful_file_gives_its_good_rows_and_no_end(void **state)
{
	static const struct {
		const char *settings, *users, *want;
	} rows[] = {
		{ U, "id,x\n1,a\n2\n3,c\n", "user 1 id=1 x=a\n"
			"user  PROBLEM users.csv line 3: 1 cells, but the header has 2; put a cell that holds the delimiter into quotes\n"
			"user 3 id=3 x=c\n"
			"US_PARTIAL users.csv line 3: 1 cells, but the header has 2; put a cell that holds the delimiter into quotes\n" },
		{ U, "id,x\n1,a,b\n2\n", 
			"user  PROBLEM users.csv line 2: 3 cells, but the header has 2; put a cell that holds the delimiter into quotes\n"
			"user  PROBLEM users.csv line 3: 1 cells, but the header has 2; put a cell that holds the delimiter into quotes\n"
			"US_PARTIAL users.csv line 2: 3 cells, but the header has 2; put a cell that holds the delimiter into quotes (and 1 more such places)\n" },
		{ U, "id,x\n1,\"a\"b\n2,c\n",
			"user  PROBLEM users.csv line 2: text follows the closing quote of cell 2; double the quotes inside of a quoted cell\n"
			"user 2 id=2 x=c\n"
			"US_PARTIAL users.csv line 2: text follows the closing quote of cell 2; double the quotes inside of a quoted cell\n" },
		{ U, "id,x\n1,a\n2,\"b\n3,c\n4,d\n", "user 1 id=1 x=a\n"
			"US_PARTIAL users.csv line 3: a quote of this row is never closed; the file is cut, or a quote inside of a cell is not doubled\n" },
		{ U, "id,x\n1,a\n2,b\n1,c\n", "user 1 id=1 x=a\nuser 2 id=2 x=b\n"
			"user  id=1 x=c PROBLEM users.csv: the id \"1\" is on line 2 and again on line 4; each user needs an id of its own\n"
			"US_PARTIAL users.csv: the id \"1\" is on line 2 and again on line 4; each user needs an id of its own\n" },
		{ U, "id,x\n1,\"a\nb\n\"\n\n2,b\n1,c\n", "user 1 id=1 x=a\nb\n\nuser 2 id=2 x=b\n"
			"user  id=1 x=c PROBLEM users.csv: the id \"1\" is on line 2 and again on line 7; each user needs an id of its own\n"
			"US_PARTIAL users.csv: the id \"1\" is on line 2 and again on line 7; each user needs an id of its own\n" },
		{ U ",'refColumn':'x'", "id,x\n1,a\n2,a\n", "user 1 ref=a id=1 x=a\n"
			"user  id=2 x=a PROBLEM users.csv: \"a\" of column \"x\" is on line 2 and again on line 3; memberships could mean either\n"
			"US_PARTIAL users.csv: \"a\" of column \"x\" is on line 2 and again on line 3; memberships could mean either\n" },
		{ U, "id,x\n,a\n2,b\n", "user  x=a PROBLEM users.csv line 2: column \"id\" is empty\nuser 2 id=2 x=b\n"
			"US_PARTIAL users.csv line 2: column \"id\" is empty\n" },
		/* nobody knows which groups these are, and one may be named nowhere else */
		{ U, "id,groups\n1,a;\xFF\n2,b\n", "user 1 id=1 PROBLEM users.csv line 2: column \"groups\" is not UTF-8\n"
			"group b name=b\nuser 2 id=2 groups=b in:b\nUS_PARTIAL users.csv line 2: column \"groups\" is not UTF-8\n" },
		{ U, "id,x\n\xFF,a\n2,b\n", "user  x=a PROBLEM users.csv line 2: column \"id\" is not UTF-8\nuser 2 id=2 x=b\n"
			"US_PARTIAL users.csv line 2: column \"id\" is not UTF-8\n" },
		/* cut: no line end, nothing else that shows that the file is whole */
		{ U, "id,x\n1,a\n2,b", "user 1 id=1 x=a\n"
			"user 2 id=2 PROBLEM users.csv line 3: the last line has no line end, so the file may be cut inside of it; end the file with a line end, an end marker or a checksum file\n"
			"US_PARTIAL users.csv line 3: the last line has no line end, so the file may be cut inside of it; end the file with a line end, an end marker or a checksum file\n" },
		{ U, "x,id\na,1\nb,2", "user 1 x=a id=1\n"
			"user  x=b PROBLEM users.csv line 3: the last line has no line end, so the file may be cut inside of it; end the file with a line end, an end marker or a checksum file\n"
			"US_PARTIAL users.csv line 3: the last line has no line end, so the file may be cut inside of it; end the file with a line end, an end marker or a checksum file\n" },
		{ U, "id,x\n1,a\n2", "user 1 id=1 x=a\n"
			"user  PROBLEM users.csv line 3: the file is cut inside of this row\nUS_PARTIAL users.csv line 3: the file is cut inside of this row\n" },
		/* end marker */
		{ U ",'endMarker':'#end'", "id,x\n1,a\n#end\n", "user 1 id=1 x=a\nEND users 1 end marker\n" },
		{ U ",'endMarker':'#end'", "id,x\n1,a\n#end", "user 1 id=1 x=a\nEND users 1 end marker\n" },
		{ U ",'endMarker':'#end'", "id,x\r\n1,a\r\n#end\r\n\r\n", "user 1 id=1 x=a\nEND users 1 end marker\n" },
		{ U ",'endMarker':'#end'", "id,x\n1,a\n", "user 1 id=1 x=a\n"
			"US_PARTIAL users.csv ends at line 3 without the end marker \"#end\": it is cut, or still being written\n" },
		{ U ",'endMarker':'#end'", "id,x\n1,a\n#en", "user 1 id=1 x=a\nuser  PROBLEM users.csv line 3: the file is cut inside of this row\n"
			"US_PARTIAL users.csv line 3: the file is cut inside of this row\n" },
		{ U ",'endMarker':'#end'", "id,x\n1,a\n#end\n2,b\n", "user 1 id=1 x=a\nUS_PARTIAL users.csv line 4: rows follow the end marker of line 3\n" },
		{ U ",'endMarker':'-- {rows} rows'", "id,x\n1,a\n2,b\n-- 2 rows\n", "user 1 id=1 x=a\nuser 2 id=2 x=b\nEND users 2 end marker\n" },
		{ U ",'endMarker':'{rows}'", "id,x\n1,a\n2,b\n2\n", "user 1 id=1 x=a\nuser 2 id=2 x=b\nEND users 2 end marker\n" },
		{ U ",'endMarker':'-- {rows} rows'", "id,x\n1,a\n-- 2 rows\n", "user 1 id=1 x=a\n"
			"US_PARTIAL users.csv line 3: the end marker speaks of 2 rows, the file has 1\n" },
		/* expected rows */
		{ U ",'expectedRows':2", "id,x\n1,a\n2,b\n", "user 1 id=1 x=a\nuser 2 id=2 x=b\nEND users 2 end of file\n" },
	};

	for (size_t i = 0; i < countof(rows); i++)
		check(i, rows[i].settings, rows[i].users, NULL, NULL, rows[i].want);
}

static void fewer_rows_than_expected_are_no_end(void **state)
{
	struct folder f;
	struct us_str out = US_STR_INIT;

	folder_make(&f);
	folder_put(&f, "users.csv", "id\n1\n");
	assert_int_equal(folder_open(&f, U ",'expectedRows':2"), US_OK);
	assert_int_equal(folder_read(&f, &out), US_PARTIAL);
	us_str_fini(&out);
	folder_remove(&f);
}

static void one_bad_row_is_a_problem_of_its_user_alone(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want;
	} rows[] = {
#define ROW(bytes, want) { bytes, sizeof(bytes) - 1, want }
		ROW("id,x,y\n1,\xC3,z\n2,b,c\n", "user 1 id=1 y=z PROBLEM users.csv line 2: column \"x\" is not UTF-8\n"
			"user 2 id=2 x=b y=c\nEND users 2 end of file\n"),
		ROW("id,x,y\n1,a\0b,z\n", "user 1 id=1 y=z PROBLEM users.csv line 2: column \"x\" holds a NUL byte\nEND users 1 end of file\n"),
		ROW("id,x,y\n1,5\" disk,z\n", "user 1 id=1 x=5\" disk y=z PROBLEM users.csv line 2: column \"x\" holds a quote; put the cell into quotes "
			"and double those inside\nEND users 1 end of file\n"),
		ROW("id,x,y\n1,a\rb,z\n", "user 1 id=1 x=a\rb y=z PROBLEM users.csv line 2: column \"x\" holds a carriage return; put the cell into "
			"quotes\nEND users 1 end of file\n"),
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct folder f;
		struct us_str out = US_STR_INIT;
		folder_make(&f);
		folder_write(&f, "users.csv", rows[i].bytes, rows[i].n);
		assert_int_equal(folder_open(&f, U), US_OK);
		folder_read(&f, &out);
		if (strcmp(us_str_text(&out), rows[i].want))
			fail_msg("row %zu: got\n%swant\n%s", i, us_str_text(&out), rows[i].want);
		us_str_fini(&out);
		folder_remove(&f);
	}
}

/* Cells around the limit of 1 MB, and 10 MB; then the good row behind them. */
static void a_large_cell_is_a_problem_of_its_user_alone(void **state)
{
	static const size_t sizes[] = { (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 10 << 20 };

	for (size_t i = 0; i < countof(sizes); i++) {
		struct folder f;
		struct us_str text = US_STR_INIT, out = US_STR_INIT;
		folder_make(&f);
		us_str_add_text(&text, "id,x\n1,\"");
		for (size_t k = 0; k < sizes[i]; k++)
			us_str_add_char(&text, k % 100 == 99 ? '\n' : 'x');
		us_str_add_text(&text, "\"\n2,b\n");
		folder_write(&f, "users.csv", text.p, text.n);
		assert_int_equal(folder_open(&f, U), US_OK);
		assert_int_equal(folder_read(&f, &out), US_END);
		assert_row(i, (strstr(us_str_text(&out), "bytes, at most 1048576 are read") != NULL) == (sizes[i] > 1 << 20));
		assert_row(i, strstr(us_str_text(&out), "user 2 id=2 x=b\nEND users 2 end of file\n") != NULL);
		us_str_fini(&text);
		us_str_fini(&out);
		folder_remove(&f);
	}
}

static void a_row_without_end_stops_the_listing(void **state)
{
	struct folder f;
	struct us_str text = US_STR_INIT, out = US_STR_INIT;

	folder_make(&f);
	us_str_add_text(&text, "id,x\n1,a\n2,\"");
	for (size_t k = 0; k < 17 << 20; k++)
		us_str_add_char(&text, 'x');
	us_str_add_text(&text, "\"\n3,b\n");
	folder_write(&f, "users.csv", text.p, text.n);
	assert_int_equal(folder_open(&f, U), US_OK);
	assert_int_equal(folder_read(&f, &out), US_PARTIAL);
	assert_string_equal(us_str_text(&out),
		"user 1 id=1 x=a\nUS_PARTIAL users.csv line 3: a row of more than 16 MB; a closing quote may be missing there\n");
	us_str_fini(&text);
	us_str_fini(&out);
	folder_remove(&f);
}

/* Invariant L: whatever byte a file is cut behind, it is a proper file of fewer rows, or it has no end. */
static void a_file_cut_anywhere_inside_of_a_row_has_no_end(void **state)
{
	static const char text[] = "id,x,groups\n1,a,g;h\n2,\"b\nb\",\"g\"\n3,c,\n";

	for (size_t n = 0; n < sizeof text; n++) {
		struct folder f;
		struct us_str out = US_STR_INIT;
		folder_make(&f);
		folder_write(&f, "users.csv", text, n);
		assert_int_equal(folder_open(&f, U), US_OK);
		enum us_errc rc = folder_read(&f, &out);
		bool is_row_end = n == 12 || n == 20 || n == 32 || n == sizeof text - 1;
		if ((rc == US_END) != is_row_end)
			fail_msg("cut behind byte %zu: %s", n, us_str_text(&out));
		us_str_fini(&out);
		folder_remove(&f);
	}
}

static void memberships_that_could_mean_two_things_are_no_end(void **state)
{
	static const struct {
		const char *members, *want;
	} rows[] = {
		{ "group,member\n2,1\n", "members.csv line 2: the member could be the user or the group of that name; add a column \"type\" that holds user or group" },
		{ "group,member,type\n2,1,device\n", "members.csv line 2: the type is neither user nor group" },
		{ "group,member\n,1\n", "members.csv line 2: the group is empty or longer than 1024 bytes" },
		{ "group,member\n1,\n", "members.csv line 2: the member is empty or longer than 1024 bytes" },
		{ "group\n1\n", "members.csv has no column \"member\"; set membershipMemberColumn to one of its columns: group" },
		{ "group,member\n1,7\n2,", "members.csv line 3: the last line has no line end, so the file may be cut inside of it; end the file with a line end, an end marker or a checksum file" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct folder f;
		struct us_str out = US_STR_INIT;
		folder_make(&f);
		folder_put(&f, "users.csv", "id\n1\n7\n");
		folder_put(&f, "groups.csv", "id\n1\n2\n");
		folder_put(&f, "members.csv", rows[i].members);
		assert_int_equal(folder_open(&f, UGM), US_OK);
		assert_int_equal(folder_read(&f, &out), i == 4 ? US_CONFIG : US_PARTIAL);
		assert_string_equal(f.err.text, rows[i].want);
		us_str_fini(&out);
		folder_remove(&f);
	}
}

/* n users, each in one of three groups. */
static void put_users(struct folder *f, size_t n)
{
	struct us_str text = US_STR_INIT;

	us_str_add_text(&text, "id,username,groups\n");
	for (size_t i = 0; i < n; i++)
		us_str_printf(&text, "%zu,user%zu,g%zu\n", i, i, i % 3);
	folder_write(f, "users.csv", text.p, text.n);
	us_str_fini(&text);
}

static void pages_of_every_size_give_all_rows(void **state)
{
	static const size_t sizes[] = { 0, 1, 2047, 2048, 2049, 4095, 4096, 4097 };

	for (size_t i = 0; i < countof(sizes); i++) {
		struct folder f;
		struct us_arena arena = US_ARENA_INIT;
		struct us_reader *reader;
		struct us_page page;
		size_t listing, next = 0, n_pages = 0;
		enum us_errc rc;
		folder_make(&f);
		put_users(&f, sizes[i]);
		assert_int_equal(folder_open(&f, U), US_OK);
		assert_int_equal(us_reader_open(f.source, &reader, NULL), US_OK);
		while ((rc = us_reader_next(reader, &page, &listing, &f.err)) == US_OK) {
			for (size_t k = 0; k < page.n; k++) {
				if (page.records[k].kind != US_RECORD_USER)
					continue;
				char want[24];
				snprintf(want, sizeof want, "%zu", next++);
				assert_slice(page.records[k].id, want);
				assert_int_equal(page.records[k].n_groups, 1);
			}
			n_pages++;
		}
		assert_int_equal(rc, US_END);
		assert_row(i, next == sizes[i]);
		assert_row(i, n_pages == sizes[i] / 2048 + 1);
		us_reader_close(reader);
		us_arena_fini(&arena);
		folder_remove(&f);
	}
}

/* Reads the first page, lets something happen, reads the rest. */
static void a_file_that_changes_under_the_read_has_no_end(void **state)
{
	for (size_t i = 0; i < 5; i++) {
		struct folder f;
		struct us_arena arena = US_ARENA_INIT;
		struct us_reader *reader;
		struct us_page page;
		size_t listing;
		enum us_errc rc;
		folder_make(&f);
		put_users(&f, 100000);
		const char *path = folder_path(&f, "users.csv"), *other = folder_path(&f, "other.csv");
		assert_int_equal(folder_open(&f, U), US_OK);
		assert_int_equal(us_reader_open(f.source, &reader, NULL), US_OK);
		assert_int_equal(us_reader_next(reader, &page, &listing, &f.err), US_OK);
		const struct timeval past[2] = { { 1000, 0 }, { 1000, 0 } };
		FILE *out;
		switch (i) {
		case 0: /* a row more */
			out = fopen(path, "a");
			fputs("x,y,z\n", out);
			fclose(out);
			break;
		case 1: /* cut at the end of a row: "id,username,groups\n" is 19 bytes */
			assert_int_equal(truncate(path, 19), 0);
			break;
		case 2: /* replaced by the same */
			put_users(&f, 100000);
			assert_int_equal(utimes(path, past), 0);
			break;
		case 3:
			folder_put(&f, "other.csv", "id\n");
			assert_int_equal(rename(other, path), 0);
			break;
		case 4:
			assert_int_equal(unlink(path), 0);
			break;
		}
		while ((rc = us_reader_next(reader, &page, &listing, &f.err)) == US_OK);
		assert_row(i, rc == US_PARTIAL);
		assert_row(i, strstr(f.err.text, "while it was read") != NULL);
		us_reader_close(reader);
		us_arena_fini(&arena);
		folder_remove(&f);
	}
}

static void a_file_that_was_just_written_is_left_alone(void **state)
{
	struct folder f;
	struct us_str out = US_STR_INIT;
	struct us_arena arena = US_ARENA_INIT;
	struct us_page page;
	struct timeval when[2] = { { 0, 0 }, { 0, 0 } };

	folder_make(&f);
	put_users(&f, 3);
	assert_int_equal(folder_open(&f, U ",'stableSeconds':600"), US_OK);
	assert_int_equal(f.source->ops->fetch(f.source, 0, US_SLICE_NONE, &arena, &page, &f.err), US_UNAVAILABLE);
	assert_true(f.err.wait_ms > 590000 && f.err.wait_ms <= 600000);
	when[0].tv_sec = when[1].tv_sec = time(NULL) - 601;
	assert_int_equal(utimes(folder_path(&f, "users.csv"), when), 0);
	assert_int_equal(f.source->ops->fetch(f.source, 0, US_SLICE_NONE, &arena, &page, &f.err), US_OK);
	us_arena_fini(&arena);
	us_str_fini(&out);
	folder_remove(&f);
}

static void a_checksum_is_compared_before_the_first_row(void **state)
{
	struct folder f;
	struct us_str out = US_STR_INIT;
	char right[200], hex[65];

	folder_make(&f);
	folder_put(&f, "users.csv", "id\n1\n2");
	us_secret_sha256(US_SLICE("id\n1\n2"), hex);
	static const struct { const char *before, *behind; bool ok; } rows[] = {
		{ "", "  users.csv\n", true }, { "", " *exports/users.csv\n", true }, { "", "  -\n", true }, { "", "\n", true },
		{ "x\n\n", "  users.csv", true }, { "", "  other.csv\n", false }, { "# ", "  users.csv\n", false },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		snprintf(right, sizeof right, "%s%s%s", rows[i].before, hex, rows[i].behind);
		folder_put(&f, "sums", right);
		assert_int_equal(folder_open(&f, U ",'checksumPath':'~sums'"), US_OK);
		us_str_clear(&out);
		assert_row(i, folder_read(&f, &out) == (rows[i].ok ? US_END : US_PARTIAL));
		if (rows[i].ok)
			assert_string_equal(us_str_text(&out), "user 1 id=1\nuser 2 id=2\nEND users 2 end of file, checksum compared\n");
		else
			assert_string_equal(us_str_text(&out), "US_PARTIAL sums has no checksum for users.csv\n");
	}
	folder_put(&f, "sums", "0000000000000000000000000000000000000000000000000000000000000000  users.csv\n");
	us_str_clear(&out);
	folder_read(&f, &out);
	assert_string_equal(us_str_text(&out),
		"US_PARTIAL users.csv differs from its checksum in sums: it is cut, still being written, or another export\n");
	us_str_fini(&out);
	folder_remove(&f);
}

static void only_regular_files_are_read(void **state)
{
	struct folder f;
	struct us_str out = US_STR_INIT;

	folder_make(&f);
	assert_int_equal(folder_open(&f, U), US_OK);
	assert_int_equal(folder_read(&f, &out), US_UNAVAILABLE);
	assert_non_null(strstr(f.err.text, "users.csv: No such file or directory"));
	assert_int_equal(mkfifo(folder_path(&f, "users.csv"), 0600), 0);
	assert_int_equal(folder_read(&f, &out), US_CONFIG);
	assert_non_null(strstr(f.err.text, "users.csv is a device or pipe, not a regular file"));
	assert_int_equal(folder_open(&f, "'path':'/tmp'"), US_OK);
	assert_int_equal(folder_read(&f, &out), US_CONFIG);
	assert_string_equal(f.err.text, "/tmp is a folder, not a regular file");
	assert_int_equal(folder_open(&f, "'path':'/dev/zero'"), US_OK);
	assert_int_equal(folder_read(&f, &out), US_CONFIG);
	us_str_fini(&out);
	folder_remove(&f);
}

static void a_server_folder_keeps_files_inside(void **state)
{
	struct folder f, outside;
	struct us_str out = US_STR_INIT;

	folder_make(&f);
	folder_make(&outside);
	put_users(&f, 1);
	folder_put(&outside, "secret.csv", "id\n1\n");
	us_file_set_folder(f.path);
	assert_int_equal(symlink("users.csv", folder_path(&f, "current.csv")), 0);
	assert_int_equal(symlink(folder_path(&outside, "secret.csv"), folder_path(&f, "link.csv")), 0);
	const struct { const char *path; enum us_errc want; } rows[] = {
		{ "users.csv", US_END }, { "current.csv", US_END }, { folder_path(&f, "users.csv"), US_END },
		{ "./../../../../../../../etc/passwd", US_CONFIG }, { "/etc/passwd", US_CONFIG }, { "link.csv", US_CONFIG },
		{ folder_path(&outside, "secret.csv"), US_CONFIG }, { folder_path(&f, "../"), US_CONFIG },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(folder_open(&f, us_arena_printf(&f.arena, "'path':'%s'", rows[i].path)), US_OK);
		assert_row(i, folder_read(&f, &out) == rows[i].want);
		if (rows[i].want)
			assert_row(i, rows[i].want == US_END || strstr(f.err.text, "only folder that this server reads files from"));
	}
	us_file_set_folder(NULL);
	us_str_fini(&out);
	folder_remove(&f);
	folder_remove(&outside);
}

static void cancelling_ends_a_read(void **state)
{
	static atomic_bool cancel;
	struct folder f;
	struct us_arena arena = US_ARENA_INIT;
	struct us_source *source;
	struct us_page page;
	const struct us_source_ops *ops = us_source_find(US_SLICE("file"));
	const struct us_json *doc;

	folder_make(&f);
	put_users(&f, 10);
	const char *json = us_arena_printf(&f.arena, "{\"path\":\"%s/users.csv\"}", f.path);
	assert_int_equal(us_json_parse(&f.arena, us_slice(json), US_JSON_LIMITS_SMALL, &doc, &f.err), US_OK);
	struct us_conf conf = { ops->type.options, doc };
	assert_int_equal(ops->open(&conf, &cancel, &source, &f.err), US_OK);
	atomic_store(&cancel, true);
	assert_int_equal(ops->fetch(source, 0, US_SLICE_NONE, &arena, &page, &f.err), US_CANCELLED);
	atomic_store(&cancel, false);
	assert_int_equal(ops->fetch(source, 0, US_SLICE_NONE, &arena, &page, &f.err), US_OK);
	ops->close(source);
	us_arena_fini(&arena);
	folder_remove(&f);
}

static void one_user_is_found_with_its_groups(void **state)
{
	static const struct {
		const char *settings, *users, *groups, *members, *key;
		bool is_id;
		const char *want; /* records, or the error */
	} rows[] = {
		{ U, "id,username,groups\n1,ann,a;b\n2,bob,b\n", NULL, NULL, "ann", false,
			"group a name=a\ngroup b name=b\nuser 1 id=1 username=ann groups=a|b in:a in:b\n" },
		{ U, "id,username,groups\n1,ann,a;b\n2,bob,b\n", NULL, NULL, "2", true, "group b name=b\nuser 2 id=2 username=bob groups=b in:b\n" },
		{ U, "id,username\n1,Ann\n", NULL, NULL, "aNN", false, "user 1 id=1 username=Ann\n" },
		{ U, "id,username\n1,ANN\n2,ann\n", NULL, NULL, "ann", false, "user 2 id=2 username=ann\n" },
		{ U, "id,username\n1,ANN\n2,ann\n", NULL, NULL, "Ann", false, "US_PARTIAL users.csv: \"Ann\" is on line 2 and again on line 3\n" },
		{ U, "id,username\n1,ann\n2,ann\n", NULL, NULL, "ann", false, "US_PARTIAL users.csv: \"ann\" is on line 2 and again on line 3\n" },
		{ U, "id,username\n1,ann\n1,bob\n", NULL, NULL, "1", true, "US_PARTIAL users.csv: \"1\" is on line 2 and again on line 3\n" },
		{ U, "id,username\n1,ann\n", NULL, NULL, "eve", false, "US_NOT_FOUND users.csv has no user \"eve\"\n" },
		{ U, "id,username\n1,ann\n", NULL, NULL, "", false, "US_NOT_FOUND users.csv has no user \"\"\n" },
		{ U, "id,username\n1,a\"\"nn\n2,\"q\"\"u / %41 \xF0\x9F\x98\x80 \xD7\x90\"\n", NULL, NULL, "q\"u / %41 \xF0\x9F\x98\x80 \xD7\x90", false,
			"user 2 id=2 username=q\"u / %41 \xF0\x9F\x98\x80 \xD7\x90\n" },
		/* not found only if the file was read to its proper end */
		{ U, "id,username\n1,ann\n2,bob", NULL, NULL, "eve", false,
			"US_PARTIAL users.csv line 3: the last line has no line end, so the file may be cut inside of it; end the file with a line end, "
			"an end marker or a checksum file\n" },
		{ U, "id,username\n1,ann\n2,bob", NULL, NULL, "ann", false, "user 1 id=1 username=ann\n" },
		{ U, "id,username\n1,ann\n\"2,bob\n", NULL, NULL, "bob", false,
			"US_PARTIAL users.csv line 3: a quote of this row is never closed; the file is cut, or a quote inside of a cell is not doubled\n" },
		{ U ",'expectedRows':5", "id,username\n1,ann\n", NULL, NULL, "eve", false, "US_PARTIAL users.csv has 1 rows, expectedRows asks for 5\n" },
		{ U, "id\n1\n", NULL, NULL, "eve", false, "US_CONFIG users.csv has no column \"username\"; set usernameColumn to one of its columns: id\n" },
		{ UGM, "id,username,groups\n1,ann,c\n2,bob,\n", "id,name\na,A\nb,B\nc,C\n", "group,member\na,1\nb,2\nb,a\na,1\n", "ann", false,
			"group a ref=%a id=a name=A\ngroup c ref=%c id=c name=C\nuser 1 id=1 username=ann groups=c in:%c in:%a\n" },
		{ UM, "id,username\n1,ann\n", NULL, "group,member\na,1\nb,2\n", "ann", false, "group a ref=%a name=a\nuser 1 id=1 username=ann in:%a\n" },
		{ UM, "id,username\n1,ann\n", NULL, "group,member\na,1\nb,2", "ann", false,
			"US_PARTIAL members.csv line 3: the last line has no line end, so the file may be cut inside of it; end the file with a line end, "
			"an end marker or a checksum file\n" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		struct folder f;
		struct us_arena arena = US_ARENA_INIT;
		struct us_str out = US_STR_INIT;
		struct us_page page;
		folder_make(&f);
		folder_put(&f, "users.csv", rows[i].users);
		folder_put(&f, "groups.csv", rows[i].groups ? rows[i].groups : "");
		folder_put(&f, "members.csv", rows[i].members ? rows[i].members : "");
		assert_int_equal(folder_open(&f, rows[i].settings), US_OK);
		enum us_errc rc = f.source->ops->find(f.source, us_slice(rows[i].key), rows[i].is_id, &arena, &page, &f.err);
		for (size_t k = 0; rc == US_OK && k < page.n; k++)
			show_record(&page.records[k], &out);
		if (rc)
			us_str_printf(&out, "%s %s\n", us_err_name(rc), f.err.text);
		if (strcmp(us_str_text(&out), rows[i].want))
			fail_msg("row %zu: got\n%swant\n%s", i, us_str_text(&out), rows[i].want);
		us_str_fini(&out);
		us_arena_fini(&arena);
		folder_remove(&f);
	}
}

static void a_test_tells_what_is_there(void **state)
{
	struct folder f;
	struct us_str notes = US_STR_INIT;

	folder_make(&f);
	put_users(&f, 10);
	assert_int_equal(folder_open(&f, U), US_OK);
	assert_int_equal(f.source->ops->test(f.source, &notes, &f.err), US_OK);
	assert_string_equal(us_str_text(&notes), "users.csv: 10 rows on the first page, which is the last (10 users, 3 groups, 0 lists of members)\n");
	folder_put(&f, "users.csv", "id\n1\n1\n");
	assert_int_equal(f.source->ops->test(f.source, &notes, &f.err), US_PARTIAL);
	us_str_fini(&notes);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_files_become_records),
		cmocka_unit_test(headers_that_cannot_be_used_are_refused),
		cmocka_unit_test(a_doubtful_file_gives_its_good_rows_and_no_end),
		cmocka_unit_test(fewer_rows_than_expected_are_no_end),
		cmocka_unit_test(one_bad_row_is_a_problem_of_its_user_alone),
		cmocka_unit_test(a_large_cell_is_a_problem_of_its_user_alone),
		cmocka_unit_test(a_row_without_end_stops_the_listing),
		cmocka_unit_test(a_file_cut_anywhere_inside_of_a_row_has_no_end),
		cmocka_unit_test(memberships_that_could_mean_two_things_are_no_end),
		cmocka_unit_test(pages_of_every_size_give_all_rows),
		cmocka_unit_test(a_file_that_changes_under_the_read_has_no_end),
		cmocka_unit_test(a_file_that_was_just_written_is_left_alone),
		cmocka_unit_test(a_checksum_is_compared_before_the_first_row),
		cmocka_unit_test(only_regular_files_are_read),
		cmocka_unit_test(a_server_folder_keeps_files_inside),
		cmocka_unit_test(cancelling_ends_a_read),
		cmocka_unit_test(one_user_is_found_with_its_groups),
		cmocka_unit_test(a_test_tells_what_is_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
