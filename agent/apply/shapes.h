// The shapes of a child's tables, and how each fits the parent's: asked of the catalogue when a shape is first used,
// and again after anything went wrong, so that a mended table is noticed.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>

#include "apply/target.h"
#include "config/config.h"

namespace tributary {

// What a child may do at its parent.
struct ChildRights {
  ChildConfig child;
  std::vector<std::string> tables;  // patterns of [intake] tables
  bool is_only_child = false;       // nobody else writes these tables: a clear may empty them
  uint64_t deletions_max = 1000;    // rows that a refresh of a table may delete without a person's word
  bool has_parent = false;          // this node sends on what the child sends
};

using Fit = std::variant<Shape, Mismatch>;

class Shapes {
 public:
  // `unlimited_tables`: those where `owns` does not apply, as was said in the log already.
  Shapes(const ChildRights& rights, std::set<std::string>& unlimited_tables)
      : rights_(rights), unlimited_tables_(unlimited_tables) {}

  static constexpr uint64_t kBytesMax = 32 << 20;  // thousands of tables

  // Of a table that the child may not write only the name is kept. Error(protocol) when the id is not the relation's,
  // and when all together would take more than kBytesMax.
  void add(uint64_t shape_id, Relation relation);
  // What is known of a shape; asks the database when nothing is. The reference lives until forget().
  // Throws Error(protocol) for a shape that was never added.
  Task<const Fit*> find(Connection& connection, uint64_t shape_id);
  // Without asking: nullptr when nothing is known.
  const Fit* known(uint64_t shape_id) const;
  void forget() { fits_.clear(); }
  // Asks the database although something is known. References to what was known of this shape end here.
  Task<const Fit*> find_again(Connection& connection, uint64_t shape_id);
  std::optional<std::string> table_of(uint64_t shape_id) const;  // nullopt: the shape was never added
  // The shape of a table that was announced or used last.
  std::optional<uint64_t> current(const std::string& table) const;
  void set_current(const std::string& table, uint64_t shape_id) { current_[table] = shape_id; }
  // Whether no other child has a position here: one that was moved away has still its rows. True: that is new, and the
  // fits are forgotten.
  bool set_alone(bool is_alone) {
    if (is_alone == is_alone_) return false;
    is_alone_ = is_alone;
    forget();
    return true;
  }
  const ChildRights& rights() const { return rights_; }
  const Relation& relation(uint64_t shape_id) const { return relations_.at(shape_id); }  // of one that was found

 private:
  Task<Fit> ask(Connection& connection, const Relation& relation) const;
  // The condition that rows of this table must meet, "" when none applies; or why that cannot be told.
  Task<std::variant<std::string, Mismatch>> ownership(Connection& connection, const Relation& relation,
                                                      const Shape& shape) const;

  const ChildRights& rights_;
  std::set<std::string>& unlimited_tables_;
  std::unordered_map<uint64_t, Relation> relations_;
  bool is_alone_ = true;
  uint64_t bytes_ = 0;  // of relations_ and what is made of them
  std::unordered_map<uint64_t, Fit> fits_;
  std::unordered_map<std::string, uint64_t> current_;  // by table
};

}  // namespace tributary
