// District, region and nation with documents, photos and measurements, of which the approved ones travel.
#pragma once

#include <string>
#include <vector>

#include "support/hierarchy.h"

namespace tributary::test {

class ThreeTiers : public Hierarchy {
 public:
  explicit ThreeTiers(const ClusterOptions& servers = {});  // with the tables, but not started

  Node& district() const { return (*this)["district"]; }
  Node& region() const { return (*this)["region"]; }
  Node& nation() const { return (*this)["nation"]; }

  static const char* schema();
  static std::vector<SentTable> tables();

  // Writes documents at the district, each with a photo and two measurements of the same status. Bodies do not
  // compress, so that one above 2 kB is stored out of line.
  void write_documents(int count, const std::string& status = "approved", int body_bytes = 3000,
                       int per_transaction = 50);
};

}  // namespace tributary::test
