// The results as a picture: bars of the three ratios, in SVG.
#pragma once

#include <filesystem>
#include <vector>

#include "bench/report.h"

namespace tributary::test {

// Results without a ratio are left out. Throws where the file cannot be written.
void write_chart(const std::filesystem::path& file, const std::vector<Result>& results);

}  // namespace tributary::test
