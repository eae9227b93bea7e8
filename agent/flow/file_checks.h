// What `check` finds out about files: certificate and key, the configuration's own file, the queue's directory and its
// disk. Looks as the user who runs it.
#pragma once

#include <chrono>

#include "config/config.h"
#include "source/finding.h"
#include "wire/pki.h"

namespace tributary {

// False: this node cannot open a link with its certificate and key.
bool check_tls_files(const Config& config, Findings& findings);
void check_directories(const Config& config, Findings& findings);

// --- pure parts ---

// A certificate's names and its days. `mend`: what makes a new one.
void check_certificate_facts(const std::string& what, const CertificateFacts& facts, const std::string& mend,
                             std::chrono::system_clock::time_point now, Findings& findings);

// `file_bytes`: what the queue takes of its disk already.
Finding check_queue_disk(const QueueConfig& queue, uint64_t free_bytes, uint64_t file_bytes);

}  // namespace tributary
