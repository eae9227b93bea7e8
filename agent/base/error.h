// The one exception type of the agent.
//
// Answers are return values; failures are Error. A failure says what kind it is (which decides what the agent
// does next), what happened in words that name the object, and what a person can do about it. It never carries row
// contents: not the DETAIL or CONTEXT of PostgreSQL, nor a primary message of a class that quotes values.
#pragma once

#include <stdexcept>
#include <string>

namespace tributary {

enum class ErrorKind {
  config,       // the configuration file or command line is wrong
  connection,   // a peer or a server cannot be reached, or went away
  resource,     // disk, memory, connections, locks: may pass by itself
  data,         // a change that the parent's database refuses
  protocol,     // bytes from outside that do not mean what they should
  refused,      // the other side understood and said no
  setup,        // a database, certificate or role is not as it must be; a person has to act
  stream_lost,  // the stream cannot be continued: a new stream must begin
  internal,     // a broken invariant of our own
};

enum class WhatNow { retry, wait_for_person, exit };

// The policy for each kind, in one place. `wait_for_person` means: say it, and look again now and then.
WhatNow what_now(ErrorKind kind);
const char* name_of(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, std::string hint = {}, std::string sqlstate = {})
      : std::runtime_error(message), kind_(kind), hint_(std::move(hint)), sqlstate_(std::move(sqlstate)) {}

  ErrorKind kind() const { return kind_; }
  std::string message() const { return what(); }
  const std::string& hint() const { return hint_; }
  const std::string& sqlstate() const { return sqlstate_; }

 private:
  ErrorKind kind_;
  std::string hint_;
  std::string sqlstate_;
};

}  // namespace tributary
