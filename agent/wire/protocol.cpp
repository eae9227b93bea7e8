#include "wire/protocol.h"

namespace tributary {
namespace {

std::string printable(const std::string& text) {
  std::string clean;
  for (const char c : text.substr(0, 1000)) clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return clean;
}

}  // namespace

link::Frame refusal_frame(link::RefusalCode code, const std::string& message, const std::string& hint) {
  link::Frame frame;
  link::Refusal& refusal = *frame.mutable_refusal();
  refusal.set_code(code);
  refusal.set_message(message);
  refusal.set_hint(hint);
  return frame;
}

Error error_from(const link::Refusal& refusal, const std::string& peer) {
  const std::string message = peer + " refused: " + printable(refusal.message());
  const std::string hint = printable(refusal.hint());
  if (refusal.code() == link::REFUSAL_PROTOCOL) return Error(ErrorKind::protocol, message, hint);
  const bool may_pass = refusal.code() == link::REFUSAL_NOT_READY || refusal.code() == link::REFUSAL_REPLACED;
  return Error(may_pass ? ErrorKind::connection : ErrorKind::refused, message, hint);
}

}  // namespace tributary
