// SHA-256 of bytes that come in pieces, as `sha256sum` prints it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace tributary {

class Sha256 {
 public:
  Sha256();
  void add(std::string_view bytes);
  std::string hexadecimal();  // 64 digits; nothing can be added afterwards

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

}  // namespace tributary
