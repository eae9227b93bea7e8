// The workloads with documents: about 270 bytes as PostgreSQL counts them, random UUIDs, texts of ordinary words.
#pragma once

#include <string>

#include "bench/way.h"
#include "bench/workload.h"

namespace tributary::test {

// Of a type that fits an index, so that the replica identity can be one: tributary, too, would make it FULL for `text`.
constexpr char kStatusColumn[] = "status varchar(20) NOT NULL";

// `document`, of which the approved rows are published.
PublishedTable document_table();

// How a document's columns are made: SQL expressions over `number`, `first` and `second` (two phrases) and what
// `more_tables` joins.
struct DocumentText {
  std::string status = "'approved'";
  std::string body = "first.text || ' ' || second.text";
  std::string more_tables = "";
};

// The key of document `number`, as an SQL expression over the expression `number`.
std::string document_id(const std::string& number);
// Documents number `first` to `last`, `per_transaction` at a time.
void insert_documents(Sql& district, int first, int last, const DocumentText& text = {}, int per_transaction = 1000);
// The same, each in a transaction of its own.
void insert_documents_one_by_one(Sql& district, int first, int last);

Workloads document_workloads();

}  // namespace tributary::test
