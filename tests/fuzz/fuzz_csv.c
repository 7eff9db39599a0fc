/* A row found in a part of the bytes is the row found in all of them; the whole file gives well-formed records or says why not. */
#include <stdint.h>
#include <stdlib.h>

#include "fuzz_file.h"
#include "source/file_csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rows(const uint8_t *data, size_t size)
{
	static struct us_file_csv_row whole, part;
	char *text = us_calloc(1, size + 16);
	size_t at = 0;

	if (size)
		memcpy(text, data, size);
	while (us_file_csv_scan(text + at, size - at, true, ',', &whole) == US_FILE_CSV_ROW) {
		us_assert(whole.bytes > 0 && whole.bytes <= size - at && whole.n_cells > 0);
		for (size_t n = 0; n <= size - at; n += 1 + n / 8) {
			enum us_file_csv_result rc = us_file_csv_scan(text + at, n, false, ',', &part);
			us_assert(rc == US_FILE_CSV_MORE || rc == US_FILE_CSV_ROW);
			us_assert(rc == US_FILE_CSV_MORE || (n >= whole.bytes && part.bytes == whole.bytes && part.n_cells == whole.n_cells &&
				part.lines == whole.lines && part.flaw == whole.flaw));
		}
		for (size_t i = 0; i < whole.n_cells && i < US_FILE_CSV_MOST_CELLS; i++)
			us_assert(us_file_csv_text(&whole, i, text + at).n <= whole.bytes);
		at += whole.bytes;
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_rows(data, size);
	fuzz_file(data, size, "\"format\":\"csv\"");
	fuzz_file(data, size, "\"endMarker\":\"#{rows}\",\"refColumn\":\"ref\",\"membershipMemberColumn\":\"id\",\"membershipGroupColumn\":\"groups\","
		"\"groupsPath\":\"/proc/self/fd/~\",\"membershipsPath\":\"/proc/self/fd/~\"");
	return 0;
}
