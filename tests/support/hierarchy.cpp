#include "support/hierarchy.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace tributary::test {

namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::string quoted_name(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? "\"\"" : std::string(1, c);
  return text + "\"";
}

std::string last_lines(const std::string& text, size_t bytes) {
  return text.size() <= bytes ? text : "..." + text.substr(text.size() - bytes);
}

}  // namespace

Node::Node(const Hierarchy& tree, NodeOptions options, Node* parent)
    : tree_(tree),
      options_(std::move(options)),
      parent_(parent),
      cluster_(options_.name + "-server", options_.cluster),
      agent_(options_.name),
      intake_port_(free_port()),
      status_port_(free_port()) {
  cluster_.create_database(options_.database, options_.encoding);
  if (parent_) link_ = std::make_unique<LinkProxy>(parent_->intake_port_);
}

Sql& Node::sql() {
  if (sql_) {
    try {
      sql_->value("SELECT 1");
    } catch (const SqlError&) {
      sql_.reset();
    }
  }
  if (!sql_) sql_ = std::make_unique<Sql>(conninfo());
  return *sql_;
}

std::string Node::conninfo(const std::string& user) const {
  if (options_.servers.empty()) return cluster_.conninfo(options_.database, user);
  return options_.servers + " dbname=" + options_.database + " user=" + user;
}

void Node::move_to(Node& parent) {
  parent_ = &parent;
  options_.parent = parent.name();
  link_ = std::make_unique<LinkProxy>(parent.intake_port_);
}

std::string Node::config_text() const {
  // Literal strings ('''...''') take SQL as it is.
  const std::string connection =
      options_.uses_socket ? cluster_.socket_conninfo(options_.database, "tributary") : conninfo("tributary");
  std::string text = "[node]\nname = \"" + options_.name + "\"\n[database]\nconnection = \"" + connection + "\"\n";
  if (parent_) {
    const uint16_t port = options_.is_relayed ? link_->port() : parent_->intake_port_;
    text += "[parent]\nname = \"" + parent_->name() + "\"\nendpoints = [\"127.0.0.1:" + std::to_string(port) + "\"]\n";
  }
  for (const SentTable& table : options_.tables) {
    text += "[[table]]\nname = '''" + table.name + "'''\n";
    if (!table.where.empty()) text += "where = '''" + table.where + "'''\n";
    if (!table.columns.empty()) text += "columns = ['''" + joined(table.columns, "''', '''") + "''']\n";
  }
  std::string children;
  for (const auto& node : tree_.nodes()) {
    if (node->parent() == this) children += "[[child]]\nname = \"" + node->name() + "\"\n" + node->options_.owns + "\n";
  }
  if (!children.empty()) {
    text += "[intake]\nlisten = \"127.0.0.1:" + std::to_string(intake_port_) +
            "\"\ntables = " + options_.intake_tables + "\n" + children;
  }
  const Pki& pki = tree_.pki();
  text += "[tls]\nca = \"" + pki.ca().string() + "\"\ncertificate = \"" + pki.certificate(name()).string() +
          "\"\nkey = \"" + pki.key(name()).string() + "\"\n";
  text += "[queue]\npath = \"queue.db\"\nmin_free_disk = \"64 MiB\"\n" + options_.queue;
  text += "\n[status]\nlisten = \"127.0.0.1:" + std::to_string(status_port_) + "\"\n" + options_.config;
  return text;
}

void Node::write_config() {
  agent_.write_config(config_text());
}

std::string Node::init() {
  const Outcome outcome = agent_.command({"init", "--connect", conninfo()});
  if (outcome.exit_code != 0) throw std::runtime_error("init of " + name() + ":\n" + outcome.output);
  return outcome.output;
}

void Node::wait_until_streaming() {
  if (!parent_) return;
  try {
    wait_until(name() + " streams", [&] {
      if (!agent_.is_running()) throw std::runtime_error("the agent of " + name() + " has ended");
      if (sql().number("SELECT count(*) FROM pg_replication_slots WHERE active AND confirmed_flush_lsn IS NOT NULL "
                       "AND database = current_database()") != 1)
        return false;
      // A slot that is being made is active too; an agent that ends before it has written that down makes another.
      try {
        return agent_.status().capture().state() == "streaming";
      } catch (const std::runtime_error&) {
        return false;
      }
    });
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string(error.what()) + tree_.logs());
  }
}

void Node::wait_until_copied() {
  if (!parent_) return;
  try {
    wait_until(
        name() + " has copied its tables", [&] { return is_copied(); }, std::chrono::seconds(120));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string(error.what()) + tree_.logs());
  }
}

bool Node::is_copied() {
  const auto capture = agent_.status().capture();
  return capture.tables_size() > 0 && std::all_of(capture.tables().begin(), capture.tables().end(),
                                                  [](const auto& table) { return table.is_copied(); });
}

std::string Node::difference() {
  std::string text;
  for (const SentTable& table : options_.tables) {
    std::string columns = table.columns.empty() ? ", *" : "";
    for (const std::string& column : table.columns) columns += ", " + quoted_name(column);
    const std::string select = "SELECT " + joined(table.key, ", ") + columns + " FROM " + table.name;
    const auto with = [&](const std::string& condition) {
      return condition.empty() ? select : select + " WHERE (" + condition + ")";
    };
    const std::string found =
        test::difference(sql(), with(table.where), parent_->sql(), with(table.owned), table.key.size());
    if (!found.empty()) text += name() + " -> " + parent_->name() + ", " + table.name + ": " + found;
  }
  return text;
}

Node& Hierarchy::add(NodeOptions options) {
  Node* parent = options.parent.empty() ? nullptr : &(*this)[options.parent];
  pki_.add(options.name);
  nodes_.push_back(std::make_unique<Node>(*this, std::move(options), parent));
  return *nodes_.back();
}

Node& Hierarchy::operator[](const std::string& name) const {
  for (const auto& node : nodes_) {
    if (node->name() == name) return *node;
  }
  throw std::runtime_error("there is no node " + name);
}

void Hierarchy::exec_everywhere(const std::string& sql) {
  for (const auto& node : nodes_) node->sql().exec(sql);
}

void Hierarchy::init() {
  for (const auto& node : nodes_) node->write_config();
  for (const auto& node : nodes_) node->init();
}

void Hierarchy::start() {
  init();
  for (const auto& node : nodes_) node->agent().start();
  for (const auto& node : nodes_) node->wait_until_streaming();
  for (const auto& node : nodes_) node->wait_until_copied();
}

std::string Hierarchy::difference() {
  // From the bottom, so that what a lower tier still brings is not missed: nodes_ has parents first.
  std::string text;
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) text += (*node)->difference();
  return text;
}

void Hierarchy::expect_equal(std::chrono::milliseconds timeout) {
  std::string found;
  try {
    const auto are_equal = [&] {
      try {
        return (found = difference()).empty();
      } catch (const SqlError& error) {  // a server that is still recovering
        found = error.what();
        return false;
      }
    };
    wait_until("the tiers are equal", are_equal, timeout);
  } catch (const std::runtime_error& error) {
    ADD_FAILURE() << error.what() << "\n" << found << logs();
  }
}

std::string Hierarchy::logs() const {
  std::string text;
  for (const auto& node : nodes_) {
    text += "\n--- the log of " + node->name() + " ---\n" + last_lines(node->agent().log(), 4000);
  }
  return text;
}

}  // namespace tributary::test
