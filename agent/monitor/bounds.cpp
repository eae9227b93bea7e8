#include "monitor/bounds.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cstdint>
#include <vector>

namespace tributary {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Decodes the character at `at` and moves behind it. Returns false on bytes that are not UTF-8, behind one of them.
bool next_character(std::string_view text, size_t& at, uint32_t& character) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  const size_t length = first < 0x80                    ? 1
                        : first >= 0xc2 && first < 0xe0 ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (length == 0 || text.size() - at < length) {
    ++at;
    return false;
  }
  character = length == 1 ? first : first & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) {
      ++at;
      return false;
    }
    character = character << 6 | (byte(at + i) & 0x3fu);
  }
  const bool is_overlong = (length == 3 && character < 0x800) || (length == 4 && character < 0x10000);
  const bool is_surrogate = character >= 0xd800 && character < 0xe000;
  if (is_overlong || is_surrogate || character > 0x10ffff) {
    ++at;
    return false;
  }
  at += length;
  return true;
}

bool is_unwanted(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void clean_strings(Message& message) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const auto* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && !field->is_repeated()) {
      reflection->SetString(&message, field, clean_text(reflection->GetString(message, field)));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && field->is_repeated()) {
      for (int i = 0; i < reflection->FieldSize(message, field); ++i)
        clean_strings(*reflection->MutableRepeatedMessage(&message, field, i));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      clean_strings(*reflection->MutableMessage(&message, field));
    }
  }
}

// Drops the reports of nodes deeper than `depth`; true when there were any.
bool cut_below(status::NodeStatus& node, int depth) {
  bool was_cut = false;
  for (auto& child : *node.mutable_children()) {
    if (!child.has_status()) continue;
    if (depth > 1) {
      was_cut |= cut_below(*child.mutable_status(), depth - 1);
    } else {
      child.clear_status();
      was_cut = true;
    }
  }
  return was_cut;
}

// Keeps about the first `bytes_max` bytes of a list.
template <typename List>
bool cut_list(List& list, size_t bytes_max) {
  size_t bytes = 0;
  for (int i = 0; i < list.size(); ++i) {
    bytes += list.Get(i).ByteSizeLong() + 8;
    if (bytes <= bytes_max) continue;
    list.DeleteSubrange(i, list.size() - i);
    return true;
  }
  return false;
}

}  // namespace

std::string clean_text(std::string_view text) {
  std::string clean;
  size_t characters = 0;
  for (size_t at = 0; at < text.size() && characters < kTextCharactersMax;) {
    const size_t start = at;
    uint32_t character = 0;
    if (!next_character(text, at, character)) {
      clean += '?';
    } else if (character == '\t' || character == '\n') {
      clean += ' ';
    } else if (is_unwanted(character)) {
      continue;
    } else {
      clean.append(text, start, at - start);
    }
    ++characters;
  }
  return clean;
}

void clean_report(status::NodeStatus& report) {
  clean_strings(report);
}

void bound_report(status::NodeStatus& report) {
  // Depth first: the walks below recurse.
  bool was_cut = cut_below(report, kReportDepthMax);
  report.DiscardUnknownFields();
  clean_report(report);
  for (int depth = kReportDepthMax - 1; depth >= 1 && report.ByteSizeLong() > kReportBytesMax; --depth)
    was_cut |= cut_below(report, depth);
  // A node of four lists at most: each gets a fifth, the rest is for everything that is no list.
  if (report.ByteSizeLong() > kReportBytesMax) {
    constexpr size_t kBytesMax = kReportBytesMax / 5;
    was_cut |= cut_list(*report.mutable_children(), kBytesMax);
    was_cut |= cut_list(*report.mutable_notices(), kBytesMax);
    if (report.has_capture()) {
      auto& capture = *report.mutable_capture();
      was_cut |= cut_list(*capture.mutable_tables(), kBytesMax);
      if (capture.has_verification()) was_cut |= cut_list(*capture.mutable_verification()->mutable_tables(), kBytesMax);
    }
  }
  if (!was_cut) return;
  auto& notice = *report.add_notices();
  notice.set_health(status::ATTENTION);
  notice.set_subject("status");
  notice.set_message("this report was too large or too deep and is not complete");
  notice.set_hint("ask this node, or one below it, for its own status");
  notice.set_since(report.reported_at());
}

}  // namespace tributary
