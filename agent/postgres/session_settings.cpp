#include "postgres/session_settings.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>

namespace tributary {
namespace {

// Values: how PostgreSQL writes them (pgoutput uses the walsender's settings) and reads them.
// Safety: row_security=off makes PostgreSQL raise an error instead of hiding rows; an empty search_path finds only
// what is named in full.
// quote_all_identifiers would change how the catalogue prints a row filter, which is compared with what init recorded.
constexpr const char* kEverySession =
    " -c datestyle=ISO,YMD -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=3 -c bytea_output=hex"
    " -c xmlbinary=base64 -c xmloption=content -c lc_monetary=C -c array_nulls=on -c standard_conforming_strings=on"
    " -c transform_null_equals=off -c quote_all_identifiers=off -c row_security=off -c search_path="
    " -c synchronous_commit=on"
    " -c default_transaction_isolation=read\\ committed -c default_transaction_read_only=off"
    " -c default_transaction_deferrable=off -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0"
    " -c client_min_messages=warning"
    // To compile a query of the catalogue takes longer than to run it: 60 ms for each table.
    " -c jit=off"
    // The server, too, notices a dead peer soon: its session holds locks that the next one needs.
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4 -c tcp_user_timeout=30000";

// Plans of apply come from the statement's key, whatever the statistics say: a target table is never scanned for a
// handful of keys, nor is its index. What such plans are made of cannot be switched off. A lock that is not given
// within 30 s is a reason to try again (55P03).
constexpr const char* kApply =
    " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_nestloop=on"
    " -c enable_indexscan=on -c enable_bitmapscan=on -c lock_timeout=30s -c statement_timeout=15min";

constexpr const char* kOther = " -c lock_timeout=0 -c statement_timeout=0";

}  // namespace

void ConnectionParameters::set(std::string keyword, std::string value) {
  for (auto& [known, old] : pairs_)
    if (known == keyword) {
      old = std::move(value);
      return;
    }
  pairs_.emplace_back(std::move(keyword), std::move(value));
}

std::string ConnectionParameters::get(std::string_view keyword) const {
  for (const auto& [known, value] : pairs_)
    if (known == keyword) return value;
  return {};
}

uint32_t ConnectionParameters::host_count() const {
  const std::string hosts = get("host").empty() ? get("hostaddr") : get("host");
  return static_cast<uint32_t>(std::ranges::count(hosts, ',')) + 1;
}

void ConnectionParameters::put_first_host_last() {
  for (auto& [keyword, list] : pairs_) {
    if (keyword != "host" && keyword != "hostaddr" && keyword != "port") continue;
    const size_t comma = list.find(',');
    if (comma != std::string::npos) list = list.substr(comma + 1) + "," + list.substr(0, comma);
  }
}

std::vector<const char*> ConnectionParameters::keywords() const {
  std::vector<const char*> list;
  for (const auto& pair : pairs_) list.push_back(pair.first.c_str());
  list.push_back(nullptr);
  return list;
}

std::vector<const char*> ConnectionParameters::values() const {
  std::vector<const char*> list;
  for (const auto& pair : pairs_) list.push_back(pair.second.c_str());
  list.push_back(nullptr);
  return list;
}

ConnectionParameters connection_parameters(const std::string& conninfo, Purpose purpose,
                                           const std::string& application_name) {
  char* reason = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(conninfo.c_str(), &reason), PQconninfoFree);
  if (!options) {
    // libpq's reason quotes the part that it does not understand, which may be a password with a blank in it.
    PQfreemem(reason);
    throw Error(ErrorKind::config, "[database] connection is not a connection string",
                "keywords (host=... dbname=... user=..., a value with blanks in single quotes) or postgresql://...");
  }
  ConnectionParameters parameters;
  for (const PQconninfoOption* option = options.get(); option->keyword; ++option)
    if (option->val) parameters.set(option->keyword, option->val);

  std::string settings = parameters.get("options") + kEverySession;
  if (purpose != Purpose::admin) settings += purpose == Purpose::apply ? kApply : kOther;
  if (purpose == Purpose::replication) {
    settings += " -c wal_sender_timeout=60s";
    parameters.set("replication", "database");
  }
  parameters.set("options", settings);
  parameters.set("client_encoding", "UTF8");
  parameters.set("application_name", application_name);
  // A dead server is noticed within half a minute, not by TCP's own patience.
  for (const auto& [keyword, value] : {std::pair{"keepalives_idle", "10"},
                                       {"keepalives_interval", "5"},
                                       {"keepalives_count", "4"},
                                       {"tcp_user_timeout", "30000"}})
    if (parameters.get(keyword).empty()) parameters.set(keyword, value);
  return parameters;
}

}  // namespace tributary
