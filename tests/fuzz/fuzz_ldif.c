/* The whole file gives well-formed records or says why not. */
#include <stdint.h>

#include "fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_file(data, size, "\"format\":\"ldif\",\"idColumn\":\"id\"");
	fuzz_file(data, size, "\"format\":\"ldif\",\"idColumn\":\"objectGUID\",\"endMarker\":\"# {rows}\",\"refColumn\":\"uid\"");
	return 0;
}
