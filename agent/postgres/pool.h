// A bounded pool of database connections that the lanes of a parent share, in fair turns.
#pragma once

#include <deque>
#include <memory>

#include "postgres/connection.h"

namespace tributary {

class ConnectionPool {
 public:
  ConnectionPool(std::string conninfo, std::string application_name, uint32_t connections_max);

  // One connection, on loan. Given back in working order it is used again; otherwise it is closed.
  class Lease {
   public:
    Lease(ConnectionPool* pool, std::unique_ptr<Connection> connection);
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();  // closes the connection, unless it was given back
    Connection& operator*() const { return *connection_; }
    Connection* operator->() const { return connection_.get(); }
    // Call when the connection is idle, outside a transaction, and without a failure.
    void give_back();

   private:
    friend class ConnectionPool;
    struct Return {
      void operator()(ConnectionPool* pool) const { pool->release(); }
    };
    std::unique_ptr<ConnectionPool, Return> pool_;
    std::unique_ptr<Connection> connection_;
  };

  bool has_free() const { return free_ > 0; }
  // From now on; those on loan beyond it are closed when they are given back.
  void resize(uint32_t connections_max);
  // Waits its turn, then returns an idle connection or opens one. Throws as Connection::open does.
  Task<Lease> acquire();

 private:
  friend class Lease;
  void release();

  std::string conninfo_;
  std::string application_name_;
  uint32_t connections_max_;
  int64_t free_;  // below zero: so many on loan are too many
  std::vector<std::unique_ptr<Connection>> idle_;
  struct Waiter {
    asio::steady_timer timer;
    bool is_granted = false;
  };
  std::deque<Waiter*> waiting_;
};

}  // namespace tributary
