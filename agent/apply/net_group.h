// The net changes of a group over all its tables, and their statements in the order that exact-rules.md 4 gives.
//
// A table has one shape in a NetGroup. When a change comes under another shape (the child's table was altered), what
// was gathered has to be written first, as statements of the same PostgreSQL transaction.
#pragma once

#include <map>
#include <string>

#include "apply/group.h"
#include "apply/net_changes.h"
#include "apply/statements.h"
#include "apply/target.h"
#include "apply/walks.h"
#include "change/chunk.h"

namespace tributary {

class NetGroup {
 public:
  // False: the table is here under another shape.
  bool has_room_for(uint64_t shape_id, const Shape& shape);
  // False: only the original order can tell (see TableChanges::add). `shape` must outlive this.
  bool add(const GroupChange& change, const Shape& shape);

  // How the rows that should be new are written: with the others, by upsert, or apart, by copy_inserts. So are the rows
  // of chunks of tables that are walked for the first time.
  enum class Inserts { by_upsert, by_copy };
  // `walks` are the child's walks before; they become those after this.
  void add_statements(StatementList& out, Inserts inserts, const std::string& child, Walks& walks);
  bool has_chunks() const;
  // Whether only the careful way can tell what becomes of the chunks' tables.
  bool needs_care(const Walks& walks) const;
  bool has_listed(const Walks& walks) const;  // of any of its tables
  size_t inserted_rows() const;
  void sort_inserted();  // ahead of time
  // After the other statements, whose answer this is, in the same transaction. Rows that are there already, mostly
  // because a live update brought them before their chunk, are put over; the others are copied. False: not every row
  // was taken; the transaction is of no use any more, and an upsert may do. Throws failures that pass by themselves.
  Task<bool> copy_inserts(Connection& connection, const PipelineResult& answer);

  // For unique values that pass from row to row: every row that is put is deleted first. False: there are patches.
  bool add_replacing_statements(StatementList& out);

 private:
  // A statement that asks which of the chunks' rows are there already.
  struct Look {
    size_t place = 0;  // of its answer
    const ChunkView* range = nullptr;
    uint64_t rows_max = 0;
  };
  struct Table {
    uint64_t shape_id;
    const Shape* shape;
    TableChanges changes;
    std::vector<ChunkView> chunks = {};
    std::vector<Look> looks = {};
  };
  static void add_chunks(StatementList& out, Table& table, Inserts inserts);
  static void add_looks(StatementList& out, Table& table);
  static bool take_look(Table& table, const Look& look, const Result& found);

  Table& table_of(uint64_t shape_id, const Shape& shape);

  std::map<std::string, Table> tables_;  // sorted: two lanes lock tables in the same order
  Table* last_ = nullptr;                // of the previous change: mostly the next one's too
};

}  // namespace tributary
