// The rows that are carried: documents of about 270 bytes with random keys and texts of ordinary words.
#pragma once

#include "support/sql.h"

namespace tributary::test {

extern const char* const kDocumentTable;

// Makes what write_documents picks its texts from.
void prepare_to_write(Sql& district);
// Approved documents, 1,000 a transaction. The last one committed has the key `last_id`.
void write_documents(Sql& district, int rows, const std::string& last_id);
bool has_document(Sql& database, const std::string& id);
int average_row_bytes(Sql& database);
// A digest of the whole table, row by row.
std::string digest(Sql& database);

}  // namespace tributary::test
