// What both ends of the link must agree on beside the frames: versions, limits, deadlines, refusals.
#pragma once

#include <chrono>
#include <string>

#include "base/error.h"
#include "link.pb.h"

namespace tributary {

constexpr uint32_t kProtocolVersion = 2;
constexpr uint64_t kWindowBytes = 16 << 20;          // of batches in flight to a parent; see bytes_in_flight
constexpr uint64_t kFrameBytesMax = 512 << 20;       // of a frame from a child
constexpr uint64_t kFrameOverheadMax = 2 << 20;      // of a batch's frame beyond its payload
constexpr uint64_t kControlFrameBytesMax = 4 << 20;  // of a frame from a parent, and of a greeting
constexpr uint64_t kRawBytesMax = 1ULL << 30;        // of a batch's payload when opened
constexpr auto kConnectTimeout = std::chrono::seconds(15);
constexpr auto kWelcomeTimeout = std::chrono::seconds(30);
constexpr auto kPingInterval = std::chrono::seconds(10);        // of a child, on a silent link
constexpr auto kParentPingInterval = std::chrono::seconds(15);  // of its parent: usually the child was quicker
constexpr auto kSilenceMax = std::chrono::seconds(30);          // without a byte: the peer is gone
constexpr auto kProbeInterval = std::chrono::minutes(1);        // of pings for the sake of the round trip alone
constexpr auto kAckPause = std::chrono::milliseconds(40);  // at least, between two unless the child may wait for one

link::Frame refusal_frame(link::RefusalCode code, const std::string& message, const std::string& hint);

// A refusal by `peer` as an Error: REFUSAL_PROTOCOL becomes Error(protocol), NOT_READY and REPLACED Error(connection),
// the others Error(refused). Control characters are removed from the peer's words.
Error error_from(const link::Refusal& refusal, const std::string& peer);

}  // namespace tributary
