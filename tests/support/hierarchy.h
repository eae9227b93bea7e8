// A hierarchy of nodes, each a PostgreSQL server with an agent, and the vocabulary to tell a story in it.
//
//   Hierarchy tree;
//   Node& nation = tree.add({.name = "nation"});
//   Node& region = tree.add({.name = "region", .parent = "nation", .tables = {...}});
//   tree.exec_everywhere("CREATE TABLE ...");
//   tree.start();
//   region.sql().exec("INSERT ...");
//   tree.expect_equal();
//
// Every link runs through a LinkProxy. `init` runs as the superuser; the agents use the role that it makes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/agent.h"
#include "support/cluster.h"
#include "support/link_proxy.h"
#include "support/pki.h"

namespace tributary::test {

// A table that a node sends.
struct SentTable {
  std::string name;                       // "public.document"; as SQL has it, as are `where` and `key`
  std::string where = {};                 // empty: every row
  std::vector<std::string> columns = {};  // bare names; empty: all, in the same order at the parent
  std::vector<std::string> key = {"id"};
  std::string owned = {};  // which of the parent's rows are this child's; empty: all
};

struct NodeOptions {
  std::string name;
  std::string parent = {};             // empty: the top
  std::vector<SentTable> tables = {};  // none at the top
  std::string owns = {};               // TOML lines for this node's [[child]] at the parent
  std::string intake_tables = R"(["*"])";
  std::string database = "app";
  std::string encoding = "UTF8";
  std::string config = {};  // more TOML, at the end
  std::string queue = {};   // TOML lines for [queue]
  ClusterOptions cluster = {};
  std::string servers = {};  // "host=a,b port=1,2 ...": where the database is, instead of `cluster`
  bool uses_socket = false;  // the agent reaches its database over the Unix socket
  bool is_relayed = true;    // false: the child connects to its parent directly, and link() is not between them
};

class Hierarchy;

class Node {
 public:
  Node(const Hierarchy& tree, NodeOptions options, Node* parent);

  const std::string& name() const { return options_.name; }
  Node* parent() const { return parent_; }
  Cluster& cluster() { return cluster_; }
  Agent& agent() { return agent_; }
  LinkProxy& link() { return *link_; }  // between this node and its parent
  uint16_t intake_port() const { return intake_port_; }
  Sql& sql();  // a superuser's session, kept; opened anew after the server was stopped
  uint16_t status_port() const { return status_port_; }
  const NodeOptions& options() const { return options_; }

  void write_config();  // done by Hierarchy::init; again after a change of `options`
  NodeOptions& edit() { return options_; }
  void move_to(Node& parent);   // by the configurations that are written next
  std::string init();           // runs `tributary init`; its output
  void wait_until_streaming();  // every later change is captured
  void wait_until_copied();     // and what was there before has its place in the stream, before that
  bool is_copied();             // throws where the agent does not answer

  // What this node's table at the parent should be, and is. "" when all its tables are equal.
  std::string difference();

 private:
  std::string conninfo(const std::string& user = "postgres") const;
  std::string config_text() const;

  const Hierarchy& tree_;
  NodeOptions options_;
  Node* parent_;
  Cluster cluster_;
  Agent agent_;
  uint16_t intake_port_;
  uint16_t status_port_;
  std::unique_ptr<LinkProxy> link_;
  std::unique_ptr<Sql> sql_;
};

class Hierarchy {
 public:
  Node& add(NodeOptions options);  // parents first; starts the server
  Node& operator[](const std::string& name) const;
  const std::vector<std::unique_ptr<Node>>& nodes() const { return nodes_; }
  const Pki& pki() const { return pki_; }

  void exec_everywhere(const std::string& sql);
  void init();   // configurations, and `tributary init` everywhere
  void start();  // init, then all agents; returns when every node streams, and what was there before is copied

  // Waits until each parent has what each child sends, then fails the test for every difference.
  void expect_equal(std::chrono::milliseconds timeout = std::chrono::seconds(60));
  std::string difference();
  std::string logs() const;  // the ends of the agents' logs

 private:
  Pki pki_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace tributary::test
